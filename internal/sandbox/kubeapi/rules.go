package kubeapi

import (
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Same reports whether two values are equal as JSON has them: a whole number is the same whether Go holds it as an integer or a float.
func Same(a, b any) bool { return reflect.DeepEqual(clone(a), clone(b)) }

// fixed are the fields that the API server does not let anybody change (kubernetes/pkg/apis/*/validation).
var fixed = map[string][][]string{
	"apps/v1/Deployment":                              {{"spec", "selector"}},
	"apps/v1/DaemonSet":                               {{"spec", "selector"}},
	"apps/v1/StatefulSet":                             {{"spec", "selector"}, {"spec", "serviceName"}, {"spec", "volumeClaimTemplates"}},
	"batch/v1/Job":                                    {{"spec", "template"}, {"spec", "selector"}},
	"v1/PersistentVolumeClaim":                        {{"spec", "accessModes"}, {"spec", "storageClassName"}, {"spec", "selector"}},
	"v1/PersistentVolume":                             {{"spec", "csi"}},
	"v1/Secret":                                       {{"type"}},
	"storage.k8s.io/v1/StorageClass":                  {{"provisioner"}, {"parameters"}},
	"rbac.authorization.k8s.io/v1/RoleBinding":        {{"roleRef"}},
	"rbac.authorization.k8s.io/v1/ClusterRoleBinding": {{"roleRef"}},
}

// immutable refuses changes of fields that cannot change.
func immutable(old, obj Object, ref Ref) error {
	var problems field.ErrorList
	for _, path := range fixed[ref.APIVersion+"/"+ref.Kind] {
		was, is := At(old, path...), At(obj, path...)
		if was == nil && is == nil || Same(was, is) || is == nil && ref.Kind == "PersistentVolumeClaim" {
			continue
		}
		problems = append(problems, field.Invalid(field.NewPath(path[0], path[1:]...), "<value omitted>", "field is immutable"))
	}
	if frozen, _ := old["immutable"].(bool); frozen && !Same(old["data"], obj["data"]) {
		problems = append(problems, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
	}
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(groupVersionKind(ref).GroupKind(), ref.Name, problems)
}

// Balancer kinds are the cloud's side of a Service of type LoadBalancer.
const (
	BalancerKind  = "aws:elb"
	InterfaceKind = "aws:eni"
)

// ReleaseBalancer removes the load balancer and network interfaces of a Service.
func ReleaseBalancer(tx *world.Tx, service *world.Object) error {
	for _, elb := range tx.List(BalancerKind) {
		if elb.String("service") != service.ID {
			continue
		}
		for _, eni := range tx.List(InterfaceKind) {
			if eni.String("ownerKind") == BalancerKind && eni.String("ownerId") == elb.ID {
				if err := tx.Delete(eni.Kind, eni.ID); err != nil {
					return err
				}
			}
		}
		if err := tx.Delete(elb.Kind, elb.ID); err != nil {
			return err
		}
	}
	return nil
}

// releaseVolume does with the volume of a deleted claim what its reclaim policy says: a volume made for the claim is deleted, any other
// stays and is no longer available (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming).
func (a World) releaseVolume(tx *world.Tx, claim *world.Object) error {
	name := Text(claim.Props, "spec", "volumeName")
	volume := tx.Get(WorldKind("v1", "PersistentVolume"), a.cluster+"/"+name)
	if name == "" || volume == nil {
		return nil
	}
	if Text(volume.Props, "spec", "persistentVolumeReclaimPolicy") == "Delete" {
		return tx.Delete(volume.Kind, volume.ID)
	}
	changed := *volume
	changed.Props = Clone(volume.Props)
	Set(changed.Props, "Released", "status", "phase")
	return tx.Put(&changed)
}

// node is a Node as the API server shows it, made from what a node group put into the world.
func node(o *world.Object) Object {
	labels := map[string]any{"kubernetes.io/hostname": o.String("name"), "kubernetes.io/os": "linux"}
	for k, prop := range map[string]string{"topology.kubernetes.io/zone": "zone", "node.kubernetes.io/instance-type": "instanceType"} {
		if v := o.String(prop); v != "" {
			labels[k] = v
		}
	}
	for k, v := range Map(o.Props, "labels") {
		labels[k] = v
	}
	return Object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": o.String("name"), "labels": labels, "uid": o.ID, "creationTimestamp": o.Created.UTC().Format("2006-01-02T15:04:05Z07:00")},
		"spec":     map[string]any{"taints": o.Props["taints"]},
		"status": map[string]any{
			"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
			"nodeInfo":   map[string]any{"kubeletVersion": o.String("version")},
		},
	}
}
