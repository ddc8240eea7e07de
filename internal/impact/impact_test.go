package impact

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/render"
)

// files are a small chart that is made as the JupyterHub chart is: values in a Secret that the hub reads, a token that is kept once it is there, one that is
// made up each time, and checksums that make pods anew.
var files = map[string]string{
	"Chart.yaml":  "apiVersion: v2\nname: small\nversion: 1.0.0\n",
	"values.yaml": "hub: {cookieSecret: '', image: {tag: '1'}}\nsingleuser: {memory: {limit: 1G}}\nproxy: {secretToken: ''}\nprePuller: {enabled: true}\n",
	"templates/secret.yaml": `{{- $old := lookup "v1" "Secret" .Release.Namespace "hub" }}
apiVersion: v1
kind: Secret
metadata: {name: hub, labels: {app: jupyterhub, component: hub}}
stringData:
  values.yaml: {{ .Values | toYaml | quote }}
  token: {{ .Values.proxy.secretToken | quote }}
  {{- if $old }}
  kept: {{ $old.stringData.kept }}
  {{- else }}
  kept: {{ randAlphaNum 32 }}
  {{- end }}
  fresh: {{ randAlphaNum 32 }}
`,
	"templates/hub.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: hub, labels: {app: jupyterhub, component: hub}}
spec:
  template:
    metadata: {annotations: {checksum/values: {{ .Values | toJson | sha256sum }}}}
    spec: {containers: [{name: hub, image: "hub:{{ .Values.hub.image.tag }}"}]}
`,
	"templates/proxy.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy, labels: {app: jupyterhub, component: proxy}}
spec:
  template:
    metadata: {annotations: {checksum/token: {{ .Values.proxy.secretToken | sha256sum }}}}
    spec: {containers: [{name: chp, image: "chp:1"}]}
`,
	"templates/puller.yaml": `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: hook-image-puller, labels: {app: jupyterhub, component: hook-image-puller}, annotations: {helm.sh/hook: pre-upgrade}}
spec:
  template:
    spec: {containers: [{name: pull, image: "user:{{ .Values.singleuser.image }}"}]}
`,
}

// charts is the chart in a folder.
func charts(t *testing.T, more map[string]string) *render.Source {
	t.Helper()
	dir := t.TempDir()
	all := maps.Clone(files)
	maps.Copy(all, more)
	for name, text := range all {
		file := filepath.Join(dir, "small", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &render.Source{Dir: dir}
}

const urn = "urn:pulumi:staging::p::hubwright:k8s:Hub$kubernetes:helm.sh/v3:Release::hub-release"

// inputs are a release's, with values.
func inputs(values map[string]any) map[string]any {
	return map[string]any{"chart": "small", "name": "sit", "namespace": "sit-ns", "values": values}
}

func hub(v map[string]any) map[string]any { return map[string]any{"hub": v} }

func TestOf(t *testing.T) {
	source := charts(t, nil)
	type object = map[string]any
	for _, test := range []struct {
		name          string
		before, after object
		objects       []string // op, kind, name
		effects       []string
		inDiff        string
	}{
		{"nothing", hub(object{"image": object{"tag": "1"}}), object{}, nil, nil, ""},
		{
			"a limit",
			object{},
			object{"singleuser": object{"memory": object{"limit": "2G"}}},
			[]string{"update Deployment hub", "update Secret hub"},
			[]string{"interrupts hub-restarts", "notice new-servers"},
			"+        limit: 2G",
		},
		{
			"a secret",
			object{"proxy": object{"secretToken": "[secret]"}},
			object{"proxy": object{"secretToken": "[secret, changed]"}},
			[]string{"update Deployment hub", "update Deployment proxy", "update Secret hub"},
			[]string{"interrupts hub-restarts", "interrupts proxy-restarts"},
			"[secret, changed]",
		},
		{
			"an image",
			object{"singleuser": object{"image": "a"}},
			object{"singleuser": object{"image": "b"}},
			[]string{"update DaemonSet hook-image-puller", "update Deployment hub", "update Secret hub"},
			[]string{"interrupts hub-restarts", "notice images-pulled", "notice new-servers"},
			"user:b",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Of(context.Background(), source, "1.33", []Release{{URN: urn, Before: inputs(test.before), After: inputs(test.after)}})
			if err != nil || len(got.Notes) > 0 {
				t.Fatal(err, got)
			}
			var objects, weighed []string
			text := ""
			for _, m := range got.Manifests {
				if m.Hub != "hub" || m.Namespace != "sit-ns" {
					t.Errorf("%+v", m)
				}
				objects = append(objects, m.Op+" "+m.Kind+" "+m.Name)
				text += m.Diff
			}
			for _, e := range got.Effects {
				weighed = append(weighed, e.Weight+" "+e.Rule)
			}
			if diff := cmp.Diff(test.objects, objects); diff != "" {
				t.Error(diff, text)
			}
			if diff := cmp.Diff(test.effects, weighed); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(text, test.inDiff) || strings.Contains(text, "fresh:") && test.name != "a secret" {
				t.Errorf("diff:\n%s", text)
			}
		})
	}
}

// TestMadeAndGone has a release before there was one, and after: the objects are there, and nobody is interrupted.
func TestMadeAndGone(t *testing.T) {
	source := charts(t, nil)
	for op, r := range map[string]Release{"create": {URN: urn, After: inputs(nil)}, "delete": {URN: urn, Before: inputs(nil)}} {
		got, err := Of(context.Background(), source, "", []Release{r})
		if err != nil || len(got.Manifests) != 4 || len(got.Effects) != 0 {
			t.Fatalf("%v: %+v", err, got)
		}
		for _, m := range got.Manifests {
			if m.Op != op || m.Diff == "" {
				t.Errorf("%+v", m)
			}
		}
	}
}

// TestNotes has what cannot be compared: it is told of, and the others are compared.
func TestNotes(t *testing.T) {
	source := charts(t, map[string]string{"templates/no.yaml": `{{ if .Values.no }}{{ fail "no is not allowed" }}{{ end }}`})
	gone := inputs(nil)
	gone["chart"] = "other"
	got, err := Of(context.Background(), source, "1.33", []Release{
		{URN: urn, Before: gone, After: inputs(nil)},
		{URN: urn, Before: inputs(nil), After: inputs(map[string]any{"no": true})},
		{URN: urn, Before: inputs(nil), After: inputs(hub(map[string]any{"image": map[string]any{"tag": "2"}}))},
	})
	if err != nil || len(got.Notes) != 2 || len(got.Manifests) == 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	if !strings.Contains(got.Notes[0], "hub: what changes in the cluster is not shown: as it is deployed: ") || !strings.Contains(got.Notes[1], "no is not allowed") {
		t.Errorf("%q", got.Notes)
	}
}

func TestWords(t *testing.T) {
	for path, want := range map[string]string{
		"values.singleuser.memory.limit":           "memory limit of single-user servers; applies to new servers",
		"values.singleuser.extraEnv.CRDS_PATH":     "environment variable of single-user servers; applies to new servers",
		"values.singleuser.profileList[1].slug":    "choice of servers that users are offered; applies to new servers",
		"values.hub.config.Authenticator.other":    "setting of the hub",
		"values.cull.timeout":                      "seconds after which an idle server is stopped",
		"values.custom.thing":                      "",
		"version":                                  "",
		"values.singleuser.storage.static.subPath": "folder of a user's home in the claim; applies to new servers, which see other homes",
	} {
		if got := Words(path, ""); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := Words("values.jupyterhub.cull.timeout", "jupyterhub"); got == "" {
		t.Error("a wrapper's key is in the way")
	}
	if got := Words("values.cull.timeout", "jupyterhub"); got != "" {
		t.Errorf("another chart's value: %q", got)
	}
}

func TestWeights(t *testing.T) {
	if weigh(change.Loss) <= weigh(change.Interrupts) || weigh(change.Interrupts) <= weigh(change.Notice) {
		t.Error("the weights are not in order")
	}
}
