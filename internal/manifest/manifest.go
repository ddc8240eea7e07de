// Package manifest compares the Kubernetes objects that a chart renders with those that it rendered before: what would really change in the cluster.
// The order in which things stand, fields at the API's defaults, other spellings of a quantity, and what a chart generates anew with each rendering do
// not count.
package manifest

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Secret stands for a secret in values that are rendered to be compared, and Changed for one that is another than before: objects are rendered without
// any secret, so that none has to be found again in them.
const (
	Secret  = "[secret]"
	Changed = "[secret, changed]"
)

// Object is an object in plain JSON types.
type Object = map[string]any

// What happens to an object.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
)

// ID says which object it is.
type ID struct {
	// APIVersion is the group and version, such as apps/v1.
	APIVersion string
	Kind       string
	Namespace  string // "" when none is written: then it is the release's
	Name       string
}

// Difference is an object that does not stay the same.
type Difference struct {
	ID
	// Op is create, update or delete.
	Op string
	// Fields are the values that change, in order of their paths; none of an object that is made or deleted.
	Fields []Field
	// Diff is the change as a unified diff of the objects in YAML, without a header. It holds no secret.
	Diff string
	// Before and After are the object without what does not count; nil where there is none.
	Before, After Object
	// Restarts says that pods are made anew: the template of a Deployment, StatefulSet or DaemonSet changes, or a checksum in it.
	Restarts bool
}

// Field is a value that changes.
type Field struct {
	// Path names the value. Entries of lists that have a key, such as containers, are named by it: spec.template.spec.containers[hub].image. The
	// documents in a ConfigMap or Secret are seen through: data.[values.yaml].cull.timeout.
	Path string
	// Old and New are nil where there is none. A list or object that is added or removed is whole.
	Old, New any
}

// Compare finds what changes between two renderings, in order of kinds and names. again, which may be left out, is a second rendering of what after is one
// of: what the two differ in is generated, and does not count.
func Compare(before, after []Object, again ...Object) []Difference {
	olds, news, seconds := byID(before), byID(after), byID(again)
	var out []Difference
	for id, old := range olds {
		now, stays := news[id]
		if !stays {
			o := canonical(old)
			hide(id, o, nil)
			out = append(out, Difference{ID: id, Op: Delete, Before: o, Diff: unified(o, nil)})
			continue
		}
		if d := compare(id, old, now, seconds[id]); d != nil {
			out = append(out, *d)
		}
	}
	for id, now := range news {
		if _, was := olds[id]; !was {
			n := canonical(now)
			hide(id, n, nil)
			out = append(out, Difference{ID: id, Op: Create, After: n, Diff: unified(nil, n)})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	return out
}

// compare is what changes of one object; nil for nothing.
func compare(id ID, old, now, again Object) *Difference {
	b, a := canonical(old), canonical(now)
	align(schemaOf(id), b, a)
	sums := checksums(now)
	if again != nil {
		settle(b, a, canonical(again))
		settle(checksums(old), sums, checksums(again))
	}
	hide(id, b, a)
	d := &Difference{ID: id, Op: Update, Before: b, After: a}
	d.Fields = fields(schemaOf(id), "", b, a)
	d.Restarts = restarts(id, d.Fields, checksums(old), sums)
	if len(d.Fields) == 0 && !d.Restarts {
		return nil
	}
	d.Diff = unified(b, a)
	return d
}

func byID(objects []Object) map[ID]Object {
	out := map[ID]Object{}
	for _, o := range objects {
		u := unstructured.Unstructured{Object: o}
		out[ID{u.GetAPIVersion(), u.GetKind(), u.GetNamespace(), u.GetName()}] = o
	}
	return out
}

func text(o Object) string {
	if o == nil {
		return ""
	}
	data, err := yaml.Marshal(o)
	if err != nil {
		return ""
	}
	return string(data)
}
