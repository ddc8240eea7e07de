package controllers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// schedule gives a pod a node, or says why none takes it, in the scheduler's words. Room on the nodes is not looked at.
func (s *settling) schedule(p **world.Object) (problem string) {
	if kubeapi.Text((*p).Props, "spec", "nodeName") != "" {
		return ""
	}
	for _, v := range kubeapi.Items((*p).Props, "spec", "volumes") {
		claim := kubeapi.Text(v, "persistentVolumeClaim", "claimName")
		if claim == "" {
			continue
		}
		o := s.get("v1", "PersistentVolumeClaim", claim)
		if o == nil {
			return fmt.Sprintf("persistentvolumeclaim %q not found", claim)
		}
		if kubeapi.Text(o.Props, "status", "phase") != "Bound" && !s.waitsForConsumer(o) {
			return "pod has unbound immediate PersistentVolumeClaims. " + kubeapi.Text(o.Props, "status", "message")
		}
	}
	spec := kubeapi.Map((*p).Props, "spec")
	fits := s.fitting(spec)
	if len(fits) == 0 {
		return s.unschedulable(spec)
	}
	saved, err := s.save(*p, (*p).Ready, func(obj kubeapi.Object) {
		kubeapi.Set(obj, kubeapi.Text(fits[0], "metadata", "name"), "spec", "nodeName")
	})
	if err != nil {
		return err.Error()
	}
	*p = saved
	return ""
}

// fitting returns the nodes that take a pod.
func (s *settling) fitting(spec map[string]any) []kubeapi.Object {
	var out []kubeapi.Object
	for _, n := range s.nodes {
		if refusal(spec, n) == "" {
			out = append(out, n)
		}
	}
	return out
}

func (s *settling) unschedulable(spec map[string]any) string {
	if len(s.nodes) == 0 {
		return "no nodes available to schedule pods"
	}
	counts := map[string]any{}
	for _, n := range s.nodes {
		r := refusal(spec, n)
		had, _ := counts[r].(int)
		counts[r] = had + 1
	}
	var parts []string
	for _, r := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d node(s) %s", counts[r], r))
	}
	return fmt.Sprintf("0/%d nodes are available: %s. preemption: 0/%[1]d nodes are available: %[1]d Preemption is not helpful for scheduling.", len(s.nodes), strings.Join(parts, ", "))
}

// refusal says why a node does not take a pod; "" when it does.
func refusal(spec map[string]any, node kubeapi.Object) string {
	for _, t := range kubeapi.Items(node, "spec", "taints") {
		if effect := t["effect"]; effect != "PreferNoSchedule" && !tolerated(spec, t) {
			value, _ := t["value"].(string)
			return fmt.Sprintf("had untolerated taint {%v: %s}", t["key"], value)
		}
	}
	labels := kubeapi.Map(node, "metadata", "labels")
	const mismatch = "didn't match Pod's node affinity/selector"
	for k, v := range kubeapi.Map(spec, "nodeSelector") {
		if labels[k] != v {
			return mismatch
		}
	}
	terms := kubeapi.Items(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	if len(terms) > 0 && !slices.ContainsFunc(terms, func(t map[string]any) bool { return matches(t, labels) }) {
		return mismatch
	}
	return ""
}

func tolerated(spec, taint map[string]any) bool {
	return slices.ContainsFunc(kubeapi.Items(spec, "tolerations"), func(t map[string]any) bool {
		if effect := kubeapi.Text(t, "effect"); effect != "" && effect != taint["effect"] {
			return false
		}
		key := kubeapi.Text(t, "key")
		if kubeapi.Text(t, "operator") == "Exists" {
			return key == "" || key == taint["key"]
		}
		value, _ := taint["value"].(string)
		return key == taint["key"] && kubeapi.Text(t, "value") == value
	})
}

// matches evaluates one node selector term: all of its expressions must hold
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#NodeSelectorTerm).
func matches(term, labels map[string]any) bool {
	for _, e := range kubeapi.Items(term, "matchExpressions") {
		value, has := labels[kubeapi.Text(e, "key")].(string)
		list, _ := e["values"].([]any)
		in := slices.Contains(list, any(value))
		ok := false
		switch e["operator"] {
		case "In":
			ok = has && in
		case "NotIn":
			ok = !has || !in
		case "Exists":
			ok = has
		case "DoesNotExist":
			ok = !has
		case "Gt", "Lt":
			ok = has && len(list) == 1 && compares(value, list[0], e["operator"] == "Gt")
		}
		if !ok {
			return false
		}
	}
	return true
}

func compares(value string, bound any, greater bool) bool {
	a, errA := strconv.Atoi(value)
	b, errB := strconv.Atoi(fmt.Sprint(bound))
	return errA == nil && errB == nil && (greater && a > b || !greater && a < b)
}

// lostNode says that a pod's node is gone, and the pod with it.
func (s *settling) lostNode(p *world.Object) bool {
	n := kubeapi.Text(p.Props, "spec", "nodeName")
	return n != "" && !slices.ContainsFunc(s.nodes, func(o kubeapi.Object) bool { return kubeapi.Text(o, "metadata", "name") == n })
}
