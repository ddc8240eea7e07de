package secretstore_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/components/secretstore"
)

const (
	keyType        = "aws:kms/key:Key"
	aliasType      = "aws:kms/alias:Alias"
	repositoryType = "aws:codecommit/repository:Repository"
	roleType       = "aws:iam/role:Role"
	rolePolicyType = "aws:iam/rolePolicy:RolePolicy"

	account = "162808325377"
	keyArn  = "arn:aws:kms:us-east-1:162808325377:key/0a1b2c3d"
	gough   = "arn:aws:iam::162808325377:user/gough"
	ci      = "arn:aws:iam::162808325377:role/ci"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		keyType: func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"arn": resource.NewStringProperty(keyArn), "keyId": resource.NewStringProperty("0a1b2c3d")}
		},
		repositoryType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
			n := in["repositoryName"].StringValue()
			return resource.PropertyMap{
				"arn":          resource.NewStringProperty("arn:aws:codecommit:us-east-1:162808325377:" + n),
				"cloneUrlHttp": resource.NewStringProperty("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/" + n),
			}
		},
		roleType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"arn": resource.NewStringProperty("arn:aws:iam::162808325377:role/" + in["name"].StringValue())}
		},
	}}
}

func run(t *testing.T, args *secretstore.Args) (*recorder.Recorder, *secretstore.SecretStore) {
	t.Helper()
	rec := newRecorder()
	var store *secretstore.SecretStore
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		store, err = secretstore.New(ctx, "secrets", args)
		return err
	})
	return rec, store
}

func statements(t *testing.T, res recorder.Resource, key string) []any {
	t.Helper()
	var doc struct{ Statement []any }
	if err := json.Unmarshal([]byte(res.Input(key).(string)), &doc); err != nil {
		t.Fatalf("%s of %s: %v", key, res.Name, err)
	}
	return doc.Statement
}

func full() *secretstore.Args {
	return &secretstore.Args{
		Name: "roman-sit-secrets", AccountID: account, Repository: "roman-sit-secrets",
		EncryptPrincipals: []string{gough}, DecryptPrincipals: []string{ci}, Protect: true, Retain: true,
		Tags: map[string]string{"owner": "dmd"},
	}
}

func TestKey(t *testing.T) {
	rec, _ := run(t, full())
	key := rec.One(t, keyType, "secrets-key")
	for path, want := range map[string]any{
		"enableKeyRotation": true, "deletionWindowInDays": 30.0, "tags.owner": "dmd", "tags.Name": "roman-sit-secrets",
	} {
		if got := key.Input(path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if !key.Protect || !key.RetainOnDelete {
		t.Errorf("protect %v, retain %v, want both", key.Protect, key.RetainOnDelete)
	}
	want := []any{
		map[string]any{
			"Sid": "AccountThroughIAM", "Effect": "Allow", "Action": []any{"kms:*"}, "Resource": []any{"*"},
			"Principal": map[string]any{"AWS": []any{"arn:aws:iam::162808325377:root"}},
		},
		map[string]any{
			"Sid": "Encrypt", "Effect": "Allow", "Resource": []any{"*"},
			"Action":    []any{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"},
			"Principal": map[string]any{"AWS": []any{"arn:aws:iam::162808325377:role/roman-sit-secrets-encrypt"}},
		},
		map[string]any{
			"Sid": "Decrypt", "Effect": "Allow", "Resource": []any{"*"}, "Action": []any{"kms:Decrypt", "kms:DescribeKey"},
			"Principal": map[string]any{"AWS": []any{"arn:aws:iam::162808325377:role/roman-sit-secrets-decrypt"}},
		},
	}
	if diff := cmp.Diff(want, statements(t, key, "policy")); diff != "" {
		t.Errorf("key policy (-want +got):\n%s", diff)
	}
	alias := rec.One(t, aliasType, "secrets-alias")
	if got := alias.Input("name"); got != "alias/roman-sit-secrets" {
		t.Errorf("alias %v", got)
	}
	if got := alias.Input("targetKeyId"); got != "0a1b2c3d" {
		t.Errorf("alias of key %v", got)
	}
}

func TestRepository(t *testing.T) {
	rec, store := run(t, full())
	repo := rec.One(t, repositoryType, "secrets-repository")
	if !repo.Protect || !repo.RetainOnDelete {
		t.Errorf("protect %v, retain %v, want both", repo.Protect, repo.RetainOnDelete)
	}
	got, err := recorder.Values(store.CloneURLHTTP)
	if err != nil || got[0] != "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/roman-sit-secrets" {
		t.Errorf("clone URL %v, %v", got, err)
	}
}

func TestRoles(t *testing.T) {
	rec, store := run(t, full())
	const repo = "arn:aws:codecommit:us-east-1:162808325377:roman-sit-secrets"
	tests := []struct {
		suffix, principal string
		git, kms          []any
	}{
		{"encrypt", gough, []any{"codecommit:GitPull", "codecommit:GitPush"}, []any{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"}},
		{"decrypt", ci, []any{"codecommit:GitPull"}, []any{"kms:Decrypt", "kms:DescribeKey"}},
	}
	for _, tt := range tests {
		t.Run(tt.suffix, func(t *testing.T) {
			role := rec.One(t, roleType, "secrets-"+tt.suffix)
			if got := role.Input("name"); got != "roman-sit-secrets-"+tt.suffix {
				t.Errorf("name %v", got)
			}
			trust := statements(t, role, "assumeRolePolicy")[0].(map[string]any)
			if diff := cmp.Diff(map[string]any{"AWS": []any{tt.principal}}, trust["Principal"]); diff != "" {
				t.Errorf("trust (-want +got):\n%s", diff)
			}
			want := []any{
				map[string]any{"Sid": "Key", "Effect": "Allow", "Action": tt.kms, "Resource": []any{keyArn}},
				map[string]any{"Sid": "Repository", "Effect": "Allow", "Action": tt.git, "Resource": []any{repo}},
			}
			if diff := cmp.Diff(want, statements(t, rec.One(t, rolePolicyType, "secrets-"+tt.suffix+"-use"), "policy")); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
	}
	got, err := recorder.Values(store.EncryptRoleArn, store.DecryptRoleArn, store.KeyArn, store.AliasName)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		"arn:aws:iam::162808325377:role/roman-sit-secrets-encrypt", "arn:aws:iam::162808325377:role/roman-sit-secrets-decrypt",
		keyArn, "alias/roman-sit-secrets",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	for _, child := range rec.All() {
		if child.Type != secretstore.Type && !strings.HasSuffix(child.Parent, secretstore.Type+"::secrets") {
			t.Errorf("%s has parent %q", child.Name, child.Parent)
		}
	}
}

func TestLeast(t *testing.T) {
	rec, store := run(t, &secretstore.Args{Name: "s", AccountID: account, Alias: "alias/other", DeletionWindowDays: 7, Partition: "aws-us-gov"})
	for _, typ := range []string{repositoryType, roleType, rolePolicyType} {
		if n := len(rec.OfType(typ)); n != 0 {
			t.Errorf("%d of %s, want none", n, typ)
		}
	}
	key := rec.One(t, keyType, "secrets-key")
	if key.Protect || key.RetainOnDelete {
		t.Error("protected or retained without being asked to")
	}
	policy := statements(t, key, "policy")
	if len(policy) != 1 {
		t.Errorf("%d statements in the key policy, want the account's alone", len(policy))
	}
	if got := policy[0].(map[string]any)["Principal"].(map[string]any)["AWS"].([]any)[0]; got != "arn:aws-us-gov:iam::162808325377:root" {
		t.Errorf("administrator %v", got)
	}
	if got := rec.One(t, aliasType, "secrets-alias").Input("name"); got != "alias/other" {
		t.Errorf("alias %v", got)
	}
	got, err := recorder.Values(store.CloneURLHTTP, store.EncryptRoleArn, store.DecryptRoleArn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"", "", ""}, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestSopsConfig(t *testing.T) {
	tests := []struct {
		name, role, regex, want string
	}{
		{name: "own identity", want: "creation_rules:\n    - path_regex: (^|/)secrets/.*\\.ya?ml$\n      kms: " + keyArn + "\n"},
		{name: "role and files", role: ci, regex: ".*", want: "creation_rules:\n    - path_regex: .*\n      kms: " + keyArn + "+" + ci + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := full()
			args.SopsRoleArn, args.PathRegex = tt.role, tt.regex
			_, store := run(t, args)
			got, err := recorder.Values(store.SopsConfig)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got[0]); diff != "" {
				t.Errorf(".sops.yaml (-want +got):\n%s", diff)
			}
		})
	}
}

// A key that is there already is taken as it is: the roles are given the use of it.
func TestKeyThatIsThere(t *testing.T) {
	args := full()
	args.KeyArn = "arn:aws:kms:us-east-1:162808325377:key/11aa-22bb"
	rec, store := run(t, args)
	if n := len(rec.OfType(keyType)) + len(rec.OfType(aliasType)); n > 0 {
		t.Errorf("%d keys and aliases are made", n)
	}
	got, err := recorder.Values(store.KeyArn, store.SopsConfig)
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != args.KeyArn || !strings.Contains(got[1].(string), args.KeyArn) {
		t.Errorf("got %v", got)
	}
	policies := rec.OfType(rolePolicyType)
	if len(policies) != 2 {
		t.Fatalf("%d policies of roles", len(policies))
	}
	for _, p := range policies {
		if !strings.Contains(p.Inputs["policy"].StringValue(), args.KeyArn) {
			t.Errorf("%s: %s", p.Name, p.Inputs["policy"].StringValue())
		}
	}
}

func TestWrongInput(t *testing.T) {
	tests := []struct {
		name string
		args *secretstore.Args
		want []string
	}{
		{name: "nothing", args: nil, want: []string{"no arguments are given"}},
		{
			name: "all at once",
			args: &secretstore.Args{
				AccountID: "1", EncryptPrincipals: []string{"arn:aws:iam::162808325377:root"}, DecryptPrincipals: []string{"arn:aws:iam::*:user/x"},
				Repository: "x.git", KeyArn: "alias/x", DeletionWindowDays: 5, SopsRoleArn: "ci", PathRegex: "(",
			},
			want: []string{
				"name is empty", `accountId "1"`, "encryptPrincipals[0]", "trusts a whole account", "decryptPrincipals[0]", "a wildcard would trust strangers",
				`repository "x.git"`, `keyArn "alias/x" is not the ARN of a KMS key`, "deletionWindowDays is 5: KMS takes 7 to 30 days", "sopsRoleArn[0]", `pathRegex "(" is not a regular expression`,
			},
		},
		{
			name: "names",
			args: &secretstore.Args{Name: strings.Repeat("n", 60), AccountID: account, Alias: "aws/mine"},
			want: []string{"alias/aws/ is reserved", "IAM takes at most 64"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder()
			err := rec.Run("staging", func(ctx *pulumi.Context) error {
				_, err := secretstore.New(ctx, "secrets", tt.args)
				return err
			})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if n := len(rec.All()); n != 0 {
				t.Errorf("%d resources registered in spite of it", n)
			}
		})
	}
}
