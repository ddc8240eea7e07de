package render

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type m = map[string]any

// write makes a folder of files and returns its path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var plainChart = map[string]string{
	"Chart.yaml":                "apiVersion: v2\nname: hub\nversion: 1.2.3\nkubeVersion: '>=1.30.0-0'\n",
	"values.yaml":               "greeting: hello\nreplicas: 1\nextra: {a: 1, b: 2}\n",
	"values.schema.json":        `{"type": "object", "additionalProperties": false, "properties": {"greeting": {"type": "string"}, "replicas": {"type": "integer"}, "extra": {"type": "object"}, "global": {}}}`,
	"templates/NOTES.txt":       "{{ .Values.greeting }}, {{ .Release.Name }}",
	"templates/_helpers.tpl":    `{{ define "name" }}{{ .Release.Name }}-config{{ end }}`,
	"templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: {{ .Values.replicas }}}\n",
	"templates/config.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include \"name\" . }}, namespace: {{ .Release.Namespace }}}\ndata: {greeting: \"{{ .Values.greeting }}\", upgrade: \"{{ .Release.IsUpgrade }}\", kube: \"{{ .Capabilities.KubeVersion.Minor }}\", extra: '{{ toJson .Values.extra }}'}\n---\n# nothing here\n",
	"templates/hook.yaml":       "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: pre-install}}\n",
	"crds/thing.yaml":           "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.org}\n",
}

func load(t *testing.T, files map[string]string) *chart.Chart {
	t.Helper()
	ch, err := loader.Load(write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func TestRender(t *testing.T) {
	out, err := Render(t.Context(), load(t, plainChart), m{"greeting": "hi", "extra": m{"b": nil}}, Release{Name: "r", Namespace: "ns", Upgrade: true}, Options{KubeVersion: "1.32"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range out.Manifests {
		got = append(got, x.Source+" "+x.Object["kind"].(string))
	}
	// configuration is installed before what uses it
	if diff := cmp.Diff([]string{"hub/templates/config.yaml ConfigMap", "hub/templates/deployment.yaml Deployment"}, got); diff != "" {
		t.Errorf("manifests (-want +got):\n%s", diff)
	}
	want := m{"greeting": "hi", "upgrade": "true", "kube": "32", "extra": `{"a":1}`}
	if diff := cmp.Diff(want, out.Manifests[0].Object["data"]); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if out.Notes != "hi, r" || len(out.Hooks) != 1 || len(out.CRDs) != 1 || out.Values["replicas"] != 1.0 {
		t.Errorf("notes %q, hooks %d, CRDs %d, values %v", out.Notes, len(out.Hooks), len(out.CRDs), out.Values)
	}
	again, err := Parse("manifest", out.Text())
	if err != nil || len(again) != 2 || again[0].Source != "hub/templates/config.yaml" {
		t.Errorf("the text does not parse back: %v, %v", again, err)
	}
}

func TestRenderRefuses(t *testing.T) {
	with := func(name, text string) map[string]string {
		files := map[string]string{}
		for k, v := range plainChart {
			files[k] = v
		}
		files[name] = text
		return files
	}
	tests := []struct {
		name   string
		files  map[string]string
		values m
		opts   Options
		want   string
	}{
		{"schema", plainChart, m{"nope": 1}, Options{}, "values don't meet the specifications of the schema(s) in the following chart(s):\nhub:"},
		{"type", plainChart, m{"replicas": "two"}, Options{}, "got string, want integer"},
		{"kubernetes", plainChart, nil, Options{KubeVersion: "1.29"}, "chart requires kubeVersion: >=1.30.0-0 which is incompatible with Kubernetes v1.29"},
		{"version", plainChart, nil, Options{KubeVersion: "new"}, `kubernetes version "new"`},
		{"library", with("Chart.yaml", "apiVersion: v2\nname: hub\nversion: 1.2.3\ntype: library\n"), nil, Options{}, "library charts are not installable"},
		{"yaml", with("templates/bad.yaml", "a: b: c"), nil, Options{}, "YAML parse error on hub/templates/bad.yaml"},
		{"template", with("templates/bad.yaml", `{{ required "give me x" .Values.x }}`), nil, Options{}, "give me x"},
		{"subchart missing", with("Chart.yaml", "apiVersion: v2\nname: hub\nversion: 1.2.3\ndependencies: [{name: sub, version: 1.0.0, repository: 'https://example.org'}]\n"), nil, Options{}, "found in Chart.yaml, but missing in charts/ directory: sub"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Render(t.Context(), load(t, tt.files), tt.values, Release{Name: "r", Namespace: "ns"}, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := Render(t.Context(), load(t, plainChart), m{"nope": 1}, Release{Name: "r"}, Options{SkipSchema: true}); err != nil {
		t.Errorf("without the schema: %v", err)
	}
}

func TestSubchartsHaveConditions(t *testing.T) {
	ch := load(t, map[string]string{
		"Chart.yaml":                  "apiVersion: v2\nname: wrapper\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, condition: sub.enabled}]\n",
		"values.yaml":                 "sub: {enabled: true, text: outer}\n",
		"charts/sub/Chart.yaml":       "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/values.yaml":      "text: inner\n",
		"charts/sub/templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {text: {{ .Values.text }}}\n",
	})
	for _, tt := range []struct {
		values m
		want   int
	}{{nil, 1}, {m{"sub": m{"enabled": false}}, 0}, {nil, 1}} { // the chart is shared: what one rendering leaves out is there for the next
		out, err := Render(t.Context(), ch, tt.values, Release{Name: "r", Namespace: "ns"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Manifests) != tt.want {
			t.Errorf("values %v give %d manifests, want %d", tt.values, len(out.Manifests), tt.want)
		}
		if tt.want == 1 && out.Manifests[0].Object["data"].(m)["text"] != "outer" {
			t.Errorf("data %v", out.Manifests[0].Object["data"])
		}
	}
}

func TestLookup(t *testing.T) {
	ch := load(t, map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: hub\nversion: 1.0.0\n",
		"templates/one.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {found: '{{ (lookup \"v1\" \"Secret\" \"ns\" \"there\").kind }}', missing: '{{ len (lookup \"v1\" \"Secret\" \"ns\" \"missing\") }}', all: '{{ len (lookup \"v1\" \"Secret\" \"\" \"\").items }}'}\n",
	})
	lookup := func(_ context.Context, _, kind, namespace, name string) ([]map[string]any, error) {
		switch {
		case name == "":
			return []map[string]any{{"kind": kind}, {"kind": kind}}, nil
		case name == "there" && namespace == "ns":
			return []map[string]any{{"kind": kind}}, nil
		}
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	out, err := Render(t.Context(), ch, nil, Release{Name: "r", Namespace: "ns"}, Options{Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m{"found": "Secret", "missing": "0", "all": "2"}, out.Manifests[0].Object["data"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := func(context.Context, string, string, string, string) ([]map[string]any, error) {
		return nil, errors.New("cluster away")
	}
	if _, err := Render(t.Context(), ch, nil, Release{Name: "r", Namespace: "ns"}, Options{Lookup: broken}); err == nil || !strings.Contains(err.Error(), "cluster away") {
		t.Errorf("a look-up that fails: %v", err)
	}
}

func TestClientCannotWrite(t *testing.T) {
	c, _, err := provider{}.GetClientFor("v1", "Secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), "x", metav1.DeleteOptions{}); err == nil {
		t.Error("a template could delete")
	}
}
