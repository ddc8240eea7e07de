package verify

import (
	"context"
	"errors"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	typedapps "k8s.io/client-go/kubernetes/typed/apps/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/hubwright/hubwright/internal/release"
)

// kube is what the cluster's API says, each list asked for once.
type kube struct {
	core      typedcore.CoreV1Interface
	apps      typedapps.AppsV1Interface
	namespace string
	name      string // the release's
	broken    error

	revisions once[*release.Revision]
	podList   once[[]corev1.Pod]
	eventList once[[]corev1.Event]
	nodeList  once[[]corev1.Node]
	claimList once[[]corev1.PersistentVolumeClaim]
	workList  once[[]workload]
}

// once is the answer to a question that is asked once, and of which the answer is known when there is no way to ask it.
type once[T any] struct {
	asked bool
	v     T
	err   error
}

func (o *once[T]) get(broken error, ask func() (T, error)) (T, error) {
	if !o.asked {
		if o.err = broken; broken == nil {
			o.v, o.err = ask()
		}
		o.asked = true
	}
	return o.v, o.err
}

var errNoWay = errors.New("there is no way to the cluster")

func newKube(ways Ways, hub Hub) *kube {
	k := &kube{namespace: hub.Namespace, name: hub.Release, broken: ways.NoCluster}
	if ways.Cluster == nil {
		if k.broken == nil {
			k.broken = errNoWay
		}
		return k
	}
	var err error
	if k.core, err = typedcore.NewForConfig(ways.Cluster); err != nil {
		k.broken = err
		return k
	}
	k.apps, k.broken = typedapps.NewForConfig(ways.Cluster)
	return k
}

func (k *kube) revision() (*release.Revision, error) {
	return k.revisions.get(k.broken, func() (*release.Revision, error) {
		return release.Newest(k.core, k.namespace, k.name)
	})
}

func (k *kube) pods(ctx context.Context) ([]corev1.Pod, error) {
	return k.podList.get(k.broken, func() ([]corev1.Pod, error) {
		list, err := k.core.Pods(k.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

// events are the namespace's, the newest first.
func (k *kube) events(ctx context.Context) ([]corev1.Event, error) {
	return k.eventList.get(k.broken, func() ([]corev1.Event, error) {
		list, err := k.core.Events(k.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return eventTime(&b).Compare(eventTime(&a)) })
		return list.Items, nil
	})
}

func (k *kube) nodes(ctx context.Context) ([]corev1.Node, error) {
	return k.nodeList.get(k.broken, func() ([]corev1.Node, error) {
		list, err := k.core.Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (k *kube) claims(ctx context.Context) ([]corev1.PersistentVolumeClaim, error) {
	return k.claimList.get(k.broken, func() ([]corev1.PersistentVolumeClaim, error) {
		list, err := k.core.PersistentVolumeClaims(k.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

// workload is something that keeps pods running.
type workload struct {
	kind, name    string
	wanted, ready int
	// current is how many are as they are asked for now, not as they were before.
	current  int
	observed bool // its controller has seen what is asked for
	template corev1.PodTemplateSpec
	selector labels.Selector
	missing  bool
}

func (w *workload) component() string { return w.template.Labels["component"] }

// owns says whether a pod is of the workload.
func (w *workload) owns(p *corev1.Pod) bool {
	return w.selector != nil && w.selector.Matches(labels.Set(p.Labels))
}

// workloads are those of the release's manifest, as they are now.
func (k *kube) workloads(ctx context.Context) ([]workload, error) {
	return k.workList.get(k.broken, func() ([]workload, error) {
		rev, err := k.revision()
		if err != nil {
			return nil, err
		}
		if rev == nil {
			return nil, errors.New("there is no release that says what should run")
		}
		var out []workload
		for _, o := range rev.Objects {
			w, err := k.workload(ctx, o)
			if err != nil {
				return nil, err
			}
			if w != nil {
				out = append(out, *w)
			}
		}
		return out, nil
	})
}

// workload is the object of a manifest as it is now; nil when it is none that keeps pods.
func (k *kube) workload(ctx context.Context, o release.Object) (*workload, error) {
	w := &workload{kind: o.Kind, name: o.Name}
	var selector *metav1.LabelSelector
	var generation, observed int64
	var err error
	switch o.Kind {
	case "Deployment":
		var d *appsv1.Deployment
		if d, err = k.apps.Deployments(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{}); err == nil {
			selector, w.template, w.wanted = d.Spec.Selector, d.Spec.Template, replicas(d.Spec.Replicas)
			generation, observed = d.Generation, d.Status.ObservedGeneration
			w.ready, w.current = int(d.Status.ReadyReplicas), int(d.Status.UpdatedReplicas)
		}
	case "StatefulSet":
		var s *appsv1.StatefulSet
		if s, err = k.apps.StatefulSets(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{}); err == nil {
			selector, w.template, w.wanted = s.Spec.Selector, s.Spec.Template, replicas(s.Spec.Replicas)
			generation, observed = s.Generation, s.Status.ObservedGeneration
			w.ready, w.current = int(s.Status.ReadyReplicas), int(s.Status.UpdatedReplicas)
		}
	case "DaemonSet":
		var d *appsv1.DaemonSet
		if d, err = k.apps.DaemonSets(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{}); err == nil {
			selector, w.template, w.wanted = d.Spec.Selector, d.Spec.Template, int(d.Status.DesiredNumberScheduled)
			generation, observed = d.Generation, d.Status.ObservedGeneration
			w.ready, w.current = int(d.Status.NumberReady), int(d.Status.UpdatedNumberScheduled)
		}
	default:
		return nil, nil
	}
	if apierrors.IsNotFound(err) {
		w.missing = true
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	w.observed = observed >= generation
	w.selector, err = metav1.LabelSelectorAsSelector(selector)
	return w, err
}

func replicas(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}
