package creds_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/creds"
	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

const gough = "arn:aws:iam::162808325377:user/gough"

func createArgs() *creds.Args {
	return &creds.Args{
		Prefix: "roman-sit", AccountID: "162808325377", Region: "us-east-1", TrustedPrincipals: []string{gough},
		Tags:          map[string]string{"deployment": "roman-sit", "owner": "dmd"},
		WaitAssumable: func(context.Context, time.Time) error { return nil },
	}
}

// iamRecorder answers as IAM does: a role has an ARN and a creation date.
func iamRecorder() *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		"aws:iam/role:Role": func(_ string, in resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{
				"arn":        resource.NewProperty("arn:aws:iam::162808325377:role/" + in["name"].StringValue()),
				"createDate": resource.NewProperty("2026-01-02T03:04:05Z"),
			}
		},
	}}
}

// run makes the credentials and a provider and returns the role ARN that the graph sees.
func run(t *testing.T, r *recorder.Recorder, args *creds.Args) string {
	t.Helper()
	r.MustRun(t, func(ctx *pulumi.Context) error {
		c, err := creds.New(ctx, "creds", args)
		if err != nil {
			return err
		}
		if err := ctx.RegisterResource("test:index:User", "user", pulumi.Map{"arn": c.RoleArn}, &pulumi.CustomResourceState{}); err != nil {
			return err
		}
		_, err = c.Provider(ctx, "deployer", creds.ProviderArgs{
			Region: "us-east-1", AccountID: "162808325377", DefaultTags: map[string]string{"owner": "dmd"},
		})
		return err
	})
	s, _ := r.One(t, "test:index:User", "user").Input("arn").(string)
	return s
}

func TestCreate(t *testing.T) {
	args := createArgs()
	args.Users = []string{"sam"}
	args.MaxSession = 4 * time.Hour
	args.PermissionsBoundary = "arn:aws:iam::162808325377:policy/bound"
	r := iamRecorder()
	if got, want := run(t, r, args), "arn:aws:iam::162808325377:role/roman-sit-deployer"; got != want || got != args.PlannedRoleArn() {
		t.Errorf("role ARN %q, planned %q, want %q", got, args.PlannedRoleArn(), want)
	}

	component := r.One(t, creds.Type, "creds")
	role := r.One(t, "aws:iam/role:Role", "creds-role")
	if !strings.HasSuffix(role.Parent, "::"+component.Name) {
		t.Errorf("the role's parent is %q", role.Parent)
	}
	for path, want := range map[string]any{
		"name": "roman-sit-deployer", "maxSessionDuration": 14400.0, "permissionsBoundary": args.PermissionsBoundary,
		"tags.owner": "dmd", "tags.Name": "roman-sit-deployer",
	} {
		if got := role.Input(path); got != want {
			t.Errorf("role: %s is %v, want %v", path, got, want)
		}
	}
	var trust struct{ Statement []iampolicy.Statement }
	if err := json.Unmarshal([]byte(role.Input("assumeRolePolicy").(string)), &trust); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]iampolicy.Statement{{
		Sid: "NamedPrincipals", Effect: "Allow", Action: []string{"sts:AssumeRole"},
		Principal: &iampolicy.Principal{AWS: []string{gough, "arn:aws:iam::162808325377:user/sam"}},
	}}, trust.Statement); diff != "" {
		t.Errorf("trust (-want +got):\n%s", diff)
	}

	policies := r.OfType("aws:iam/policy:Policy")
	if len(policies) != 5 || len(r.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) != len(policies) {
		t.Errorf("%d policies, want 5, and %d attachments", len(policies), len(r.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")))
	}
	for _, p := range policies {
		text := p.Input("policy").(string)
		if len(text) > iampolicy.MaxManagedPolicy || !json.Valid([]byte(text)) {
			t.Errorf("%s: policy of %d characters, or no JSON", p.Name, len(text))
		}
		if name := p.Input("name").(string); !strings.HasPrefix(name, "roman-sit-deployer-") {
			t.Errorf("%s is named %q", p.Name, name)
		}
	}

	if got := r.One(t, "aws:iam/group:Group", "creds-group").Input("name"); got != "roman-sit-deployers" {
		t.Errorf("the group is named %v", got)
	}
	groupPolicy := r.One(t, "aws:iam/groupPolicy:GroupPolicy", "creds-group")
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"AssumeDeployer","Effect":"Allow","Action":["sts:AssumeRole"],` +
		`"Resource":["arn:aws:iam::162808325377:role/roman-sit-deployer"]}]}`
	if diff := cmp.Diff(want, groupPolicy.Input("policy")); diff != "" {
		t.Errorf("the group's policy (-want +got):\n%s", diff)
	}
	member := r.One(t, "aws:iam/userGroupMembership:UserGroupMembership", "creds-user-sam")
	if member.Input("user") != "sam" || member.Input("groups[0]") != "roman-sit-deployers" {
		t.Errorf("membership of %v in %v", member.Input("user"), member.Input("groups[0]"))
	}
}

func TestProviderWaitsForTheRoleAndItsRights(t *testing.T) {
	r := iamRecorder()
	args := createArgs()
	var seen atomic.Value
	args.WaitAssumable = func(_ context.Context, created time.Time) error { seen.Store(created); return nil }
	run(t, r, args)
	if got, want := seen.Load(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); got != want {
		t.Errorf("waited for a role created %v, want %v", got, want)
	}
	p := r.One(t, "pulumi:providers:aws", "deployer")
	for path, want := range map[string]any{
		"region": "us-east-1", "allowedAccountIds[0]": "162808325377", "defaultTags.tags.owner": "dmd",
		"assumeRole.roleArn": "arn:aws:iam::162808325377:role/roman-sit-deployer", "assumeRole.sessionName": "hubwright",
	} {
		if got := p.Input(path); got != want {
			t.Errorf("provider: %s is %v, want %v", path, got, want)
		}
	}
	attachments := 0
	for _, urn := range p.DependsOn {
		if strings.Contains(urn, "rolePolicyAttachment") {
			attachments++
		}
	}
	if attachments != 5 {
		t.Errorf("the provider depends on %d attachments, want all 5: %q", attachments, p.DependsOn)
	}
}

func TestWaiting(t *testing.T) {
	refuse := func(context.Context, time.Time) error { return errors.New("no such luck") }
	program := func(args *creds.Args) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			c, err := creds.New(ctx, "creds", args)
			if err != nil {
				return err
			}
			_, err = c.Provider(ctx, "deployer", creds.ProviderArgs{Region: "us-east-1", AccountID: "162808325377"})
			return err
		}
	}
	args := createArgs()
	args.WaitAssumable = refuse
	if err := iamRecorder().Run("staging", program(args)); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("a role that cannot be assumed gave error %v", err)
	}
	preview := iamRecorder()
	preview.Preview = true
	if err := preview.Run("staging", program(args)); err != nil {
		t.Errorf("a preview has waited: %v", err)
	}
	// The default waits on the real clock; an old role costs nothing.
	args.WaitAssumable = nil
	start := time.Now()
	if err := iamRecorder().Run("staging", program(args)); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("an old role: error %v after %s", err, time.Since(start))
	}
}

func TestOtherModesMakeNothing(t *testing.T) {
	const existing = "arn:aws:iam::162808325377:role/existing"
	for _, tc := range []struct {
		name, want string
		args       *creds.Args
		assumeRole any
	}{
		{"assume", existing, &creds.Args{Mode: creds.Assume, RoleArn: existing}, existing},
		{"ambient", "", &creds.Args{Mode: creds.Ambient}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder.Recorder{}
			if got := run(t, r, tc.args); got != tc.want || tc.args.PlannedRoleArn() != tc.want {
				t.Errorf("role ARN %q, planned %q, want %q", got, tc.args.PlannedRoleArn(), tc.want)
			}
			r2 := &recorder.Recorder{}
			r2.MustRun(t, func(ctx *pulumi.Context) error {
				c, err := creds.New(ctx, "creds", tc.args)
				if err == nil && (c.KubeRoleArn() == nil) != (tc.want == "") {
					t.Errorf("kubeconfig's role is %v", c.KubeRoleArn())
				}
				return err
			})
			if got := len(r.All()); got != 3 { // the component, the provider and the test's own
				t.Errorf("%d resources, want 3", got)
			}
			if got := r.One(t, "pulumi:providers:aws", "deployer").Input("assumeRole.roleArn"); got != tc.assumeRole {
				t.Errorf("assumeRole.roleArn is %v, want %v", got, tc.assumeRole)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*creds.Args)
		want   []string
	}{
		{"account root", func(a *creds.Args) { a.TrustedPrincipals = []string{"arn:aws:iam::162808325377:root"} }, []string{"trusts a whole account"}},
		{"bare account", func(a *creds.Args) { a.TrustedPrincipals = []string{"162808325377"} }, []string{"is not the ARN"}},
		{"wildcard", func(a *creds.Args) { a.AllowAccountRoot = true; a.TrustedPrincipals = []string{"*"} }, []string{"wildcard"}},
		{"not an ARN", func(a *creds.Args) { a.TrustedPrincipals = []string{"gough"} }, []string{`trustedPrincipals[0] "gough" is not the ARN`}},
		{"nobody", func(a *creds.Args) { a.TrustedPrincipals = nil }, []string{"nobody is trusted"}},
		{"short session", func(a *creds.Args) { a.MaxSession = time.Minute }, []string{"between 1h and 12h"}},
		{"long session", func(a *creds.Args) { a.MaxSession = 13 * time.Hour }, []string{"between 1h and 12h"}},
		{"mode", func(a *creds.Args) { a.Mode = "magic" }, []string{`mode "magic" is unknown`}},
		{"assume without a role", func(a *creds.Args) { a.Mode = creds.Assume }, []string{"needs the ARN of a role"}},
		{"ambient with a role", func(a *creds.Args) { a.Mode = creds.Ambient; a.RoleArn = "arn:aws:iam::162808325377:role/x" }, []string{"uses no role"}},
		{"many at once", func(a *creds.Args) {
			a.Prefix, a.AccountID, a.Region, a.PermissionsBoundary, a.Users = "", "1", "mars", "bound", []string{"arn:x", "sam", "sam"}
		}, []string{`prefix ""`, `accountId "1"`, `region "mars"`, `boundary "bound"`, `user "arn:x"`, `user "sam" is listed twice`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := createArgs()
			tc.change(args)
			err := (&recorder.Recorder{}).Run("staging", func(ctx *pulumi.Context) error {
				_, err := creds.New(ctx, "creds", args)
				return err
			})
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
	root := createArgs()
	root.TrustedPrincipals, root.AllowAccountRoot = []string{"arn:aws:iam::162808325377:root"}, true
	run(t, iamRecorder(), root)

	err := (&recorder.Recorder{}).Run("staging", func(ctx *pulumi.Context) error {
		c, err := creds.New(ctx, "creds", &creds.Args{Mode: creds.Ambient})
		if err != nil {
			return err
		}
		_, err = c.Provider(ctx, "deployer", creds.ProviderArgs{AccountID: "12"})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "no region") || !strings.Contains(err.Error(), `accountId "12"`) {
		t.Errorf("a provider without region and account: error %v", err)
	}
}
