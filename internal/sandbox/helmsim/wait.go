package helmsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	release "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// errTimedOut is the text of k8s.io/apimachinery/pkg/util/wait, which Helm's hooks end with.
var errTimedOut = errors.New("timed out waiting for the condition")

// until waits until done says so, or fails with timedOut.
func (o *operation) until(timedOut error, done func() (bool, error)) error {
	ok, err := o.Until(o.ctx, o.namespace, o.opts.Timeout, done)
	if err == nil && !ok {
		return timedOut
	}
	return err
}

// wait waits until the objects of the release are ready, unless it is not to.
func (o *operation) wait(objects []kubeapi.Object) error {
	if o.opts.NoWait && !o.opts.Atomic {
		_, err := o.Settle(o.ctx, o.namespace)
		return err
	}
	return o.until(context.DeadlineExceeded, func() (bool, error) {
		for _, obj := range objects {
			live, err := o.API.Get(o.ctx, kubeapi.RefOf(obj))
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			if !o.ready(live) {
				return false, nil
			}
		}
		return true, nil
	})
}

// passive components do their work for users' pods only, and hold nothing up.
var passive = []string{"user-scheduler", "user-placeholder"}

// ready judges an object as Helm does (https://github.com/helm/helm/blob/main/pkg/kube/ready.go).
func (o *operation) ready(obj kubeapi.Object) bool {
	if slices.Contains(passive, kubeapi.Text(obj, "metadata", "labels", "component")) {
		return true
	}
	count := func(field string) int { return kubeapi.Number(obj, 0, "status", field) }
	observed := kubeapi.Number(obj, 0, "status", "observedGeneration") >= kubeapi.Number(obj, 0, "metadata", "generation")
	replicas := kubeapi.Number(obj, 1, "spec", "replicas")
	switch kubeapi.Text(obj, "kind") {
	case "Deployment":
		spare := 0
		if kubeapi.Text(obj, "spec", "strategy", "type") != "Recreate" {
			spare = replicas / 4
		}
		return observed && count("updatedReplicas") >= replicas-spare && count("readyReplicas") >= replicas-spare
	case "StatefulSet":
		return observed && count("readyReplicas") >= replicas
	case "DaemonSet":
		want := count("desiredNumberScheduled")
		return observed && obj["status"] != nil && count("updatedNumberScheduled") >= want && count("numberReady") >= want-1
	case "PersistentVolumeClaim":
		return kubeapi.Text(obj, "status", "phase") == "Bound"
	case "Service":
		if kubeapi.Text(obj, "spec", "type") != "LoadBalancer" {
			return true
		}
		ips, _ := kubeapi.At(obj, "spec", "externalIPs").([]any)
		return len(ips) > 0 || len(kubeapi.Items(obj, "status", "loadBalancer", "ingress")) > 0
	case "Pod":
		return kubeapi.Text(obj, "status", "phase") == "Running" || kubeapi.Text(obj, "status", "phase") == "Succeeded"
	case "Job":
		return !o.opts.WaitForJobs || count("succeeded") > 0
	}
	return true
}

// hooks runs the hooks of one event, by weight; each Job or Pod is waited for.
func (o *operation) hooks(rel *release.Release, event release.HookEvent) error {
	if o.opts.DisableHooks {
		return nil
	}
	var run []*release.Hook
	for _, h := range rel.Hooks {
		if slices.Contains(h.Events, event) {
			run = append(run, h)
		}
	}
	slices.SortStableFunc(run, func(a, b *release.Hook) int {
		if a.Weight != b.Weight {
			return a.Weight - b.Weight
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, h := range run {
		obj, err := o.hookObject(h)
		if err != nil {
			return err
		}
		if len(h.DeletePolicies) == 0 || slices.Contains(h.DeletePolicies, release.HookBeforeHookCreation) {
			if err := o.remove([]kubeapi.Object{obj}); err != nil {
				return err
			}
		}
		// Helm writes the record before and after each hook; here the operation's next record holds what the hooks did.
		h.LastRun = release.HookExecution{StartedAt: o.Now(), Phase: release.HookPhaseRunning}
		err = o.hook(h, obj)
		h.LastRun.CompletedAt, h.LastRun.Phase = o.Now(), release.HookPhaseSucceeded
		if err != nil {
			h.LastRun.Phase = release.HookPhaseFailed
			if slices.Contains(h.DeletePolicies, release.HookFailed) {
				err = errors.Join(err, o.remove([]kubeapi.Object{obj}))
			}
			return err
		}
	}
	for _, h := range run {
		if !slices.Contains(h.DeletePolicies, release.HookSucceeded) {
			continue
		}
		obj, err := o.hookObject(h)
		if err != nil {
			return err
		}
		if err := o.remove([]kubeapi.Object{obj}); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) hookObject(h *release.Hook) (kubeapi.Object, error) {
	var obj kubeapi.Object
	if err := yaml.Unmarshal([]byte(h.Manifest), &obj); err != nil {
		return nil, fmt.Errorf("unable to build kubernetes object for hook %s: %w", h.Path, err)
	}
	if err := o.place(obj); err != nil {
		return nil, fmt.Errorf("unable to build kubernetes object for hook %s: %w", h.Path, err)
	}
	return obj, nil
}

func (o *operation) hook(h *release.Hook, obj kubeapi.Object) error {
	if _, err := o.API.Create(o.ctx, obj); err != nil {
		return fmt.Errorf("warning: Hook %s %s failed: %w", h.Name, h.Path, err)
	}
	ref := kubeapi.RefOf(obj)
	if ref.Kind != "Job" && ref.Kind != "Pod" {
		return nil
	}
	err := o.until(errTimedOut, func() (bool, error) {
		live, err := o.API.Get(o.ctx, ref)
		if err != nil {
			return false, err
		}
		return kubeapi.Number(live, 0, "status", "succeeded") > 0 || ref.Kind == "Pod" && kubeapi.Text(live, "status", "phase") == "Succeeded", nil
	})
	if errors.Is(err, errTimedOut) {
		return fmt.Errorf("1 error occurred:\n\t* %w\n\n", err) //nolint:staticcheck // as Helm's multierror prints it
	}
	return err
}
