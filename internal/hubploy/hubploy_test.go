package hubploy

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/scaffold"
)

// checkout is a small deployment with what real ones have: layers, a key that is there twice, page templates, an image, a file-valued leaf that is
// missing, a claim that nobody makes, and two deployments' leftovers.
var checkout = map[string]string{
	"deployments/common/config/all.yaml": "jupyterhub:\n  hub:\n    extraFiles:\n      announcements:\n        mountPath: /srv/announcements.py\n" +
		"    extraVolumes:\n      - {name: quota, persistentVolumeClaim: {claimName: quota-claim}}\n  singleuser:\n    storage: {type: static, static: {pvcName: homes}}\n",
	"deployments/gough/config/common.yaml":                            "jupyterhub:\n  singleuser:\n    memory: {limit: 15G}\n",
	"deployments/gough/config/staging.yaml":                           "jupyterhub:\n  singleuser:\n    memory: {limit: 1G}\n  # of the second\n  singleuser:\n    image: {tag: latest}\n    cpu: {limit: 2}\n",
	"deployments/gough/config/prod.yaml":                              "jupyterhub:\n  hub:\n    config:\n      GenericOAuthenticator:\n        oauth_callback_url: https://gough.example.org/hub/oauth_callback\n",
	"deployments/gough/config/custom-ui-templates-staging-gough.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hub-templates}\n",
	"deployments/gough/config/custom-ui-templates-prod-gough.yaml":    "custom-ui-templates-staging-gough.yaml", // as git writes a link where it makes none
	"deployments/gough/config/README.txt":                             "x",
	"deployments/gough/image/Dockerfile":                              "FROM scratch\n",
	"deployments/gough/image/run.sh":                                  "#!/bin/sh\n",
	"deployments/gough/hubploy.yaml":                                  "images:\n  image_name: 162808325377.dkr.ecr.us-east-1.amazonaws.com/gough-cluster-user-image\n  registry: {provider: aws, aws: {project: 162808325377, zone: us-east-1a}}\ncluster: {provider: aws, aws: {cluster: gough-cluster, role_arn: 'arn:aws:iam::162808325377:role/eks'}}\n",
	"deployments/gough/gough.tfvars":                                  "region = \"us-east-1\"\ncluster_name = \"gough\"\nallowed = [\"a\"]\n",
	"secrets/deployments/gough/secrets/staging.yaml":                  "jupyterhub: {proxy: {secretToken: planted}}\n",
}

func lay(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func plan(t *testing.T, root string) (*Source, *Plan) {
	t.Helper()
	s, err := Read(root, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(Options{Owner: "dmd", ChartVersion: "4.4.0"})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func (p *Plan) says(what string) string {
	var out []string
	for _, n := range p.Notes {
		if strings.Contains(n.What, what) {
			out = append(out, n.Kind+": "+n.Says)
		}
	}
	return strings.Join(out, "\n")
}

func TestPlan(t *testing.T) {
	root := lay(t, checkout)
	s, p := plan(t, root)
	if diff := cmp.Diff([]string{"prod", "staging"}, s.Environments); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"Pulumi.prod.yaml", "Pulumi.staging.yaml", "Pulumi.yaml", "charts/hub/Chart.yaml", "hubs/all.yaml", "hubs/hub/common.yaml", "hubs/hub/manifests/claims.yaml",
		"hubs/hub/manifests/prod.yaml", "hubs/hub/manifests/staging.yaml", "hubs/hub/prod.yaml", "hubs/hub/secrets/staging.yaml", "hubs/hub/staging.yaml", "images/user-image/Dockerfile", "images/user-image/run.sh",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(p.Texts))); diff != "" {
		t.Error(diff)
	}
	if got := string(p.Texts["hubs/hub/staging.yaml"]); got != "jupyterhub:\n  # of the second\n  singleuser:\n    image: {tag: latest}\n    cpu: {limit: 2}\n" {
		t.Errorf("mended to\n%s", got)
	}
	if one, other := p.Texts["hubs/hub/manifests/prod.yaml"], p.Texts["hubs/hub/manifests/staging.yaml"]; string(one) != string(other) {
		t.Errorf("what the link names was not carried over:\n%s", one)
	}
	for what, want := range map[string]string{
		"templates-prod-gough.yaml":     "changed: is a link to custom-ui-templates-staging-gough.yaml",
		"config/staging.yaml":           "changed: line 2: singleuser is there twice; hubs/hub/staging.yaml keeps the last",
		"README.txt":                    "left: is nothing that hubploy reads",
		"quota-claim":                   "changed: is named by the values and made by nothing in the checkout",
		"claim homes":                   "changed: is made by hubwright",
		"extraFiles.announcements":      "left: takes the text of a file announcements.py that the checkout does not have: put it at hubs/hub/files/announcements.py",
		"oauth_callback_url":            "carried: domain of prod: gough.example.org",
		"domain of staging":             "left: is not in the checkout",
		"secrets of prod":               "left: there are none in the checkout",
		"tfvars: allowed":               "left: has no counterpart",
		"cluster gough-cluster":         "left: deployments/gough/hubploy.yaml:4: is not taken over",
		"role/eks":                      "left: is not assumed",
		"deployments/gough/image":       "carried: images/user-image",
		"secrets/deployments/gough/sec": "carried: hubs/hub/secrets/staging.yaml",
	} {
		if got := p.says(what); !strings.Contains(got, want) {
			t.Errorf("of %s it says %q, want %q", what, got, want)
		}
	}
	for _, n := range p.Notes {
		if strings.Contains(n.Says+n.What, "planted") {
			t.Errorf("a note holds a secret: %v", n)
		}
	}
	project := string(p.Texts["Pulumi.yaml"])
	for _, want := range []string{
		`accountId: "162808325377"`, "chart: {path: charts/hub, valuesKey: jupyterhub}", "- {file: 'hubs/hub/secrets/${env}.yaml', optional: true}",
		"jupyterhub.hub.extraFiles.announcements.stringData: hubs/hub/files/announcements.py", "context: images/user-image",
	} {
		if !strings.Contains(project, want) {
			t.Errorf("Pulumi.yaml lacks %s:\n%s", want, project)
		}
	}
	if !strings.Contains(string(p.Texts["Pulumi.prod.yaml"]), "domain: gough.example.org") {
		t.Errorf("prod is\n%s", p.Texts["Pulumi.prod.yaml"])
	}
}

func TestWriteTwice(t *testing.T) {
	root := lay(t, checkout)
	_, p := plan(t, root)
	dir := t.TempDir()
	if n, err := p.Write(dir, false); err != nil || n != len(p.Texts) {
		t.Fatalf("%d written, %v", n, err)
	}
	if n, err := p.Write(dir, false); err != nil || n != 0 {
		t.Errorf("a second time %d were written, %v", n, err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "hubs/all.yaml"), []byte("mine: 1\n"), 0o600), os.Remove(filepath.Join(dir, "Pulumi.yaml"))); err != nil {
		t.Fatal(err)
	}
	var others *scaffold.OverwriteError
	if _, err := p.Write(dir, false); !errors.As(err, &others) || !slices.Equal(others.Files, []string{"hubs/all.yaml"}) {
		t.Errorf("over others: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
		t.Error("something was written before it was refused")
	}
	if n, err := p.Write(dir, true); err != nil || n != 2 {
		t.Errorf("%d written over, %v", n, err)
	}
	for name, text := range checkout {
		if data, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(data) != text {
			t.Errorf("%s of the source was changed: %v", name, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		pick  string
		want  string
	}{
		"no checkout":         {map[string]string{"a": ""}, "", "is no checkout with deployments for hubploy"},
		"none":                {map[string]string{"deployments/common/config/all.yaml": ""}, "", "has no deployment in its folder"},
		"no environment":      {map[string]string{"deployments/a/config/common.yaml": ""}, "", "has no values for an environment"},
		"two":                 {with(map[string]string{"deployments/tike/config/prod.yaml": "a: 1\n"}), "", "has 2 deployments: which one? (--deployment, of gough, tike)"},
		"no such":             {checkout, "gouge", `has no deployment "gouge"; there are gough`},
		"another cloud":       {with(map[string]string{"deployments/gough/hubploy.yaml": "cluster: {provider: gcloud}"}), "", `deployments/gough/hubploy.yaml: provider: is "gcloud"`},
		"not of its form":     {with(map[string]string{"deployments/gough/hubploy.yaml": "images: [a]\n"}), "", "hubploy.yaml: line 1: cannot unmarshal !!seq"},
		"variables, no HCL":   {with(map[string]string{"deployments/gough/gough.tfvars": "region = \"a\nb = 2\n"}), "", "gough.tfvars:1: "},
		"values that are not": {with(map[string]string{"deployments/gough/config/prod.yaml": "a: [\n"}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(lay(t, test.files), test.pick)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err = s.Plan(Options{Owner: "a", ChartVersion: "4.4.0"}); !errors.As(err, new(problem.Problems)) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// What leads out of the checkout is not followed.
func TestNothingOutsideIsRead(t *testing.T) {
	root := lay(t, checkout)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := errors.Join(
		os.WriteFile(outside, []byte("planted: 1\n"), 0o600),
		os.Symlink(outside, filepath.Join(root, "deployments/gough/config/dev.yaml")), os.Symlink(outside, filepath.Join(root, "deployments/gough/image/link")),
	); err != nil {
		t.Fatal(err)
	}
	s, err := Read(root, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(Options{Owner: "dmd", ChartVersion: "4.4.0"})
	if err == nil {
		for name, data := range p.Texts {
			if strings.Contains(string(data), "planted: 1") {
				t.Errorf("%s holds what is outside", name)
			}
		}
		t.Error("a layer that leads out of the checkout was taken")
	} else if !strings.Contains(err.Error(), "dev.yaml") || !strings.Contains(err.Error(), "escapes") {
		t.Error(err)
	}
}

func FuzzHubployYAML(f *testing.F) {
	f.Add([]byte(checkout["deployments/gough/hubploy.yaml"]))
	f.Add([]byte("images: {images: [{name: a, path: b, helm_substitution_path: c}]}"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseHubploy("hubploy.yaml", data) })
}

func FuzzTfvars(f *testing.F) {
	f.Add([]byte(checkout["deployments/gough/gough.tfvars"]))
	f.Add([]byte("a = {b = \"${c}\"}\nd = <<E\nx\nE\n"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseTfvars("a.tfvars", data) })
}

// What is mended means the same as before.
func FuzzMend(f *testing.F) {
	f.Add([]byte(checkout["deployments/gough/config/staging.yaml"]))
	f.Add([]byte("a:\n- b: 1\n  b: 2\na: 3\n"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = mend(data) })
}
