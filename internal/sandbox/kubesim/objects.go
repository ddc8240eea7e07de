package kubesim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// objectKind is a kind of object that has no life of its own beyond what the API server and the controllers do with it.
type objectKind struct {
	apiVersion, kind string
	// forceNew are the paths whose change replaces the object, beside its name and namespace: the table forceNew in
	// provider/pkg/provider/diff.go of pulumi-kubernetes.
	forceNew []string
}

var objectKinds = map[string]objectKind{
	"kubernetes:core/v1:Namespace":              {"v1", "Namespace", nil},
	"kubernetes:core/v1:Secret":                 {"v1", "Secret", []string{"type", "stringData", "data"}},
	"kubernetes:core/v1:ConfigMap":              {"v1", "ConfigMap", []string{"binaryData", "data"}},
	"kubernetes:core/v1:PersistentVolume":       {"v1", "PersistentVolume", []string{"spec.csi", "spec.nfs", "spec.hostPath", "spec.awsElasticBlockStore"}},
	"kubernetes:core/v1:PersistentVolumeClaim":  {"v1", "PersistentVolumeClaim", []string{"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"}},
	"kubernetes:core/v1:ServiceAccount":         {"v1", "ServiceAccount", nil},
	"kubernetes:core/v1:Service":                {"v1", "Service", nil},
	"kubernetes:storage.k8s.io/v1:StorageClass": {"storage.k8s.io/v1", "StorageClass", []string{"parameters", "provisioner"}},
}

// namespaceTakes is how long the deletion of a namespace takes: an estimate.
const namespaceTakes = 15 * time.Second

const autonamed = "pulumi.com/autonamed"

func (k *kube) objectKind(o objectKind) *provider.Kind {
	kind := &provider.Kind{}
	kind.Steps = &provider.Steps{
		Check: func(c *provider.Call, olds, news resource.PropertyMap) (resource.PropertyMap, []string) {
			return o.check(c, olds, news)
		},
		Diff: func(c *provider.Call, olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse {
			return o.diff(sessionOf(c.Session), olds, news, ignore)
		},
		Create: func(ctx context.Context, c *provider.Call, in resource.PropertyMap) (string, resource.PropertyMap, error) {
			return k.createObject(ctx, o, c, in)
		},
		Read: func(ctx context.Context, c *provider.Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error) {
			return k.readObject(ctx, o, c, in)
		},
		Update: func(ctx context.Context, c *provider.Call, in resource.PropertyMap) (resource.PropertyMap, error) {
			return k.updateObject(ctx, o, c, in)
		},
		Delete: func(ctx context.Context, c *provider.Call) error { return k.deleteObject(ctx, o, c) },
	}
	return kind
}

// check gives an object that has no name one, which it keeps.
func (o objectKind) check(c *provider.Call, olds, news resource.PropertyMap) (resource.PropertyMap, []string) {
	news = news.Copy()
	news["apiVersion"], news["kind"] = resource.NewProperty(o.apiVersion), resource.NewProperty(o.kind)
	metadata := news["metadata"]
	switch {
	case metadata.IsComputed() || metadata.IsOutput():
		return news, nil
	case metadata.IsObject() && metadata.ObjectValue().HasValue("name"):
		return news, nil
	}
	filled := resource.PropertyMap{}
	if metadata.IsObject() {
		filled = metadata.ObjectValue().Copy()
	}
	name := resource.NewProperty(c.Name + "-" + world.Hex(8))
	if old := olds["metadata"]; old.IsObject() && isAutonamed(old.ObjectValue()) && old.ObjectValue()["name"].IsString() {
		name = old.ObjectValue()["name"]
	}
	filled["name"] = name
	annotations := resource.PropertyMap{}
	if a := filled["annotations"]; a.IsObject() {
		annotations = a.ObjectValue().Copy()
	}
	annotations[autonamed] = resource.NewProperty("true")
	filled["annotations"] = resource.NewProperty(annotations)
	news["metadata"] = resource.NewProperty(filled)
	return news, nil
}

func isAutonamed(metadata resource.PropertyMap) bool {
	a := metadata["annotations"]
	return a.IsObject() && a.ObjectValue()[autonamed].IsString()
}

// diff compares as the base does; a replacement under a fixed name deletes the old object first.
func (o objectKind) diff(s *session, olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse {
	force := append([]string{"metadata.name", "metadata.namespace"}, o.forceNew...)
	if o.kind == "Secret" && s.mutableSecrets || o.kind == "ConfigMap" && s.mutableConfigMaps {
		force = force[:2]
	}
	res := (&provider.Kind{ForceNew: force}).Differences(olds, news, ignore)
	old, now := olds["metadata"], news["metadata"]
	if len(res.GetReplaces()) > 0 && old.IsObject() && now.IsObject() && !isAutonamed(now.ObjectValue()) {
		same := func(key resource.PropertyKey) bool { return old.ObjectValue()[key].DeepEquals(now.ObjectValue()[key]) }
		res.DeleteBeforeReplace = same("name") && same("namespace")
	}
	return res
}

// object turns inputs into what is sent to the API server.
func (o objectKind) object(in map[string]any) kubeapi.Object {
	obj := kubeapi.Clone(in)
	obj["apiVersion"], obj["kind"] = o.apiVersion, o.kind
	if namespaced, _ := kubeapi.Namespaced(o.apiVersion, o.kind); namespaced && kubeapi.Text(obj, "metadata", "namespace") == "" {
		kubeapi.Set(obj, "default", "metadata", "namespace")
	}
	return obj
}

func (o objectKind) ref(id string) kubeapi.Ref {
	namespace, name, ok := strings.Cut(id, "/")
	if !ok {
		namespace, name = "", id
	}
	return kubeapi.Ref{APIVersion: o.apiVersion, Kind: o.kind, Namespace: namespace, Name: name}
}

func idOf(ref kubeapi.Ref) string {
	if ref.Namespace == "" {
		return ref.Name
	}
	return ref.Namespace + "/" + ref.Name
}

func (k *kube) createObject(ctx context.Context, o objectKind, c *provider.Call, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	api, err := k.connect(c)
	if err != nil {
		return "", nil, unreachable(err)
	}
	obj := o.object(c.In)
	id := idOf(kubeapi.RefOf(obj))
	own(obj, c.In)
	made, err := api.Create(ctx, obj)
	if apierrors.IsAlreadyExists(err) && sessionOf(c.Session).upsert {
		made, err = kubeapi.Apply(ctx, api, obj)
	}
	if err != nil {
		return "", nil, fmt.Errorf("resource %s was not successfully created by the Kubernetes API server: %w", id, err)
	}
	live, werr := k.await(ctx, o, api, made, true)
	if live != nil {
		made = live
	}
	if werr != nil {
		werr = provider.Unready(fmt.Errorf("resource %s was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: %w", id, werr))
	}
	return id, o.outputs(made, in), werr
}

func (k *kube) updateObject(ctx context.Context, o objectKind, c *provider.Call, in resource.PropertyMap) (resource.PropertyMap, error) {
	api, err := k.connect(c)
	if err != nil {
		return nil, unreachable(err)
	}
	live, err := api.Get(ctx, o.ref(c.ID))
	if err != nil {
		return nil, fmt.Errorf("resource %s was not successfully updated by the Kubernetes API server: %w", c.ID, err)
	}
	before, now := o.object(inputsOf(live)), o.object(c.In)
	if o.kind == "Secret" {
		kubeapi.EncodeSecret(before)
		kubeapi.EncodeSecret(now)
	}
	merged := kubeapi.Merge(before, live, now)
	own(merged, c.In)
	changed, err := api.Update(ctx, merged)
	if err != nil {
		return nil, fmt.Errorf("resource %s was not successfully updated by the Kubernetes API server: %w", c.ID, err)
	}
	after, werr := k.await(ctx, o, api, changed, false)
	if after != nil {
		changed = after
	}
	if werr != nil {
		werr = provider.Unready(fmt.Errorf("resource %s was successfully updated, but the Kubernetes API server reported that it failed to fully initialize or become live: %w", c.ID, werr))
	}
	return o.outputs(changed, in), werr
}

func (k *kube) readObject(ctx context.Context, o objectKind, c *provider.Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error) {
	api, err := k.connect(c)
	if err != nil {
		if sessionOf(c.Session).deleteUnreachable {
			return nil, nil, nil
		}
		return nil, nil, errReadUnreachable
	}
	live, err := api.Get(ctx, o.ref(c.ID))
	if apierrors.IsNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	after, err := k.await(ctx, o, api, live, false)
	if err != nil {
		return nil, nil, err
	}
	if after != nil {
		live = after
	}
	asked := c.In
	if len(asked) == 0 { // an import: what was asked for is what its manager has set
		asked = inputsOf(live)
	}
	return o.outputs(live, in), o.secret(provider.Marked(prune(live, asked), in)), nil
}

func (k *kube) deleteObject(ctx context.Context, o objectKind, c *provider.Call) error {
	api, err := k.connect(c)
	if err != nil {
		if sessionOf(c.Session).deleteUnreachable {
			return nil
		}
		return errDeleteUnreachable
	}
	ref := o.ref(c.ID)
	if blocked := k.protector(ctx, api, ref); blocked != nil {
		free, err := k.waiter(api).Until(ctx, ref.Namespace, 10*time.Minute, func() (bool, error) { return !blocked(), nil })
		if err != nil {
			return err
		}
		if !free {
			return fmt.Errorf("timed out waiting for the condition: %q: finalizers might be preventing deletion (kubernetes.io/%s)", ref.Name, protections[o.kind])
		}
	}
	err = api.Delete(ctx, ref)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil && o.kind == "Namespace" {
		err = k.world.Clock.Sleep(ctx, namespaceTakes)
	}
	return err
}

// protections are the finalizers that keep storage in use from being deleted
// (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection).
var protections = map[string]string{"PersistentVolumeClaim": "pvc-protection", "PersistentVolume": "pv-protection"}

// protector returns a check of whether a claim or volume is still in use; nil for kinds that are not protected.
func (k *kube) protector(ctx context.Context, api kubeapi.World, ref kubeapi.Ref) func() bool {
	switch ref.Kind {
	case "PersistentVolumeClaim":
		return func() bool {
			pods, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Pod", Namespace: ref.Namespace}, nil)
			return err == nil && slices.ContainsFunc(pods, func(p kubeapi.Object) bool {
				return kubeapi.Text(p, "spec", "nodeName") != "" && kubeapi.Text(p, "status", "phase") != "Succeeded" &&
					slices.ContainsFunc(kubeapi.Items(p, "spec", "volumes"), func(v map[string]any) bool {
						return kubeapi.Text(v, "persistentVolumeClaim", "claimName") == ref.Name
					})
			})
		}
	case "PersistentVolume":
		return func() bool {
			live, err := api.Get(ctx, ref)
			return err == nil && kubeapi.Text(live, "status", "phase") == "Bound"
		}
	}
	return nil
}
