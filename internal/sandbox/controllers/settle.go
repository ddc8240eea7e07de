// Package controllers plays what works inside an EKS cluster and beside it: the controllers of workloads and claims, the scheduler, the
// kubelets, and the cloud's controller of load balancers. Nothing runs in the background: Settle brings a namespace to where it is at the
// present virtual time, and says when something more is going to happen.
package controllers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// How long things take. All are estimates, from what these take on small EKS clusters, rounded to 5 s.
const (
	podStarts    = 15 * time.Second  // image pulled and probes passed
	hubStarts    = 30 * time.Second  // the hub, whose image is larger and which migrates its database first
	jobRuns      = 10 * time.Second  // a hook's Job after its pod has started
	classicTakes = 120 * time.Second // a classic load balancer until its name is in the Service
	networkTakes = 180 * time.Second // a network load balancer
)

// settling is one pass over one namespace.
type settling struct {
	world     *world.World
	tx        *world.Tx
	api       kubeapi.World
	cluster   string
	namespace string
	now       time.Time
	next      time.Time
	nodes     []kubeapi.Object
}

// Settle brings a namespace of a cluster up to the present virtual time. next is when something more happens by itself; it is zero when
// nothing does until somebody changes something.
func Settle(w *world.World, tx *world.Tx, cluster, namespace string) (next time.Time, err error) {
	s := &settling{world: w, tx: tx, api: kubeapi.In(w, tx, cluster), cluster: cluster, namespace: namespace, now: tx.Now()}
	if s.nodes, err = s.api.List(context.Background(), kubeapi.Ref{APIVersion: "v1", Kind: "Node"}, nil); err != nil {
		return time.Time{}, err
	}
	for _, step := range []func() error{s.forget, s.claims, s.workloads, s.pods, s.statuses, s.services} {
		if err := step(); err != nil {
			return time.Time{}, err
		}
	}
	return s.next, nil
}

// due notes that something happens at t.
func (s *settling) due(t time.Time) {
	if t.After(s.now) && (s.next.IsZero() || t.Before(s.next)) {
		s.next = t
	}
}

// list returns the stored objects of a kind in the namespace. They are read, never changed.
func (s *settling) list(apiVersion, kind string) []*world.Object {
	var out []*world.Object
	prefix := s.cluster + "/" + s.namespace + "/"
	for _, o := range s.tx.List(kubeapi.WorldKind(apiVersion, kind)) {
		if strings.HasPrefix(o.ID, prefix) {
			out = append(out, o)
		}
	}
	return out
}

// get returns a stored object of the namespace, or nil.
func (s *settling) get(apiVersion, kind, name string) *world.Object {
	return s.tx.Get(kubeapi.WorldKind(apiVersion, kind), s.cluster+"/"+s.namespace+"/"+name)
}

// global returns a stored object that has no namespace, or nil.
func (s *settling) global(apiVersion, kind, name string) *world.Object {
	return s.tx.Get(kubeapi.WorldKind(apiVersion, kind), s.cluster+"/"+name)
}

// save stores an object with a change, if it is one, and returns what is stored then.
func (s *settling) save(o *world.Object, ready time.Time, change func(obj kubeapi.Object)) (*world.Object, error) {
	changed := *o
	changed.Props = kubeapi.Clone(o.Props)
	change(changed.Props)
	changed.Ready = ready
	if kubeapi.Same(changed.Props, o.Props) && ready.Equal(o.Ready) {
		return o, nil
	}
	return &changed, s.tx.Put(&changed)
}

func name(o *world.Object) string { return kubeapi.Text(o.Props, "metadata", "name") }

// services gives those of type LoadBalancer their load balancers.
func (s *settling) services() error {
	for _, o := range s.list("v1", "Service") {
		if kubeapi.Text(o.Props, "spec", "type") != "LoadBalancer" {
			if kubeapi.Map(o.Props, "status", "loadBalancer") != nil {
				if err := s.noBalancer(o); err != nil {
					return err
				}
			}
			continue
		}
		if err := s.balancer(o); err != nil {
			return err
		}
	}
	return nil
}

// statuses tells each workload how its pods are.
func (s *settling) statuses() error {
	for _, kind := range workloadKinds {
		for _, o := range s.list(kind.apiVersion, kind.kind) {
			pods := s.podsOf(o)
			var ready, current int
			hash := templateHash(o)
			for _, p := range pods {
				if kubeapi.Text(p.Props, "metadata", "labels", hashLabel) != hash {
					continue
				}
				current++
				if isReady(p) || kubeapi.Text(p.Props, "status", "phase") == "Succeeded" {
					ready++
				}
			}
			if _, err := s.save(o, o.Ready, func(obj kubeapi.Object) { s.status(obj, kind.kind, ready, current, len(pods)) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *settling) status(obj kubeapi.Object, kind string, ready, current, total int) {
	status := map[string]any{"observedGeneration": kubeapi.At(obj, "metadata", "generation")}
	switch kind {
	case "Job":
		if status = kubeapi.Map(obj, "status"); status == nil {
			status = map[string]any{}
		}
		if ready > 0 && status["succeeded"] == nil {
			status["succeeded"], status["completionTime"] = float64(1), s.now.UTC().Format(time.RFC3339)
			status["conditions"] = []any{map[string]any{"type": "Complete", "status": "True"}}
		} else if ready == 0 {
			status["active"] = float64(current)
		}
	case "DaemonSet":
		status["desiredNumberScheduled"], status["currentNumberScheduled"] = float64(len(s.fitting(kubeapi.Map(obj, "spec", "template", "spec")))), float64(current)
		status["numberReady"], status["numberAvailable"], status["updatedNumberScheduled"] = float64(ready), float64(ready), float64(current)
	default:
		status["replicas"], status["updatedReplicas"] = float64(total), float64(current)
		status["readyReplicas"], status["availableReplicas"] = float64(ready), float64(ready)
	}
	obj["status"] = status
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
