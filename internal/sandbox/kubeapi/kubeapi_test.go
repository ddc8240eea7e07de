package kubeapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

type m = map[string]any

func object(apiVersion, kind, name string, more m) kubeapi.Object {
	obj := kubeapi.Object{"apiVersion": apiVersion, "kind": kind, "metadata": m{"name": name, "namespace": "default"}}
	for k, v := range more {
		obj[k] = v
	}
	return obj
}

func TestLifeOfAnObject(t *testing.T) {
	api, ctx := kubeapi.Of(simtest.World(t), "lab"), t.Context()
	obj := object("apps/v1", "Deployment", "web", m{"spec": m{"replicas": 1, "selector": m{"matchLabels": m{"a": "b"}}}})
	made, err := api.Create(ctx, obj)
	if err != nil {
		t.Fatal(err)
	}
	if kubeapi.Text(made, "metadata", "uid") == "" || kubeapi.Number(made, 0, "metadata", "generation") != 1 {
		t.Errorf("metadata %v", made["metadata"])
	}
	if _, err := api.Create(ctx, obj); !apierrors.IsAlreadyExists(err) || err.Error() != `deployments.apps "web" already exists` {
		t.Errorf("created twice: %v", err)
	}
	kubeapi.Set(obj, 2, "spec", "replicas")
	changed, err := api.Update(ctx, obj)
	if err != nil {
		t.Fatal(err)
	}
	if kubeapi.Number(changed, 0, "metadata", "generation") != 2 || kubeapi.Text(changed, "metadata", "uid") != kubeapi.Text(made, "metadata", "uid") {
		t.Errorf("metadata after an update %v", changed["metadata"])
	}
	kubeapi.Set(obj, m{"matchLabels": m{"a": "c"}}, "spec", "selector")
	if _, err := api.Update(ctx, obj); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "field is immutable") {
		t.Errorf("changing a selector: %v", err)
	}
	if err := api.Delete(ctx, kubeapi.RefOf(obj)); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Get(ctx, kubeapi.RefOf(obj)); !apierrors.IsNotFound(err) || err.Error() != `deployments.apps "web" not found` {
		t.Errorf("after the deletion: %v", err)
	}
	if err := api.Delete(ctx, kubeapi.RefOf(obj)); !apierrors.IsNotFound(err) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestUnknownKind(t *testing.T) {
	api := kubeapi.Of(simtest.World(t), "lab")
	_, err := api.Create(t.Context(), object("example.org/v1", "Thing", "x", nil))
	if err == nil || err.Error() != `no matches for kind "Thing" in version "example.org/v1"` {
		t.Errorf("error %v", err)
	}
}

func TestTextsAreTexts(t *testing.T) {
	api := kubeapi.Of(simtest.World(t), "lab")
	tests := []struct {
		obj  kubeapi.Object
		want string
	}{
		{object("v1", "ConfigMap", "c", m{"data": m{"port": 80.0}}), `ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string`},
		{kubeapi.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": m{"name": false}}, "cannot unmarshal bool into Go struct field ObjectMeta.metadata.name"},
		{kubeapi.Object{"apiVersion": "v1", "kind": "Service", "metadata": m{"name": "s", "annotations": m{"idle-timeout": 3600.0}}}, "cannot unmarshal number into Go struct field ObjectMeta.metadata.annotations"},
		{object("apps/v1", "Deployment", "d", m{"spec": m{"template": m{"spec": m{"containers": []any{m{"env": []any{m{"name": "A", "value": 1.0}}}}}}}}), "EnvVar.spec.template.spec.containers.env.value"},
	}
	for _, tt := range tests {
		if _, err := api.Create(t.Context(), tt.obj); !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

func TestListByLabelsAndNamespace(t *testing.T) {
	api, ctx := kubeapi.Of(simtest.World(t), "lab"), t.Context()
	for _, ns := range []string{"one", "two"} {
		if _, err := api.Create(ctx, kubeapi.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": m{"name": ns}}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			obj := object("v1", "ConfigMap", name, nil)
			obj["metadata"] = m{"name": name, "namespace": ns, "labels": m{"is": name}}
			if _, err := api.Create(ctx, obj); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		namespace string
		labels    map[string]string
		want      []string
	}{
		{"", nil, []string{"one/a", "one/b", "two/a", "two/b"}},
		{"two", nil, []string{"two/a", "two/b"}},
		{"", map[string]string{"is": "b"}, []string{"one/b", "two/b"}},
		{"one", map[string]string{"is": "c"}, nil},
	}
	for _, tt := range tests {
		found, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: tt.namespace}, tt.labels)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range found {
			got = append(got, kubeapi.Text(o, "metadata", "namespace")+"/"+kubeapi.Text(o, "metadata", "name"))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", tt.namespace, tt.labels, diff)
		}
	}
}

func TestBuiltinNamespacesStay(t *testing.T) {
	api := kubeapi.Of(simtest.World(t), "lab")
	if _, err := api.Create(t.Context(), kubeapi.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": m{"name": "kube-system"}}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("created: %v", err)
	}
	err := api.Delete(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "Namespace", Name: "kube-system"})
	if !apierrors.IsForbidden(err) {
		t.Errorf("deleted: %v", err)
	}
}

func TestNodesComeFromNodeGroups(t *testing.T) {
	w := simtest.World(t)
	if err := w.Update(func(tx *world.Tx) error {
		return tx.Put(&world.Object{Kind: "k8s:v1/Node", ID: "lab/n1", Created: tx.Now(), Props: m{
			"name": "n1", "cluster": "lab", "labels": m{"purpose": "core"}, "taints": []any{m{"key": "k", "value": "v", "effect": "NoSchedule"}}, "zone": "us-east-1a", "version": "v1.33.0",
		}})
	}); err != nil {
		t.Fatal(err)
	}
	node, err := kubeapi.Of(w, "lab").Get(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "Node", Name: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	if kubeapi.Text(node, "metadata", "labels", "topology.kubernetes.io/zone") != "us-east-1a" || kubeapi.Text(node, "metadata", "labels", "purpose") != "core" ||
		kubeapi.Text(kubeapi.Items(node, "spec", "taints")[0], "key") != "k" || kubeapi.Text(node, "status", "nodeInfo", "kubeletVersion") != "v1.33.0" {
		t.Errorf("node %v", node)
	}
	others, err := kubeapi.Of(w, "other").List(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "Node"}, nil)
	if err != nil || len(others) > 0 {
		t.Errorf("another cluster has %v, %v", others, err)
	}
}

func TestMerge(t *testing.T) {
	tests := []struct {
		name           string
		old, live, now m
		want           m
	}{
		{"what others set stays", m{"a": 1.0}, m{"a": 1.0, "theirs": 2.0}, m{"a": 1.0}, m{"a": 1.0, "theirs": 2.0}},
		{"what is dropped goes", m{"a": 1.0, "b": 1.0}, m{"a": 1.0, "b": 1.0}, m{"a": 1.0}, m{"a": 1.0}},
		{"drift is undone", m{"a": m{"x": 1.0}}, m{"a": m{"x": 9.0, "y": 1.0}}, m{"a": m{"x": 1.0}}, m{"a": m{"x": 1.0, "y": 1.0}}},
		{"lists are whole", m{"l": []any{"a"}}, m{"l": []any{"a", "b"}}, m{"l": []any{"a"}}, m{"l": []any{"a"}}},
		{"null removes", nil, m{"a": 1.0, "b": 2.0}, m{"a": nil}, m{"b": 2.0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, kubeapi.Merge(tt.old, tt.live, tt.now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServer(t *testing.T) {
	const yaml = "current-context: b\nclusters:\n- {name: one, cluster: {server: https://one}}\n- {name: two, cluster: {server: https://two}}\ncontexts:\n- {name: b, context: {cluster: two}}\n"
	if got, err := kubeapi.Server(yaml); err != nil || got != "https://two" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "- no mapping", `{"clusters":[]}`} {
		if _, err := kubeapi.Server(bad); err == nil {
			t.Errorf("%q is taken for a kubeconfig", bad)
		}
	}
}

func TestDropLeavesOtherClusters(t *testing.T) {
	w := simtest.World(t)
	for _, cluster := range []string{"one", "two"} {
		if _, err := kubeapi.Of(w, cluster).Create(t.Context(), object("v1", "ConfigMap", "c", nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Update(func(tx *world.Tx) error { return kubeapi.Drop(tx, "one") }); err != nil {
		t.Fatal(err)
	}
	ref := kubeapi.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "c"}
	if _, err := kubeapi.Of(w, "one").Get(t.Context(), ref); !apierrors.IsNotFound(err) {
		t.Errorf("the dropped cluster's: %v", err)
	}
	if _, err := kubeapi.Of(w, "two").Get(t.Context(), ref); err != nil {
		t.Errorf("the other's: %v", err)
	}
}

func TestApply(t *testing.T) {
	w := simtest.World(t)
	api := kubeapi.Of(w, "lab")
	for _, v := range []string{"1", "2"} {
		if _, err := kubeapi.Apply(t.Context(), api, object("v1", "ConfigMap", "c", m{"data": m{"v": v}})); err != nil {
			t.Fatal(err)
		}
	}
	got, err := api.Get(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "ConfigMap", Name: "c"})
	if err != nil || kubeapi.Text(got, "data", "v") != "2" {
		t.Errorf("%v, %v", got, err)
	}
}
