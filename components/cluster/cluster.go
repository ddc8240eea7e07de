// Package cluster makes the EKS cluster that hubs run on, with its nodes, add-ons, access and autoscaler, or uses one that exists.
package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

// Type is the component's type token.
const Type = "hubwright:aws:Cluster"

// Cluster is an EKS cluster.
type Cluster struct {
	pulumi.ResourceState

	// Name is the cluster's name, known when the cluster exists.
	Name pulumi.StringOutput
	// Endpoint is the URL of the Kubernetes API.
	Endpoint pulumi.StringOutput
	// Kubeconfig is a kubeconfig as JSON. It holds no credentials: it has `aws eks get-token` fetch one when it is used.
	Kubeconfig pulumi.StringOutput
	// OidcIssuer is the issuer of service account tokens, without "https://".
	OidcIssuer pulumi.StringOutput
	// OidcProviderArn is IAM's identity provider for that issuer.
	OidcProviderArn pulumi.StringOutput
	// NodeSecurityGroupId is the security group that the control plane and all nodes carry.
	NodeSecurityGroupId pulumi.StringOutput
	// Provider reaches the Kubernetes API.
	Provider *kubernetes.Provider

	args      *Args
	name      string            // of the component, begins the children's
	eks       *eks.Cluster      // nil for an existing cluster
	base      pulumi.Resource   // the first node group on which the system's pods run
	workloads []pulumi.Resource // see Workloads
}

// New registers the component: a new cluster, or the look-up of the one that args name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if args == nil {
		args = &Args{}
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	c := &Cluster{args: args, name: name}
	if err := ctx.RegisterComponentResource(Type, name, c, opts...); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	steps := []func(*pulumi.Context) error{c.makeControlPlane, c.makeOIDC, c.makeProvider, c.makeNodes, c.makeAddons, c.makeAutoscaler}
	if args.Existing {
		steps = []func(*pulumi.Context) error{c.find, c.makeProvider}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("cluster %q: %w", name, err)
		}
	}
	if err := ctx.RegisterResourceOutputs(c, pulumi.Map{
		"name": c.Name, "endpoint": c.Endpoint, "kubeconfig": c.Kubeconfig, "oidcIssuer": c.OidcIssuer,
		"oidcProviderArn": c.OidcProviderArn, "nodeSecurityGroupId": c.NodeSecurityGroupId,
	}); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	return c, nil
}

// Workloads is what a workload with volumes has to wait for: nodes to run on, name resolution, and the volume drivers. It is
// empty for an existing cluster.
func (c *Cluster) Workloads() []pulumi.Resource {
	return append([]pulumi.Resource(nil), c.workloads...)
}

// parent is the option of every child. Nothing is ever a child of the eks.Cluster itself: what is, and uses its outputs, waits
// for it for ever.
func (c *Cluster) parent() pulumi.ResourceOption { return pulumi.Parent(c) }

// physical is the AWS name of something that belongs to the cluster.
func (c *Cluster) physical(suffix string) string { return c.args.Name + "-" + suffix }

// remote are the options of a component that lives in the pulumi-eks plugin. It gets the provider explicitly, because what it
// makes would otherwise go through a default provider of the plugin's own version.
func (c *Cluster) remote(after ...pulumi.Resource) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{c.parent()}
	if provider := c.GetProvider("aws:eks/cluster:Cluster"); provider != nil {
		opts = append(opts, pulumi.Providers(provider))
	}
	if len(after) > 0 {
		opts = append(opts, pulumi.DependsOn(after))
	}
	return opts
}

// makeControlPlane makes the cluster with its service role, access entries, CNI and kube-proxy.
func (c *Cluster) makeControlPlane(ctx *pulumi.Context) error {
	a := c.args
	role, attachments, err := c.serviceRole(ctx, "service", "eks", "AmazonEKSClusterPolicy")
	if err != nil {
		return err
	}
	yes := true
	mode := eks.AuthenticationModeApi
	endpoint := a.endpoint()
	config := &eks.ClusterArgs{
		Name:                      pulumi.String(a.Name),
		Version:                   pulumi.String(a.Version),
		VpcId:                     optional(a.VpcID),
		PublicSubnetIds:           a.PublicSubnetIDs,
		PrivateSubnetIds:          a.PrivateSubnetIDs,
		ServiceRole:               role,
		AuthenticationMode:        &mode,
		AccessEntries:             a.accessEntries(),
		SkipDefaultNodeGroup:      &yes,
		SkipDefaultSecurityGroups: &yes,
		EndpointPublicAccess:      pulumi.Bool(endpoint.Public),
		EndpointPrivateAccess:     pulumi.Bool(endpoint.Private),
		// The plugin would ask the issuer for its certificate, in previews too; makeOIDC needs nothing from there.
		CreateOidcProvider: pulumi.Bool(false),
		VpcCniOptions:      a.Addons.vpcCni(),
		KubeProxyAddonOptions: &eks.KubeProxyAddonOptionsArgs{
			Version: pulumi.String(a.Addons.KubeProxy),
		},
		EncryptionConfigKeyArn: optional(a.SecretsKeyArn),
		Tags:                   tags.Named(a.Tags, a.Name),
	}
	if endpoint.Public && len(endpoint.PublicCIDRs) > 0 {
		config.PublicAccessCidrs = pulumi.ToStringArray(endpoint.PublicCIDRs)
	}
	if len(a.LogTypes) > 0 {
		config.EnabledClusterLogTypes = pulumi.ToStringArray(a.LogTypes)
	}
	if a.RoleArn != nil {
		config.ProviderCredentialOpts = eks.KubeconfigOptionsArgs{RoleArn: optional(a.RoleArn)}
	}
	// A role without its policy is refused by EKS, and on the way down it has to keep it until the cluster is gone.
	c.eks, err = eks.NewCluster(ctx, c.name+"-eks", config, c.remote(attachments...)...)
	if err != nil {
		return fmt.Errorf("EKS cluster %s: %w", a.Name, err)
	}
	c.Endpoint = c.eks.Core.Endpoint()
	c.Kubeconfig = c.eks.KubeconfigJson
	c.OidcIssuer = c.eks.OidcIssuer
	// Without security groups of the plugin's own this is the one that EKS makes, which the control plane and every managed node
	// carry: https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
	c.NodeSecurityGroupId = c.eks.ClusterSecurityGroupId
	c.Name = c.eks.OidcIssuer.ApplyT(func(string) string { return a.Name }).(pulumi.StringOutput)
	return nil
}

// makeProvider makes the provider for the Kubernetes API.
func (c *Cluster) makeProvider(ctx *pulumi.Context) error {
	opts := []pulumi.ResourceOption{c.parent()}
	if c.eks != nil {
		// The access entries are among the cluster's children: without them the API answers nobody.
		opts = append(opts, pulumi.DependsOn([]pulumi.Resource{c.eks}))
	}
	var err error
	c.Provider, err = kubernetes.NewProvider(ctx, c.name+"-k8s", &kubernetes.ProviderArgs{
		Kubeconfig: c.Kubeconfig,
		// The endpoint is the cluster's identity. A kubeconfig that changes in anything else, such as the role, is the same
		// cluster, and nothing in it is to be replaced for that.
		ClusterIdentifier:     c.Endpoint,
		EnableServerSideApply: pulumi.Bool(true),
	}, opts...)
	if err != nil {
		return fmt.Errorf("kubernetes provider: %w", err)
	}
	return nil
}

// optional hands an input on where the SDK wants a pointer; nil stays nil.
func optional(in pulumi.StringInput) pulumi.StringPtrInput {
	if in == nil {
		return nil
	}
	return in.ToStringOutput().ToStringPtrOutput()
}
