package awssim

// actions are the API actions that the real provider calls for each operation of a type, as far as they need rights. They are read off the
// resources' sources in https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service; how they are written is said at need.
// The resources and condition keys that an action knows:
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var actions = map[string]map[string]string{
	roleToken: {
		"create": "iam:CreateRole iam:TagRole#tags iam:GetRole iam:ListRolePolicies iam:ListAttachedRolePolicies iam:PutRolePolicy#inlinePolicies",
		"read":   "iam:GetRole iam:ListRolePolicies iam:ListAttachedRolePolicies",
		"update": "iam:UpdateAssumeRolePolicy#assumeRolePolicy iam:UpdateRole#maxSessionDuration iam:UpdateRoleDescription#description" +
			" iam:PutRolePermissionsBoundary#permissionsBoundary iam:PutRolePolicy#inlinePolicies iam:TagRole#tags",
		"delete": "iam:ListInstanceProfilesForRole iam:DeleteRole",
	},
	policyToken: {
		"create": "iam:CreatePolicy iam:TagPolicy#tags iam:GetPolicy iam:GetPolicyVersion",
		"read":   "iam:GetPolicy iam:GetPolicyVersion",
		"update": "iam:ListPolicyVersions#policy iam:CreatePolicyVersion#policy iam:TagPolicy#tags",
		"delete": "iam:ListPolicyVersions iam:DeletePolicy",
	},
	rolePolicyToken: {
		"create": "iam:PutRolePolicy@role iam:GetRolePolicy@role", "read": "iam:GetRolePolicy@role",
		"update": "iam:PutRolePolicy@role", "delete": "iam:DeleteRolePolicy@role",
	},
	attachmentToken: {
		"create": "iam:AttachRolePolicy@role iam:ListAttachedRolePolicies@role",
		"read":   "iam:ListAttachedRolePolicies@role", "delete": "iam:DetachRolePolicy@role",
	},
	groupToken: {
		"create": "iam:CreateGroup iam:GetGroup", "read": "iam:GetGroup", "update": "iam:UpdateGroup", "delete": "iam:DeleteGroup",
	},
	groupPolicyTok: {
		"create": "iam:PutGroupPolicy@group iam:GetGroupPolicy@group", "read": "iam:GetGroupPolicy@group",
		"update": "iam:PutGroupPolicy@group", "delete": "iam:DeleteGroupPolicy@group",
	},
	membershipToken: {
		"create": "iam:AddUserToGroup@groups iam:ListGroupsForUser@user", "read": "iam:ListGroupsForUser@user",
		"update": "iam:AddUserToGroup@groups iam:RemoveUserFromGroup@groups", "delete": "iam:RemoveUserFromGroup@groups",
	},
	oidcToken: {
		"create": "iam:CreateOpenIDConnectProvider iam:TagOpenIDConnectProvider#tags iam:GetOpenIDConnectProvider",
		"read":   "iam:GetOpenIDConnectProvider",
		"update": "iam:UpdateOpenIDConnectProviderThumbprint#thumbprintLists iam:AddClientIDToOpenIDConnectProvider#clientIdLists iam:TagOpenIDConnectProvider#tags",
		"delete": "iam:DeleteOpenIDConnectProvider",
	},
	vpcToken: {
		"create": "ec2:CreateVpc ec2:CreateTags#tags ec2:DescribeVpcs@* ec2:DescribeVpcAttribute@* ec2:ModifyVpcAttribute#enableDnsHostnames" +
			" ec2:DescribeNetworkAcls@* ec2:DescribeRouteTables@* ec2:DescribeSecurityGroups@*",
		"read":   "ec2:DescribeVpcs@* ec2:DescribeVpcAttribute@* ec2:DescribeNetworkAcls@* ec2:DescribeRouteTables@* ec2:DescribeSecurityGroups@*",
		"update": "ec2:ModifyVpcAttribute#enableDnsHostnames ec2:ModifyVpcAttribute#enableDnsSupport ec2:CreateTags#tags",
		"delete": "ec2:DeleteVpc",
	},
	subnetToken: {
		"create": "ec2:CreateSubnet ec2:CreateTags#tags ec2:DescribeSubnets@* ec2:ModifySubnetAttribute#mapPublicIpOnLaunch",
		"read":   "ec2:DescribeSubnets@*",
		"update": "ec2:ModifySubnetAttribute#mapPublicIpOnLaunch ec2:CreateTags#tags",
		"delete": "ec2:DescribeNetworkInterfaces@* ec2:DeleteSubnet",
	},
	internetGatewayToken: {
		"create": "ec2:CreateInternetGateway ec2:CreateTags#tags ec2:AttachInternetGateway@vpcId#vpcId ec2:DescribeInternetGateways@*",
		"read":   "ec2:DescribeInternetGateways@*",
		"update": "ec2:AttachInternetGateway#vpcId ec2:DetachInternetGateway#vpcId ec2:CreateTags#tags",
		"delete": "ec2:DetachInternetGateway ec2:DeleteInternetGateway",
	},
	eipToken: {
		"create": "ec2:AllocateAddress ec2:CreateTags#tags ec2:DescribeAddresses@*", "read": "ec2:DescribeAddresses@*",
		"update": "ec2:CreateTags#tags", "delete": "ec2:ReleaseAddress",
	},
	natGatewayToken: {
		"create": "ec2:CreateNatGateway ec2:CreateTags#tags ec2:DescribeNatGateways@*", "read": "ec2:DescribeNatGateways@*",
		"update": "ec2:CreateTags#tags", "delete": "ec2:DeleteNatGateway",
	},
	routeTableToken: {
		"create": "ec2:CreateRouteTable ec2:CreateTags#tags ec2:DescribeRouteTables@* ec2:CreateRoute#routes", "read": "ec2:DescribeRouteTables@*",
		"update": "ec2:CreateRoute#routes ec2:DeleteRoute#routes ec2:CreateTags#tags", "delete": "ec2:DescribeRouteTables@* ec2:DeleteRouteTable",
	},
	routeToken: {
		"create": "ec2:CreateRoute@routeTableId ec2:DescribeRouteTables@*", "read": "ec2:DescribeRouteTables@*",
		"update": "ec2:ReplaceRoute@routeTableId", "delete": "ec2:DeleteRoute@routeTableId",
	},
	associationToken: {
		"create": "ec2:AssociateRouteTable@routeTableId ec2:AssociateRouteTable@subnetId ec2:DescribeRouteTables@*", "read": "ec2:DescribeRouteTables@*",
		"update": "ec2:ReplaceRouteTableAssociation@routeTableId", "delete": "ec2:DisassociateRouteTable@routeTableId",
	},
	endpointToken: {
		"create": "ec2:CreateVpcEndpoint ec2:CreateTags#tags ec2:DescribeVpcEndpoints@* ec2:DescribePrefixLists@*",
		"read":   "ec2:DescribeVpcEndpoints@* ec2:DescribePrefixLists@*",
		"update": "ec2:ModifyVpcEndpoint ec2:CreateTags#tags", "delete": "ec2:DeleteVpcEndpoints",
	},
	securityGroupToken: {
		"create": "ec2:CreateSecurityGroup ec2:CreateTags#tags ec2:DescribeSecurityGroups@* ec2:AuthorizeSecurityGroupIngress#ingress" +
			" ec2:AuthorizeSecurityGroupEgress#egress",
		"read":   "ec2:DescribeSecurityGroups@*",
		"update": "ec2:AuthorizeSecurityGroupIngress#ingress ec2:AuthorizeSecurityGroupEgress#egress ec2:CreateTags#tags",
		"delete": "ec2:DescribeNetworkInterfaces@* ec2:DeleteSecurityGroup",
	},
	ingressToken: {
		"create": "ec2:AuthorizeSecurityGroupIngress@securityGroupId ec2:CreateTags#tags ec2:DescribeSecurityGroupRules@*", "read": "ec2:DescribeSecurityGroupRules@*",
		"update": "ec2:ModifySecurityGroupRules@securityGroupId", "delete": "ec2:RevokeSecurityGroupIngress@securityGroupId",
	},
	egressToken: {
		"create": "ec2:AuthorizeSecurityGroupEgress@securityGroupId ec2:CreateTags#tags ec2:DescribeSecurityGroupRules@*", "read": "ec2:DescribeSecurityGroupRules@*",
		"update": "ec2:ModifySecurityGroupRules@securityGroupId", "delete": "ec2:RevokeSecurityGroupEgress@securityGroupId",
	},
	plainRuleToken: {
		"create": "ec2:AuthorizeSecurityGroupIngress@securityGroupId ec2:AuthorizeSecurityGroupEgress@securityGroupId ec2:DescribeSecurityGroups@*",
		"read":   "ec2:DescribeSecurityGroups@*", "delete": "ec2:RevokeSecurityGroupIngress@securityGroupId ec2:RevokeSecurityGroupEgress@securityGroupId",
	},
	launchTemplateToken: {
		"create": "ec2:CreateLaunchTemplate ec2:CreateTags#tags ec2:DescribeLaunchTemplates@* ec2:DescribeLaunchTemplateVersions@*",
		"read":   "ec2:DescribeLaunchTemplates@* ec2:DescribeLaunchTemplateVersions@*",
		"update": "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate ec2:CreateTags#tags", "delete": "ec2:DeleteLaunchTemplate",
	},
	clusterToken: {
		"create": "eks:CreateCluster eks:TagResource#tags eks:DescribeCluster iam:PassRole@roleArn!eks.amazonaws.com" +
			" kms:DescribeKey@encryptionConfig.provider.keyArn kms:CreateGrant@encryptionConfig.provider.keyArn!eks.amazonaws.com",
		"read": "eks:DescribeCluster",
		"update": "eks:UpdateClusterVersion#version eks:UpdateClusterConfig#vpcConfig eks:UpdateClusterConfig#enabledClusterLogTypes" +
			" eks:UpdateClusterConfig#accessConfig eks:AssociateEncryptionConfig#encryptionConfig eks:DescribeUpdate eks:TagResource#tags",
		"delete": "eks:DeleteCluster eks:DescribeCluster",
	},
	nodeGroupToken: {
		"create": "eks:CreateNodegroup@clusterName eks:TagResource#tags eks:DescribeNodegroup iam:PassRole@nodeRoleArn!eks.amazonaws.com" +
			" iam:GetRole@nodeRoleArn ec2:DescribeLaunchTemplateVersions@*#launchTemplate ec2:RunInstances@*#launchTemplate",
		"read":   "eks:DescribeNodegroup",
		"update": "eks:UpdateNodegroupConfig#scalingConfig eks:UpdateNodegroupConfig#labels eks:UpdateNodegroupConfig#taints eks:UpdateNodegroupVersion#version eks:DescribeUpdate eks:TagResource#tags",
		"delete": "eks:DeleteNodegroup eks:DescribeNodegroup",
	},
	addonToken: {
		"create": "eks:CreateAddon@clusterName eks:TagResource#tags eks:DescribeAddon iam:PassRole@serviceAccountRoleArn!eks.amazonaws.com",
		"read":   "eks:DescribeAddon", "update": "eks:UpdateAddon eks:DescribeUpdate eks:TagResource#tags", "delete": "eks:DeleteAddon eks:DescribeAddon",
	},
	accessEntryToken: {
		"create": "eks:CreateAccessEntry@clusterName eks:TagResource#tags eks:DescribeAccessEntry", "read": "eks:DescribeAccessEntry",
		"update": "eks:UpdateAccessEntry eks:TagResource#tags", "delete": "eks:DeleteAccessEntry",
	},
	accessAssociationToken: {
		"create": "eks:AssociateAccessPolicy eks:ListAssociatedAccessPolicies", "read": "eks:ListAssociatedAccessPolicies", "delete": "eks:DisassociateAccessPolicy",
	},
	autoscalingTagToken: {
		"create": "autoscaling:CreateOrUpdateTags@autoscalingGroupName autoscaling:DescribeTags@*", "read": "autoscaling:DescribeTags@*",
		"update": "autoscaling:CreateOrUpdateTags@autoscalingGroupName", "delete": "autoscaling:DeleteTags@autoscalingGroupName",
	},
	fileSystemToken: {
		"create": "elasticfilesystem:CreateFileSystem elasticfilesystem:TagResource#tags elasticfilesystem:DescribeFileSystems" +
			" elasticfilesystem:PutLifecycleConfiguration#lifecyclePolicies elasticfilesystem:DescribeLifecycleConfiguration" +
			" kms:DescribeKey@kmsKeyId kms:CreateGrant@kmsKeyId!elasticfilesystem.amazonaws.com kms:GenerateDataKeyWithoutPlaintext@kmsKeyId!elasticfilesystem.amazonaws.com",
		"read": "elasticfilesystem:DescribeFileSystems elasticfilesystem:DescribeLifecycleConfiguration",
		"update": "elasticfilesystem:UpdateFileSystem#throughputMode elasticfilesystem:PutLifecycleConfiguration#lifecyclePolicies" +
			" elasticfilesystem:UpdateFileSystemProtection#protection elasticfilesystem:TagResource#tags",
		"delete": "elasticfilesystem:DeleteFileSystem",
	},
	mountTargetToken: {
		"create": "elasticfilesystem:CreateMountTarget@fileSystemId elasticfilesystem:DescribeMountTargets@fileSystemId ec2:DescribeSubnets@*" +
			" ec2:DescribeNetworkInterfaces@* ec2:CreateNetworkInterface@subnetId",
		"read":   "elasticfilesystem:DescribeMountTargets@fileSystemId elasticfilesystem:DescribeMountTargetSecurityGroups@fileSystemId",
		"update": "elasticfilesystem:ModifyMountTargetSecurityGroups@fileSystemId ec2:ModifyNetworkInterfaceAttribute@*",
		"delete": "elasticfilesystem:DeleteMountTarget@fileSystemId ec2:DeleteNetworkInterface@*",
	},
	backupPolicyToken: {
		"create": "elasticfilesystem:PutBackupPolicy@fileSystemId elasticfilesystem:DescribeBackupPolicy@fileSystemId",
		"read":   "elasticfilesystem:DescribeBackupPolicy@fileSystemId", "update": "elasticfilesystem:PutBackupPolicy@fileSystemId",
		"delete": "elasticfilesystem:PutBackupPolicy@fileSystemId",
	},
	fileSystemPolicyToken: {
		"create": "elasticfilesystem:PutFileSystemPolicy@fileSystemId elasticfilesystem:DescribeFileSystemPolicy@fileSystemId",
		"read":   "elasticfilesystem:DescribeFileSystemPolicy@fileSystemId", "update": "elasticfilesystem:PutFileSystemPolicy@fileSystemId",
		"delete": "elasticfilesystem:DeleteFileSystemPolicy@fileSystemId",
	},
	accessPointToken: {
		"create": "elasticfilesystem:CreateAccessPoint@fileSystemId elasticfilesystem:TagResource#tags elasticfilesystem:DescribeAccessPoints",
		"read":   "elasticfilesystem:DescribeAccessPoints", "update": "elasticfilesystem:TagResource#tags", "delete": "elasticfilesystem:DeleteAccessPoint",
	},
	repositoryToken: {
		"create": "ecr:CreateRepository ecr:TagResource#tags ecr:DescribeRepositories ecr:ListTagsForResource",
		"read":   "ecr:DescribeRepositories ecr:ListTagsForResource",
		"update": "ecr:PutImageTagMutability#imageTagMutability ecr:PutImageScanningConfiguration#imageScanningConfiguration ecr:TagResource#tags",
		"delete": "ecr:DeleteRepository",
	},
	lifecyclePolicyToken: {
		"create": "ecr:PutLifecyclePolicy@repository ecr:GetLifecyclePolicy@repository", "read": "ecr:GetLifecyclePolicy@repository",
		"update": "ecr:PutLifecyclePolicy@repository", "delete": "ecr:DeleteLifecyclePolicy@repository",
	},
	repositoryPolicyToken: {
		"create": "ecr:SetRepositoryPolicy@repository ecr:GetRepositoryPolicy@repository", "read": "ecr:GetRepositoryPolicy@repository",
		"update": "ecr:SetRepositoryPolicy@repository", "delete": "ecr:DeleteRepositoryPolicy@repository",
	},
	keyToken: {
		"create": "kms:CreateKey@* kms:TagResource#tags kms:DescribeKey kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags kms:EnableKeyRotation#enableKeyRotation",
		"read":   "kms:DescribeKey kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags",
		"update": "kms:UpdateKeyDescription#description kms:EnableKeyRotation#enableKeyRotation kms:PutKeyPolicy#policy kms:TagResource#tags",
		"delete": "kms:ScheduleKeyDeletion",
	},
	aliasToken: {
		"create": "kms:CreateAlias kms:CreateAlias@targetKeyId kms:ListAliases@*", "read": "kms:ListAliases@*",
		"update": "kms:UpdateAlias kms:UpdateAlias@targetKeyId", "delete": "kms:DeleteAlias kms:DeleteAlias@targetKeyId",
	},
	codecommitToken: {
		"create": "codecommit:CreateRepository codecommit:TagResource#tags codecommit:GetRepository codecommit:ListTagsForResource",
		"read":   "codecommit:GetRepository codecommit:ListTagsForResource",
		"update": "codecommit:UpdateRepositoryDescription#description codecommit:UpdateDefaultBranch#defaultBranch codecommit:TagResource#tags",
		"delete": "codecommit:DeleteRepository",
	},
	recordToken: {
		"create": "route53:GetHostedZone@zoneId route53:ChangeResourceRecordSets@zoneId route53:ListResourceRecordSets@zoneId",
		"read":   "route53:GetHostedZone@zoneId route53:ListResourceRecordSets@zoneId",
		"update": "route53:ChangeResourceRecordSets@zoneId", "delete": "route53:ChangeResourceRecordSets@zoneId",
	},
	certificateToken: {
		"create": "acm:RequestCertificate@* acm:DescribeCertificate acm:ListTagsForCertificate", "read": "acm:DescribeCertificate acm:ListTagsForCertificate",
		"update": "acm:AddTagsToCertificate#tags acm:RemoveTagsFromCertificate#tags", "delete": "acm:DeleteCertificate",
	},
	validationToken: {
		"create": "acm:DescribeCertificate@certificateArn", "read": "acm:DescribeCertificate@certificateArn",
	},
}
