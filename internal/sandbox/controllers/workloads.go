package controllers

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const hashLabel = "pod-template-hash"

var workloadKinds = []struct{ apiVersion, kind string }{
	{"apps/v1", "Deployment"}, {"apps/v1", "StatefulSet"}, {"apps/v1", "DaemonSet"}, {"batch/v1", "Job"},
}

// workloads makes the pods that are missing and removes those that are too many.
func (s *settling) workloads() error {
	for _, kind := range workloadKinds {
		for _, o := range s.list(kind.apiVersion, kind.kind) {
			if err := s.workload(o, kind.kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *settling) workload(o *world.Object, kind string) error {
	spec := kubeapi.Map(o.Props, "spec", "template", "spec")
	if account := kubeapi.Text(spec, "serviceAccountName"); account != "" && account != "default" && s.get("v1", "ServiceAccount", account) == nil {
		return nil // the API server refuses such pods
	}
	if kind == "Job" && kubeapi.Number(o.Props, 0, "status", "succeeded") > 0 {
		return nil
	}
	want := []string{}
	hash := templateHash(o)
	switch kind {
	case "DaemonSet":
		for _, n := range s.fitting(spec) {
			want = append(want, name(o)+"-"+short(hash+kubeapi.Text(n, "metadata", "name"), 5))
		}
	case "StatefulSet":
		for i := range kubeapi.Number(o.Props, 1, "spec", "replicas") {
			want = append(want, fmt.Sprintf("%s-%d", name(o), i))
		}
	case "Job":
		want = append(want, name(o)+"-"+short(hash, 5))
	default:
		for i := range kubeapi.Number(o.Props, 1, "spec", "replicas") {
			want = append(want, fmt.Sprintf("%s-%s-%s", name(o), hash, short(fmt.Sprint(hash, i), 5)))
		}
	}
	return s.replace(o, spec, hash, want)
}

// replace makes the wanted pods, and removes others: at once, or with a rolling update when the new ones are ready.
func (s *settling) replace(o *world.Object, spec map[string]any, hash string, want []string) error {
	rolling := kubeapi.Text(o.Props, "kind") == "Deployment" && kubeapi.Text(o.Props, "spec", "strategy", "type") != "Recreate"
	wanted := map[string]bool{}
	for _, n := range want {
		wanted[n] = true
	}
	present, newReady := map[string]bool{}, 0
	for _, p := range s.podsOf(o) {
		current := kubeapi.Text(p.Props, "metadata", "labels", hashLabel) == hash && wanted[name(p)]
		present[name(p)] = current
		if current && isReady(p) {
			newReady++
		}
	}
	for _, p := range s.podsOf(o) {
		if lost := s.lostNode(p); lost || !present[name(p)] && (!rolling || newReady >= len(want)) {
			delete(present, name(p))
			if err := s.tx.Delete(p.Kind, p.ID); err != nil {
				return err
			}
		}
	}
	for i, n := range want {
		if !present[n] {
			if err := s.makePod(o, spec, hash, n, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *settling) makePod(owner *world.Object, spec map[string]any, hash, podName string, index int) error {
	labels := map[string]any{hashLabel: hash}
	for k, v := range kubeapi.Map(owner.Props, "spec", "template", "metadata", "labels") {
		labels[k] = v
	}
	podSpec := kubeapi.Clone(spec)
	if kubeapi.Text(owner.Props, "kind") == "DaemonSet" {
		podSpec["nodeName"] = kubeapi.Text(s.fitting(spec)[index], "metadata", "name")
	}
	pod := kubeapi.Object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{
			"name": podName, "namespace": s.namespace, "labels": labels, "uid": short(podName+s.now.String(), 16),
			"creationTimestamp": s.now.UTC().Format(time.RFC3339),
			"ownerReferences": []any{map[string]any{
				"apiVersion": owner.Props["apiVersion"], "kind": owner.Props["kind"], "name": name(owner), "uid": kubeapi.Text(owner.Props, "metadata", "uid"), "controller": true,
			}},
		},
		"spec":   podSpec,
		"status": map[string]any{"phase": "Pending"},
	}
	return s.tx.Put(&world.Object{
		Kind: kubeapi.WorldKind("v1", "Pod"), ID: s.cluster + "/" + s.namespace + "/" + podName, Props: pod, Created: s.now,
	})
}

func (s *settling) podsOf(owner *world.Object) []*world.Object {
	uid := kubeapi.Text(owner.Props, "metadata", "uid")
	var out []*world.Object
	for _, p := range s.list("v1", "Pod") {
		if refs := kubeapi.Items(p.Props, "metadata", "ownerReferences"); len(refs) > 0 && kubeapi.Text(refs[0], "uid") == uid {
			out = append(out, p)
		}
	}
	return out
}

// templateHash tells one version of a workload's pods from another.
func templateHash(o *world.Object) string { return short(kubeapi.TemplateHash(o), 10) }

// short is a name's suffix made from a text: digits and letters as Kubernetes uses them, which spell no words.
func short(text string, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum64()
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[sum%uint64(len(alphabet))]
		if sum /= uint64(len(alphabet)); sum == 0 {
			_, _ = h.Write([]byte{byte(i)})
			sum = h.Sum64()
		}
	}
	return string(out)
}
