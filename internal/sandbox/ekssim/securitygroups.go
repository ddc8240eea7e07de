package ekssim

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// securityGroups are the two groups that pulumi-eks makes unless skipDefaultSecurityGroups is set. Managed node groups have no use for them.
type securityGroups struct {
	cluster, node  *ec2.SecurityGroup
	clusterIngress *ec2.SecurityGroupRule
}

// clusterSecurityGroup registers the control plane's group, before the cluster.
func (c *cluster) clusterSecurityGroup() error {
	name := c.name + "-eksClusterSecurityGroup"
	group, err := ec2.NewSecurityGroup(c.ctx, name, &ec2.SecurityGroupArgs{
		VpcId:               c.args.VpcID,
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                mergeTags(pulumi.StringMap{"Name": pulumi.String(name)}, c.args.ClusterSecurityGroupTags, c.args.Tags),
	}, c.child()...)
	if err != nil {
		return err
	}
	c.groups = &securityGroups{cluster: group}
	return c.rules(map[string]*ec2.SecurityGroupRuleArgs{"eksClusterInternetEgressRule": internetEgress(group)})
}

// nodeSecurityGroup registers the nodes' group and the rules between the two, after the cluster. Without the control plane's group it does nothing.
func (c *cluster) nodeSecurityGroup() error {
	if c.groups == nil {
		return nil
	}
	name := c.name + "-nodeSecurityGroup"
	owned := c.eks.Name.ApplyT(func(cluster string) map[string]string {
		return map[string]string{"Name": name, "kubernetes.io/cluster/" + cluster: "owned"}
	}).(pulumi.StringMapOutput)
	node, err := ec2.NewSecurityGroup(c.ctx, name, &ec2.SecurityGroupArgs{
		VpcId:               c.args.VpcID,
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                mergeTags(owned, c.args.NodeSecurityGroupTags, c.args.Tags),
	}, c.child()...)
	if err != nil {
		return err
	}
	c.groups.node = node
	err = c.rules(map[string]*ec2.SecurityGroupRuleArgs{
		"eksNodeIngressRule": {
			Description: pulumi.String("Allow nodes to communicate with each other"),
			Type:        pulumi.String("ingress"), Protocol: pulumi.String("-1"), FromPort: pulumi.Int(0), ToPort: pulumi.Int(0),
			SecurityGroupId: node.ID(), Self: pulumi.Bool(true),
		},
		"eksNodeClusterIngressRule": tcpIngress(c.groups.cluster, node, 1025, 65535,
			"Allow worker Kubelets and pods to receive communication from the cluster control plane"),
		"eksExtApiServerClusterIngressRule": tcpIngress(c.groups.cluster, node, 443, 443,
			"Allow pods running extension API servers on port 443 to receive communication from cluster control plane"),
		"eksNodeInternetEgressRule": internetEgress(node),
	})
	if err != nil {
		return err
	}
	c.groups.clusterIngress, err = ec2.NewSecurityGroupRule(c.ctx, c.name+"-eksClusterIngressRule",
		tcpIngress(node, c.groups.cluster, 443, 443, "Allow pods to communicate with the cluster API Server"), c.child()...)
	return err
}

func (c *cluster) rules(rules map[string]*ec2.SecurityGroupRuleArgs) error {
	for suffix, args := range rules {
		if _, err := ec2.NewSecurityGroupRule(c.ctx, c.name+"-"+suffix, args, c.child()...); err != nil {
			return err
		}
	}
	return nil
}

func internetEgress(group *ec2.SecurityGroup) *ec2.SecurityGroupRuleArgs {
	return &ec2.SecurityGroupRuleArgs{
		Description: pulumi.String("Allow internet access."),
		Type:        pulumi.String("egress"), Protocol: pulumi.String("-1"), FromPort: pulumi.Int(0), ToPort: pulumi.Int(0),
		CidrBlocks: pulumi.ToStringArray([]string{"0.0.0.0/0"}), SecurityGroupId: group.ID(),
	}
}

func tcpIngress(from, to *ec2.SecurityGroup, first, last int, description string) *ec2.SecurityGroupRuleArgs {
	return &ec2.SecurityGroupRuleArgs{
		Description: pulumi.String(description),
		Type:        pulumi.String("ingress"), Protocol: pulumi.String("tcp"), FromPort: pulumi.Int(first), ToPort: pulumi.Int(last),
		SecurityGroupId: to.ID(), SourceSecurityGroupId: from.ID(),
	}
}
