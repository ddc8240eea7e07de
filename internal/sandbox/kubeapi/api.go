// Package kubeapi is the sandbox's view of a Kubernetes API server: a small interface, and an implementation over the simulated world.
// What is written against the interface works on a real cluster too, once a client of one implements it.
package kubeapi

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Object is a Kubernetes object as its JSON has it: apiVersion, kind, metadata, spec and so on, in plain JSON types.
type Object = map[string]any

// Ref names an object, or with an empty Name all objects of a kind; an empty Namespace then means all namespaces.
type Ref struct {
	APIVersion, Kind string
	// Namespace is empty for kinds that have none.
	Namespace, Name string
}

// API is what the sandbox asks of a Kubernetes API server. Errors are those of k8s.io/apimachinery/pkg/api/errors, with the server's texts.
type API interface {
	// Get returns the object, or a NotFound error.
	Get(ctx context.Context, ref Ref) (Object, error)
	// List returns the objects of a kind that carry all the labels, sorted by namespace and name.
	List(ctx context.Context, ref Ref, labels map[string]string) ([]Object, error)
	// Create makes the object, or returns an AlreadyExists, Invalid or NotFound (of its namespace) error.
	Create(ctx context.Context, obj Object) (Object, error)
	// Update replaces an object that exists. What a status holds is kept unless the object brings one.
	Update(ctx context.Context, obj Object) (Object, error)
	// Delete removes the object, or returns a NotFound error.
	Delete(ctx context.Context, ref Ref) error
}

// RefOf is the reference of an object.
func RefOf(obj Object) Ref {
	return Ref{
		APIVersion: Text(obj, "apiVersion"), Kind: Text(obj, "kind"),
		Namespace: Text(obj, "metadata", "namespace"), Name: Text(obj, "metadata", "name"),
	}
}

// Apply creates the object or, when it exists, replaces it, as `kubectl apply` would.
func Apply(ctx context.Context, api API, obj Object) (Object, error) {
	_, err := api.Get(ctx, RefOf(obj))
	switch {
	case apierrors.IsNotFound(err):
		return api.Create(ctx, obj)
	case err != nil:
		return nil, err
	}
	return api.Update(ctx, obj)
}

// At returns what an object holds at a path, or nil.
func At(obj Object, path ...string) any {
	var v any = obj
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

// Text returns the string at a path, "" when there is none.
func Text(obj Object, path ...string) string {
	s, _ := At(obj, path...).(string)
	return s
}

// Map returns the mapping at a path, nil when there is none.
func Map(obj Object, path ...string) map[string]any {
	m, _ := At(obj, path...).(map[string]any)
	return m
}

// Items returns the mappings in the list at a path.
func Items(obj Object, path ...string) []map[string]any {
	list, _ := At(obj, path...).([]any)
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Number returns the number at a path, or def.
func Number(obj Object, def int, path ...string) int {
	switch n := At(obj, path...).(type) {
	case float64:
		return int(n)
	case int:
		return n
	case int64:
		return int(n)
	}
	return def
}

// Set puts a value at a path, making the mappings on the way.
func Set(obj Object, value any, path ...string) {
	for _, p := range path[:len(path)-1] {
		m, ok := obj[p].(map[string]any)
		if !ok {
			m = map[string]any{}
			obj[p] = m
		}
		obj = m
	}
	obj[path[len(path)-1]] = value
}

// Clone copies an object in depth.
func Clone(obj Object) Object {
	out, _ := clone(obj).(map[string]any)
	return out
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	case int:
		return float64(v)
	case int64:
		return float64(v)
	}
	return v
}
