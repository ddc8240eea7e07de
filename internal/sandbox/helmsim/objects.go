package helmsim

import (
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// What Helm puts on the objects of a release (https://helm.sh/docs/chart_best_practices/labels/).
const (
	managedBy   = "app.kubernetes.io/managed-by"
	ownerName   = "meta.helm.sh/release-name"
	ownerSpace  = "meta.helm.sh/release-namespace"
	keepPolicy  = "helm.sh/resource-policy"
	managerName = "Helm"
)

// objects parses a release's manifest into the objects that are to exist.
func (o *operation) objects(manifest string) ([]kubeapi.Object, error) {
	parsed, err := render.Parse("manifest", manifest)
	if err != nil {
		return nil, err
	}
	out := make([]kubeapi.Object, 0, len(parsed))
	for _, m := range parsed {
		obj := m.Object
		if err := o.place(obj); err != nil {
			return nil, fmt.Errorf("unable to build kubernetes objects from release manifest: %w", err)
		}
		kubeapi.Set(obj, managerName, "metadata", "labels", managedBy)
		kubeapi.Set(obj, o.name, "metadata", "annotations", ownerName)
		kubeapi.Set(obj, o.namespace, "metadata", "annotations", ownerSpace)
		if o.Origin != "" {
			kubeapi.Set(obj, o.Origin, "metadata", "annotations", OriginAnnotation)
		}
		out = append(out, kubeapi.Clone(obj))
	}
	return out, nil
}

// place puts an object into the release's namespace when it names none.
func (o *operation) place(obj kubeapi.Object) error {
	ref := kubeapi.RefOf(obj)
	namespaced, known := kubeapi.Namespaced(ref.APIVersion, ref.Kind)
	if !known {
		return fmt.Errorf("resource mapping not found for name: %q namespace: %q from \"\": no matches for kind %q in version %q\nensure CRDs are installed first",
			ref.Name, ref.Namespace, ref.Kind, ref.APIVersion)
	}
	if namespaced && ref.Namespace == "" {
		kubeapi.Set(obj, o.namespace, "metadata", "namespace")
	}
	return nil
}

// conflicts refuses to take over objects that exist and are not this release's. Those in owned are.
func (o *operation) conflicts(target, owned []kubeapi.Object, doing string) error {
	for _, obj := range without(target, owned) {
		ref := kubeapi.RefOf(obj)
		live, err := o.API.Get(o.ctx, ref)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		var problems []string
		for _, want := range [][3]string{{"labels", managedBy, managerName}, {"annotations", ownerName, o.name}, {"annotations", ownerSpace, o.namespace}} {
			section := strings.TrimSuffix(want[0], "s")
			switch have, ok := kubeapi.Map(live, "metadata", want[0])[want[1]].(string); {
			case !ok:
				problems = append(problems, fmt.Sprintf("%s validation error: missing key %q: must be set to %q", section, want[1], want[2]))
			case have != want[2]:
				problems = append(problems, fmt.Sprintf("%s validation error: key %q must equal %q: current value is %q", section, want[1], want[2], have))
			}
		}
		if len(problems) > 0 {
			return fmt.Errorf("unable to continue with %s: %s %q in namespace %q exists and cannot be imported into the current release: invalid ownership metadata; %s",
				doing, ref.Kind, ref.Name, ref.Namespace, strings.Join(problems, "; "))
		}
	}
	return nil
}

// without returns the objects that are not in others.
func without(objects, others []kubeapi.Object) []kubeapi.Object {
	var out []kubeapi.Object
	for _, obj := range objects {
		if !slices.ContainsFunc(others, func(other kubeapi.Object) bool { return kubeapi.RefOf(other) == kubeapi.RefOf(obj) }) {
			out = append(out, obj)
		}
	}
	return out
}

// apply makes what is missing, changes what differs and removes what is no longer wanted, as Helm's three-way merge does.
func (o *operation) apply(before, target []kubeapi.Object) error {
	for _, obj := range target {
		ref := kubeapi.RefOf(obj)
		live, err := o.API.Get(o.ctx, ref)
		if apierrors.IsNotFound(err) {
			if _, err := o.API.Create(o.ctx, obj); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		var old kubeapi.Object
		if i := slices.IndexFunc(before, func(b kubeapi.Object) bool { return kubeapi.RefOf(b) == ref }); i >= 0 {
			old = before[i]
		}
		merged := kubeapi.Merge(old, live, obj)
		if kubeapi.Same(merged, live) {
			continue
		}
		if _, err := o.API.Update(o.ctx, merged); err != nil {
			return fmt.Errorf("cannot patch %q with kind %s: %w", ref.Name, ref.Kind, err)
		}
	}
	return o.remove(without(before, target))
}

// remove deletes objects, last installed first; one that is gone is no error, one that is to be kept stays.
func (o *operation) remove(objects []kubeapi.Object) error {
	for _, obj := range slices.Backward(objects) {
		if kubeapi.Text(obj, "metadata", "annotations", keepPolicy) == "keep" {
			continue
		}
		if err := o.API.Delete(o.ctx, kubeapi.RefOf(obj)); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// crds installs custom resource definitions that are not there; they are never upgraded or removed.
func (o *operation) crds(crds []render.Manifest) error {
	for _, m := range crds {
		_, err := o.API.Create(o.ctx, m.Object)
		if err != nil && !apierrors.IsAlreadyExists(err) && !meta.IsNoMatchError(err) {
			return fmt.Errorf("failed to install CRD %s: %w", m.Source, err)
		}
	}
	return nil
}
