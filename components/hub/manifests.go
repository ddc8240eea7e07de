package hub

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// holdsData are the kinds of objects whose end is the end of what users have stored.
var holdsData = []string{"PersistentVolumeClaim", "PersistentVolume"}

// manifest is a Kubernetes object as it is written in a file.
type manifest map[string]any

func (m manifest) text(path ...string) string {
	var at any = map[string]any(m)
	for _, key := range path {
		in, _ := at.(map[string]any)
		at = in[key]
	}
	s, _ := at.(string)
	return s
}

// token is the type that the Kubernetes provider knows the object's kind by: kubernetes:core/v1:ConfigMap, kubernetes:apps/v1:Deployment.
func (m manifest) token() string {
	version := m.text("apiVersion")
	if !strings.Contains(version, "/") {
		version = "core/" + version
	}
	return "kubernetes:" + version + ":" + m.text("kind")
}

// check says what is missing of an object.
func (m manifest) check() error {
	for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}} {
		if m.text(path...) == "" {
			return fmt.Errorf("it has no %s", strings.Join(path, "."))
		}
	}
	if m.text("kind") == "List" || strings.HasSuffix(m.text("kind"), "List") && m["items"] != nil {
		return fmt.Errorf("it is a %s: write its items as objects of their own", m.text("kind"))
	}
	return nil
}

// manifests makes the further objects, before the release whose pods may need them.
func (p *prerequisites) manifests(ctx *pulumi.Context, name string, args *Args) error {
	for _, object := range args.Manifests {
		m := manifest(object)
		props := pulumi.Map{}
		for key, value := range maps.Clone(object) {
			if m.text("kind") == "Secret" && (key == "data" || key == "stringData") {
				value = secretLeaves(value)
			}
			in, err := toInput(value, key)
			if err != nil {
				return fmt.Errorf("%s %s: %w", m.text("kind"), m.text("metadata", "name"), err)
			}
			props[key] = in
		}
		if meta, ok := props["metadata"].(pulumi.Map); ok && meta["namespace"] == nil {
			meta["namespace"] = pulumi.String(p.namespace)
		}
		opts := slices.Clone(p.opts)
		if slices.Contains(holdsData, m.text("kind")) {
			opts = append(opts, pulumi.Protect(args.Protect), pulumi.RetainOnDelete(args.Protect))
		}
		var made pulumi.CustomResourceState
		resource := strings.ToLower(name + "-" + m.text("kind") + "-" + m.text("metadata", "name"))
		if err := ctx.RegisterResource(m.token(), resource, props, &made, utilities.PkgResourceDefaultOpts(opts)...); err != nil {
			return fmt.Errorf("%s %s: %w", m.text("kind"), m.text("metadata", "name"), err)
		}
		p.resources = append(p.resources, &made)
	}
	return nil
}

// CheckManifests says what is wrong with the first of the objects that cannot be made: it is no object, has a field that is null, or is there twice.
func CheckManifests(objects []map[string]any) error {
	seen := map[string]bool{}
	for i, object := range objects {
		m := manifest(object)
		at := ""
		if len(objects) > 1 {
			at = fmt.Sprintf("manifest %d: ", i)
		}
		what := m.text("kind") + " " + m.text("metadata", "name")
		if err := m.check(); err != nil {
			return fmt.Errorf("%s%w", at, err)
		}
		if found := nulls(object, ""); len(found) > 0 {
			return fmt.Errorf("%s%s: %s is null: leave it out", at, what, strings.Join(found, ", "))
		}
		key := strings.Join([]string{m.token(), m.text("metadata", "namespace"), m.text("metadata", "name")}, " ")
		if seen[key] {
			return fmt.Errorf("%s%s is there twice", at, what)
		}
		seen[key] = true
	}
	return nil
}
