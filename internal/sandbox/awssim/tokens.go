package awssim

// The simulated types. Objects of a type are kept in the world under its token, with the id that Pulumi has for them.
const (
	roleToken       = "aws:iam/role:Role"
	policyToken     = "aws:iam/policy:Policy"
	rolePolicyToken = "aws:iam/rolePolicy:RolePolicy"
	attachmentToken = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	groupToken      = "aws:iam/group:Group"
	groupPolicyTok  = "aws:iam/groupPolicy:GroupPolicy"
	membershipToken = "aws:iam/userGroupMembership:UserGroupMembership"
	oidcToken       = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

	vpcToken             = "aws:ec2/vpc:Vpc"
	subnetToken          = "aws:ec2/subnet:Subnet"
	internetGatewayToken = "aws:ec2/internetGateway:InternetGateway"
	eipToken             = "aws:ec2/eip:Eip"
	natGatewayToken      = "aws:ec2/natGateway:NatGateway"
	routeTableToken      = "aws:ec2/routeTable:RouteTable"
	routeToken           = "aws:ec2/route:Route"
	associationToken     = "aws:ec2/routeTableAssociation:RouteTableAssociation"
	endpointToken        = "aws:ec2/vpcEndpoint:VpcEndpoint"
	securityGroupToken   = "aws:ec2/securityGroup:SecurityGroup"
	ingressToken         = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	egressToken          = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	plainRuleToken       = "aws:ec2/securityGroupRule:SecurityGroupRule"
	launchTemplateToken  = "aws:ec2/launchTemplate:LaunchTemplate"

	clusterToken           = "aws:eks/cluster:Cluster"
	nodeGroupToken         = "aws:eks/nodeGroup:NodeGroup"
	addonToken             = "aws:eks/addon:Addon"
	accessEntryToken       = "aws:eks/accessEntry:AccessEntry"
	accessAssociationToken = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
	autoscalingTagToken    = "aws:autoscaling/tag:Tag"

	fileSystemToken       = "aws:efs/fileSystem:FileSystem"
	mountTargetToken      = "aws:efs/mountTarget:MountTarget"
	backupPolicyToken     = "aws:efs/backupPolicy:BackupPolicy"
	fileSystemPolicyToken = "aws:efs/fileSystemPolicy:FileSystemPolicy"
	accessPointToken      = "aws:efs/accessPoint:AccessPoint"

	repositoryToken       = "aws:ecr/repository:Repository"
	lifecyclePolicyToken  = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	repositoryPolicyToken = "aws:ecr/repositoryPolicy:RepositoryPolicy"

	keyToken        = "aws:kms/key:Key"
	aliasToken      = "aws:kms/alias:Alias"
	codecommitToken = "aws:codecommit/repository:Repository"
	recordToken     = "aws:route53/record:Record"

	// certificateToken are certificates, by ARN (see also EnsureCertificate).
	certificateToken = "aws:acm/certificate:Certificate"
	validationToken  = "aws:acm/certificateValidation:CertificateValidation"
)

// Kinds of what exists without the graph, or comes to be beside it.
const (
	// userToken are IAM users, by name (see EnsureUser).
	userToken = "aws:iam/user:User"
	// zoneToken are hosted zones, by id (see EnsureZone).
	zoneToken = "aws:route53/zone:Zone"
	// bucketToken are S3 buckets, by name.
	bucketToken = "aws:s3/bucket:Bucket"
	// quotaToken are service quotas, by service and code ("vpc/L-F678F1CE"), once somebody has asked for them.
	quotaToken = "aws:servicequotas/serviceQuota:ServiceQuota"
	// groupOfNodesToken are Auto Scaling groups, which node groups make, by name.
	groupOfNodesToken = "aws:autoscaling/group:Group"
	// scheduledKey are KMS keys that wait for their deletion, by id.
	scheduledKey = "aws:kms:scheduledKey"
	// ImageKind are images in ECR repositories (see PushImage), by repository URL and tag.
	ImageKind = "aws:ecr:image"
)
