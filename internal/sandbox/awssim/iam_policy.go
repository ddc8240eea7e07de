package awssim

import (
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// awsPolicies are the policies of AWS's own that can be attached here, with their content where a deployer could get rights through it; the
// others give their role no rights in this simulation.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var awsPolicies = map[string]string{
	"AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	"PowerUserAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles"],"Resource":"*"}]}`,
	"IAMFullAccess":                                      `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`,
	"ReadOnlyAccess":                                     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*:Describe*","*:Get*","*:List*"],"Resource":"*"}]}`,
	"AmazonEKSClusterPolicy":                             "",
	"AmazonEKSServicePolicy":                             "",
	"AmazonEKSVPCResourceController":                     "",
	"AmazonEKSWorkerNodePolicy":                          "",
	"AmazonEKSWorkerNodeMinimalPolicy":                   "",
	"AmazonEKS_CNI_Policy":                               "",
	"AmazonEKSComputePolicy":                             "",
	"AmazonEKSBlockStoragePolicy":                        "",
	"AmazonEKSLoadBalancingPolicy":                       "",
	"AmazonEKSNetworkingPolicy":                          "",
	"AmazonEC2ContainerRegistryReadOnly":                 "",
	"AmazonEC2ContainerRegistryPullOnly":                 "",
	"AmazonEC2ContainerRegistryPowerUser":                "",
	"AmazonEC2ContainerRegistryFullAccess":               "",
	"AmazonSSMManagedInstanceCore":                       "",
	"CloudWatchAgentServerPolicy":                        "",
	"service-role/AmazonEBSCSIDriverPolicy":              "",
	"service-role/AmazonEFSCSIDriverPolicy":              "",
	"service-role/AWSBackupServiceRolePolicyForBackup":   "",
	"service-role/AWSBackupServiceRolePolicyForRestores": "",
	"service-role/AmazonEC2ContainerServiceforEC2Role":   "",
	"AmazonElasticFileSystemClientReadWriteAccess":       "",
	"AmazonElasticFileSystemFullAccess":                  "",
	"AutoScalingFullAccess":                              "",
	"AWSCodeCommitPowerUser":                             "",
	"AWSCodeCommitReadOnly":                              "",
}

// awsManaged is the name of a policy of AWS's own, if the ARN is one's that is known here.
func awsManaged(arn string) (string, bool) {
	_, name, ok := strings.Cut(arn, "::aws:policy/")
	_, known := awsPolicies[name]
	return name, ok && known
}

// policyExists checks that a managed policy can be attached.
func (c *call) policyExists(arn string) error {
	if _, ok := awsManaged(arn); ok || c.tx.Get(policyToken, arn) != nil {
		return nil
	}
	return apiError("NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
}

func policyKinds() map[string]*kind {
	return map[string]*kind{policyToken: {
		Kind: provider.Kind{
			Name: "name", ForceNew: []string{"name", "namePrefix", "path", "description"}, DeleteFirst: true,
			Check: func(in map[string]any) []string {
				var p problems
				p.matches(in, "name", policyNameForm, "1 to 128 letters, digits and +=,.@-_")
				p.path(in)
				p.longest(in, "description", 1000)
				p.policy(in, "policy", identityPolicy, maxManagedPolicy)
				p.tags(in)
				return p
			},
		},
		tagged: true,
		arn: func(c *call, id string) string {
			return either(id, c.me.iamARN("policy"+pathOf(c.In)+c.plannedName("name")))
		},
		create: func(c *call) (string, map[string]any, error) {
			name := c.autoName("name")
			arn := c.me.iamARN("policy" + pathOf(c.In) + name)
			taken := c.tx.Find(policyToken, func(o *world.Object) bool { return o.String("name") == name && sameAccount(o.ID, arn) })
			if taken != nil {
				return "", nil, apiError("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
			}
			if err := c.checkPolicyNow(); err != nil {
				return "", nil, err
			}
			return arn, c.with(map[string]any{"path": "/", "description": ""},
				map[string]any{"name": name, "arn": arn, "policyId": uniqueID("ANPA"), "attachmentCount": 0}), nil
		},
		update: func(c *call, _ *world.Object) (map[string]any, error) { return nil, c.checkPolicyNow() },
		read: func(c *call, o *world.Object) (map[string]any, error) {
			return map[string]any{"attachmentCount": len(attachments(c.tx, o.ID))}, nil
		},
		remove: func(c *call, o *world.Object) error {
			if len(attachments(c.tx, o.ID)) > 0 {
				return apiError("DeleteConflict", "Cannot delete a policy attached to entities.")
			}
			return nil
		},
		rules: []string{
			"name: 1 to 128 letters, digits and +=,.@-_ ; taken once an account (EntityAlreadyExists)",
			"JSON of the right form (MalformedPolicyDocument), at most 6144 characters without white space (LimitExceeded)",
			"deletion: not while attached to a role (DeleteConflict)",
		},
	}}
}

// checkPolicyNow checks the policy once all of it is known.
func (c *call) checkPolicyNow() error {
	var p problems
	p.policy(c.In, "policy", identityPolicy, maxManagedPolicy)
	return p.sentence()
}

// sameAccount reports whether two ARNs name the same account.
func sameAccount(a, b string) bool {
	x, y := strings.SplitN(a, ":", 6), strings.SplitN(b, ":", 6)
	return len(x) == 6 && len(y) == 6 && x[4] == y[4]
}

// attachments are the names of the roles that a policy is attached to.
func attachments(tx *world.Tx, arn string) []string {
	var out []string
	for _, role := range tx.List(roleToken) {
		for _, attached := range attachedPolicies(tx, role) {
			if attached == arn {
				out = append(out, role.ID)
			}
		}
	}
	return out
}
