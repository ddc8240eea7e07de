// Package hub deploys a JupyterHub: its namespace, its secrets and page templates, the Helm release of the Zero to JupyterHub chart,
// and the look-up of the load balancer that the release brings.
//
// The chart's values come in layers. Lowest are a few defaults of this package (annotations of the load balancer's Service), then
// Args.Values, then Args.SecretValues, and on top what the component owns, which no layer below can change:
//
//   - hub.config: the proxy's auth_token, cookie_secret, CryptKeeper.keys, as far as Args give them
//   - hub.config: authenticator_class and the settings that Args.Auth gives, once it has a type
//   - hub.extraEnv.OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET
//   - proxy.https and the certificate's annotation, once Args.HTTPS has a type
//   - singleuser.storage.type and static, once there is a claim for homes
//   - name and tag at every path of Args.Images
//   - annotations checksum/oauth, checksum/templates (hub) and checksum/tls (proxy), custom.chartDigest
//
// To hub.extraVolumes, hub.extraVolumeMounts and hub.templatePaths the component appends; what stands there stays.
package hub

import (
	"cmp"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/helm"
)

// Type is the component's type token.
const Type = "hubwright:k8s:Hub"

const (
	// DefaultChart is the Zero to JupyterHub chart, published at https://hub.jupyter.org/helm-chart/
	DefaultChart = "jupyterhub"
	// DefaultRepository is that chart's repository.
	DefaultRepository = "https://hub.jupyter.org/helm-chart/"
	// DefaultTimeout is how long an installation may take, in seconds: new nodes and large images included.
	DefaultTimeout = 900
	// maxHistory is how many revisions of the release Helm keeps.
	maxHistory = 10
)

// Hub is a JupyterHub in a cluster.
type Hub struct {
	pulumi.ResourceState

	// Namespace holds everything of the hub.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// ReleaseName is the Helm release's name.
	ReleaseName pulumi.StringOutput `pulumi:"releaseName"`
	// ReleaseStatus is Helm's word for the release, "deployed" when all is well.
	ReleaseStatus pulumi.StringOutput `pulumi:"releaseStatus"`
	// ChartVersion is the version of the chart that is installed.
	ChartVersion pulumi.StringOutput `pulumi:"chartVersion"`
	// LoadBalancerHostname is the host name (or the address) of the proxy-public Service; empty when the Service is not of type
	// LoadBalancer.
	LoadBalancerHostname pulumi.StringOutput `pulumi:"loadBalancerHostname"`
	// URL is where users go.
	URL pulumi.StringOutput `pulumi:"url"`
	// CallbackURL is what has to be registered with the OAuth provider; empty without a domain.
	CallbackURL pulumi.StringOutput `pulumi:"callbackUrl"`

	release *helm.Release
}

// New registers the hub and everything it consists of.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Hub, error) {
	if args == nil {
		return nil, fmt.Errorf("hub %q: no arguments are given", name)
	}
	values, err := args.prepare()
	if err != nil {
		return nil, fmt.Errorf("hub %q: %w", name, err)
	}
	h := &Hub{}
	if err := ctx.RegisterComponentResource(Type, name, h, opts...); err != nil {
		return nil, fmt.Errorf("registering hub %q: %w", name, err)
	}
	if err := h.deploy(ctx, name, args, values); err != nil {
		return nil, fmt.Errorf("hub %q: %w", name, err)
	}
	if err := ctx.RegisterResourceOutputs(h, pulumi.Map{
		"namespace": h.Namespace, "releaseName": h.ReleaseName, "releaseStatus": h.ReleaseStatus, "chartVersion": h.ChartVersion,
		"loadBalancerHostname": h.LoadBalancerHostname, "url": h.URL, "callbackUrl": h.CallbackURL,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of hub %q: %w", name, err)
	}
	return h, nil
}

// deploy makes the objects that the release needs, the release, and reads what comes out of it.
func (h *Hub) deploy(ctx *pulumi.Context, name string, args *Args, values *values) error {
	before, err := h.namespace(ctx, name, args)
	if err != nil {
		return err
	}
	if err := before.secrets(ctx, name, args); err != nil {
		return err
	}
	if err := before.templates(ctx, name, args); err != nil {
		return err
	}
	if err := before.manifests(ctx, name, args); err != nil {
		return err
	}
	if err := before.homes(ctx, args, values); err != nil {
		return err
	}
	if err := h.install(ctx, name, args, values, before); err != nil {
		return err
	}
	return h.read(ctx, name, args, values)
}

// install makes the release, after everything that its pods mount.
func (h *Hub) install(ctx *pulumi.Context, name string, args *Args, values *values, before *prerequisites) error {
	input, err := values.input()
	if err != nil {
		return err
	}
	chart := args.Chart
	release := &helm.ReleaseArgs{
		Name: pulumi.String(args.Release), Namespace: pulumi.String(before.namespace), Values: input,
		Chart: cmp.Or(chart.Path, chart.Name, DefaultChart), Version: chart.Version,
		Timeout: cmp.Or(args.TimeoutSeconds, DefaultTimeout), MaxHistory: maxHistory, Description: args.Description,
		Atomic: args.Atomic, CleanupOnFail: true, DependencyUpdate: chart.UpdateDependencies,
	}
	if chart.Path == "" {
		release.Repository = cmp.Or(chart.Repository, DefaultRepository)
	}
	h.release, err = helm.NewRelease(ctx, name+"-release", release, pulumi.Parent(h), pulumi.DependsOn(before.resources))
	return err
}

// read sets the outputs. The Service is looked up in the namespace that the release itself reports, so never before the release
// is there.
func (h *Hub) read(ctx *pulumi.Context, name string, args *Args, values *values) error {
	h.Namespace = h.release.InstalledNamespace()
	h.ReleaseName = h.release.Name
	h.ReleaseStatus = h.release.StatusText()
	h.ChartVersion = h.release.Version
	h.LoadBalancerHostname = pulumi.String("").ToStringOutput()
	if values.loadBalanced() {
		h.LoadBalancerHostname = h.balancer(ctx, name, values.proxyPublic())
	}
	address := h.LoadBalancerHostname
	if args.Domain != "" {
		address = pulumi.String(args.Domain).ToStringOutput()
	}
	h.URL = pulumi.Sprintf("%s://%s%s", values.scheme(args), address, values.baseURL())
	h.CallbackURL = pulumi.String(values.callbackURL(args)).ToStringOutput()
	return nil
}

// balancer looks the load balancer up. The look-up is made once the release is there, inside the function that waits for that:
// a read by an id that a preview does not know yet never gets a URN in the Go SDK, and the engine then refuses everything that depends on it.
func (h *Hub) balancer(ctx *pulumi.Context, name, service string) pulumi.StringOutput {
	return h.Namespace.ApplyT(func(namespace string) (pulumi.StringOutput, error) {
		found, err := corev1.GetService(ctx, name+"-proxy-public", pulumi.ID(namespace+"/"+service), nil, pulumi.Parent(h))
		if err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("looking up the load balancer: %w", err)
		}
		return found.Status.ApplyT(hostname).(pulumi.StringOutput), nil
	}).(pulumi.StringOutput)
}

// hostname is what a load balancer is reached by: a name on AWS, an address elsewhere.
func hostname(status *corev1.ServiceStatus) string {
	if status == nil || status.LoadBalancer == nil {
		return ""
	}
	for _, ingress := range status.LoadBalancer.Ingress {
		if ingress.Hostname != nil && *ingress.Hostname != "" {
			return *ingress.Hostname
		}
		if ingress.Ip != nil && *ingress.Ip != "" {
			return *ingress.Ip
		}
	}
	return ""
}
