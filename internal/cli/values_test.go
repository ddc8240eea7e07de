package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/reference"
)

// layered is a deployment with a hub whose values are in the files.
func layered(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	project, err := os.ReadFile("../../Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const chain = "      - name: certificates\n        context: images/certificates\n      - name: common\n        context: images/common\n"
	if !strings.Contains(string(project), chain) {
		t.Fatalf("the project's images do not begin with\n%s", chain)
	}
	all := map[string]string{
		"Pulumi.yaml":         strings.Replace(string(project), chain, "", 1), // a test names what user-image is built of itself
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null}\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestValuesAndTheirOrigins(t *testing.T) {
	dir := layered(t, map[string]string{
		"hubs/hub/common.yaml":  "singleuser:\n  memory: {limit: 15G}\n  extraVolumes:\n    - {name: data}\nhub: {a: 1}\n",
		"hubs/hub/staging.yaml": "singleuser:\n  memory:\n    limit: 8G\n  extraVolumes: []\n",
	})
	for _, test := range []struct{ args, want string }{
		{"values staging singleuser.memory", "limit: 8G\n"},
		{"values staging singleuser.memory --set singleuser.memory.guarantee=4G", "guarantee: 4G\nlimit: 8G\n"},
		{`values staging --set hub.l={a\,b,c} hub.l`, "- a,b - c"},
		{`values staging --set-string hub.s=a\,b --set-json=hub.j=[1,2] hub.j`, "- 1 - 2"},
		{`values staging --set-string hub.s=a\,b hub.s`, "a,b"},
		{"values staging --origin hub.a", "VALUE  FROM LAYER hub.a 1 hubs/hub/common.yaml:5 common"},
		{"values staging -o json singleuser.memory", `"path": "singleuser.memory.limit", "value": "8G", "layer": "staging", "file": "hubs/hub/staging.yaml", "line": 3`},
	} {
		a, out, errs := testApp(t)
		if code := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(test.args)...)); code != exitDone {
			t.Errorf("%s: exit %d: %s", test.args, code, errs)
			continue
		}
		if flat := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(flat, strings.Join(strings.Fields(test.want), " ")) {
			t.Errorf("%s: %s", test.args, cmp.Diff(test.want, out.String()))
		}
		if strings.Contains(test.args, "-o json") {
			reference.Fits(t, out.Bytes())
		}
		if want := `hubs/hub/staging.yaml:4: singleuser.extraVolumes: replaces the list of hubs/hub/common.yaml:3 (common), of which 1 of 1 items are gone: "data"`; !strings.Contains(out.String()+errs.String(), "gone") || !strings.Contains(test.args, "-o json") && !strings.Contains(errs.String(), want) {
			t.Errorf("%s: the list that was replaced is not told: %s", test.args, errs)
		}
	}
}

// An image that is pinned is the highest layer, above the command line. One that is not is told of.
func TestValuesOfAnImage(t *testing.T) {
	digits := strings.Repeat("0a", 32)
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images:\n" +
		"    - {name: user-image, context: images, valuesPaths: [singleuser.image, singleuser.profileList.0.kubespawner_override.image]}\n" +
		"  hubwright:hubs:\n    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: user-image, values: [hubs/hub/common.yaml]}\n"
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": stack, "images/Dockerfile": "FROM scratch\n",
		"hubs/hub/common.yaml": "singleuser:\n  image: {name: r/old, tag: v1, pullPolicy: Always}\n  profileList: [{display_name: GPU, kubespawner_override: {cpu_limit: 4}}]\n",
	})
	run := func() string {
		a, out, errs := testApp(t)
		if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "values", "staging", "--origin", "singleuser", "--set-string", "singleuser.image.tag=v2"}); code != exitDone {
			t.Fatalf("exit %d: %s", code, errs)
		}
		return strings.Join(strings.Fields(out.String()+errs.String()), " ")
	}
	if got, want := run(), "note: an update puts image user-image at singleuser.image, by the digest that it has when it is built"; !strings.Contains(got, want) || !strings.Contains(got, `singleuser.image.tag "v2" --set-string command line`) {
		t.Errorf("not pinned: %s", got)
	}
	pinned := stack + "  hubwright:pins: {images: {user-image: r/new@sha256:" + digits + "}}\n"
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.staging.yaml"), []byte(pinned), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run()
	for _, want := range []string{
		`singleuser.image.name "r/new@sha256" Pulumi.staging.yaml image`, `singleuser.image.tag "` + digits[:59] + `… Pulumi.staging.yaml image`,
		`singleuser.image.pullPolicy "Always" hubs/hub/common.yaml:2 common`, `singleuser.profileList[0].kubespawner_override.image "r/new@sha256:`,
		`singleuser.profileList[0].kubespawner_override.cpu_limit 4 hubs/hub/common.yaml:3 common`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q: %s", want, got)
		}
	}
}

func TestValuesRefuses(t *testing.T) {
	dir := layered(t, map[string]string{"hubs/hub/common.yaml": "a: 1\n", "hubs/hub/staging.yaml": "b: 1\n"})
	for args, want := range map[string]string{
		"values":                        "values: which environment?",
		"values stagin":                 "did you mean",
		"values staging c":              "there is no value c in the files of hub hub",
		"values staging --hub hup":      `staging has no hub "hup"; did you mean "hub"?`,
		"values staging --set z[x]=1":   "--set: z[x]:",
		"values staging --set-file a=x": `--set-file: a: "x" does not exist; give it as PATH=FILE, the file relative to the deployment directory`,
	} {
		a, _, errs := testApp(t)
		if code := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(args)...)); code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d: %s", args, code, errs)
		}
	}
}

// validate finds in every hub's files what Helm would pass over in silence.
func TestValidateReadsValues(t *testing.T) {
	dir := layered(t, map[string]string{"hubs/hub/common.yaml": "a: 1\nb: 2\na: 3\n", "hubs/hub/staging.yaml": "b:\n\tc: 1\n"})
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	a, _, errs := testApp(t)
	if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "validate"}); code != exitUsage {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"hubs/hub/common.yaml:3: a: is there twice, on line 1 and on line 3", "hubs/hub/staging.yaml:2: is indented with a tab"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in\n%s", want, errs)
		}
	}
	a, out, _ := testApp(t)
	if code := a.run(t.Context(), []string{"hubwright", "-C", dir, "validate", "-o", "json"}); code != exitUsage {
		t.Errorf("exit %d", code)
	}
	reference.Fits(t, out.Bytes())
}

// Values are held to the chart's schema, where a chart is to be had; where not, that is said, and is no failure.
func TestValidateHoldsValuesToTheChart(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	dir := layered(t, map[string]string{"hubs/hub/common.yaml": "scheduling:\n  userSchedular: {enabled: true}\n", "hubs/hub/staging.yaml": "singleuser:\n  startTimeout: soon\n"})
	for args, want := range map[string]struct {
		code  int
		lines []string
	}{
		"validate --sandbox": {exitUsage, []string{
			`hubs/hub/common.yaml:2: scheduling.userSchedular: is no key that the chart knows; did you mean "userScheduler"?`,
			"hubs/hub/staging.yaml:2: singleuser.startTimeout: got string, want integer", "values are held to a built-in outline in place of the chart jupyterhub",
		}},
		"validate": {exitDone, []string{"values are not held to their chart", "staging ok"}},
	} {
		a, out, errs := testApp(t)
		t.Setenv("XDG_CACHE_HOME", t.TempDir()) // where no chart was fetched before
		if code := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(args)...)); code != want.code {
			t.Errorf("%s: exit %d", args, code)
		}
		for _, line := range want.lines {
			if !strings.Contains(out.String()+errs.String(), line) {
				t.Errorf("%s: %q is not in\n%s%s", args, line, out, errs)
			}
		}
	}
}

// With --all the chart's own values are the lowest layer; validate says of keys that nothing reads.
func TestValuesOverTheCharts(t *testing.T) {
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" +
			"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, chart: {path: chart, version: null, name: null, repository: null}}\n",
		"chart/Chart.yaml":      "apiVersion: v2\nname: small\nversion: 1.0.0\n",
		"chart/values.yaml":     "hub:\n  memory: 1G\n  cpu: 1\n  db: null\n  config: {JupyterHub: {authenticator_class: dummy}}\n",
		"hubs/hub/common.yaml":  "hub:\n  memory: 2G\n  cpus: 2\n",
		"hubs/hub/staging.yaml": "",
	})
	const note = `note: hubs/hub/common.yaml:3: hub.cpus: is in no default of the chart and not in its schema, so most likely nothing reads it; did you mean "cpu"?`
	for _, test := range []struct{ args, want, said string }{
		{"values staging --all --origin", "hub.cpu 1 chart/values.yaml:3 chart defaults hub.cpus 2 hubs/hub/common.yaml:3 common ", note},
		{"values staging --all --origin hub.memory", "hub.memory \"2G\" hubs/hub/common.yaml:2 common", note},
		{"values staging hub.cpus", "2", ""},
		{"validate staging", "staging ok", note},
	} {
		a, out, errs := testApp(t)
		if code := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(test.args)...)); code != exitDone {
			t.Errorf("%s: exit %d: %s", test.args, code, errs)
			continue
		}
		if flat := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(flat, test.want) {
			t.Errorf("%s: %s", test.args, cmp.Diff(test.want, out.String()))
		}
		if said := strings.Contains(errs.String(), "most likely nothing reads it"); said != (test.said != "") || !strings.Contains(errs.String(), test.said) {
			t.Errorf("%s: said %q, want %q", test.args, errs, test.said)
		}
		if strings.Contains(errs.String(), "is null") || strings.Contains(errs.String(), "hubwright replaces") {
			t.Errorf("%s blames somebody for the chart's own values: %s", test.args, errs)
		}
	}
}

// What is wrong with further objects, and what leads out of the directory, is told of with the rest.
func TestValidateFiles(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "all.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" +
		"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, manifests: [hubs/hub/more.yaml, hubs/hub/none.yaml], values: [hubs/hub/common.yaml, hubs/hub/link.yaml]}\n"
	files := map[string]string{
		"Pulumi.staging.yaml":  stack,
		"hubs/hub/common.yaml": "hub: {revisionHistoryLimit: 1}\n",
		"hubs/hub/none.yaml":   "",
		"hubs/hub/more.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\n---\nkind: List\n---\n[1]\n---\nother.yaml\n",
	}
	run := func(files map[string]string) (int, string) {
		dir := layered(t, files)
		if err := os.Symlink(filepath.Join(outside, "all.yaml"), filepath.Join(dir, "hubs", "hub", "link.yaml")); err != nil {
			t.Fatal(err)
		}
		a, _, errs := testApp(t)
		code := a.run(t.Context(), []string{"hubwright", "-C", dir, "validate", "staging", "--sandbox"})
		return code, errs.String()
	}
	code, errs := run(files)
	if want := `"hubs/hub/link.yaml" leads out of the deployment directory; move it in, or name its folder at deployment.outside`; code != exitUsage || !strings.Contains(errs, want) || strings.Count(errs, "leads out") != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
	files["Pulumi.staging.yaml"] = stack + "  hubwright:deployment: {outside: [" + outside + "]}\n"
	code, errs = run(files)
	for _, want := range []string{
		"hubs/hub/more.yaml:5: it has no metadata.name", "hubs/hub/more.yaml:8: it has no apiVersion", "hubs/hub/more.yaml:10: is a list; write each object as a document of its own",
		`hubs/hub/more.yaml:12: is the text "other.yaml", not a Kubernetes object`,
	} {
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("exit %d without %q: %s", code, want, errs)
		}
	}
}

// A file that is wrong hides nothing of the others: neither their problems, nor what the chart refuses of them. What the wrong file may hold is not missed.
func TestValidateTellsAllAtOnce(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n    - name: hub\n      domain: hub.science.stsci.edu\n      templates: null\n      image: null\n" +
			"      values: [pipe.yaml, hubs/hub/common.yaml, hubs/hub/staging.yaml]\n      secretFiles: [hubs/hub/none.yaml, hubs/hub/plain.yaml]\n",
		"hubs/hub/common.yaml":  "singleuser:\n  startTimeout: soon\n",
		"hubs/hub/staging.yaml": "a: *none\n---\nb: 1\n",
		"hubs/hub/plain.yaml":   "hub: {db: {password: hunter2}}\n",
		"hubs/hub/none.yaml":    "",
	})
	if err := errors.Join(os.Remove(filepath.Join(dir, "hubs/hub/none.yaml")), syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere.yaml", filepath.Join(dir, "hubs/hub/none.yaml")); err != nil { // there, and yet not to be read
		t.Fatal(err)
	}
	a, _, errs := testApp(t)
	code := a.run(t.Context(), []string{"hubwright", "-C", dir, "validate", "staging", "--sandbox"})
	for _, want := range []string{
		"pipe.yaml: is no file, but a named pipe; name a file with the values", "hubs/hub/staging.yaml:1: unknown anchor 'none' referenced",
		"hubs/hub/staging.yaml:2: a second YAML document begins here", "hubs/hub/common.yaml:2: singleuser.startTimeout: got string, want integer",
	} {
		if code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("exit %d without %q: %s", code, want, errs)
		}
	}
}

// What auth and https leave to the values is looked for there: what a hub cannot do without stops it outside the sandbox, and is said inside.
func TestValidateLooksForWhatIsLeftToValues(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n" +
		"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, https: {type: values}, auth: {type: values}}\n"
	const nobody, plain = "hub.config.JupyterHub.authenticator_class: is missing", "proxy.https.enabled: is not true, so that passwords and cookies cross the network in plain text"
	const github = "hub:\n  config:\n    JupyterHub: {authenticator_class: github}\n"
	for _, test := range []struct {
		name, values  string
		sandbox       bool
		code          int
		want, without []string
	}{
		{"nothing", "", false, exitDone, []string{"staging: with real services a hub needs this: hub hub: " + nobody, plain}, nil},
		{"anybody", "hub: {config: {JupyterHub: {authenticator_class: dummy}}}\n", false, exitUsage, []string{"error: hubs/hub/common.yaml:1: hub.config.JupyterHub.authenticator_class: is dummy, which lets anybody in"}, nil},
		{"nothing, in the sandbox", "", true, exitDone, []string{"staging: with real services a hub needs this: hub hub: " + nobody, plain}, nil},
		{"a login without a client", github, false, exitDone, []string{"hub.config.OAuthenticator.client_id: is missing; register a client with the callback https://hub.science.stsci.edu/hub/oauth_callback", "client_secret", "oauth_callback_url"}, []string{nobody}},
		{
			"another callback", github + "    GitHubOAuthenticator: {client_id: a, client_secret: b, oauth_callback_url: 'https://x.org/cb'}\n", false, exitDone,
			[]string{"hubs/hub/common.yaml:4: hub.config.GitHubOAuthenticator.oauth_callback_url: is not the hub's address"},
			[]string{"client_id", "client_secret: is missing"},
		},
		{"a certificate that is to come", "proxy: {https: {enabled: true, type: manual}}\n", true, exitUsage, []string{"proxy.https.manual.cert: is missing", "proxy.https.manual.key: is missing"}, []string{plain}},
		{"the load balancer's", "proxy: {service: {annotations: {service.beta.kubernetes.io/aws-load-balancer-ssl-cert: arn}}}\n", true, exitDone, nil, []string{"proxy"}},
		{"Let's Encrypt", "proxy: {https: {enabled: true, hosts: [hub.science.stsci.edu]}}\n", true, exitDone, []string{"letsencrypt.contactEmail: is missing"}, []string{"hosts"}},
	} {
		dir := layered(t, map[string]string{"Pulumi.staging.yaml": stack, "hubs/hub/common.yaml": test.values, "hubs/hub/staging.yaml": ""})
		args := []string{"hubwright", "-C", dir, "validate", "staging"}
		if test.sandbox {
			args = append(args, "--sandbox")
		}
		a, _, errs := testApp(t)
		if code := a.run(t.Context(), args); code != test.code {
			t.Errorf("%s: exit %d", test.name, code)
		}
		wants(t, errs.String(), test.want...)
		for _, not := range test.without {
			if strings.Contains(errs.String(), not) {
				t.Errorf("%s: %q is in\n%s", test.name, not, errs)
			}
		}
	}
}

// validate tells of secrets that are wrong where they are written, of those in plaintext, and of a key below which no chart reads anything.
func TestValidateLooksAtSecrets(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	const stack = "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n"
	validate := func(files map[string]string) string {
		a, _, errs := testApp(t)
		if code := a.run(t.Context(), []string{"hubwright", "-C", layered(t, files), "validate", "staging", "--sandbox"}); code != exitUsage {
			t.Errorf("exit %d", code)
		}
		return errs.String()
	}
	wants(t, validate(map[string]string{
		"Pulumi.staging.yaml":  stack + "    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null}\n",
		"hubs/hub/common.yaml": "hub:\n  config:\n    ConfigurableHTTPProxy: {auth_token: abc}\n", "hubs/hub/staging.yaml": "",
	}), "note: hubs/hub/common.yaml:3: hub.config.ConfigurableHTTPProxy.auth_token: looks like a secret", "hubs/hub/common.yaml:3: secrets.hub.proxyToken: is not 64 hexadecimal digits")
	wants(t, validate(map[string]string{
		"Pulumi.staging.yaml":               stack + "    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, chart: {path: wrap, valuesKey: nope, version: null, name: null, repository: null}}\n",
		"wrap/Chart.yaml":                   "apiVersion: v2\nname: wrap\nversion: 1.0.0\ndependencies:\n  - {name: jupyterhub, version: 1.0.0, repository: ''}\n",
		"wrap/charts/jupyterhub/Chart.yaml": "apiVersion: v2\nname: jupyterhub\nversion: 1.0.0\n", "hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": "",
	}), `Pulumi.staging.yaml:5: hubs[hub].chart.valuesKey: "nope" is none of the charts that wrap depends on`, "among its dependencies: jupyterhub")
}
