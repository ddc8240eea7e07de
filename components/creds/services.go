package creds

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
)

// cluster is the right to make and change EKS clusters with the deployment's names, and to tag their Auto Scaling groups:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
func (s Scope) cluster() []Statement {
	// Node groups, add-ons and access entries carry their cluster's name second.
	var resources []string
	for _, kind := range []string{"cluster/", "nodegroup/", "addon/", "access-entry/"} {
		resources = append(resources, s.named("eks", kind)...)
	}
	// A cluster may be called what the others' names begin with.
	for _, p := range s.Prefixes {
		name := strings.TrimSuffix(p, "-")
		resources = append(resources, s.regional("eks", "cluster/"+name))
		for _, kind := range []string{"nodegroup/", "addon/", "access-entry/"} {
			resources = append(resources, s.regional("eks", kind+name+"/*"))
		}
	}
	return []Statement{
		allow("ClusterRead", append(
			service("eks", "DescribeAddonConfiguration", "DescribeAddonVersions", "DescribeClusterVersions", "ListAccessPolicies",
				"ListClusters"),
			service("autoscaling", "DescribeAutoScalingGroups", "DescribeScalingActivities", "DescribeTags")...), everything, nil),
		allow("Cluster", service("eks", "AssociateAccessPolicy", "AssociateEncryptionConfig", "CreateAccessEntry", "CreateAddon",
			"CreateCluster", "CreateNodegroup", "DeleteAccessEntry", "DeleteAddon", "DeleteCluster", "DeleteNodegroup",
			"DescribeAccessEntry", "DescribeAddon", "DescribeCluster", "DescribeNodegroup", "DescribeUpdate",
			"DisassociateAccessPolicy", "ListAccessEntries", "ListAddons", "ListAssociatedAccessPolicies", "ListNodegroups",
			"ListTagsForResource", "ListUpdates", "TagResource", "UntagResource", "UpdateAccessEntry", "UpdateAddon",
			"UpdateClusterConfig", "UpdateClusterVersion", "UpdateNodegroupConfig", "UpdateNodegroupVersion"), resources, nil),
		// EKS names the groups of its node groups "eks-<node group>-<id>".
		allow("GroupTags", service("autoscaling", "CreateOrUpdateTags", "DeleteTags"),
			[]string{s.regional("autoscaling", "autoScalingGroup:*:autoScalingGroupName/eks-*")}, nil),
	}
}

// data is the right to make what holds data: file systems, image repositories, keys and the secrets' repository.
func (s Scope) data() []Statement {
	keys := []string{s.regional("kms", "key/*")}
	return []Statement{
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html
		allow("FilesMake", service("elasticfilesystem", "CreateAccessPoint", "CreateFileSystem", "CreateMountTarget",
			"DeleteAccessPoint", "DeleteMountTarget", "DescribeAccessPoints", "DescribeBackupPolicy", "DescribeFileSystemPolicy",
			"DescribeFileSystems", "DescribeLifecycleConfiguration", "DescribeMountTargetSecurityGroups", "DescribeMountTargets",
			"DescribeReplicationConfigurations", "ListTagsForResource", "ModifyMountTargetSecurityGroups"),
			[]string{s.regional("elasticfilesystem", "file-system/*"), s.regional("elasticfilesystem", "access-point/*")}, nil),
		// https://docs.aws.amazon.com/efs/latest/ug/using-tags-efs.html
		allow("FilesTag", service("elasticfilesystem", "TagResource"),
			[]string{s.regional("elasticfilesystem", "file-system/*"), s.regional("elasticfilesystem", "access-point/*")},
			s.made("elasticfilesystem", "CreateFileSystem", "CreateAccessPoint")),
		allow("FilesChange", service("elasticfilesystem", "DeleteFileSystem", "DeleteFileSystemPolicy", "PutBackupPolicy",
			"PutFileSystemPolicy", "PutLifecycleConfiguration", "TagResource", "UntagResource", "UpdateFileSystem", "UpdateFileSystemProtection"),
			[]string{s.regional("elasticfilesystem", "file-system/*"), s.regional("elasticfilesystem", "access-point/*")}, s.owned()),

		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
		allow("ImagesLogin", service("ecr", "GetAuthorizationToken"), everything, nil),
		allow("Images", service("ecr", "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "CompleteLayerUpload",
			"CreateRepository", "DeleteLifecyclePolicy", "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImageScanFindings",
			"DescribeImages", "DescribeRepositories", "GetDownloadUrlForLayer", "GetLifecyclePolicy", "GetRepositoryPolicy",
			"InitiateLayerUpload", "ListImages", "ListTagsForResource", "PutImage", "PutImageScanningConfiguration",
			"PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy", "StartImageScan", "TagResource", "UntagResource",
			"UploadLayerPart"), s.named("ecr", "repository/"), nil),

		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
		allow("KeysMake", service("kms", "CreateKey", "ListAliases", "ListKeys"), everything, s.inRegion()),
		allow("KeysRead", service("kms", "DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags", "TagResource"),
			keys, nil),
		allow("KeysChange", service("kms", "CancelKeyDeletion", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation",
			"PutKeyPolicy", "ScheduleKeyDeletion", "UntagResource", "UpdateKeyDescription"), keys, s.owned()),
		allow("KeyAliases", service("kms", "CreateAlias", "DeleteAlias", "UpdateAlias"),
			slices.Concat(s.named("kms", "alias/"), s.exactly("kms", "alias/"), keys), nil),
		// EKS and EFS take a key into use by a grant: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
		allow("KeysGrant", service("kms", "CreateGrant"), keys,
			iampolicy.Conditions{"Bool": {"kms:GrantIsForAWSResource": {"true"}}}),
		allow("KeysForFiles", service("kms", "Decrypt", "GenerateDataKeyWithoutPlaintext"), keys, iampolicy.Conditions{
			"StringEquals": {"kms:ViaService": {"elasticfilesystem." + s.Region + ".amazonaws.com"}},
		}),

		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html
		allow("SecretsRepository", service("codecommit", "CreateRepository", "DeleteRepository", "GetBranch", "GetRepository", "GitPull",
			"ListBranches", "ListTagsForResource", "TagResource", "UntagResource", "UpdateDefaultBranch",
			"UpdateRepositoryDescription", "UpdateRepositoryEncryptionKey", "UpdateRepositoryName"),
			slices.Concat(s.named("codecommit", ""), s.exactly("codecommit", "")), nil),
	}
}

// dns is the right to write records, and to read the load balancers and certificates that they go with:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
func (s Scope) dns() []Statement {
	zones := []string{"arn:" + s.Partition + ":route53:::hostedzone/*"}
	if len(s.HostedZones) > 0 {
		zones = nil
		for _, id := range s.HostedZones {
			zones = append(zones, "arn:"+s.Partition+":route53:::hostedzone/"+id)
		}
	}
	return []Statement{
		allow("ZonesFind", append(append(
			service("route53", "ListHostedZones", "ListHostedZonesByName"),
			service("elasticloadbalancing", "DescribeLoadBalancers", "DescribeTags")...),
			service("acm", "ListCertificates")...), everything, nil),
		allow("ZonesRead", service("route53", "GetHostedZone", "ListTagsForResource"),
			[]string{"arn:" + s.Partition + ":route53:::hostedzone/*"}, nil),
		allow("Records", service("route53", "ChangeResourceRecordSets", "ListResourceRecordSets"), zones, nil),
		allow("RecordsSettle", service("route53", "GetChange"), []string{"arn:" + s.Partition + ":route53:::change/*"}, nil),
		allow("Certificates", service("acm", "DescribeCertificate", "GetCertificate", "ListTagsForCertificate"),
			[]string{s.regional("acm", "certificate/*")}, nil),
		// A request names no certificate: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
		allow("CertificatesMake", service("acm", "RequestCertificate"), everything, s.inRegion()),
		allow("CertificatesChange", service("acm", "AddTagsToCertificate", "DeleteCertificate", "RemoveTagsFromCertificate"),
			[]string{s.regional("acm", "certificate/*")}, s.owned()),
	}
}
