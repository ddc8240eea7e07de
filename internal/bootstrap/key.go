package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// aliasTag is the tag that a new key carries with the alias that it is made for: a run that ended before the alias was made is known by it.
const aliasTag = "alias"

// eventually repeats a call on a key that was just made, since it may not be known everywhere yet:
// https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency
func eventually(o *kms.Options) {
	o.RetryMaxAttempts = 6
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "NotFoundException")
}

func (p *Plan) lookAtKey(ctx context.Context) error {
	t := p.target
	if t.Key == "" {
		return nil
	}
	resource := "key " + t.Key
	found, err := p.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &t.Key})
	var none *types.NotFoundException
	switch {
	case errors.As(err, &none) && strings.HasPrefix(t.Key, "alias/aws/"):
		return &Error{Kind: Configuration, Message: t.Key + " is reserved for AWS's own keys", Hint: "name another alias: secretsprovider: awskms://alias/NAME?region=" + t.KeyRegion}
	case errors.As(err, &none) && strings.HasPrefix(t.Key, "alias/"):
		return p.newKey(ctx, resource)
	case errors.As(err, &none):
		return &Error{
			Kind: Configuration, Message: fmt.Sprintf("there is no key %s in %s, and a key's id cannot be chosen", t.Key, t.KeyRegion),
			Hint: "name it by an alias: secretsprovider: awskms://alias/NAME?region=" + t.KeyRegion,
		}
	case err != nil:
		return err
	}
	key := found.KeyMetadata
	if err := fit(t.Key, key); err != nil {
		return err
	}
	p.keyARN = aws.ToString(key.Arn)
	p.Steps = append(p.Steps, Step{Resource: resource, Setting: "existence", State: OK, Seen: p.keyARN}, p.use(ctx, resource))
	tags, err := p.keyTags(ctx, p.keyARN)
	if err != nil && !awsapi.Denied(err) {
		return err
	}
	return p.settle(ctx, resource, false, tags[owner] == ours, p.keySettings())
}

// fit refuses a key that cannot do what it is for.
func fit(ref string, key *types.KeyMetadata) error {
	id := aws.ToString(key.KeyId)
	switch {
	case key.KeyManager == types.KeyManagerTypeAws:
		return &Error{Kind: Configuration, Message: ref + " is one of AWS's own keys, with which only AWS's services encrypt", Hint: "name an alias of yours as secretsprovider"}
	case key.KeySpec != types.KeySpecSymmetricDefault || key.KeyUsage != types.KeyUsageTypeEncryptDecrypt:
		return &Error{Kind: Configuration, Message: fmt.Sprintf("%s is a %s key for %s, which cannot encrypt a stack's secrets", ref, key.KeySpec, key.KeyUsage), Hint: "name another alias as secretsprovider"}
	case key.KeyState == types.KeyStatePendingDeletion:
		return &Error{
			Kind: Configuration, Message: fmt.Sprintf("%s is to be deleted on %s", ref, aws.ToTime(key.DeletionDate).Format("2006-01-02")),
			Hint: fmt.Sprintf("`aws kms cancel-key-deletion --key-id %s`, then `aws kms enable-key --key-id %s`: what it has encrypted is lost with it", id, id),
		}
	case !key.Enabled:
		return &Error{Kind: Configuration, Message: fmt.Sprintf("%s is %s", ref, key.KeyState), Hint: "`aws kms enable-key --key-id " + id + "`"}
	}
	return nil
}

// use tries the key: a key's own policy may keep out whom the account lets in.
func (p *Plan) use(ctx context.Context, resource string) Step {
	s := Step{Resource: resource, Setting: "use", State: OK, Seen: "encrypts and decrypts"}
	sealed, err := p.kms.Encrypt(ctx, &kms.EncryptInput{KeyId: &p.keyARN, Plaintext: []byte("hubwright")})
	if err == nil {
		_, err = p.kms.Decrypt(ctx, &kms.DecryptInput{KeyId: &p.keyARN, CiphertextBlob: sealed.CiphertextBlob})
	}
	if err != nil {
		s.State, s.Seen = Weaker, "these credentials cannot encrypt and decrypt with it: "+awsapi.InWords(err)
		s.Remedy = "give whoever deploys kms:Encrypt and kms:Decrypt on " + p.keyARN + ", in an IAM policy or in the key's own"
	}
	return s
}

// newKey plans a key: one that an earlier run has made and not named, or a new one.
func (p *Plan) newKey(ctx context.Context, resource string) error {
	step := Step{Resource: resource, Setting: "existence", State: Missing, Seen: "a symmetric key in " + p.target.KeyRegion + ", tagged", do: p.makeKey}
	left, err := p.unnamedKey(ctx)
	if err != nil {
		return err
	}
	if left != "" {
		p.keyARN = left
		step.State, step.Seen, step.do = Incomplete, "the alias of "+left+", which an earlier run has made", p.nameKey
	}
	p.Steps = append(p.Steps, step)
	return p.settle(ctx, resource, true, true, p.keySettings())
}

// unnamedKey finds a key that was made for the alias and has none, "" without one. Who may not list keys finds none. The SDK's own paginators
// take a client as an interface, by which the linker keeps all of its methods: 0.75 MB.
func (p *Plan) unnamedKey(ctx context.Context) (string, error) {
	named := map[string]bool{}
	for in := (&kms.ListAliasesInput{}); ; {
		page, err := p.kms.ListAliases(ctx, in)
		if err != nil {
			return "", exceptDenied(err)
		}
		for _, a := range page.Aliases {
			named[aws.ToString(a.TargetKeyId)] = true
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			break
		}
	}
	for in := (&kms.ListKeysInput{}); ; {
		page, err := p.kms.ListKeys(ctx, in)
		if err != nil {
			return "", exceptDenied(err)
		}
		for _, k := range page.Keys {
			if named[aws.ToString(k.KeyId)] {
				continue
			}
			if left, err := p.madeForAlias(ctx, k.KeyArn); left || exceptDenied(err) != nil {
				return aws.ToString(k.KeyArn), err
			}
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			return "", nil
		}
	}
}

// madeForAlias says whether a key was made here for the alias, and can be used.
func (p *Plan) madeForAlias(ctx context.Context, key *string) (bool, error) {
	tags, err := p.keyTags(ctx, aws.ToString(key))
	if err != nil || tags[owner] != ours || tags[aliasTag] != p.target.Key {
		return false, err
	}
	found, err := p.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key})
	return err == nil && found.KeyMetadata.Enabled, err
}

func exceptDenied(err error) error {
	if awsapi.Denied(err) {
		return nil
	}
	return err
}

func (p *Plan) keyTags(ctx context.Context, key string) (map[string]string, error) {
	tags := map[string]string{}
	for in := (&kms.ListResourceTagsInput{KeyId: &key}); ; {
		page, err := p.kms.ListResourceTags(ctx, in)
		if err != nil {
			return tags, err
		}
		for _, t := range page.Tags {
			tags[aws.ToString(t.TagKey)] = aws.ToString(t.TagValue)
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			return tags, nil
		}
	}
}

// makeKey makes the key and, at once, its alias: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html. Its policy is KMS's default, by
// which IAM decides in the account: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func (p *Plan) makeKey(ctx context.Context) error {
	made, err := p.kms.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("secrets of the states of Pulumi stacks"), Tags: p.kmsTags()})
	if err != nil {
		return err
	}
	p.keyARN = aws.ToString(made.KeyMetadata.Arn)
	return p.nameKey(ctx)
}

func (p *Plan) nameKey(ctx context.Context) error {
	_, err := p.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &p.target.Key, TargetKeyId: &p.keyARN}, eventually)
	return err
}

func (p *Plan) kmsTags() []types.Tag {
	out := []types.Tag{{TagKey: aws.String(aliasTag), TagValue: &p.target.Key}}
	for _, k := range slices.Sorted(maps.Keys(p.target.Tags)) {
		out = append(out, types.Tag{TagKey: aws.String(k), TagValue: aws.String(p.target.Tags[k])})
	}
	return out
}

func (p *Plan) keySettings() []setting {
	return []setting{
		{
			name: "rotation", want: "new key material each year", remedy: "`aws kms enable-key-rotation --region " + p.target.KeyRegion + " --key-id " + p.keyARN + "`",
			look: func(ctx context.Context) (string, bool, error) {
				// https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
				s, err := p.kms.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &p.keyARN})
				if err != nil || !s.KeyRotationEnabled {
					return "off", false, err
				}
				return "new key material each year", true, nil
			},
			set: func(ctx context.Context) error {
				_, err := p.kms.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &p.keyARN}, eventually)
				return err
			},
		},
		{
			name: "tags", want: "those of the deployment", plain: true,
			look: func(ctx context.Context) (string, bool, error) {
				tags, err := p.keyTags(ctx, p.keyARN)
				missing := missingTags(tags, p.target.Tags)
				if len(missing) > 0 {
					return "without " + strings.Join(missing, ", "), false, err
				}
				return "those of the deployment", true, err
			},
			set: func(ctx context.Context) error {
				_, err := p.kms.TagResource(ctx, &kms.TagResourceInput{KeyId: &p.keyARN, Tags: p.kmsTags()}, eventually)
				return err
			},
		},
	}
}
