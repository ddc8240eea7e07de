package render

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// Lookup finds live objects for templates: one by name, or all of a kind when the name is empty. An object that is not there is a NotFound
// error of k8s.io/apimachinery/pkg/api/errors.
type Lookup func(ctx context.Context, apiVersion, kind, namespace, name string) ([]map[string]any, error)

// provider hands a Lookup to Helm's engine, which asks for a dynamic client.
type provider struct {
	ctx    context.Context //nolint:containedctx // the engine calls back without one
	lookup Lookup
}

// GetClientFor implements engine.ClientProvider. Whether a kind is namespaced is left to the look-up.
func (p provider) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return client{provider: p, apiVersion: apiVersion, kind: kind}, true, nil
}

// client is a dynamic client of one kind that can only read.
type client struct {
	provider
	apiVersion, kind, namespace string
}

func (c client) Namespace(ns string) dynamic.ResourceInterface {
	c.namespace = ns
	return c
}

func (c client) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	found, err := c.lookup(c.ctx, c.apiVersion, c.kind, c.namespace, name)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("looking up %s %s: %d objects found in place of one", c.kind, name, len(found))
	}
	return &unstructured.Unstructured{Object: found[0]}, nil
}

func (c client) List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	found, err := c.lookup(c.ctx, c.apiVersion, c.kind, c.namespace, "")
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": c.apiVersion, "kind": c.kind + "List"}}
	for _, o := range found {
		list.Items = append(list.Items, unstructured.Unstructured{Object: o})
	}
	return list, nil
}

func (c client) readOnly() error {
	return fmt.Errorf("a template may look up %s but not change it", c.kind)
}

func (c client) Create(context.Context, *unstructured.Unstructured, metav1.CreateOptions, ...string) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}

func (c client) Update(context.Context, *unstructured.Unstructured, metav1.UpdateOptions, ...string) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}

func (c client) UpdateStatus(context.Context, *unstructured.Unstructured, metav1.UpdateOptions) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}

func (c client) Delete(context.Context, string, metav1.DeleteOptions, ...string) error {
	return c.readOnly()
}

func (c client) DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error {
	return c.readOnly()
}

func (c client) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	return nil, c.readOnly()
}

func (c client) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}

func (c client) Apply(context.Context, string, *unstructured.Unstructured, metav1.ApplyOptions, ...string) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}

func (c client) ApplyStatus(context.Context, string, *unstructured.Unstructured, metav1.ApplyOptions) (*unstructured.Unstructured, error) {
	return nil, c.readOnly()
}
