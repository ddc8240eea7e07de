package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

// makeNodes makes the node groups: the role that nodes run as, and for each group a launch template, the group, and the tags that
// the autoscaler reads when the group has no node to look at.
func (c *Cluster) makeNodes(ctx *pulumi.Context) error {
	role, attachments, err := c.serviceRole(ctx, "node", "ec2",
		"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy")
	if err != nil {
		return err
	}
	baseIndex := base(c.args.NodeGroups)
	for i, g := range c.args.NodeGroups {
		template, err := c.launchTemplate(ctx, g)
		if err != nil {
			return err
		}
		subnets, err := c.args.NodeSubnets(g.Zones)
		if err != nil {
			return fmt.Errorf("node group %s: %w", g.Name, err)
		}
		group, err := eks.NewManagedNodeGroup(ctx, c.name+"-"+g.Name, &eks.ManagedNodeGroupArgs{
			Cluster:       c.eks.Core,
			NodeGroupName: pulumi.String(g.physical(c.args.Name)),
			NodeRoleArn:   role.Arn,
			SubnetIds:     subnets,
			// With a launch template the plugin sets no version, and the group would stay behind when the cluster moves on.
			Version:       pulumi.String(c.args.Version),
			AmiType:       pulumi.String(g.amiType()),
			CapacityType:  pulumi.String(g.capacity()),
			InstanceTypes: pulumi.ToStringArray(g.InstanceTypes),
			ScalingConfig: awseks.NodeGroupScalingConfigArgs{
				MinSize: pulumi.Int(g.Min), MaxSize: pulumi.Int(g.Max), DesiredSize: pulumi.Int(g.desired()),
			},
			IgnoreScalingChanges: pulumi.BoolRef(c.args.Autoscaler != nil),
			Labels:               pulumi.ToStringMap(g.labels()),
			Taints:               g.taints(),
			LaunchTemplate: awseks.NodeGroupLaunchTemplateArgs{
				Id:      template.ID().ToStringOutput().ToStringPtrOutput(),
				Version: template.LatestVersion.ApplyT(strconv.Itoa).(pulumi.StringOutput),
			},
			Tags: tags.Named(c.args.Tags, g.physical(c.args.Name)),
		}, c.remote(attachments...)...)
		if err != nil {
			return fmt.Errorf("node group %s: %w", g.Name, err)
		}
		if i == baseIndex {
			c.base = group
			c.workloads = append(c.workloads, group)
		}
		if err := c.tagGroup(ctx, g, group); err != nil {
			return err
		}
	}
	return nil
}

// taints are the group's taints as EKS has them.
func (g NodeGroup) taints() awseks.NodeGroupTaintArray {
	var out awseks.NodeGroupTaintArray
	for _, t := range g.Taints {
		taint := awseks.NodeGroupTaintArgs{Key: pulumi.String(t.Key), Effect: pulumi.String(effects[t.Effect])}
		if t.Value != "" {
			taint.Value = pulumi.String(t.Value)
		}
		out = append(out, taint)
	}
	return out
}

// launchTemplate makes the template of a group's nodes: an encrypted disk, tags on what EC2 makes of it, and instance credentials
// out of the pods' reach.
func (c *Cluster) launchTemplate(ctx *pulumi.Context, g NodeGroup) (*ec2.LaunchTemplate, error) {
	name := c.physical(g.Name)
	nodeTags := tags.Named(c.args.Tags, name)
	var specifications ec2.LaunchTemplateTagSpecificationArray
	for _, kind := range []string{"instance", "volume", "network-interface"} {
		specifications = append(specifications, ec2.LaunchTemplateTagSpecificationArgs{ResourceType: pulumi.String(kind), Tags: nodeTags})
	}
	template, err := ec2.NewLaunchTemplate(ctx, c.name+"-"+g.Name, &ec2.LaunchTemplateArgs{
		Name: pulumi.String(name),
		BlockDeviceMappings: ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: pulumi.String(g.dataDevice()),
			Ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
				VolumeSize: pulumi.Int(g.diskGiB()), VolumeType: pulumi.String("gp3"),
				Encrypted: pulumi.String("true"), DeleteOnTermination: pulumi.String("true"),
			},
		}},
		// Session tokens only, and none that travels further than the node itself, so that a notebook cannot take the node's role:
		// https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
		MetadataOptions: ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"), HttpTokens: pulumi.String("required"), HttpPutResponseHopLimit: pulumi.Int(1),
		},
		TagSpecifications: specifications,
		Tags:              nodeTags,
	}, c.parent())
	if err != nil {
		return nil, fmt.Errorf("launch template %s: %w", name, err)
	}
	return template, nil
}

// groupTags are the tags of a group's Auto Scaling group: what the autoscaler finds it by, and what its nodes will look like:
// https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
func (g NodeGroup) groupTags(cluster string) map[string]string {
	const prefix = "k8s.io/cluster-autoscaler/"
	out := map[string]string{prefix + "enabled": "true", prefix + cluster: "owned"}
	for k, v := range g.labels() {
		out[prefix+"node-template/label/"+k] = v
	}
	for _, t := range g.Taints {
		out[prefix+"node-template/taint/"+t.Key] = t.Value + ":" + t.Effect
	}
	return out
}

// tagGroup puts the tags on the group's Auto Scaling group. They are not handed to instances: Kubernetes' own labels and taints
// say it there.
func (c *Cluster) tagGroup(ctx *pulumi.Context, g NodeGroup, group *eks.ManagedNodeGroup) error {
	if c.args.Autoscaler == nil {
		return nil
	}
	preview := ctx.DryRun()
	asg := group.NodeGroup.Resources().ApplyT(func(resources []awseks.NodeGroupResource) (string, error) {
		for _, r := range resources {
			for _, a := range r.AutoscalingGroups {
				if a.Name != nil && *a.Name != "" {
					return *a.Name, nil
				}
			}
		}
		if preview {
			return "", nil
		}
		return "", errors.New("node group " + g.Name + " has no Auto Scaling group to tag")
	}).(pulumi.StringOutput)
	all := g.groupTags(c.args.Name)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		name := c.name + "-" + g.Name + "-" + strings.TrimPrefix(key, "k8s.io/cluster-autoscaler/")
		if _, err := autoscaling.NewTag(ctx, name, &autoscaling.TagArgs{
			AutoscalingGroupName: asg,
			Tag: autoscaling.TagTagArgs{
				Key: pulumi.String(key), Value: pulumi.String(all[key]), PropagateAtLaunch: pulumi.Bool(false),
			},
		}, c.parent()); err != nil {
			return fmt.Errorf("tag %s of node group %s: %w", key, g.Name, err)
		}
	}
	return nil
}
