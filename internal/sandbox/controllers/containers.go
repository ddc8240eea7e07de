package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// containerSections are where a pod's spec lists containers, and where its status tells of them.
var containerSections = []struct{ spec, status string }{
	{"initContainers", "initContainerStatuses"}, {"containers", "containerStatuses"},
}

func containerStatus(c map[string]any, imageID string, restarts int, ready bool, state map[string]any) map[string]any {
	return map[string]any{
		"name": c["name"], "image": c["image"], "imageID": imageID, "restartCount": float64(restarts), "ready": ready, "started": ready, "state": state,
	}
}

// running is the status of a pod that runs. Containers that ended before keep count of it.
func (s *settling) running(p *world.Object, since time.Time) map[string]any {
	began := since.UTC().Format(time.RFC3339)
	status := map[string]any{
		"phase": "Running", "startTime": began,
		"conditions": []any{condition("PodScheduled", "True", "", ""), condition("Ready", "True", "", "")},
	}
	for _, section := range containerSections {
		var list []any
		for _, c := range kubeapi.Items(p.Props, "spec", section.spec) {
			image, _ := c["image"].(string)
			before := statusOf(p, section.status, kubeapi.Text(c, "name"))
			state := map[string]any{"running": map[string]any{"startedAt": began}}
			if section.spec == "initContainers" {
				state = map[string]any{"terminated": map[string]any{"exitCode": float64(0), "reason": "Completed", "finishedAt": began}}
			}
			made := containerStatus(c, s.imageID(image), kubeapi.Number(before, 0, "restartCount"), true, state)
			if last := kubeapi.Map(before, "lastState"); last != nil {
				made["lastState"] = last
			}
			list = append(list, made)
		}
		if list != nil {
			status[section.status] = list
		}
	}
	return status
}

func statusOf(p *world.Object, section, container string) map[string]any {
	for _, c := range kubeapi.Items(p.Props, "status", section) {
		if kubeapi.Text(c, "name") == container {
			return c
		}
	}
	return nil
}

// imageID is what a node calls an image that it has pulled, as far as this world knows the digest.
func (s *settling) imageID(image string) string {
	name, digest, byDigest := strings.Cut(image, "@")
	slash := strings.LastIndex(name, "/")
	tag := "latest"
	if i := strings.LastIndex(name, ":"); i > slash {
		name, tag = name[:i], name[i+1:]
	}
	if byDigest {
		return name + "@" + digest
	}
	o := s.tx.Find(awssim.ImageKind, func(o *world.Object) bool {
		return (o.String("repositoryUrl") == name || strings.HasSuffix(name, "/"+o.String("repository"))) && o.String("tag") == tag
	})
	if o == nil || o.String("digest") == "" {
		return ""
	}
	return name + "@" + o.String("digest")
}

// crash is the last line of what a pod's first container says before it ends: `+"`hubwright sandbox set k8s:v1/Pod ID sandbox.crash=TEXT`"+` has a pod crash, and the
// same of a workload all pods of it. "" for one that runs.
func (s *settling) crash(p *world.Object) string {
	if text := kubeapi.Text(p.Props, "sandbox", "crash"); text != "" {
		return text
	}
	for _, ref := range kubeapi.Items(p.Props, "metadata", "ownerReferences") {
		if o := s.get(kubeapi.Text(ref, "apiVersion"), kubeapi.Text(ref, "kind"), kubeapi.Text(ref, "name")); o != nil {
			return kubeapi.Text(o.Props, "sandbox", "crash")
		}
	}
	return ""
}

// backOff is the longest that a kubelet waits before it starts a container again:
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
const backOff = 5 * time.Minute

// crashes has a pod's first container end again and again.
func (s *settling) crashes(p *world.Object, since time.Time, text string) error {
	containers := kubeapi.Items(p.Props, "spec", "containers")
	if len(containers) == 0 {
		return nil
	}
	failing := kubeapi.Text(containers[0], "name")
	message := fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", failing, name(p), s.namespace, kubeapi.Text(p.Props, "metadata", "uid"))
	if err := s.event(p, "BackOff", message, "kubelet"); err != nil {
		return err
	}
	times := 1 + int(s.now.Sub(since)/backOff)
	last := since.Add(time.Duration(times-1) * backOff).UTC().Format(time.RFC3339)
	s.due(since.Add(time.Duration(times) * backOff))
	status := s.running(p, since)
	status["conditions"] = []any{condition("PodScheduled", "True", "", ""), condition("Ready", "False", "ContainersNotReady", "containers with unready status: ["+failing+"]")}
	list, _ := status["containerStatuses"].([]any)
	list[0] = containerStatus(containers[0], s.imageID(kubeapi.Text(containers[0], "image")), times, false,
		map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=" + failing}})
	kubeapi.Set(list[0].(map[string]any), map[string]any{"exitCode": float64(1), "reason": "Error", "message": text, "finishedAt": last}, "lastState", "terminated")
	_, err := s.save(p, p.Ready, func(obj kubeapi.Object) { obj["status"] = status })
	return err
}

// Log is what a container of a pod has said. Nothing runs in the sandbox, so only what has crashed has said anything.
func Log(ctx context.Context, api kubeapi.API, pod kubeapi.Ref, container string, previous bool) (string, error) {
	obj, err := api.Get(ctx, pod)
	if err != nil {
		return "", err
	}
	for _, section := range containerSections {
		for _, c := range kubeapi.Items(obj, "status", section.status) {
			if container != "" && kubeapi.Text(c, "name") != container || container == "" && section.spec == "initContainers" {
				continue
			}
			said := kubeapi.Text(c, "lastState", "terminated", "message")
			if w := kubeapi.Map(c, "state", "waiting"); w != nil && said == "" {
				return "", apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %v", kubeapi.Text(c, "name"), pod.Name, w["reason"]))
			}
			if previous && said == "" {
				return "", apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", kubeapi.Text(c, "name"), pod.Name))
			}
			if kubeapi.Map(c, "state", "running") != nil && !previous {
				return "", nil
			}
			return said + "\n", nil
		}
	}
	return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", container, pod.Name))
}
