package creds

// network is the right to make a VPC with what is in it, and launch templates. EC2 gives its resources ids of its own, so
// creation is limited by region only, and change and deletion by the owner's tag:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func (s Scope) network() []Statement {
	return []Statement{
		allow("NetworkRead", service("ec2", "DescribeAccountAttributes", "DescribeAddresses", "DescribeAddressesAttribute",
			"DescribeAvailabilityZones", "DescribeDhcpOptions", "DescribeImages", "DescribeInstanceTypeOfferings",
			"DescribeInstanceTypes", "DescribeInstances", "DescribeInternetGateways", "DescribeLaunchTemplateVersions",
			"DescribeLaunchTemplates", "DescribeNatGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces",
			"DescribePrefixLists", "DescribeRouteTables", "DescribeSecurityGroupRules", "DescribeSecurityGroups",
			"DescribeSubnets", "DescribeTags", "DescribeVpcAttribute", "DescribeVpcEndpointServices", "DescribeVpcEndpoints",
			"DescribeVpcs"), everything, nil),
		allow("NetworkMake", service("ec2", "AllocateAddress", "CreateInternetGateway", "CreateLaunchTemplate", "CreateNatGateway",
			"CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint",
			// EKS asks for RunInstances before it accepts a launch template:
			// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
			"RunInstances",
			// EFS makes, changes and deletes a mount target's interface with the rights of whoever asks for the mount target:
			// https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html
			"CreateNetworkInterface", "DeleteNetworkInterface", "DetachNetworkInterface", "ModifyNetworkInterfaceAttribute",
			// An address is let go of together with an interface that carries no tag of ours.
			"DisassociateAddress"), everything, s.inRegion()),
		// Tags are put on what is made in that same request, or on what is ours already; otherwise the owner's tag could be put on anything:
		// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
		allow("NetworkTag", service("ec2", "CreateTags"), everything, s.made("ec2", "AllocateAddress", "AuthorizeSecurityGroupEgress",
			"AuthorizeSecurityGroupIngress", "CreateInternetGateway", "CreateLaunchTemplate", "CreateNatGateway", "CreateNetworkInterface",
			"CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "RunInstances")),
		allow("NetworkChange", service("ec2", "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroupEgress",
			"AuthorizeSecurityGroupIngress", "CreateLaunchTemplateVersion", "CreateRoute", "CreateTags", "DeleteInternetGateway",
			"DeleteLaunchTemplate", "DeleteLaunchTemplateVersions", "DeleteNatGateway", "DeleteRoute", "DeleteRouteTable",
			"DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc", "DeleteVpcEndpoints", "DetachInternetGateway",
			"DisassociateRouteTable", "ModifyLaunchTemplate", "ModifySecurityGroupRules", "ModifySubnetAttribute",
			"ModifyVpcAttribute", "ModifyVpcEndpoint", "ReleaseAddress", "ReplaceRoute", "ReplaceRouteTableAssociation",
			"RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsEgress",
			"UpdateSecurityGroupRuleDescriptionsIngress"), everything, s.owned()),
	}
}
