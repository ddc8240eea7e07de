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

// What the schema wants of all values together has no path, and is said all the same.
func TestCheckOfTheWhole(t *testing.T) {
	ch := load(t, nil).Dependencies()[0]
	computed, err := values.Compute(values.Options{Layers: []values.Layer{{Name: "common", File: "common.yaml", Data: []byte("hub: null")}}})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := Check(t.Context(), ch, computed, render.Release{Name: "r", Namespace: "n"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("values: missing property 'hub'", problems.Error()); diff != "" {
		t.Error(diff)
	}
}
