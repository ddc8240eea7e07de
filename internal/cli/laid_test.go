package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// What hubwright's own settings lay under and over the files is a layer of its own. A value that they replace, one that lets in whom auth does not name, and
// one that cannot be deployed are told of by both verbs.
func TestValuesThatHubwrightLays(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n    - name: hub\n      domain: hub.science.stsci.edu\n      templates: null\n      image: null\n" +
		"      https: {type: offload, certificateArn: 'arn:aws:acm:us-east-1:162808325377:certificate/1'}\n      auth:\n        type: github\n        adminUsers: [dmd]\n        allowedUsers: null\n"
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": stack,
		"hubs/hub/common.yaml": "hub:\n  config:\n    JupyterHub: {authenticator_class: dummy}\n    GitHubOAuthenticator:\n      oauth_callback_url: https://old.example.org/hub/oauth_callback\n" +
			"      allow_all: true\n      enable_auth_state: true\n    Authenticator: {admin_users: [old]}\n",
		"hubs/hub/staging.yaml": "proxy:\n  service:\n    annotations: {service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout: \"60\"}\n",
	})
	run := func(code int, args string) string {
		t.Helper()
		a, out, errs := testApp(t)
		if got := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(args)...)); got != code {
			t.Errorf("%s: exit %d: %s", args, got, errs)
		}
		return strings.Join(strings.Fields(out.String()+errs.String()), " ")
	}
	// Another environment has the same file, of which the same is to be said, and is said once.
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.other.yaml"), []byte(strings.Replace(stack, "domain: hub", "values: [hubs/hub/common.yaml]\n      domain: other", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	notes := []string{
		`note: hubs/hub/common.yaml:3: hub.config.JupyterHub.authenticator_class: is "dummy", which hubwright replaces by "github", as hubs[hub].auth says (Pulumi.staging.yaml:11); take it out: nothing reads it`,
		`note: hubs/hub/common.yaml:5: hub.config.GitHubOAuthenticator.oauth_callback_url: is "https://old.example.org/hub/oauth_callback", which hubwright replaces by "https://hub.science.stsci.edu/hub/oauth_callback"`,
		"note: hubs/hub/common.yaml:6: hub.config.GitHubOAuthenticator.allow_all: lets in everybody whom the provider knows, whoever auth names; say it at allowAll of Pulumi.staging.yaml:11, or take it out",
		`note: hubs/hub/common.yaml:8: hub.config.Authenticator.admin_users: is ["old"], which hubwright replaces by ["dmd"]`,
	}
	shown := run(exitDone, "values staging --origin")
	wants(t, shown, append([]string{
		`hub.config.JupyterHub.authenticator_class "github" Pulumi.staging.yaml:11 hubwright`, `hub.config.JupyterHub.cookie_secret "[secret]" Pulumi.staging.yaml:5 hubwright`,
		`hub.config.GitHubOAuthenticator.enable_auth_state true hubs/hub/common.yaml:7 common`, `singleuser.storage.static.pvcName "users-jh-pvc" Pulumi.staging.yaml:5 hubwright`,
		`aws-load-balancer-ssl-cert "arn:aws:acm:us-east-1:162808325377:certificate/1" Pulumi.staging.yaml:9 hubwright`, `connection-idle-timeout "60" hubs/hub/staging.yaml:3 staging`,
		`aws-load-balancer-backend-protocol "tcp" Pulumi.staging.yaml:5 hubwright`,
	}, notes...)...)
	if told := run(exitDone, "validate staging other"); strings.Count(told, "JupyterHub.authenticator_class") != 1 || strings.Contains(told, "enable_auth_state") || strings.Contains(told, "names administrators") {
		t.Errorf("what nothing replaces is told of: %s", told)
	} else {
		wants(t, told, notes...)
	}
	if err := os.WriteFile(filepath.Join(dir, "hubs/hub/staging.yaml"), []byte("hub:\n  db: null\n  extraVolumes: {a: b}\nproxy: {https: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const null = "hubs/hub/staging.yaml:2: hub.db: is null, and nulls do not pass from Pulumi to Helm; leave it out, so that the chart's default holds, or give a value"
	wants(t, run(exitUsage, "validate staging"), null, "hubs/hub/staging.yaml:4: proxy.https: is true, which hubwright replaces")
	wants(t, run(exitDone, "values staging --all --sandbox hub.db"), "null", "note: "+null)
}

// A wrapper chart takes its dependencies from folders beside it, if they are ones, and page templates are the deployment's own.
func TestValidateOfAWrapper(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "page.html"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" +
		"    - {name: hub, domain: hub.science.stsci.edu, templates: pages, image: null, chart: {path: charts/wrap, version: null, name: null, repository: null}}\n"
	for _, test := range []struct {
		name, dependency string
		link             bool
		code             int
		want             string
	}{
		{"beside it", "{name: pages, version: 1.x.x, repository: 'file://../pages'}", false, exitUsage, "hubs/hub/common.yaml:2: pages.title: got number, want string"},
		{"not there", "{name: pages, version: 1.0.0, repository: 'file://../page'}", false, exitUsage, "error: charts/wrap/Chart.yaml:5: dependencies[pages]: is in file://../page, which is not there; name the folder of its Chart.yaml"},
		{"nowhere", "{name: pages, version: 1.0.0}", false, exitUsage, `charts/wrap/Chart.yaml:5: dependencies[pages]: is in "", where nothing is fetched from`},
		{"out of the deployment", "{name: pages, version: 1.0.0, repository: 'file://../../../x'}", false, exitUsage, `charts/wrap/Chart.yaml:5: dependencies[pages]: "file://../../../x" leads out of the deployment directory; move it in, or name its folder at deployment.outside`},
		{"out of reach", "{name: pages, version: 1.0.0, repository: 'https://charts.example.org'}", false, exitDone, "note: values are not held to their chart"},
		{"a page of elsewhere", "{name: pages, version: 1.0.0, repository: 'https://charts.example.org'}", true, exitUsage, "error: pages/page.html: leads out of the deployment directory; move it in, or name its folder at deployment.outside"},
	} {
		dir := layered(t, map[string]string{
			"Pulumi.staging.yaml": stack, "hubs/hub/common.yaml": "pages:\n  title: 1\n", "hubs/hub/staging.yaml": "", "pages/login.html": "x",
			"charts/wrap/Chart.yaml":          "apiVersion: v2\nname: wrap\nversion: 1.0.0\ndependencies:\n  - " + test.dependency + "\n",
			"charts/pages/Chart.yaml":         "apiVersion: v2\nname: pages\nversion: 1.0.0\n",
			"charts/pages/values.schema.json": `{"properties": {"title": {"type": "string"}}}`,
		})
		if test.link {
			if err := os.Symlink(filepath.Join(outside, "page.html"), filepath.Join(dir, "pages", "page.html")); err != nil {
				t.Fatal(err)
			}
		}
		a, _, errs := testApp(t)
		if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "validate", "staging"}); code != test.code || !strings.Contains(errs.String(), test.want) || strings.Count(errs.String(), test.want) != 1 {
			t.Errorf("%s: exit %d, want %d and once %s\n%s", test.name, code, test.code, test.want, errs)
		}
	}
}

// An operation in the sandbox says at its end what it took for granted.
func TestTheSandboxSaysWhatItTookForGranted(t *testing.T) {
	const arn = "arn:aws:acm:us-east-1:162808325377:certificate/1"
	for _, test := range []struct {
		name  string
		https config.HTTPS
		says  bool
	}{{"a certificate that is named", config.HTTPS{Type: config.HTTPSOffload, CertificateArn: arn}, true}, {"one that is made", config.HTTPS{Type: config.HTTPSOffload, RequestCertificate: true}, false}} {
		a, _, errs := testApp(t)
		stack := &config.Stack{}
		stack.Hubs = []config.Hub{{HTTPS: test.https}}
		s := &session{app: a, sandbox: &sandbox.Sandbox{Charts: &render.Source{}}, stack: stack}
		s.sandboxNote()
		if got := strings.Contains(errs.String(), "that ACM has the certificate "+arn+" was taken for granted"); got != test.says || !strings.Contains(errs.String(), "nothing real was touched") {
			t.Errorf("%s: %s", test.name, errs)
		}
	}
}

// A doctor says of a dependency that cannot be one what is wrong with it, and not that a repository is out of reach.
func TestDoctorOfAWrapper(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" +
			"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, chart: {path: wrap, version: null, name: null, repository: null}}\n",
		"wrap/Chart.yaml":      "apiVersion: v2\nname: wrap\nversion: 1.0.0\ndependencies:\n  - {name: pages, version: 1.0.0, repository: 'file://../pages'}\n",
		"hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": "",
	})
	a, _, _ := testApp(t)
	stack, err := config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := a.checkHubOf(t.Context(), globals{dir: dir}, stack, stack.Hub("hub"))[0]
	want := doctor.Row{
		Check: "hub hub: chart", State: doctor.Fail, Seen: "wrap/Chart.yaml:5: dependencies[pages]: is in file://../pages, which is not there",
		Remedy: "name the folder of its Chart.yaml, relative to that of the chart",
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Error(diff)
	}
}
