package awssim

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
var aliasForm = lazyregexp.New(`^alias/[a-zA-Z0-9/_-]+$`)

func kmsKinds() map[string]*kind {
	return map[string]*kind{
		keyToken: {
			Kind: provider.Kind{
				Name: "description", ForceNew: []string{"customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"},
				Check: func(in map[string]any) []string {
					var p problems
					// https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html, API_EnableKeyRotation.html
					p.between(in, "deletionWindowInDays", 7, 30)
					p.between(in, "rotationPeriodInDays", 90, 2560)
					p.longest(in, "description", 8192)
					p.oneOf(in, "keyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT")
					if spec := text(in, "customerMasterKeySpec"); spec != "" && spec != "SYMMETRIC_DEFAULT" && flag(in, "enableKeyRotation") {
						p.add("enableKeyRotation", "only symmetric keys are rotated, not %s", spec)
					}
					p.policy(in, "policy", resourcePolicy, 32768)
					p.tags(in)
					return p
				},
			},
			tagged: true,
			arn:    func(c *call, id string) string { return c.me.makeARN("kms", "key/"+either(id, "*")) },
			create: createKey,
			update: func(c *call, _ *world.Object) (map[string]any, error) { return nil, c.keyPolicy() },
			remove: scheduleKey,
			rules: []string{
				"deletion window 7 to 30 days, rotation period 90 to 2560 days; policy: JSON of the right form that leaves the account or the caller in charge of it",
				"deletion only schedules it: a scheduled key can be used for nothing (KMSInvalidStateException)",
			},
		},
		aliasToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "namePrefix"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "name", aliasForm, "alias/ and up to 250 letters, digits, /, _ and -")
					p.longest(in, "name", len("alias/")+250)
					if strings.HasPrefix(text(in, "name"), "alias/aws/") {
						p.add("name", "cannot begin with reserved AWS CMK prefix 'alias/aws/': %q", text(in, "name"))
					}
					return p
				},
			},
			arn:    func(c *call, id string) string { return c.me.makeARN("kms", either(id, c.plannedName("name"))) },
			create: createAlias,
			update: func(c *call, _ *world.Object) (map[string]any, error) {
				key, err := c.usableKey(text(c.In, "targetKeyId"))
				if err != nil {
					return nil, err
				}
				return map[string]any{"targetKeyArn": key.String("arn")}, nil
			},
			rules: []string{"name: alias/… but not alias/aws/…; taken once (AlreadyExistsException); the key exists and is not to be deleted"},
		},
	}
}

func createKey(c *call) (string, map[string]any, error) {
	id := fmt.Sprintf("%s-%s-%s-%s-%s", world.Hex(8), world.Hex(4), world.Hex(4), world.Hex(4), world.Hex(12))
	return id, c.with(map[string]any{
		"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": true, "enableKeyRotation": false,
		"multiRegion": false, "policy": delegating(c.me.iamARN("root")), "description": "",
	}, map[string]any{"keyId": id, "arn": c.me.makeARN("kms", "key/"+id)}), c.keyPolicy()
}

// delegating is the policy of a key that leaves its use to the account's IAM policies, which is the one that KMS gives.
func delegating(root string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"%s"},"Action":"kms:*","Resource":"*"}]}`, root)
}

// keyPolicy checks that a key's policy names roles that exist, and that somebody can change it afterwards.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
func (c *call) keyPolicy() error {
	if !c.given("policy") {
		return nil
	}
	d, err := checkPolicy(policyText(c.In["policy"]), resourcePolicy)
	if err != nil {
		return err
	}
	if err := c.principalsExist(d, ""); err != nil {
		return apiError("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals: %v", err)
	}
	if flag(c.In, "bypassPolicyLockoutSafetyCheck") {
		return nil
	}
	for _, s := range d.Statements {
		if s.Effect != "Allow" || s.Principal == nil || !s.acts("kms:PutKeyPolicy") {
			continue
		}
		for _, name := range (*s.Principal)["AWS"] {
			if name == "*" || name == c.me.account || strings.HasSuffix(name, "::"+c.me.account+":root") || name == c.me.principal(c.tx) {
				return nil
			}
		}
	}
	return apiError("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
}

// scheduleKey keeps the key under another kind until its window has passed.
func scheduleKey(c *call, o *world.Object) error {
	days := number(o.Props, "deletionWindowInDays", 30)
	props := maps.Clone(o.Props)
	props["keyState"], props["deletionDate"] = "PendingDeletion", c.tx.Now().AddDate(0, 0, days).UTC().Format(time.RFC3339)
	return c.tx.Put(&world.Object{Kind: scheduledKey, ID: o.ID, Props: props, Created: o.Created, Ready: o.Ready})
}

// findKey finds a key by id, ARN or alias; nil for none.
func findKey(tx *world.Tx, ref string) *world.Object {
	if i := strings.Index(ref, "alias/"); i >= 0 {
		alias := tx.Get(aliasToken, ref[i:])
		if alias == nil {
			return nil
		}
		ref = alias.String("targetKeyId")
	}
	return tx.Get(keyToken, keyID(ref))
}

// keyID is the id in a key's ARN; an id stays as it is.
func keyID(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// usableKey finds a key that can be used.
func (c *call) usableKey(ref string) (*world.Object, error) {
	if o := findKey(c.tx, ref); o != nil {
		return o, nil
	}
	if o := c.tx.Get(scheduledKey, keyID(ref)); o != nil && pending(c.tx, o) {
		return nil, apiError("KMSInvalidStateException", "%s is pending deletion.", o.String("arn"))
	}
	return nil, apiError("NotFoundException", "Key '%s' does not exist", ref)
}

// pending reports whether a scheduled key is still there.
func pending(tx *world.Tx, o *world.Object) bool {
	t, err := time.Parse(time.RFC3339, o.String("deletionDate"))
	return err == nil && tx.Now().Before(t)
}

func createAlias(c *call) (string, map[string]any, error) {
	name := c.autoName("name")
	if !strings.HasPrefix(name, "alias/") {
		name = "alias/" + name
	}
	arn := c.me.makeARN("kms", name)
	if old := c.tx.Get(aliasToken, name); old != nil {
		key := c.tx.Get(scheduledKey, keyID(old.String("targetKeyId"))) // an alias goes with its key, at last
		if key == nil || pending(c.tx, key) {
			return "", nil, apiError("AlreadyExistsException", "An alias with the name %s already exists", arn)
		}
	}
	key, err := c.usableKey(text(c.In, "targetKeyId"))
	if err != nil {
		return "", nil, err
	}
	return name, map[string]any{"name": name, "arn": arn, "targetKeyArn": key.String("arn")}, nil
}
