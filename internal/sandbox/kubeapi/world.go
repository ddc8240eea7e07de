package kubeapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// World is the API of one simulated cluster, over the world's objects. Objects are kept with Kind "k8s:<apiVersion>/<Kind>" and id
// "<cluster>/<namespace>/<name>" ("<cluster>/<name>" where there is no namespace); what may be secret in them is sealed.
type World struct {
	world   *world.World
	cluster string
	tx      *world.Tx // nil: a transaction for each call
}

var _ API = World{}

// Of returns a cluster's API; each call is a transaction of its own.
func Of(w *world.World, cluster string) World { return World{world: w, cluster: cluster} }

// In returns a cluster's API within a transaction.
func In(w *world.World, tx *world.Tx, cluster string) World {
	return World{world: w, cluster: cluster, tx: tx}
}

// Cluster is the name of the cluster.
func (a World) Cluster() string { return a.cluster }

// WorldKind is the kind under which the world keeps objects of a Kubernetes kind.
func WorldKind(apiVersion, kindName string) string { return "k8s:" + apiVersion + "/" + kindName }

func (a World) id(ref Ref) string {
	if ref.Namespace == "" {
		return a.cluster + "/" + ref.Name
	}
	return a.cluster + "/" + ref.Namespace + "/" + ref.Name
}

func (a World) view(f func(*world.Tx) error) error {
	if a.tx != nil {
		return f(a.tx)
	}
	return a.world.View(f)
}

func (a World) update(f func(*world.Tx) error) error {
	if a.tx != nil {
		return f(a.tx)
	}
	return a.world.Update(f)
}

// Get implements API.
func (a World) Get(_ context.Context, ref Ref) (obj Object, err error) {
	k, err := lookup(&ref)
	if err != nil {
		return nil, err
	}
	err = a.view(func(tx *world.Tx) error {
		o := a.find(tx, ref)
		if o == nil {
			return notFound(ref, k)
		}
		obj, err = a.open(o)
		return err
	})
	return obj, err
}

func (a World) find(tx *world.Tx, ref Ref) *world.Object {
	if o := tx.Get(WorldKind(ref.APIVersion, ref.Kind), a.id(ref)); o != nil {
		return o
	}
	if ref.Kind == "Namespace" && slices.Contains(builtin, ref.Name) {
		return &world.Object{Kind: WorldKind("v1", "Namespace"), ID: a.id(ref), Created: world.Epoch, Ready: world.Epoch, Props: Object{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": ref.Name}, "status": map[string]any{"phase": "Active"},
		}}
	}
	if ref.Kind != "Node" {
		return nil
	}
	return tx.Find(WorldKind("v1", "Node"), func(o *world.Object) bool { return a.owns(o) && o.String("name") == ref.Name })
}

// owns says whether an object belongs to this cluster. Nodes are put by the node groups, which name the cluster in a property.
func (a World) owns(o *world.Object) bool {
	return strings.HasPrefix(o.ID, a.cluster+"/") || o.Kind == WorldKind("v1", "Node") && o.String("cluster") == a.cluster
}

// open turns a stored object back into what the API server would answer.
func (a World) open(o *world.Object) (Object, error) {
	if o.Kind == WorldKind("v1", "Node") && o.Props["metadata"] == nil {
		return node(o), nil
	}
	opened, err := unseal(a.world, o.Props)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", o.Kind, o.ID, err)
	}
	obj, _ := opened.(map[string]any)
	return obj, nil
}

// List implements API.
func (a World) List(_ context.Context, ref Ref, labels map[string]string) (out []Object, err error) {
	ref.Name = ""
	if _, err := lookup(&ref); err != nil {
		return nil, err
	}
	err = a.view(func(tx *world.Tx) error {
		for _, o := range tx.List(WorldKind(ref.APIVersion, ref.Kind)) {
			if !a.owns(o) || !carries(o.Props, labels) {
				continue
			}
			if ref.Namespace != "" && !strings.HasPrefix(o.ID, a.cluster+"/"+ref.Namespace+"/") {
				continue
			}
			obj, err := a.open(o)
			if err != nil {
				return err
			}
			out = append(out, obj)
		}
		return nil
	})
	return out, err
}

func carries(obj Object, labels map[string]string) bool {
	for k, v := range labels {
		if s, ok := Map(obj, "metadata", "labels")[k].(string); !ok || s != v {
			return false
		}
	}
	return true
}

// Create implements API.
func (a World) Create(_ context.Context, obj Object) (made Object, err error) {
	obj = Clone(obj)
	ref := RefOf(obj)
	k, err := lookup(&ref)
	if err != nil {
		return nil, err
	}
	if err := texts(obj, ref); err != nil {
		return nil, err
	}
	complete(obj, ref)
	if err := validate(obj, ref, k); err != nil {
		return nil, err
	}
	err = a.update(func(tx *world.Tx) error {
		if a.find(tx, ref) != nil {
			return apierrors.NewAlreadyExists(resourceOf(ref, k), ref.Name)
		}
		if ref.Namespace != "" && a.find(tx, Ref{APIVersion: "v1", Kind: "Namespace", Name: ref.Namespace}) == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, ref.Namespace)
		}
		Set(obj, uid(), "metadata", "uid")
		Set(obj, "1", "metadata", "resourceVersion")
		if obj["spec"] != nil {
			Set(obj, float64(1), "metadata", "generation")
		}
		Set(obj, tx.Now().UTC().Format(time.RFC3339), "metadata", "creationTimestamp")
		made = Clone(obj)
		return a.put(tx, ref, obj, tx.Now())
	})
	return made, err
}

// builtin namespaces are there from the start (https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/).
var builtin = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// complete fills in what the API server fills in.
func complete(obj Object, ref Ref) {
	if ref.Namespace != "" {
		Set(obj, ref.Namespace, "metadata", "namespace")
	} else {
		delete(Map(obj, "metadata"), "namespace")
	}
	switch ref.Kind {
	case "Secret":
		EncodeSecret(obj)
		if Text(obj, "type") == "" {
			obj["type"] = "Opaque"
		}
	case "Namespace":
		Set(obj, ref.Name, "metadata", "labels", "kubernetes.io/metadata.name")
		Set(obj, "Active", "status", "phase")
	case "Service":
		if Text(obj, "spec", "type") == "" {
			Set(obj, "ClusterIP", "spec", "type")
		}
	case "PersistentVolumeClaim", "PersistentVolume":
		if Text(obj, "status", "phase") == "" {
			Set(obj, map[string]string{"PersistentVolume": "Available", "PersistentVolumeClaim": "Pending"}[ref.Kind], "status", "phase")
		}
	case "StorageClass":
		for key, def := range map[string]string{"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"} {
			if Text(obj, key) == "" {
				obj[key] = def
			}
		}
	}
}

// put stores an object as a whole.
func (a World) put(tx *world.Tx, ref Ref, obj Object, created time.Time) error {
	kept, err := keep(a.world, obj)
	if err != nil {
		return err
	}
	return tx.Put(&world.Object{Kind: WorldKind(ref.APIVersion, ref.Kind), ID: a.id(ref), Props: kept, Created: created, Ready: tx.Now()})
}

// Update implements API.
func (a World) Update(_ context.Context, obj Object) (updated Object, err error) {
	obj = Clone(obj)
	ref := RefOf(obj)
	k, err := lookup(&ref)
	if err != nil {
		return nil, err
	}
	if err := texts(obj, ref); err != nil {
		return nil, err
	}
	complete(obj, ref)
	if err := validate(obj, ref, k); err != nil {
		return nil, err
	}
	err = a.update(func(tx *world.Tx) error {
		stored := a.find(tx, ref)
		if stored == nil {
			return notFound(ref, k)
		}
		old, err := a.open(stored)
		if err != nil {
			return err
		}
		if err := immutable(old, obj, ref); err != nil {
			return err
		}
		carry(old, obj)
		updated = Clone(obj)
		return a.put(tx, ref, obj, stored.Created)
	})
	return updated, err
}

// carry takes over what only the server sets, and counts the change.
func carry(old, obj Object) {
	for _, key := range []string{"uid", "creationTimestamp", "generation"} {
		if v := At(old, "metadata", key); v != nil {
			Set(obj, v, "metadata", key)
		}
	}
	version, _ := strconv.Atoi(Text(old, "metadata", "resourceVersion"))
	Set(obj, strconv.Itoa(version+1), "metadata", "resourceVersion")
	if obj["spec"] != nil && !Same(old["spec"], obj["spec"]) {
		Set(obj, float64(Number(old, 0, "metadata", "generation")+1), "metadata", "generation")
	}
	if status, ok := old["status"]; ok && (obj["status"] == nil || Text(obj, "kind") == "Namespace" || len(Map(obj, "status")) <= 1) {
		obj["status"] = clone(status)
	}
}

// Delete implements API.
func (a World) Delete(_ context.Context, ref Ref) error {
	k, err := lookup(&ref)
	if err != nil {
		return err
	}
	return a.update(func(tx *world.Tx) error {
		o := a.find(tx, ref)
		if o == nil {
			return notFound(ref, k)
		}
		if ref.Kind == "Namespace" {
			if slices.Contains(builtin, ref.Name) {
				return apierrors.NewForbidden(resourceOf(ref, k), ref.Name, fmt.Errorf("this namespace may not be deleted"))
			}
			if err := a.empty(tx, ref.Name); err != nil {
				return err
			}
		}
		return a.remove(tx, o)
	})
}

// empty removes everything in a namespace, as the namespace controller does.
func (a World) empty(tx *world.Tx, namespace string) error {
	for _, key := range slices.Sorted(maps.Keys(kinds)) {
		if !kinds[key].namespaced {
			continue
		}
		for _, o := range tx.List("k8s:" + key) {
			if strings.HasPrefix(o.ID, a.cluster+"/"+namespace+"/") {
				if err := a.remove(tx, o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// remove deletes an object and what goes with it: what it owns, and the cloud's side of it.
func (a World) remove(tx *world.Tx, o *world.Object) error {
	if err := tx.Delete(o.Kind, o.ID); err != nil {
		return err
	}
	switch o.Kind {
	case "k8s:v1/Service":
		return ReleaseBalancer(tx, o)
	case "k8s:v1/PersistentVolumeClaim":
		return a.releaseVolume(tx, o)
	case "k8s:apps/v1/Deployment", "k8s:apps/v1/StatefulSet", "k8s:apps/v1/DaemonSet", "k8s:batch/v1/Job":
		owner := Text(o.Props, "metadata", "uid")
		for _, pod := range tx.List(WorldKind("v1", "Pod")) {
			if refs := Items(pod.Props, "metadata", "ownerReferences"); len(refs) > 0 && Text(refs[0], "uid") == owner {
				if err := tx.Delete(pod.Kind, pod.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func uid() string {
	h := world.Hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
