package chartcheck

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/values"
)

// A small chart with a schema, and a wrapper around it.
var files = map[string]string{
	"Chart.yaml":                    "apiVersion: v2\nname: wrapper\nversion: 1.0.0\ndependencies: [{name: jupyterhub, version: 1.0.0}]\n",
	"charts/jupyterhub/Chart.yaml":  "apiVersion: v2\nname: jupyterhub\nversion: 1.0.0\n",
	"charts/jupyterhub/values.yaml": "hub: {baseUrl: /, extraFiles: {}}\nsingleuser: {memory: {limit: 1G}, cloudMetadata: {}}\n",
	"charts/jupyterhub/values.schema.json": `{"type": "object", "additionalProperties": false, "required": ["hub"], "properties": {"global": {},
		"hub": {"type": "object", "additionalProperties": false, "properties": {"baseUrl": {"type": "string"}, "extraFiles": {"type": "object"}}},
		"singleuser": {"type": "object", "properties": {"memory": {"type": "object", "properties": {"limit": {"type": ["string", "number"]}, "class": {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}}}}}}}`,
	"charts/jupyterhub/templates/hub.yaml": `{{- range $key, $file := .Values.hub.extraFiles }}{{ if not (or $file.data $file.stringData) }}
{{- print "\n\nextraFiles entries (" $key ") must only contain one of the fields: 'data', 'stringData', and 'binaryData'." | fail }}{{ end }}{{ end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: hub}
`,
}

// load is the wrapper with more files in it.
func load(t *testing.T, more map[string]string) *chart.Chart {
	t.Helper()
	dir := t.TempDir()
	all := maps.Clone(files)
	maps.Copy(all, more)
	for name, text := range all {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ch, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func TestCheck(t *testing.T) {
	ch := load(t, nil)
	for _, test := range []struct{ name, common, env, want string }{
		{"content", "jupyterhub: {hub: {baseUrl: /hub}}", "jupyterhub: {singleuser: {memory: {limit: 2G}}}", ""},
		{
			"all that the schema refuses, each at its file", "jupyterhub:\n  hub:\n    baseUrls: /\n  auth:\n    type: dummy\n", "jupyterhub:\n  singleuser:\n    memory:\n      limit: [2G]\n",
			"common.yaml:3: jupyterhub.hub.baseUrls: is no key that the chart knows; did you mean \"baseUrl\"?\n" +
				"common.yaml:4: jupyterhub.auth: is no key that the chart knows; " + where["auth"] + "\n" +
				"staging.yaml:4: jupyterhub.singleuser.memory.limit: got array, want number or string",
		},
		{
			"what the schema wants of the whole", "jupyterhub: {global: null}", "jupyterhub: {hub: null}",
			"staging.yaml:1: jupyterhub: missing property 'hub'",
		},
		{
			"what has alternatives, once", "jupyterhub:\n  singleuser:\n    memory: {class: {}}\n", "",
			"common.yaml:3: jupyterhub.singleuser.memory.class: missing property 'a', or missing property 'b'",
		},
		{
			"what a template refuses", "jupyterhub:\n  hub:\n    extraFiles:\n      announcements:\n        mountPath: /a.py\n", "",
			"common.yaml:4: jupyterhub.hub.extraFiles.announcements: the chart's templates refuse the values: extraFiles entries (announcements) must only contain one of the fields: 'data', 'stringData', and 'binaryData'.",
		},
		{
			"what went elsewhere", "jupyterhub:\n  hub:\n    fsGid: 100\n", "",
			"common.yaml:3: jupyterhub.hub.fsGid: is no key that the chart knows; since chart 2.0.0 it is hub.podSecurityContext.fsGroup",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			computed, err := values.Compute(values.Options{Layers: []values.Layer{
				{Name: "common", File: "common.yaml", Data: []byte(test.common)}, {Name: "staging", File: "staging.yaml", Data: []byte(test.env)},
			}})
			if err != nil {
				t.Fatal(err)
			}
			problems, err := Check(t.Context(), ch, computed, render.Release{Name: "r", Namespace: "n"}, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, problems.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a template refuses is told of the value that it reads where it gives up, and when nobody gave any, of the template.
func TestCheckOfTemplates(t *testing.T) {
	const refuses = "the chart's templates refuse the values: "
	const file = "wrapper/charts/jupyterhub/templates/z.yaml"
	for _, test := range []struct{ name, template, want string }{
		{"a fail without a name", "{{ if .Values.hub.baseUrl }}\n{{ fail \"no\" }}\n{{ end }}", "common.yaml:3: jupyterhub.hub.baseUrl: " + refuses + "no (" + file + ":2)"},
		{"a value that is required", "{{ required \"the db wants a password\" .Values.hub.secret }}", "common.yaml:2: jupyterhub.hub.secret: " + refuses + "the db wants a password (" + file + ":1)"},
		{"an object that is not there", "\n{{ .Values.hub.a.b }}", "common.yaml:2: jupyterhub.hub.a.b: " + refuses + "it reads .Values.hub.a.b, and there is no object that has that (" + file + ":2)"},
		{"no object", "{{ .Values.hub.baseUrl.x }}", "common.yaml:3: jupyterhub.hub.baseUrl.x: " + refuses + "it reads .Values.hub.baseUrl.x, and there is no object that has that (" + file + ":1)"},
		{"a fail of nobody's value", "{{ fail \"never\" }}", file + ":1: this template of the chart refuses the values: never"},
		{"no YAML", "a: b: {{ .Values.hub.baseUrl }}", file + ": this template of the chart refuses the values: with them it gives no YAML: mapping values are not allowed in this context"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ch := load(t, map[string]string{"charts/jupyterhub/templates/z.yaml": test.template})
			check(t, ch, "jupyterhub:\n  hub:\n    baseUrl: /x\n", test.want)
		})
	}
}

// What stands in the place of a subchart's values is told of as such, and keys whose schema is false as keys that there are not.
func TestCheckOfShapes(t *testing.T) {
	never := `{"type": "object", "properties": {"hub": {"type": "object", "properties": {"fsGid": false, "fsGids": {}, "uid": false}}}}`
	ch := load(t, map[string]string{"charts/jupyterhub/values.schema.json": never})
	for _, test := range []struct{ name, common, want string }{
		{"a text", "a: 1\njupyterhub: hub\n", "common.yaml:2: jupyterhub: is a text, but the values of chart jupyterhub stand here, which are an object; write them below this key, or take it out"},
		{"nothing", "jupyterhub:\n", "common.yaml:1: jupyterhub: is empty, but the values of chart jupyterhub stand here, which are an object; write them below this key, or take it out"},
		{"a key that went elsewhere", "jupyterhub:\n  hub: {fsGid: 1}\n", "common.yaml:2: jupyterhub.hub.fsGid: is no key that the chart takes; since chart 2.0.0 it is hub.podSecurityContext.fsGroup"},
		{"a key that went", "jupyterhub:\n  hub:\n    uid: 1\n", "common.yaml:3: jupyterhub.hub.uid: is no key that the chart takes"},
	} {
		t.Run(test.name, func(t *testing.T) { check(t, ch, test.common, test.want) })
	}
}

// check holds values to a chart.
func check(t *testing.T, ch *chart.Chart, common, want string) {
	t.Helper()
	computed, err := values.Compute(values.Options{Layers: []values.Layer{{Name: "common", File: "common.yaml", Data: []byte(common)}}})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := Check(t.Context(), ch, computed, render.Release{Name: "r", Namespace: "n"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

// What the schema wants of all values together has no path, and is said all the same.
func TestCheckOfTheWhole(t *testing.T) {
	check(t, load(t, nil).Dependencies()[0], "hub: null", "values: missing property 'hub'")
}
