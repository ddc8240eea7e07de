package creds

import (
	"fmt"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
)

// managedPolicies are the policies of AWS that the graph attaches to its roles; the deployer can attach no other, and with them
// no administrator. Paths are as in https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var managedPolicies = []string{
	"AmazonEKSClusterPolicy",
	"AmazonEKSWorkerNodePolicy",
	"AmazonEKS_CNI_Policy",
	"AmazonEC2ContainerRegistryReadOnly",
	"AmazonEC2ContainerRegistryPowerUser",
	"service-role/AmazonEBSCSIDriverPolicy",
	"service-role/AmazonEFSCSIDriverPolicy",
}

// passedTo are the services that get a role handed over: EKS its service role, EC2 the nodes'.
var passedTo = []string{"eks.amazonaws.com", "ec2.amazonaws.com", "eks-nodegroup.amazonaws.com"}

// linkedRoles are the services whose service-linked role comes to be with the first resource in an account:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var linkedRoles = []string{
	"autoscaling.amazonaws.com", "backup.amazonaws.com", "eks.amazonaws.com", "eks-nodegroup.amazonaws.com",
	"elasticfilesystem.amazonaws.com", "elasticloadbalancing.amazonaws.com", "spot.amazonaws.com",
}

// iam is the right to make and change roles, policies and identity providers with the deployment's names, and never the
// deployer's own. Without a boundary a role that it makes can hold any policy that it writes; the boundary is what closes that.
func (s Scope) iam() []Statement {
	roles, policies := s.global("iam", "role/"), s.global("iam", "policy/")
	attachable := append([]string{}, policies...)
	for _, p := range managedPolicies {
		attachable = append(attachable, fmt.Sprintf("arn:%s:iam::aws:policy/%s", s.Partition, p))
	}
	onlyThese := iampolicy.Conditions{"ArnLike": {"iam:PolicyARN": attachable}}
	var bounded iampolicy.Conditions
	if s.Boundary != "" {
		bounded = iampolicy.Conditions{"StringEquals": {"iam:PermissionsBoundary": {s.Boundary}}}
		onlyThese["StringEquals"] = bounded["StringEquals"]
	}
	issuer := fmt.Sprintf("arn:%s:iam::%s:oidc-provider/oidc.eks.%s.*", s.Partition, s.AccountID, s.Region)
	own := []string{
		fmt.Sprintf("arn:%s:iam::%s:role/%s", s.Partition, s.AccountID, s.Role),
		fmt.Sprintf("arn:%s:iam::%s:policy/%s-*", s.Partition, s.AccountID, s.Role),
	}
	serviceRoles := fmt.Sprintf("arn:%s:iam::%s:role/aws-service-role/*", s.Partition, s.AccountID)

	out := []Statement{
		allow("RolesRead", service("iam", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole",
			"ListRolePolicies", "ListRoleTags"), append([]string{serviceRoles}, roles...), nil),
		allow("RolesMake", service("iam", "CreateRole", "PutRolePolicy", "DeleteRolePolicy"), roles, bounded),
		allow("RolesChange", service("iam", "DeleteRole", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole",
			"UpdateRoleDescription"), roles, nil),
		allow("RolesAttach", service("iam", "AttachRolePolicy", "DetachRolePolicy"), roles, onlyThese),
		allow("RolesPass", service("iam", "PassRole"), roles,
			iampolicy.Conditions{"StringEquals": {"iam:PassedToService": passedTo}}),
		allow("RolesLinked", service("iam", "CreateServiceLinkedRole"), []string{serviceRoles},
			iampolicy.Conditions{"StringEquals": {"iam:AWSServiceName": linkedRoles}}),
		allow("Policies", service("iam", "CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy",
			"GetPolicyVersion", "ListPolicyVersions", "ListPolicyTags", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy"),
			policies, nil),
		allow("IdentityProviders", service("iam", "AddClientIDToOpenIDConnectProvider", "CreateOpenIDConnectProvider",
			"DeleteOpenIDConnectProvider", "GetOpenIDConnectProvider", "ListOpenIDConnectProviderTags",
			"RemoveClientIDFromOpenIDConnectProvider", "TagOpenIDConnectProvider", "UntagOpenIDConnectProvider",
			"UpdateOpenIDConnectProviderThumbprint"), []string{issuer}, nil),
		deny("NotItself", service("iam", "AttachRolePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion",
			"DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PassRole",
			"PutRolePermissionsBoundary", "PutRolePolicy", "SetDefaultPolicyVersion", "UpdateAssumeRolePolicy", "UpdateRole"), own),
		allow("WhoAmI", service("sts", "GetCallerIdentity"), everything, nil),
	}
	if s.Boundary != "" {
		out = append(out,
			allow("BoundaryPut", service("iam", "PutRolePermissionsBoundary"), roles, bounded),
			deny("BoundaryStays", service("iam", "DeleteRolePermissionsBoundary"), roles),
			deny("BoundaryUnchanged", service("iam", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion",
				"SetDefaultPolicyVersion"), []string{s.Boundary}))
	} else {
		out = append(out, allow("BoundaryLift", service("iam", "DeleteRolePermissionsBoundary"), roles, nil))
	}
	return out
}
