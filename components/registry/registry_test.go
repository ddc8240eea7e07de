package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/components/registry"
)

const (
	repositoryType = "aws:ecr/repository:Repository"
	lifecycleType  = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	pullType       = "aws:ecr/repositoryPolicy:RepositoryPolicy"
	roleType       = "aws:iam/role:Role"
	rolePolicyType = "aws:iam/rolePolicy:RolePolicy"
	gough          = "arn:aws:iam::162808325377:user/gough"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		repositoryType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
			n := in["name"].StringValue()
			return resource.PropertyMap{
				"arn":           resource.NewStringProperty("arn:aws:ecr:us-east-1:162808325377:repository/" + n),
				"repositoryUrl": resource.NewStringProperty("162808325377.dkr.ecr.us-east-1.amazonaws.com/" + n),
				"registryId":    resource.NewStringProperty("162808325377"),
			}
		},
		roleType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"arn": resource.NewStringProperty("arn:aws:iam::162808325377:role/" + in["name"].StringValue())}
		},
	}}
}

func run(t *testing.T, args *registry.Args) (*recorder.Recorder, *registry.Registry) {
	t.Helper()
	rec := newRecorder()
	var reg *registry.Registry
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		reg, err = registry.New(ctx, "registry", args)
		return err
	})
	return rec, reg
}

// document parses a policy that a resource was given.
func document(t *testing.T, res recorder.Resource, key string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(res.Input(key).(string)), &doc); err != nil {
		t.Fatalf("%s of %s: %v", key, res.Name, err)
	}
	return doc
}

func TestRepositories(t *testing.T) {
	rec, reg := run(t, &registry.Args{
		Prefix: "roman-sit", Repositories: []string{"user-image", "base"}, Protect: true, Retain: true,
		Tags: map[string]string{"deployment": "roman-sit"},
	})
	res := rec.One(t, repositoryType, "registry-user-image")
	want := map[string]any{
		"name": "roman-sit-user-image", "imageTagMutability": "IMMUTABLE", "forceDelete": false,
		"imageScanningConfiguration": map[string]any{"scanOnPush": true},
		"encryptionConfigurations":   []any{map[string]any{"encryptionType": "AES256"}},
		"tags":                       map[string]any{"deployment": "roman-sit", "Name": "roman-sit-user-image"},
	}
	if diff := cmp.Diff(want, res.Inputs.Mappable()); diff != "" {
		t.Errorf("repository (-want +got):\n%s", diff)
	}
	if !res.Protect || !res.RetainOnDelete {
		t.Errorf("protect %v, retain %v, want both", res.Protect, res.RetainOnDelete)
	}
	for _, child := range rec.All() {
		if child.Type != registry.Type && !strings.HasSuffix(child.Parent, registry.Type+"::registry") {
			t.Errorf("%s has parent %q", child.Name, child.Parent)
		}
	}
	if n := len(rec.OfType(repositoryType)); n != 2 {
		t.Errorf("%d repositories, want 2", n)
	}
	got, err := recorder.Values(reg.RepositoryUrls["base"], reg.RepositoryArns["base"], reg.RegistryID, reg.PusherRoleArn)
	if err != nil {
		t.Fatal(err)
	}
	wantOutputs := []any{
		"162808325377.dkr.ecr.us-east-1.amazonaws.com/roman-sit-base", "arn:aws:ecr:us-east-1:162808325377:repository/roman-sit-base",
		"162808325377", "",
	}
	if diff := cmp.Diff(wantOutputs, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if n := len(rec.OfType(roleType)) + len(rec.OfType(pullType)); n != 0 {
		t.Errorf("%d roles and pull policies although nobody is named", n)
	}
}

func TestUnprotectedAndKMS(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:162808325377:key/1"
	rec, _ := run(t, &registry.Args{Prefix: "p", Repositories: []string{"i"}, KMSKeyArn: pulumi.String(key)})
	res := rec.One(t, repositoryType, "registry-i")
	if res.Protect || res.RetainOnDelete {
		t.Error("protected or retained without being asked to")
	}
	want := []any{map[string]any{"encryptionType": "KMS", "kmsKey": key}}
	if diff := cmp.Diff(want, res.Input("encryptionConfigurations")); diff != "" {
		t.Errorf("encryption (-want +got):\n%s", diff)
	}
}

func TestLifecycle(t *testing.T) {
	tests := []struct {
		name           string
		args           registry.Args
		untagged, keep float64
	}{
		{name: "defaults", untagged: 14, keep: 30},
		{name: "given", args: registry.Args{UntaggedDays: 3, KeepImages: 5}, untagged: 3, keep: 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.args.Prefix, tt.args.Repositories = "p", []string{"i"}
			rec, _ := run(t, &tt.args)
			rules := document(t, rec.One(t, lifecycleType, "registry-i-lifecycle"), "policy")["rules"].([]any)
			var got []any
			for _, r := range rules {
				got = append(got, r.(map[string]any)["selection"])
			}
			want := []any{
				map[string]any{"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": tt.untagged},
				map[string]any{"tagStatus": "tagged", "tagPatternList": []any{"*"}, "countType": "imageCountMoreThan", "countNumber": tt.keep},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCrossAccountPull(t *testing.T) {
	rec, _ := run(t, &registry.Args{Prefix: "p", Repositories: []string{"i"}, PullAccounts: []string{"123456789012"}, Partition: "aws-us-gov"})
	doc := document(t, rec.One(t, pullType, "registry-i-pull"), "policy")
	want := map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "CrossAccountPull", "Effect": "Allow",
		"Principal": map[string]any{"AWS": []any{"arn:aws-us-gov:iam::123456789012:root"}},
		"Action":    []any{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
	}}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}

func TestPusherRole(t *testing.T) {
	rec, reg := run(t, &registry.Args{
		Prefix: "roman-sit", Repositories: []string{"a", "b"}, PushPrincipals: []string{gough},
		PermissionsBoundary: "arn:aws:iam::162808325377:policy/limit",
	})
	role := rec.One(t, roleType, "registry-pusher")
	if got := role.Input("name"); got != "roman-sit-ecr-push" {
		t.Errorf("role name %v", got)
	}
	if got := role.Input("permissionsBoundary"); got != "arn:aws:iam::162808325377:policy/limit" {
		t.Errorf("boundary %v", got)
	}
	trust := document(t, role, "assumeRolePolicy")["Statement"].([]any)[0].(map[string]any)
	if diff := cmp.Diff(map[string]any{"AWS": []any{gough}}, trust["Principal"]); diff != "" {
		t.Errorf("trust (-want +got):\n%s", diff)
	}
	push := document(t, rec.One(t, rolePolicyType, "registry-pusher-push"), "policy")["Statement"].([]any)[1].(map[string]any)
	wantArns := []any{"arn:aws:ecr:us-east-1:162808325377:repository/roman-sit-a", "arn:aws:ecr:us-east-1:162808325377:repository/roman-sit-b"}
	if diff := cmp.Diff(wantArns, push["Resource"]); diff != "" {
		t.Errorf("repositories that may be pushed to (-want +got):\n%s", diff)
	}
	if !strings.Contains(strings.Join(strs(push["Action"]), " "), "ecr:PutImage") {
		t.Errorf("actions %v lack ecr:PutImage", push["Action"])
	}
	got, err := recorder.Values(reg.PusherRoleArn)
	if err != nil || got[0] != "arn:aws:iam::162808325377:role/roman-sit-ecr-push" {
		t.Errorf("PusherRoleArn %v, %v", got, err)
	}
}

func strs(v any) []string {
	var out []string
	for _, e := range v.([]any) {
		out = append(out, e.(string))
	}
	return out
}

func TestWrongInput(t *testing.T) {
	tests := []struct {
		name string
		args *registry.Args
		want []string
	}{
		{name: "nothing", args: nil, want: []string{"no arguments are given"}},
		{name: "no prefix", args: &registry.Args{}, want: []string{"prefix is empty"}},
		{
			name: "all at once",
			args: &registry.Args{
				Prefix: "p", Repositories: []string{"Upper", "x", "x", "", "a--b"}, UntaggedDays: -1, KeepImages: -2,
				PullAccounts: []string{"12"}, PushPrincipals: []string{"*"},
			},
			want: []string{
				`ECR does not take the name "p-Upper"`, `repositories[2] "x" is listed twice`, "repositories[3] is empty", `the name "p-a--b"`,
				"untaggedDays is -1", "keepImages is -2", `pullAccounts[0] "12" is not an AWS account id`, "a wildcard would trust strangers",
			},
		},
		{
			name: "role without a repository, name too long",
			args: &registry.Args{Prefix: strings.Repeat("p", 60), PushPrincipals: []string{gough}},
			want: []string{"there is no repository to push to", "has 69 characters; IAM allows 64"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder()
			err := rec.Run("staging", func(ctx *pulumi.Context) error {
				_, err := registry.New(ctx, "registry", tt.args)
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
