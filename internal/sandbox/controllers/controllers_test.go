package controllers

import (
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

type m = map[string]any

func TestRefusal(t *testing.T) {
	node := kubeapi.Object{
		"metadata": m{"labels": m{"purpose": "core", "size": "4"}},
		"spec":     m{"taints": []any{m{"key": "dedicated", "value": "core", "effect": "NoSchedule"}}},
	}
	tolerate := []any{m{"key": "dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"}}
	required := func(e m) m {
		return m{"tolerations": tolerate, "affinity": m{"nodeAffinity": m{"requiredDuringSchedulingIgnoredDuringExecution": m{"nodeSelectorTerms": []any{m{"matchExpressions": []any{e}}}}}}}
	}
	tests := []struct {
		name string
		spec m
		want bool
	}{
		{"untolerated", m{}, false},
		{"tolerated", m{"tolerations": tolerate}, true},
		{"tolerates anything", m{"tolerations": []any{m{"operator": "Exists"}}}, true},
		{"other value", m{"tolerations": []any{m{"key": "dedicated", "value": "user"}}}, false},
		{"other effect", m{"tolerations": []any{m{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}}}, false},
		{"selector", m{"tolerations": tolerate, "nodeSelector": m{"purpose": "core"}}, true},
		{"other selector", m{"tolerations": tolerate, "nodeSelector": m{"purpose": "user"}}, false},
		{"in", required(m{"key": "purpose", "operator": "In", "values": []any{"user", "core"}}), true},
		{"not in", required(m{"key": "purpose", "operator": "NotIn", "values": []any{"core"}}), false},
		{"exists", required(m{"key": "purpose", "operator": "Exists"}), true},
		{"does not exist", required(m{"key": "gpu", "operator": "DoesNotExist"}), true},
		{"greater", required(m{"key": "size", "operator": "Gt", "values": []any{"3"}}), true},
		{"less", required(m{"key": "size", "operator": "Lt", "values": []any{"3"}}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if why := refusal(tt.spec, node); (why == "") != tt.want {
				t.Errorf("refusal %q", why)
			}
		})
	}
}

func TestImageProblem(t *testing.T) {
	const host = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	digest := "sha256:" + world.Hex(64)
	w := simtest.World(t)
	if err := w.Update(func(tx *world.Tx) error {
		if err := tx.Put(&world.Object{Kind: repositoryKind, ID: "team/image", Props: m{"repositoryUrl": host + "/team/image"}}); err != nil {
			return err
		}
		return tx.Put(&world.Object{Kind: "aws:ecr:image", ID: host + "/team/image:v1", Props: m{"repository": "team/image", "repositoryUrl": host + "/team/image", "tag": "v1", "digest": digest}})
	}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		image string
		there bool
	}{
		{host + "/team/image:v1", true},
		{host + "/team/image@" + digest, true},
		{host + "/team/image:v1@" + digest, true},
		{host + "/team/image", false}, // latest
		{host + "/team/image:v2", false},
		{host + "/team/image@sha256:" + world.Hex(64), false},
		{host + "/other:v1", false},
		{"999999999999.dkr.ecr.us-east-1.amazonaws.com/theirs:v1", true}, // another account's: not known
		{"quay.io/jupyterhub/k8s-hub:4.2.0", true},
	}
	for _, tt := range tests {
		if err := w.View(func(tx *world.Tx) error {
			if got := ImageProblem(tx, tt.image); (got == "") != tt.there {
				t.Errorf("%s: %q", tt.image, got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollout: a changed template replaces the pods, and pods of a node that is gone move.
func TestRollout(t *testing.T) {
	w := simtest.World(t)
	node := func(name string) *world.Object {
		return &world.Object{Kind: "k8s:v1/Node", ID: "lab/" + name, Props: m{"name": name, "cluster": "lab"}}
	}
	if err := w.Update(func(tx *world.Tx) error { return tx.Put(node("n1")) }); err != nil {
		t.Fatal(err)
	}
	api, ctx := kubeapi.Of(w, "lab"), t.Context()
	web := func(image string) kubeapi.Object {
		return kubeapi.Object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": m{"name": "web", "namespace": "default"}, "spec": m{
			"replicas": 2.0, "selector": m{"matchLabels": m{"a": "b"}}, "template": m{"metadata": m{"labels": m{"a": "b"}}, "spec": m{"containers": []any{m{"name": "c", "image": image}}}},
		}}
	}
	if _, err := api.Create(ctx, web("one")); err != nil {
		t.Fatal(err)
	}
	defer w.Clock.Enter()()
	waiter := Waiter(w, "lab")
	ready := func(want int, image string) {
		t.Helper()
		ok, err := waiter.Until(ctx, "default", 5*60e9, func() (bool, error) {
			pods, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "default"}, nil)
			n := 0
			for _, p := range pods {
				if kubeapi.Items(p, "spec", "containers")[0]["image"] == image && kubeapi.Text(p, "status", "phase") == "Running" {
					n++
				}
			}
			return n == want && len(pods) == want, err
		})
		if !ok || err != nil {
			t.Fatalf("never had %d pods of %s and no other: %v", want, image, err)
		}
	}
	ready(2, "one")
	if _, err := api.Update(ctx, web("two")); err != nil {
		t.Fatal(err)
	}
	ready(2, "two")
	if err := w.Update(func(tx *world.Tx) error {
		if err := tx.Put(node("n2")); err != nil {
			return err
		}
		return tx.Delete("k8s:v1/Node", "lab/n1")
	}); err != nil {
		t.Fatal(err)
	}
	ok, err := waiter.Until(ctx, "default", 5*60e9, func() (bool, error) {
		pods, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "default"}, nil)
		for _, p := range pods {
			if kubeapi.Text(p, "spec", "nodeName") != "n2" || kubeapi.Text(p, "status", "phase") != "Running" {
				return false, err
			}
		}
		return len(pods) == 2, err
	})
	if !ok || err != nil {
		t.Errorf("the pods did not move to the other node: %v", err)
	}
}

// TestServiceThatStopsBeingPublic loses its load balancer.
func TestServiceThatStopsBeingPublic(t *testing.T) {
	w := simtest.World(t)
	if err := w.Update(func(tx *world.Tx) error {
		for _, o := range []*world.Object{
			{Kind: clusterKind, ID: "lab", Props: m{"name": "lab", "endpoint": "https://A.gr7.eu-west-1.eks.amazonaws.com", "vpcConfig": m{"vpcId": "vpc-1"}}},
			{Kind: subnetKind, ID: "subnet-1", Props: m{"vpcId": "vpc-1", "mapPublicIpOnLaunch": true}},
		} {
			if err := tx.Put(o); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	api, ctx := kubeapi.Of(w, "lab"), t.Context()
	service := func(kind string) kubeapi.Object {
		return kubeapi.Object{"apiVersion": "v1", "kind": "Service", "metadata": m{"name": "web", "namespace": "default"}, "spec": m{"type": kind}}
	}
	count := func() (n int) {
		_ = w.View(func(tx *world.Tx) error {
			n = len(tx.List(kubeapi.BalancerKind)) + len(tx.List(kubeapi.InterfaceKind))
			return nil
		})
		return n
	}
	if _, err := api.Create(ctx, service("LoadBalancer")); err != nil {
		t.Fatal(err)
	}
	settle := Waiter(w, "lab").Settle
	next, err := settle(ctx, "default")
	if err != nil || next.Sub(w.Clock.Now()) != classicTakes || count() != 2 {
		t.Fatalf("due %s, %d load balancers and interfaces, %v", next, count(), err)
	}
	w.Clock.Advance(classicTakes)
	if next, err = settle(ctx, "default"); err != nil || !next.IsZero() {
		t.Fatalf("something more is due at %s, %v", next, err)
	}
	if _, err := api.Update(ctx, service("ClusterIP")); err != nil {
		t.Fatal(err)
	}
	if _, err := settle(ctx, "default"); err != nil || count() != 0 {
		t.Errorf("%d left, %v", count(), err)
	}
}
