package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// pods takes each pod as far as it gets: scheduled, its volumes and images there, started.
func (s *settling) pods() error {
	for _, p := range s.list("v1", "Pod") {
		if err := s.pod(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *settling) pod(p *world.Object) error {
	phase := kubeapi.Text(p.Props, "status", "phase")
	crash := s.crash(p)
	if phase == "Succeeded" || phase == "Running" && !isJob(p) && crash == "" && isReady(p) {
		return nil
	}
	if problem := s.schedule(&p); problem != "" {
		if err := s.event(p, "FailedScheduling", problem, "default-scheduler"); err != nil {
			return err
		}
		_, err := s.save(p, time.Time{}, func(obj kubeapi.Object) {
			obj["status"] = map[string]any{"phase": "Pending", "conditions": []any{condition("PodScheduled", "False", "Unschedulable", problem)}}
		})
		return err
	}
	if err := s.claimsOf(p); err != nil {
		return err
	}
	if b := s.blocked(p); b.reason != "" {
		if err := s.event(p, b.event, b.message, "kubelet"); err != nil {
			return err
		}
		_, err := s.save(p, time.Time{}, func(obj kubeapi.Object) { obj["status"] = waiting(p, b) })
		return err
	}
	ready := p.Ready
	if ready.IsZero() {
		ready = s.now.Add(takes(p))
	}
	if ready.After(s.now) {
		s.due(ready)
		_, err := s.save(p, ready, func(obj kubeapi.Object) { obj["status"] = waiting(p, block{reason: "ContainerCreating"}) })
		return err
	}
	if crash != "" {
		return s.crashes(p, ready, crash)
	}
	if isJob(p) && !s.jobDone(p) {
		return nil
	}
	_, err := s.save(p, ready, func(obj kubeapi.Object) {
		obj["status"] = s.running(p, ready)
		if isJob(p) {
			kubeapi.Set(obj, "Succeeded", "status", "phase")
		}
	})
	return err
}

func takes(p *world.Object) time.Duration {
	switch {
	case isJob(p):
		return podStarts + jobRuns
	case kubeapi.Text(p.Props, "metadata", "labels", "component") == "hub":
		return hubStarts
	}
	return podStarts
}

func isJob(p *world.Object) bool {
	refs := kubeapi.Items(p.Props, "metadata", "ownerReferences")
	return len(refs) > 0 && kubeapi.Text(refs[0], "kind") == "Job"
}

// jobDone: a Job that waits for a DaemonSet, as the JupyterHub chart's image awaiter does, is done when all of the set's pods are ready.
func (s *settling) jobDone(p *world.Object) bool {
	for _, c := range kubeapi.Items(p.Props, "spec", "containers") {
		for _, section := range []string{"command", "args"} {
			list, _ := c[section].([]any)
			for _, a := range list {
				text, _ := a.(string)
				set, ok := strings.CutPrefix(strings.TrimLeft(text, "-"), "daemonset=")
				if !ok {
					continue
				}
				o := s.get("apps/v1", "DaemonSet", set)
				if o == nil {
					return false
				}
				for _, puller := range s.podsOf(o) {
					if !isReady(puller) {
						s.due(puller.Ready)
						return false
					}
				}
			}
		}
	}
	return true
}

func isReady(p *world.Object) bool {
	for _, c := range kubeapi.Items(p.Props, "status", "conditions") {
		if c["type"] == "Ready" && c["status"] == "True" {
			return true
		}
	}
	return false
}

func condition(kind, status, reason, message string) map[string]any {
	out := map[string]any{"type": kind, "status": status}
	if reason != "" {
		out["reason"], out["message"] = reason, message
	}
	return out
}

// block is what keeps a pod's containers from starting.
type block struct {
	reason, message string
	event           string // the reason of the event that tells of it
	container       string // the one that it is about; "" for all of them
}

// waiting is the status of a pod whose containers have not started: the one that is blocked says why.
func waiting(p *world.Object, b block) map[string]any {
	status := map[string]any{
		"phase":      "Pending",
		"conditions": []any{condition("PodScheduled", "True", "", ""), condition("Ready", "False", "ContainersNotReady", b.reason)},
	}
	for _, section := range containerSections {
		var list []any
		for _, c := range kubeapi.Items(p.Props, "spec", section.spec) {
			state := map[string]any{"reason": b.reason}
			switch {
			case b.container != "" && b.container != kubeapi.Text(c, "name"):
				state["reason"] = "PodInitializing"
			case b.message != "":
				state["message"] = b.message
			}
			list = append(list, containerStatus(c, "", 0, false, map[string]any{"waiting": state}))
		}
		if list != nil {
			status[section.status] = list
		}
	}
	return status
}

// blocked says what keeps a scheduled pod from starting, as its events would.
func (s *settling) blocked(p *world.Object) block {
	for _, v := range kubeapi.Items(p.Props, "spec", "volumes") {
		if m := s.volumeProblem(v); m != "" {
			return block{reason: "ContainerCreating", message: fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", v["name"], m), event: "FailedMount"}
		}
	}
	for _, section := range containerSections {
		for _, c := range kubeapi.Items(p.Props, "spec", section.spec) {
			image, _ := c["image"].(string)
			if m := ImageProblem(s.tx, image); m != "" {
				return block{"ImagePullBackOff", m, "BackOff", kubeapi.Text(c, "name")}
			}
			if m := s.environmentProblem(c); m != "" {
				return block{"CreateContainerConfigError", m, "Failed", kubeapi.Text(c, "name")}
			}
		}
	}
	return block{}
}

func optional(ref map[string]any) bool {
	b, _ := ref["optional"].(bool)
	return b
}

// volumeProblem looks at a volume made of a ConfigMap, a Secret or a claim.
func (s *settling) volumeProblem(v map[string]any) string {
	if ref := kubeapi.Map(v, "configMap"); ref != nil && !optional(ref) {
		return s.missing("ConfigMap", kubeapi.Text(ref, "name"), kubeapi.Items(ref, "items"))
	}
	if ref := kubeapi.Map(v, "secret"); ref != nil && !optional(ref) {
		return s.missing("Secret", kubeapi.Text(ref, "secretName"), kubeapi.Items(ref, "items"))
	}
	if claim := kubeapi.Text(v, "persistentVolumeClaim", "claimName"); claim != "" {
		o := s.get("v1", "PersistentVolumeClaim", claim)
		if o == nil || kubeapi.Text(o.Props, "status", "phase") != "Bound" {
			return fmt.Sprintf("persistentvolumeclaim %q is not bound", claim)
		}
		return s.fileSystemProblem(s.global("v1", "PersistentVolume", kubeapi.Text(o.Props, "spec", "volumeName")))
	}
	return ""
}

// missing says that an object of data, or one of its keys, is not there.
func (s *settling) missing(kind, name string, keys []map[string]any) string {
	o := s.get("v1", kind, name)
	if o == nil {
		return fmt.Sprintf("%s %q not found", strings.ToLower(kind), name)
	}
	if len(keys) == 0 {
		return ""
	}
	obj, err := s.api.Get(context.Background(), kubeapi.Ref{APIVersion: "v1", Kind: kind, Namespace: s.namespace, Name: name})
	if err != nil {
		return err.Error()
	}
	for _, k := range keys {
		key := kubeapi.Text(k, "key")
		if kubeapi.Map(obj, "data")[key] == nil && kubeapi.Map(obj, "binaryData")[key] == nil {
			return fmt.Sprintf("couldn't find key %s in %s %s/%s", key, kind, s.namespace, name)
		}
	}
	return ""
}

func (s *settling) environmentProblem(container map[string]any) string {
	for _, e := range kubeapi.Items(container, "env") {
		for kind, field := range map[string]string{"Secret": "secretKeyRef", "ConfigMap": "configMapKeyRef"} {
			if ref := kubeapi.Map(e, "valueFrom", field); ref != nil && !optional(ref) {
				if m := s.missing(kind, kubeapi.Text(ref, "name"), []map[string]any{ref}); m != "" {
					return m
				}
			}
		}
	}
	for _, e := range kubeapi.Items(container, "envFrom") {
		for kind, field := range map[string]string{"Secret": "secretRef", "ConfigMap": "configMapRef"} {
			if ref := kubeapi.Map(e, field); ref != nil && !optional(ref) {
				if m := s.missing(kind, kubeapi.Text(ref, "name"), nil); m != "" {
					return m
				}
			}
		}
	}
	return ""
}

// Problems says in one line for each pod of a namespace that is not ready what keeps it, as `kubectl describe` would show it.
func Problems(tx *world.Tx, cluster, namespace string) []string {
	var out []string
	for _, p := range tx.List(kubeapi.WorldKind("v1", "Pod")) {
		if !strings.HasPrefix(p.ID, cluster+"/"+namespace+"/") || isReady(p) {
			continue
		}
		why := "not ready"
		for _, c := range kubeapi.Items(p.Props, "status", "conditions") {
			if c["status"] == "False" {
				why = strings.TrimSpace(fmt.Sprint(c["reason"], ": ", c["message"]))
			}
		}
		for _, section := range containerSections {
			for _, c := range kubeapi.Items(p.Props, "status", section.status) {
				if w := kubeapi.Map(c, "state", "waiting"); w != nil && w["reason"] != "PodInitializing" {
					why = strings.TrimSuffix(fmt.Sprint(w["reason"], ": ", kubeapi.Text(w, "message")), ": ")
				}
			}
		}
		out = append(out, "pod "+name(p)+": "+why)
	}
	return out
}
