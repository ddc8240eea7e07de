package ekssim

import (
	"fmt"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	component "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

// nodeGroupArgs are the arguments of eks:index:ManagedNodeGroup that the sandbox takes: all but those for which pulumi-eks makes a launch
// template of its own.
type nodeGroupArgs struct {
	AmiType              pulumi.StringPtrInput                  `pulumi:"amiType"`
	CapacityType         pulumi.StringPtrInput                  `pulumi:"capacityType"`
	Cluster              pulumi.AnyOutput                       `pulumi:"cluster"`
	ClusterName          pulumi.StringPtrInput                  `pulumi:"clusterName"`
	DiskSize             pulumi.IntPtrInput                     `pulumi:"diskSize"`
	ForceUpdateVersion   pulumi.BoolPtrInput                    `pulumi:"forceUpdateVersion"`
	Gpu                  pulumi.BoolPtrInput                    `pulumi:"gpu"`
	IgnoreScalingChanges bool                                   `pulumi:"ignoreScalingChanges"`
	InstanceTypes        pulumi.StringArrayInput                `pulumi:"instanceTypes"`
	Labels               pulumi.StringMapInput                  `pulumi:"labels"`
	LaunchTemplate       awseks.NodeGroupLaunchTemplatePtrInput `pulumi:"launchTemplate"`
	NodeGroupName        pulumi.StringPtrInput                  `pulumi:"nodeGroupName"`
	NodeGroupNamePrefix  pulumi.StringPtrInput                  `pulumi:"nodeGroupNamePrefix"`
	NodeRole             iam.RoleOutput                         `pulumi:"nodeRole"`
	NodeRoleArn          pulumi.StringInput                     `pulumi:"nodeRoleArn"`
	OperatingSystem      pulumi.StringPtrInput                  `pulumi:"operatingSystem"`
	ReleaseVersion       pulumi.StringPtrInput                  `pulumi:"releaseVersion"`
	RemoteAccess         awseks.NodeGroupRemoteAccessPtrInput   `pulumi:"remoteAccess"`
	ScalingConfig        awseks.NodeGroupScalingConfigPtrInput  `pulumi:"scalingConfig"`
	SubnetIDs            pulumi.StringArrayInput                `pulumi:"subnetIds"`
	Tags                 pulumi.StringMapInput                  `pulumi:"tags"`
	Taints               awseks.NodeGroupTaintArrayInput        `pulumi:"taints"`
	Version              pulumi.StringPtrInput                  `pulumi:"version"`
}

// nodeGroup is an eks:index:ManagedNodeGroup.
type nodeGroup struct {
	pulumi.ResourceState
}

func buildNodeGroup(ctx *pulumi.Context, name string, in component.ConstructInputs, opts pulumi.ResourceOption) (*component.ConstructResult, error) {
	var args nodeGroupArgs
	if err := in.CopyTo(&args); err != nil {
		return nil, err
	}
	group := &nodeGroup{}
	if err := ctx.RegisterComponentResource(nodeGroupType, name, group, opts); err != nil {
		return nil, err
	}
	own := []pulumi.ResourceOption{pulumi.Parent(group)}
	if args.IgnoreScalingChanges {
		own = append(own, pulumi.IgnoreChanges([]string{"scalingConfig.desiredSize"}))
	}
	made, err := awseks.NewNodeGroup(ctx, name, args.aws(), own...)
	if err != nil {
		return nil, err
	}
	outputs := pulumi.Map{"nodeGroup": made, "placementGroupName": pulumi.String("")}
	if err := ctx.RegisterResourceOutputs(group, outputs); err != nil {
		return nil, err
	}
	return &component.ConstructResult{URN: group.URN(), State: outputs}, nil
}

// aws is the node group as the aws provider is asked for it.
func (a *nodeGroupArgs) aws() *awseks.NodeGroupArgs {
	core := a.Cluster.ApplyT(coreOf)
	out := &awseks.NodeGroupArgs{
		AmiType:             a.AmiType,
		CapacityType:        a.CapacityType,
		ClusterName:         core.ApplyT(func(v any) pulumi.StringOutput { return asCore(v).cluster.Name }).(pulumi.StringOutput),
		DiskSize:            a.DiskSize,
		ForceUpdateVersion:  a.ForceUpdateVersion,
		InstanceTypes:       a.InstanceTypes,
		Labels:              a.Labels,
		LaunchTemplate:      a.LaunchTemplate,
		NodeGroupName:       a.NodeGroupName,
		NodeGroupNamePrefix: a.NodeGroupNamePrefix,
		NodeRoleArn:         a.NodeRoleArn,
		ReleaseVersion:      a.ReleaseVersion,
		RemoteAccess:        a.RemoteAccess,
		ScalingConfig:       a.scaling(),
		SubnetIds:           a.SubnetIDs,
		Tags:                a.Tags,
		Taints:              a.Taints,
		Version:             a.Version,
	}
	if a.ClusterName != nil {
		out.ClusterName = a.ClusterName.ToStringPtrOutput().Elem()
	}
	if a.NodeRole.OutputState != nil {
		out.NodeRoleArn = a.NodeRole.Arn()
	}
	if a.SubnetIDs == nil {
		out.SubnetIds = core.ApplyT(func(v any) []string { return asCore(v).subnets }).(pulumi.StringArrayOutput)
	}
	if a.Version == nil && a.LaunchTemplate == nil {
		out.Version = core.ApplyT(func(v any) pulumi.StringOutput { return asCore(v).cluster.Version }).(pulumi.StringOutput)
	}
	if a.AmiType == nil && a.OperatingSystem != nil {
		out.AmiType = a.amiType()
	}
	return out
}

// scaling is two nodes, between one and two, unless it is said.
func (a *nodeGroupArgs) scaling() awseks.NodeGroupScalingConfigInput {
	if a.ScalingConfig == nil {
		return awseks.NodeGroupScalingConfigArgs{DesiredSize: pulumi.Int(2), MinSize: pulumi.Int(1), MaxSize: pulumi.Int(2)}
	}
	return a.ScalingConfig.ToNodeGroupScalingConfigPtrOutput().Elem()
}

// core is what a node group takes from its cluster.
type core struct {
	cluster *awseks.Cluster
	subnets []string
}

func asCore(v any) core {
	c, _ := v.(core) // coreOf makes nothing else
	return c
}

// coreOf reads the argument cluster: the core of an eks.Cluster, or one itself.
func coreOf(v any) (any, error) {
	switch v := v.(type) {
	case *eks.Cluster:
		return v.Core.ApplyT(func(d eks.CoreData) (core, error) {
			return newCore(d.Cluster, d.SubnetIds, d.PrivateSubnetIds, d.PublicSubnetIds)
		}), nil
	case map[string]any:
		cluster, _ := v["cluster"].(*awseks.Cluster)
		return newCore(cluster, stringsOf(v["subnetIds"]), stringsOf(v["privateSubnetIds"]), stringsOf(v["publicSubnetIds"]))
	}
	return nil, fmt.Errorf("cluster: expected the core of an eks.Cluster or the cluster itself, got %T", v)
}

// newCore takes the first list of subnets that is there.
func newCore(cluster *awseks.Cluster, subnets ...[]string) (core, error) {
	if cluster == nil {
		return core{}, fmt.Errorf("cluster: it has no cluster in it")
	}
	c := core{cluster: cluster, subnets: []string{}}
	for _, ids := range subnets {
		if ids != nil {
			c.subnets = ids
			break
		}
	}
	return c, nil
}

// stringsOf is a list of strings, nil for anything else.
func stringsOf(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	out := []string{}
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
