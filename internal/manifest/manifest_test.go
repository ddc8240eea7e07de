package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// objects reads YAML documents.
func objects(t *testing.T, text string) []Object {
	t.Helper()
	var out []Object
	for _, doc := range strings.Split(text, "\n---\n") {
		var o Object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			out = append(out, o)
		}
	}
	return out
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hub
  labels: {app: jupyterhub, helm.sh/chart: jupyterhub-4.3.0}
spec:
  selector: {matchLabels: {app: jupyterhub}}
  template:
    metadata:
      labels: {app: jupyterhub}
      annotations: {checksum/config-map: abc}
    spec:
      tolerations:
      - {key: hub.jupyter.org/dedicated, operator: Equal, value: core, effect: NoSchedule}
      - {key: hub.jupyter.org_dedicated, operator: Equal, value: core, effect: NoSchedule}
      initContainers:
      - {name: first, image: "busybox:1"}
      - {name: second, image: "busybox:1"}
      containers:
      - name: hub
        image: quay.io/jupyterhub/k8s-hub:4.3.0
        args: [jupyterhub, --config]
        env:
        - {name: A, value: "1"}
        - {name: B, value: "2"}
        ports:
        - {name: http, containerPort: 8081}
        resources: {requests: {memory: 1Gi, cpu: 500m}}
        volumeMounts:
        - {mountPath: /a, name: config}
        - {mountPath: /b, name: secret}
      volumes:
      - {name: config, configMap: {name: hub}}
      - {name: secret, secret: {secretName: hub}}
`

// TestSame has a rendering that means the same as the one before, in every way that does not count.
func TestSame(t *testing.T) {
	again := `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hub
  creationTimestamp: null
  labels: {helm.sh/chart: jupyterhub-4.4.0, app: jupyterhub}
  annotations: {}
spec:
  replicas: 1
  revisionHistoryLimit: 10
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  selector: {matchLabels: {app: jupyterhub}}
  template:
    metadata:
      labels: {app: jupyterhub}
      annotations: {checksum/config-map: abc}
    spec:
      restartPolicy: Always
      securityContext: {}
      terminationGracePeriodSeconds: 30
      volumes:
      - {name: secret, secret: {secretName: hub, defaultMode: 420}}
      - {name: config, configMap: {name: hub}}
      tolerations:
      - {key: hub.jupyter.org_dedicated, operator: Equal, value: core, effect: NoSchedule}
      - {effect: NoSchedule, key: hub.jupyter.org/dedicated, operator: Equal, value: core}
      initContainers:
      - {name: first, image: "busybox:1", imagePullPolicy: IfNotPresent}
      - {name: second, image: "busybox:1"}
      containers:
      - name: hub
        image: quay.io/jupyterhub/k8s-hub:4.3.0
        imagePullPolicy: IfNotPresent
        args: [jupyterhub, --config]
        env:
        - {name: B, value: "2"}
        - {name: A, value: "1"}
        ports:
        - {name: http, containerPort: 8081, protocol: TCP}
        resources: {requests: {memory: 1024Mi, cpu: 0.5}, limits: {}}
        volumeMounts:
        - {mountPath: /b, name: secret}
        - {mountPath: /a, name: config}
status: {}
`
	if got := Compare(objects(t, deployment), objects(t, again)); len(got) != 0 {
		t.Errorf("differences where there are none: %+v\n%s", got[0].Fields, got[0].Diff)
	}
}

// TestFields has one change each, and what is said of it.
func TestFields(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		want     []Field
		restarts bool
	}{
		"an image":        {"k8s-hub:4.3.0", "k8s-hub:4.4.0", []Field{{"spec.template.spec.containers[hub].image", "quay.io/jupyterhub/k8s-hub:4.3.0", "quay.io/jupyterhub/k8s-hub:4.4.0"}}, true},
		"a quantity":      {"memory: 1Gi", "memory: 2Gi", []Field{{"spec.template.spec.containers[hub].resources.requests.memory", "1Gi", "2Gi"}}, true},
		"replicas":        {"spec:\n  selector", "spec:\n  replicas: 2\n  selector", []Field{{"spec.replicas", nil, int64(2)}}, false},
		"a variable":      {`{name: B, value: "2"}`, `{name: B, value: "3"}`, []Field{{"spec.template.spec.containers[hub].env[B].value", "2", "3"}}, true},
		"one more":        {`{name: B, value: "2"}`, "{name: B, value: \"2\"}\n        - {name: C, value: x}", []Field{{"spec.template.spec.containers[hub].env[C]", nil, map[string]any{"name": "C", "value": "x"}}}, true},
		"one less":        {"        - {name: A, value: \"1\"}\n", "", []Field{{"spec.template.spec.containers[hub].env[A]", map[string]any{"name": "A", "value": "1"}, nil}}, true},
		"arguments":       {"[jupyterhub, --config]", "[--config, jupyterhub]", []Field{{"spec.template.spec.containers[hub].args[0]", "jupyterhub", "--config"}, {"spec.template.spec.containers[hub].args[1]", "--config", "jupyterhub"}}, true},
		"a checksum":      {"checksum/config-map: abc", "checksum/config-map: def", nil, true},
		"a label":         {"metadata:\n  name: hub\n  labels: {app: jupyterhub,", "metadata:\n  name: hub\n  labels: {app: jupyterhub, team: x,", []Field{{"metadata.labels.team", nil, "x"}}, false},
		"the pull policy": {"image: quay.io/jupyterhub/k8s-hub:4.3.0", "image: quay.io/jupyterhub/k8s-hub:4.3.0\n        imagePullPolicy: Always", []Field{{"spec.template.spec.containers[hub].imagePullPolicy", nil, "Always"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := strings.Replace(deployment, c.from, c.to, 1)
			if after == deployment {
				t.Fatalf("%q is not there", c.from)
			}
			got := Compare(objects(t, deployment), objects(t, after))
			if len(got) != 1 || got[0].Op != Update {
				t.Fatalf("%d differences: %+v", len(got), got)
			}
			if diff := cmp.Diff(c.want, got[0].Fields); diff != "" {
				t.Error(diff)
			}
			if got[0].Restarts != c.restarts {
				t.Errorf("restarts is %v", got[0].Restarts)
			}
			if (got[0].Diff == "") != (len(c.want) == 0) {
				t.Errorf("diff is %q", got[0].Diff)
			}
		})
	}
}

// TestOrderCounts has init containers, which run in the order in which they stand, and variables that refer to others.
func TestOrderCounts(t *testing.T) {
	swap := func(text, a, b string) string {
		return strings.NewReplacer(a, b, b, a).Replace(text)
	}
	refers := strings.Replace(deployment, `{name: B, value: "2"}`, `{name: B, value: "$(A)"}`, 1)
	for name, texts := range map[string][2]string{
		"init containers": {deployment, swap(deployment, "name: first", "name: second")},
		"variables":       {refers, swap(refers, `{name: A, value: "1"}`, `{name: B, value: "$(A)"}`)},
	} {
		if got := Compare(objects(t, texts[0]), objects(t, texts[1])); len(got) != 1 {
			t.Errorf("%s in another order: %d differences", name, len(got))
		}
	}
}

func TestMadeAndDeleted(t *testing.T) {
	const one, two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\ndata: {a: b}\n"
	got := Compare(objects(t, one), objects(t, two))
	if len(got) != 2 || got[0].Op != Delete || got[0].Name != "one" || got[1].Op != Create || got[1].Name != "two" {
		t.Fatalf("%+v", got)
	}
	if !strings.Contains(got[1].Diff, "+  name: two") || !strings.Contains(got[0].Diff, "-  name: one") {
		t.Errorf("diffs:\n%s\n%s", got[0].Diff, got[1].Diff)
	}
}

// TestDocuments has a document in a ConfigMap, which is seen through, and a kind that is not Kubernetes' own.
func TestDocuments(t *testing.T) {
	before := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hub}\ndata:\n  values.yaml: |\n    cull: {timeout: 3600, every: 300}\n  note.txt: hello\n" +
		"\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: r}\nspec: {routes: [{match: a}, {match: b}]}\n"
	after := strings.NewReplacer("cull: {timeout: 3600, every: 300}", "# shorter\n    cull: {every: 300, timeout: 1800}", "match: b", "match: c").Replace(before)
	got := Compare(objects(t, before), objects(t, after))
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	if diff := cmp.Diff([]Field{{"data[values.yaml].cull.timeout", int64(3600), int64(1800)}}, got[0].Fields); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Field{{"spec.routes[1].match", "b", "c"}}, got[1].Fields); diff != "" {
		t.Error(diff)
	}
	const want = "@@ -4,7 +4,7 @@\n   values.yaml:\n     cull:\n       every: 300\n-      timeout: 3600\n+      timeout: 1800\n kind: ConfigMap\n metadata:\n   name: hub\n"
	if got[0].Diff != want {
		t.Errorf("diff:\n%s", got[0].Diff)
	}
}

// TestSecrets has a Secret with each sort of value: none of them is shown but what is no secret in a document.
func TestSecrets(t *testing.T) {
	const before = `
apiVersion: v1
kind: Secret
metadata: {name: hub}
data:
  token: cGxhbnRlZC1vbmU=
  same: cGxhbnRlZC1zYW1l
stringData:
  values.yaml: |
    cull: {timeout: 3600}
    hub: {cookieSecret: planted-cookie, password: planted-same}
  given: "[secret]"
`
	after := strings.NewReplacer("cGxhbnRlZC1vbmU=", "cGxhbnRlZC10d28=", "3600", "1800", "planted-cookie", "planted-biscuit", `"[secret]"`, `"[secret, changed]"`).Replace(before)
	got := Compare(objects(t, before), objects(t, after))
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	want := []Field{
		{"data.given", Secret, Changed},
		{"data.token", Secret, Changed},
		{"data[values.yaml].cull.timeout", int64(3600), int64(1800)},
		{"data[values.yaml].hub.cookieSecret", Secret, Changed},
	}
	if diff := cmp.Diff(want, got[0].Fields); diff != "" {
		t.Error(diff)
	}
	for _, d := range append(got, append(Compare(nil, objects(t, before)), Compare(objects(t, before), nil)...)...) {
		if strings.Contains(d.Diff, "planted") || strings.Contains(d.Diff, "cGxhbnRlZ") {
			t.Errorf("a secret in the diff of %s:\n%s", d.Op, d.Diff)
		}
	}
}

// TestSets has lists without keys whose order does not count.
func TestSets(t *testing.T) {
	const before = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: hub}
rules:
- {apiGroups: [""], resources: [pods, persistentvolumeclaims], verbs: [get, watch, list]}
- {apiGroups: [""], resources: [events], verbs: [get]}
`
	const after = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: hub}
rules:
- {apiGroups: [""], resources: [events], verbs: [get]}
- {apiGroups: [""], resources: [pods, persistentvolumeclaims], verbs: [get, watch, list]}
`
	if got := Compare(objects(t, before), objects(t, after)); len(got) != 0 {
		t.Errorf("%+v", got[0].Fields)
	}
}

// TestGenerated has what a chart makes anew with each rendering: a token, and the checksum that comes of it.
func TestGenerated(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: hub}\nstringData: {token: TOKEN, values.yaml: 'a: {b: TOKEN, c: 1}'}\n---\n"
	render := func(token string, edit ...string) []Object {
		text := strings.ReplaceAll(secret, "TOKEN", token) + strings.Replace(deployment, "checksum/config-map: abc", "checksum/secret: sum-of-"+token, 1)
		return objects(t, strings.NewReplacer(edit...).Replace(text))
	}
	if got := Compare(render("one"), render("two"), render("three")...); len(got) != 0 {
		t.Errorf("%+v\n%s", got[0].Fields, got[0].Diff)
	}
	if got := Compare(render("one"), render("two"), render("two")...); len(got) != 2 {
		t.Errorf("a token that stays the same when it is rendered again is no generated one: %d differences", len(got))
	}
	edit := []string{"c: 1", "c: 2"}
	got := Compare(render("one"), render("two", edit...), render("three", edit...)...)
	if len(got) != 1 || len(got[0].Fields) != 1 || got[0].Fields[0].Path != "data[values.yaml].a.c" {
		t.Errorf("%+v", got)
	}
}
