package ekssim

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	component "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

// clusterArgs are the arguments of eks:index:Cluster that the sandbox takes.
type clusterArgs struct {
	AccessEntries                   map[string]accessEntry        `pulumi:"accessEntries"`
	AuthenticationMode              string                        `pulumi:"authenticationMode"`
	ClusterSecurityGroupTags        pulumi.StringMapInput         `pulumi:"clusterSecurityGroupTags"`
	ClusterTags                     pulumi.StringMapInput         `pulumi:"clusterTags"`
	CorednsAddonOptions             *addonOptions                 `pulumi:"corednsAddonOptions"`
	DefaultAddonsToRemove           pulumi.StringArrayInput       `pulumi:"defaultAddonsToRemove"`
	EnableConfigMapMutable          pulumi.BoolPtrInput           `pulumi:"enableConfigMapMutable"`
	EnabledClusterLogTypes          pulumi.StringArrayInput       `pulumi:"enabledClusterLogTypes"`
	EncryptionConfigKeyArn          pulumi.StringPtrInput         `pulumi:"encryptionConfigKeyArn"`
	EndpointPrivateAccess           pulumi.BoolPtrInput           `pulumi:"endpointPrivateAccess"`
	EndpointPublicAccess            pulumi.BoolPtrInput           `pulumi:"endpointPublicAccess"`
	IPFamily                        pulumi.StringPtrInput         `pulumi:"ipFamily"`
	KubeProxyAddonOptions           *addonOptions                 `pulumi:"kubeProxyAddonOptions"`
	KubernetesServiceIPAddressRange pulumi.StringPtrInput         `pulumi:"kubernetesServiceIpAddressRange"`
	Name                            pulumi.StringPtrInput         `pulumi:"name"`
	NodeSecurityGroupTags           pulumi.StringMapInput         `pulumi:"nodeSecurityGroupTags"`
	PrivateSubnetIDs                pulumi.StringArrayInput       `pulumi:"privateSubnetIds"`
	ProviderCredentialOpts          eks.KubeconfigOptionsPtrInput `pulumi:"providerCredentialOpts"`
	Proxy                           string                        `pulumi:"proxy"` // for connections that are not simulated
	PublicAccessCidrs               pulumi.StringArrayInput       `pulumi:"publicAccessCidrs"`
	PublicSubnetIDs                 pulumi.StringArrayInput       `pulumi:"publicSubnetIds"`
	ServiceRole                     iam.RoleOutput                `pulumi:"serviceRole"`
	SkipDefaultNodeGroup            bool                          `pulumi:"skipDefaultNodeGroup"`
	SkipDefaultSecurityGroups       bool                          `pulumi:"skipDefaultSecurityGroups"`
	SubnetIDs                       pulumi.StringArrayInput       `pulumi:"subnetIds"`
	Tags                            pulumi.StringMapInput         `pulumi:"tags"`
	UseDefaultVpcCni                bool                          `pulumi:"useDefaultVpcCni"`
	Version                         pulumi.StringPtrInput         `pulumi:"version"`
	VpcCniOptions                   *cniOptions                   `pulumi:"vpcCniOptions"`
	VpcID                           pulumi.StringPtrInput         `pulumi:"vpcId"`
}

// cluster is an eks:index:Cluster in the making.
type cluster struct {
	pulumi.ResourceState

	ctx  *pulumi.Context
	name string
	args clusterArgs
	// partition and dnsSuffix are those of the AWS partition, "aws" and "amazonaws.com" mostly.
	partition, dnsSuffix string

	role   iam.RoleOutput // that the control plane acts as
	eks    *awseks.Cluster
	k8s    *kubernetes.Provider
	vpcCni pulumi.Resource
	groups *securityGroups // nil when they are skipped
}

func buildCluster(ctx *pulumi.Context, name string, in component.ConstructInputs, opts pulumi.ResourceOption) (*component.ConstructResult, error) {
	c := &cluster{ctx: ctx, name: name}
	if err := in.CopyTo(&c.args); err != nil {
		return nil, err
	}
	if err := ctx.RegisterComponentResource(clusterType, name, c, opts); err != nil {
		return nil, err
	}
	partition, err := aws.GetPartition(ctx, nil, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.partition, c.dnsSuffix = partition.Partition, partition.DnsSuffix
	if c.partition == "" { // previews with a provider that is not configured yet get an empty answer
		c.partition, c.dnsSuffix = "aws", "amazonaws.com"
	}
	for _, step := range []func() error{c.controlPlane, c.kubeProxy} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	config, public := c.kubeconfig(true), c.kubeconfig(false)
	c.k8s, err = kubernetes.NewProvider(ctx, name+"-eks-k8s", &kubernetes.ProviderArgs{
		Kubeconfig: config, EnableConfigMapMutable: c.args.EnableConfigMapMutable,
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	entries, err := c.accessEntries()
	if err != nil {
		return nil, err
	}
	if !c.args.UseDefaultVpcCni {
		if err := c.vpcCniAddon(entries); err != nil {
			return nil, err
		}
	}
	if err := c.coreDNS(); err != nil {
		return nil, err
	}
	if err := c.nodeSecurityGroup(); err != nil {
		return nil, err
	}
	outputs := c.outputs(public)
	if err := ctx.RegisterResourceOutputs(c, outputs); err != nil {
		return nil, err
	}
	return &component.ConstructResult{URN: c.URN(), State: outputs}, nil
}

// child puts a resource under the component; providers come with the parent.
func (c *cluster) child(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append([]pulumi.ResourceOption{pulumi.Parent(c)}, more...)
}

// controlPlane registers the service role, the control plane's security group and the cluster.
func (c *cluster) controlPlane() error {
	var ready []pulumi.Resource
	c.role = c.args.ServiceRole
	if c.role.OutputState == nil {
		role, err := c.serviceRole()
		if err != nil {
			return err
		}
		c.role, ready = role.role.ToRoleOutput(), role.resolved()
	}
	if !c.args.SkipDefaultSecurityGroups {
		if err := c.clusterSecurityGroup(); err != nil {
			return err
		}
	}
	vpc := awseks.ClusterVpcConfigArgs{
		SubnetIds:             c.subnetIDs(),
		EndpointPrivateAccess: c.args.EndpointPrivateAccess,
		EndpointPublicAccess:  c.args.EndpointPublicAccess,
		PublicAccessCidrs:     c.args.PublicAccessCidrs,
	}
	if c.groups != nil {
		vpc.SecurityGroupIds = pulumi.StringArray{c.groups.cluster.ID()}
	}
	args := &awseks.ClusterArgs{
		Name:                    c.args.Name,
		RoleArn:                 c.role.Arn(),
		VpcConfig:               vpc,
		Version:                 c.args.Version,
		EnabledClusterLogTypes:  c.args.EnabledClusterLogTypes,
		DefaultAddonsToRemoves:  c.args.DefaultAddonsToRemove,
		KubernetesNetworkConfig: c.networkConfig(),
		Tags:                    mergeTags(pulumi.StringMap{"Name": pulumi.String(c.name + "-eksCluster")}, c.args.ClusterTags, c.args.Tags),
		AccessConfig: awseks.ClusterAccessConfigArgs{
			AuthenticationMode:                      pulumi.String(c.args.AuthenticationMode),
			BootstrapClusterCreatorAdminPermissions: pulumi.Bool(true),
		},
	}
	if c.args.EncryptionConfigKeyArn != nil {
		args.EncryptionConfig = c.encryption()
	}
	var err error
	c.eks, err = awseks.NewCluster(c.ctx, c.name+"-eksCluster", args, c.child(pulumi.DependsOn(ready), pulumi.IgnoreChanges([]string{
		"accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons",
	}))...)
	return err
}

// encryption has Kubernetes' Secrets enveloped with the key.
func (c *cluster) encryption() awseks.ClusterEncryptionConfigPtrInput {
	return awseks.ClusterEncryptionConfigArgs{
		Provider:  awseks.ClusterEncryptionConfigProviderArgs{KeyArn: c.args.EncryptionConfigKeyArn.ToStringPtrOutput().Elem()},
		Resources: pulumi.StringArray{pulumi.String("secrets")},
	}
}

// networkConfig is set when an address range or family is asked for; the range counts for IPv4 only.
func (c *cluster) networkConfig() awseks.ClusterKubernetesNetworkConfigPtrInput {
	if c.args.IPFamily == nil && c.args.KubernetesServiceIPAddressRange == nil {
		return nil
	}
	family := pulumi.String("ipv4").ToStringPtrOutput()
	if c.args.IPFamily != nil {
		family = c.args.IPFamily.ToStringPtrOutput()
	}
	network := awseks.ClusterKubernetesNetworkConfigArgs{IpFamily: family}
	if r := c.args.KubernetesServiceIPAddressRange; r != nil {
		network.ServiceIpv4Cidr = pulumi.All(family, r).ApplyT(func(vs []any) *string {
			if f, _ := vs[0].(*string); f != nil && *f != "ipv4" {
				return nil
			}
			return pointed[string](vs[1])
		}).(pulumi.StringPtrOutput)
	}
	return network
}

// subnetIDs are the subnets of the control plane: all of them, the public ones first.
func (c *cluster) subnetIDs() pulumi.StringArrayInput {
	if c.args.SubnetIDs != nil {
		return c.args.SubnetIDs
	}
	var lists []any
	for _, ids := range []pulumi.StringArrayInput{c.args.PublicSubnetIDs, c.args.PrivateSubnetIDs} {
		if ids != nil {
			lists = append(lists, ids)
		}
	}
	return pulumi.All(lists...).ApplyT(func(vs []any) []string {
		out := []string{}
		for _, v := range vs {
			ids, _ := v.([]string)
			out = append(out, ids...)
		}
		return out
	}).(pulumi.StringArrayOutput)
}

// issuer is the URL of the cluster's OIDC issuer.
func (c *cluster) issuer() pulumi.StringOutput {
	return c.eks.Identities.ApplyT(func(ids []awseks.ClusterIdentity) string {
		if len(ids) == 0 || len(ids[0].Oidcs) == 0 || ids[0].Oidcs[0].Issuer == nil {
			return ""
		}
		return *ids[0].Oidcs[0].Issuer
	}).(pulumi.StringOutput)
}

// mergeTags lays maps of tags over one another, the last one counting most. Absent ones are left out.
func mergeTags(layers ...pulumi.StringMapInput) pulumi.StringMapOutput {
	var present []any
	for _, l := range layers {
		if l != nil {
			present = append(present, l)
		}
	}
	return pulumi.All(present...).ApplyT(func(vs []any) (map[string]string, error) {
		out := map[string]string{}
		for _, v := range vs {
			layer, ok := v.(map[string]string)
			if !ok {
				return nil, fmt.Errorf("tags: expected a map of strings, got %T", v)
			}
			for k, tag := range layer {
				out[k] = tag
			}
		}
		return out, nil
	}).(pulumi.StringMapOutput)
}

// pointed makes a pointer of a value that is one already or is not; nil for anything else.
func pointed[T any](v any) *T {
	switch v := v.(type) {
	case *T:
		return v
	case T:
		return &v
	}
	return nil
}

// regionOf is the region in an ARN.
func regionOf(arn string) (string, error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 4 || parts[0] != "arn" {
		return "", fmt.Errorf("invalid ARN: %q", arn)
	}
	return parts[3], nil
}
