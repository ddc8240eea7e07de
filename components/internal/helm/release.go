// Package helm is a thin typed front of the Pulumi Kubernetes provider's Helm release resource.
//
// The SDK's own package for it, kubernetes/helm/v3, imports the types of every Kubernetes API group; linking a program with it
// takes 100 MB and 3 GB of memory more. The resource needs none of them: what goes over the wire is the same here, property for
// property (https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/).
package helm

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ReleaseType is the resource's type token.
const ReleaseType = "kubernetes:helm.sh/v3:Release"

// Release is a Helm release that the provider installs, upgrades and uninstalls.
type Release struct {
	pulumi.CustomResourceState

	// Name is the release's name in its namespace.
	Name pulumi.StringOutput `pulumi:"name"`
	// Namespace is the namespace that the release was asked to be installed into; see InstalledNamespace.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// Version is the chart's version.
	Version pulumi.StringOutput `pulumi:"version"`
	// Status is what Helm says of the release: appVersion, chart, name, namespace, revision, status, version. It is known only
	// once the release is installed, so whatever uses it waits for that.
	Status pulumi.MapOutput `pulumi:"status"`
	// ResourceNames are the names of the Kubernetes objects in the release, by "Kind.group/version".
	ResourceNames pulumi.StringArrayMapOutput `pulumi:"resourceNames"`
}

// ReleaseArgs says what is installed, where and how. What is left at its zero value is not sent, so that the provider's defaults
// hold.
type ReleaseArgs struct {
	// Name is the release's name. Without one the provider makes one up.
	Name pulumi.StringInput
	// Namespace is where it is installed.
	Namespace pulumi.StringInput
	// Chart is the chart's name in Repository, a path, or an oci:// reference. Required.
	Chart string
	// Version is the exact version of the chart; empty means the latest.
	Version string
	// Repository is the chart repository's URL; empty for a path or an oci:// reference.
	Repository string
	// Values are the chart's values. A leaf that is a secret output stays a secret, on its own.
	Values pulumi.MapInput
	// Timeout limits each wait of Helm, in seconds; 0 means the provider's 300.
	Timeout int
	// MaxHistory is how many revisions Helm keeps; 0 means all.
	MaxHistory int
	// Description is what Helm's history says of the revision; empty leaves it to Helm. Another one than before makes a new revision.
	Description string
	// CreateNamespace makes Helm create the namespace, which then outlives the release.
	CreateNamespace bool
	// Atomic uninstalls or rolls back what does not become ready in time.
	Atomic bool
	// CleanupOnFail deletes what a failed upgrade had created.
	CleanupOnFail bool
	// DependencyUpdate fetches a local chart's dependencies first.
	DependencyUpdate bool
	// SkipAwait does not wait until what was installed is ready.
	SkipAwait bool
	// WaitForJobs waits for the chart's jobs too.
	WaitForJobs bool
}

// properties are the inputs in the names and shapes of the provider's schema.
func (a *ReleaseArgs) properties() pulumi.Map {
	// The SDK sends compat with every release; the provider keeps it in the state, so leaving it out would be a difference.
	props := pulumi.Map{"chart": pulumi.String(a.Chart), "compat": pulumi.String("true")}
	if a.Name != nil {
		props["name"] = a.Name
	}
	if a.Namespace != nil {
		props["namespace"] = a.Namespace
	}
	if a.Version != "" {
		props["version"] = pulumi.String(a.Version)
	}
	if a.Repository != "" {
		props["repositoryOpts"] = pulumi.Map{"repo": pulumi.String(a.Repository)}
	}
	if a.Values != nil {
		props["values"] = a.Values
	}
	if a.Timeout != 0 {
		props["timeout"] = pulumi.Int(a.Timeout)
	}
	if a.Description != "" {
		props["description"] = pulumi.String(a.Description)
	}
	if a.MaxHistory != 0 {
		props["maxHistory"] = pulumi.Int(a.MaxHistory)
	}
	for key, on := range map[string]bool{
		"createNamespace":  a.CreateNamespace,
		"atomic":           a.Atomic,
		"cleanupOnFail":    a.CleanupOnFail,
		"dependencyUpdate": a.DependencyUpdate,
		"skipAwait":        a.SkipAwait,
		"waitForJobs":      a.WaitForJobs,
	} {
		if on {
			props[key] = pulumi.Bool(true)
		}
	}
	return props
}

// NewRelease registers a release under the given resource name, for the plugin version that belongs to the SDK in go.mod.
func NewRelease(ctx *pulumi.Context, name string, args *ReleaseArgs, opts ...pulumi.ResourceOption) (*Release, error) {
	if args == nil || args.Chart == "" {
		return nil, fmt.Errorf("helm release %q: no chart is given: name one, with its repository, or give a path", name)
	}
	release := &Release{}
	if err := ctx.RegisterResource(ReleaseType, name, args.properties(), release, utilities.PkgResourceDefaultOpts(opts)...); err != nil {
		return nil, fmt.Errorf("helm release %q: %w", name, err)
	}
	return release, nil
}

// InstalledNamespace is the namespace the release is installed in, known only once it is installed: an object of the chart that is looked up in
// it is looked up after the installation. It comes from the release's id, "<namespace>/<name>", which a preview knows of a release that is
// there, while it does not know what an update makes of the status.
func (r *Release) InstalledNamespace() pulumi.StringOutput {
	return pulumi.All(r.ID(), r.Namespace).ApplyT(func(vs []any) string {
		if id, ok := vs[0].(pulumi.ID); ok {
			if ns, _, found := strings.Cut(string(id), "/"); found {
				return ns
			}
		}
		ns, _ := vs[1].(string)
		return ns
	}).(pulumi.StringOutput)
}

// StatusText is Helm's word for the release's state, such as "deployed" or "failed"; empty when it has said nothing.
func (r *Release) StatusText() pulumi.StringOutput {
	return r.Status.ApplyT(func(status map[string]any) string {
		s, _ := status["status"].(string)
		return s
	}).(pulumi.StringOutput)
}
