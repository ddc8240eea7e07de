package awssim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// kmsOperations are those that look after keys.
var kmsOperations = map[string]func(*world.Tx, *apiCall, map[string]any) (map[string]any, error){
	"CreateKey":            apiCreateKey,
	"CreateAlias":          apiCreateAlias,
	"DescribeKey":          apiDescribeKey,
	"EnableKeyRotation":    apiEnableRotation,
	"GetKeyRotationStatus": apiRotation,
	"ListAliases":          apiListAliases,
	"ListKeys":             apiListKeys,
	"ListResourceTags":     apiKeyTags,
	"TagResource":          apiTagKey,
}

// key finds a key of the call's region by id, ARN or alias: one that is scheduled for deletion is there, too.
func (c *apiCall) key(tx *world.Tx, ref string) (*world.Object, error) {
	key := findKey(tx, ref)
	if key == nil {
		id := keyID(ref)
		if alias := tx.Get(aliasToken, ref); alias != nil {
			id = keyID(alias.String("targetKeyArn"))
		}
		if key = tx.Get(scheduledKey, id); key != nil && !pending(tx, key) {
			key = nil
		}
	}
	switch {
	case key != nil && strings.Contains(key.String("arn"), ":kms:"+c.region+":"):
		return key, nil
	case strings.HasPrefix(ref, "alias/"):
		return nil, apiError("NotFoundException", "Alias %s is not found.", c.me.makeARN("kms", ref))
	}
	return nil, apiError("NotFoundException", "Key '%s' does not exist", ref)
}

// usableKey finds a key that can be used.
func (c *apiCall) usableKey(tx *world.Tx, ref string) (*world.Object, error) {
	key, err := c.key(tx, ref)
	if err != nil {
		return nil, err
	}
	switch state := keyState(key); state {
	case "Enabled":
		return key, nil
	case "Disabled":
		return nil, apiError("DisabledException", "%s is disabled.", key.String("arn"))
	default:
		return nil, apiError("KMSInvalidStateException", "%s is pending deletion.", key.String("arn"))
	}
}

// keyState is a key's state: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
func keyState(key *world.Object) string {
	if key.Kind == scheduledKey {
		return "PendingDeletion"
	}
	if enabled, ok := key.Props["isEnabled"].(bool); ok && !enabled {
		return "Disabled"
	}
	return "Enabled"
}

func keyMetadata(tx *world.Tx, key *world.Object) map[string]any {
	state := keyState(key)
	out := map[string]any{
		"KeyId": key.ID, "Arn": key.String("arn"), "AWSAccountId": strings.Split(key.String("arn"), ":")[4], "CreationDate": key.Created.Unix(),
		"Enabled": state == "Enabled", "KeyState": state, "KeyManager": "CUSTOMER", "Origin": "AWS_KMS", "Description": key.String("description"),
		"KeyUsage": either(key.String("keyUsage"), "ENCRYPT_DECRYPT"), "KeySpec": either(key.String("customerMasterKeySpec"), "SYMMETRIC_DEFAULT"),
		"MultiRegion": flag(key.Props, "multiRegion"),
	}
	if at, err := time.Parse(time.RFC3339, key.String("deletionDate")); err == nil && pending(tx, key) {
		out["DeletionDate"] = at.Unix()
	}
	return out
}

// taken are tags in a request of KMS, which names them TagKey and TagValue.
func taken(in map[string]any) map[string]any {
	out := map[string]any{}
	for _, t := range objects(in, "Tags") {
		out[text(t, "TagKey")] = text(t, "TagValue")
	}
	return out
}

func apiCreateKey(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	props := map[string]any{}
	for prop, name := range map[string]string{"description": "Description", "policy": "Policy", "keyUsage": "KeyUsage", "customerMasterKeySpec": "KeySpec"} {
		if v := text(in, name); v != "" {
			props[prop] = v
		}
	}
	if p := (kmsKinds()[keyToken].Check)(props); len(p) > 0 {
		return nil, apiError("ValidationException", "%s", strings.Join(p, "; "))
	}
	id, computed, err := createKey(&call{Call: &provider.Call{In: props}, tx: tx, me: c.me})
	if err != nil {
		return nil, err
	}
	maps.Copy(props, computed)
	props["tags"], props["tagsAll"] = taken(in), taken(in)
	key := &world.Object{Kind: keyToken, ID: id, Props: props, Created: tx.Now(), Ready: tx.Now()}
	return map[string]any{"KeyMetadata": keyMetadata(tx, key)}, tx.Put(key)
}

func apiCreateAlias(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	name, target := text(in, "AliasName"), text(in, "TargetKeyId")
	props := map[string]any{"name": name, "targetKeyId": keyID(target)}
	if p := (kmsKinds()[aliasToken].Check)(props); len(p) > 0 {
		return nil, apiError("InvalidAliasNameException", "%s", strings.Join(p, "; "))
	}
	if _, err := c.key(tx, target); err != nil {
		return nil, err
	}
	id, computed, err := createAlias(&call{Call: &provider.Call{In: props}, tx: tx, me: c.me})
	if err != nil {
		return nil, err
	}
	maps.Copy(props, computed)
	return map[string]any{}, tx.Put(&world.Object{Kind: aliasToken, ID: id, Props: props, Created: tx.Now(), Ready: tx.Now()})
}

func apiDescribeKey(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	key, err := c.key(tx, text(in, "KeyId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyMetadata": keyMetadata(tx, key)}, nil
}

// change puts a key with one property changed.
func changeKey(tx *world.Tx, key *world.Object, prop string, value any) error {
	changed := *key
	changed.Props = maps.Clone(key.Props)
	changed.Props[prop] = value
	return tx.Put(&changed)
}

func apiEnableRotation(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	key, err := c.usableKey(tx, text(in, "KeyId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{}, changeKey(tx, key, "enableKeyRotation", true)
}

func apiRotation(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	key, err := c.key(tx, text(in, "KeyId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyRotationEnabled": flag(key.Props, "enableKeyRotation")}, nil
}

func apiTagKey(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	key, err := c.key(tx, text(in, "KeyId"))
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(tagsOf(key))
	if tags == nil {
		tags = map[string]any{}
	}
	maps.Copy(tags, taken(in))
	if err := changeKey(tx, key, "tags", tags); err != nil {
		return nil, err
	}
	return map[string]any{}, changeKey(tx, tx.Get(key.Kind, key.ID), "tagsAll", tags)
}

func apiKeyTags(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	key, err := c.key(tx, text(in, "KeyId"))
	if err != nil {
		return nil, err
	}
	list := []any{}
	tags := tagsOf(key)
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"TagKey": name, "TagValue": tags[name]})
	}
	return map[string]any{"Tags": list}, nil
}

func apiListAliases(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	list := []any{}
	for _, o := range c.regional(tx, aliasToken) {
		list = append(list, map[string]any{"AliasName": o.ID, "AliasArn": o.String("arn"), "TargetKeyId": keyID(o.String("targetKeyArn"))})
	}
	return kmsPage("Aliases", list, in)
}

func apiListKeys(tx *world.Tx, c *apiCall, in map[string]any) (map[string]any, error) {
	list := []any{}
	for _, kind := range []string{keyToken, scheduledKey} {
		for _, o := range c.regional(tx, kind) {
			list = append(list, map[string]any{"KeyId": o.ID, "KeyArn": o.String("arn")})
		}
	}
	return kmsPage("Keys", list, in)
}

// kmsPage is the page of a list that a request asks for, of 50 entries unless it says otherwise:
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html
func kmsPage(name string, list []any, in map[string]any) (map[string]any, error) {
	from := 0
	if marker := text(in, "Marker"); marker != "" {
		n, err := strconv.Atoi(marker)
		if err != nil || n < 0 || n > len(list) {
			return nil, apiError("InvalidMarkerException", "the marker %q is of no list", marker)
		}
		from = n
	}
	to := min(from+number(in, "Limit", 50), len(list))
	out := map[string]any{name: list[from:to], "Truncated": to < len(list)}
	if to < len(list) {
		out["NextMarker"] = strconv.Itoa(to)
	}
	return out, nil
}
