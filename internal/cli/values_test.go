package cli

import (
	"os"
	"path/filepath"
	"strings"
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
	all := map[string]string{
		"Pulumi.yaml":         string(project),
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
		{"values staging --origin hub", "VALUE  FROM LAYER hub.a 1 hubs/hub/common.yaml:5 common"},
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
		if strings.Contains(test.args, "json") {
			reference.Fits(t, out.Bytes())
		}
		if want := `hubs/hub/staging.yaml:4: singleuser.extraVolumes: replaces the list of hubs/hub/common.yaml:3 (common), of which 1 of 1 items are gone: "data"`; !strings.Contains(out.String()+errs.String(), "gone") || !strings.Contains(test.args, "json") && !strings.Contains(errs.String(), want) {
			t.Errorf("%s: the list that was replaced is not told: %s", test.args, errs)
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
		"values staging --set-file a=x": "--set-file: a: does not exist",
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
