package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/reference"
)

// base is a project whose defaults are complete, so that a stack that only names its hub's domain is right.
const base = `name: hubwright
runtime: go
config:
  hubwright:deployment:
    type: object
    default: {name: roman-sit, accountId: "162808325377", owner: dmd, tags: {project: roman}}
  hubwright:creds:
    type: object
    default: {trustedPrincipals: [arn:aws:iam::162808325377:user/gough]}
  hubwright:cluster:
    type: object
    default:
      version: "1.35"
      endpoint: {publicCidrs: [0.0.0.0/0]}
      addons: {vpcCni: {version: v1.21.1-eksbuild.5}, coredns: {version: v1.13.2-eksbuild.4}, kubeProxy: {version: v1.35.2-eksbuild.4}}
      nodeGroups:
        - {name: core, purpose: core, instanceTypes: [t3.medium], min: 1, max: 3}
        - {name: user, purpose: user, instanceTypes: [t3.xlarge], max: 10}
      autoscaler: {chartVersion: 9.56.0}
  hubwright:images:
    type: array
    items: {type: object}
    default: [{name: user-image, context: image}]
  hubwright:hubs:
    type: array
    items: {type: object}
    default: [{name: hub, chart: {version: 4.4.0}, auth: {type: mast, adminUsers: [gough@stsci.edu]}}]
  hubwright:dns:
    type: object
    default: {zone: example.org}
`

// head is how a right stack begins; line 5 is where a test's own lines begin.
const head = `config:
  aws:region: us-east-1
  hubwright:hubs:
    - {name: hub, domain: hub.example.org}
`

// deployment writes a deployment with these files besides those that every one has.
func deployment(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"Pulumi.yaml": base, "image/Dockerfile": "FROM scratch\n", "hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": "", "hubs/hub/prod.yaml": "",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// staging writes a deployment whose stack staging is head and these lines.
func staging(t *testing.T, lines string) string {
	t.Helper()
	return deployment(t, map[string]string{"Pulumi.staging.yaml": head + lines})
}

func TestDefaults(t *testing.T) {
	s, err := config.Load(staging(t, ""), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"region":           s.Region() == "us-east-1" && s.Deployment.Region == "us-east-1" && s.Partition() == "aws",
		"prefix":           s.Prefix() == "roman-sit-staging" && s.Creds.NamePrefix == "roman-sit-staging",
		"cluster":          s.ClusterName() == "roman-sit-staging" && s.Cluster.Own() && s.Cluster.SecretsEncryption,
		"endpoint":         s.Cluster.Endpoint.Public && s.Cluster.Endpoint.Private,
		"network":          s.Network.CIDR == "172.16.0.0/16" && s.Network.AvailabilityZones.Count == 3 && s.Network.NAT == config.NATNone,
		"node group":       s.Cluster.NodeGroups[0].Desired == 1 && s.Cluster.NodeGroups[0].DiskGiB == 50,
		"storage":          s.Storage.Protect && s.Storage.Backup && s.Storage.ThroughputMode == "elastic" && s.Storage.HomeSizeGiB == 100,
		"key alias":        s.SecretStore.KeyAlias == "roman-sit-staging-secrets",
		"image":            s.Hubs[0].Image == "user-image" && s.Image("user-image").Dockerfile == "Dockerfile",
		"values":           cmp.Equal(s.Hubs[0].Values, []config.File{{File: "hubs/all.yaml", Optional: true}, {File: "hubs/hub/common.yaml"}, {File: "hubs/hub/staging.yaml"}}),
		"mast":             s.Hubs[0].Auth.UsernameClaim == "eppn" && cmp.Equal(s.Hubs[0].Auth.Scopes, []string{"mast:user:info"}),
		"callback":         s.CallbackURL(s.Hub("hub")) == "https://hub.example.org/hub/oauth_callback",
		"release":          s.ReleaseName("hub") == "roman-sit-staging" && s.ReleaseName("jwst") == "roman-sit-jwst-staging",
		"tags":             s.Tags()["project"] == "roman" && s.Tags()["environment"] == "staging",
		"dns":              s.DNS.Record == config.RecordCNAME && s.DNS.TTL == 300,
		"no such hub":      s.Hub("none") == nil && s.Image("none") == nil,
		"secrets provider": s.SecretsProvider() == "",
	} {
		if !ok {
			t.Errorf("default of %s is wrong: %+v", what, s.Settings)
		}
	}
}

func TestMerging(t *testing.T) {
	s, err := config.Load(staging(t, `  hubwright:cluster:
    logTypes: [api]
    addons: {vpcCni: {warmIpTarget: 0}}
    nodeGroups:
      - {name: gpu, instanceTypes: [g5.xlarge], max: 2, gpu: true}
      - {name: user, max: 50, spot: true}
  hubwright:deployment: {tags: null, owner: ops}
  hubwright:network: {availabilityZones: [us-east-1a, us-east-1c]}
`), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	for _, g := range s.Cluster.NodeGroups {
		groups = append(groups, g.Name)
	}
	if diff := cmp.Diff([]string{"core", "user", "gpu"}, groups); diff != "" {
		t.Error(diff)
	}
	if g := s.Cluster.NodeGroups[1]; g.Max != 50 || !g.Spot || g.Purpose != "user" || g.InstanceTypes[0] != "t3.xlarge" {
		t.Errorf("the stack's user group does not lie over the project's: %+v", g)
	}
	if a := s.Cluster.Addons.VpcCni; a.WarmIPTarget != 0 || a.Version != "v1.21.1-eksbuild.5" {
		t.Errorf("objects do not merge, or 0 is taken for nothing: %+v", a)
	}
	if d := s.Deployment; d.Tags != nil || d.Owner != "ops" || d.Name != "roman-sit" {
		t.Errorf("null does not take a default away: %+v", d)
	}
	if z := s.Network.AvailabilityZones; z.Count != 0 || !cmp.Equal(z.Names, []string{"us-east-1a", "us-east-1c"}) {
		t.Errorf("zones: %+v", z)
	}
}

func TestEngineValues(t *testing.T) {
	dir := staging(t, "  hubwright:registry: {keepImages: 7}\n  hubwright:storage: {homeSizeGiB: 5}\n")
	engine := map[string]string{
		"aws:region":         "eu-west-1",
		"hubwright:dns":      `{"zone":"example.org","ttl":60}`,
		"hubwright:registry": `{"keepImages":7}`,
		"hubwright:storage":  `{"homeSizeGiB":6}`,
		"hubwright:secrets":  `{"hub":{"proxyToken":1}}`,
	}
	s, err := config.Load(dir, "staging", engine, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Region() != "eu-west-1" || s.DNS.TTL != 60 || s.Registry.KeepImages != 7 || s.Storage.HomeSizeGiB != 6 || s.Storage.ThroughputMode != "elastic" {
		t.Errorf("region %s, %+v, %+v, %+v", s.Region(), s.DNS, s.Registry, s.Storage)
	}
	engine["hubwright:dns"] = `{"zone":"example.org","tll":60}`
	_, err = config.Load(dir, "staging", engine, config.Options{})
	const want = `the engine's value of hubwright:dns: dns.tll: is not a key of dns; did you mean "ttl"?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestEnvironments(t *testing.T) {
	dir := deployment(t, map[string]string{"Pulumi.yml": "", "Pulumi.staging.yaml": head, "Pulumi.prod.yaml": head, "notes.yaml": ""})
	for env, want := range map[string]string{
		"stagging":   `there is no environment "stagging": there are prod, staging; did you mean "staging"?`,
		"x":          `there is no environment "x": there are prod, staging`,
		"":           `there is no environment "": there are prod, staging`,
		"../staging": `there is no environment "../staging": there are prod, staging; did you mean "staging"?`,
	} {
		_, err := config.Load(dir, env, nil, config.Options{})
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", env, err, want)
		}
	}
	// Pulumi also takes Pulumi.yml, whose stacks end the same, in a folder of their own if it says so.
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(deployment(t, map[string]string{"stacks/Pulumi.dev.yml": head, "hubs/hub/dev.yaml": ""}))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "Pulumi.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yml"), []byte("stackConfigDir: stacks\n"+base), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := config.Load(dir, "dev", nil, config.Options{}); err != nil || s.Prefix() != "roman-sit-dev" {
		t.Errorf("%v", err)
	}
	if envs, err := config.Environments(dir); err != nil || !cmp.Equal(envs, []string{"dev"}) {
		t.Errorf("%q, %v", envs, err)
	}
	empty := t.TempDir()
	if _, err := config.Environments(empty); err == nil || !strings.HasSuffix(err.Error(), "holds no Pulumi.yaml, so it is no deployment") {
		t.Errorf("%v", err)
	}
}

// A project may have another name; its keys then begin with that.
func TestOtherProjectName(t *testing.T) {
	rename := func(s string) string { return strings.ReplaceAll(s, "hubwright", "roman") }
	dir := deployment(t, map[string]string{"Pulumi.yaml": rename(base), "Pulumi.staging.yaml": rename(head)})
	s, err := config.Load(dir, "staging", map[string]string{"roman:dns": `{"zone":"example.org","ttl":60}`}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Project != "roman" || s.DNS.TTL != 60 || s.Hubs[0].Domain != "hub.example.org" {
		t.Errorf("project %q, %+v", s.Project, s.Settings)
	}
}

func TestSharesAnothersCluster(t *testing.T) {
	dir := deployment(t, map[string]string{
		"Pulumi.staging.yaml": head,
		"Pulumi.prod.yaml":    head + "  hubwright:cluster: {from: staging, version: null, nodeGroups: null}\n",
	})
	s, err := config.Load(dir, "prod", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Cluster.Own() || s.ClusterName() != "roman-sit-staging" || s.ReleaseName("hub") != "roman-sit-prod" {
		t.Errorf("%+v", s.Cluster)
	}
	s, err = config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if sharing, err := s.Sharing(); err != nil || len(sharing) != 1 || sharing[0].Environment != "prod" {
		t.Errorf("%d environments share it, %v", len(sharing), err)
	}
}

// TestAllAtOnce pins what a person sees who got many things wrong.
func TestAllAtOnce(t *testing.T) {
	input, err := os.ReadFile(filepath.Join("testdata", "wrong.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := deployment(t, map[string]string{"Pulumi.staging.yaml": string(input)})
	_, err = config.Load(dir, "staging", nil, config.Options{})
	if err == nil {
		t.Fatal("no problem was found")
	}
	golden := filepath.Join("testdata", "wrong.golden")
	got := err.Error() + "\n"
	if *reference.Update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// Beside the problems there is a stack only for those who ask for it.
func TestPartial(t *testing.T) {
	dir := staging(t, "    - {name: lab, domain: lab.example.org, valuesFromFiles: {a.b: nothing.txt}}\n")
	for _, partial := range []bool{false, true} {
		stack, err := config.Load(dir, "staging", nil, config.Options{Partial: partial})
		if err == nil || !strings.Contains(err.Error(), `"nothing.txt" does not exist`) {
			t.Fatalf("got %v", err)
		}
		if (stack != nil) != partial {
			t.Errorf("asked for it: %v, and the stack is %v", partial, stack)
		}
	}
}
