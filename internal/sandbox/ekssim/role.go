package ekssim

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// serviceRole is an eks:index:ServiceRole: a role that a service may assume, with managed policies.
type serviceRole struct {
	pulumi.ResourceState

	role     *iam.Role
	policies []pulumi.Resource
}

// resolved is what to depend on to have the role with all its policies.
func (r *serviceRole) resolved() []pulumi.Resource {
	return append([]pulumi.Resource{r.role}, r.policies...)
}

// trust is a role's trust policy. The order of the fields is that of pulumi-eks, so that the documents are equal to the letter.
type trust struct {
	Version   string
	Statement []trustStatement
}

type trustStatement struct {
	Action    []string
	Effect    string
	Principal trustPrincipal
}

type trustPrincipal struct{ Service []string }

// clusterPolicy is the managed policy that a control plane's role needs.
const clusterPolicy = "policy/AmazonEKSClusterPolicy"

// serviceRole registers the role that the control plane acts as.
func (c *cluster) serviceRole() (*serviceRole, error) {
	name := c.name + "-eksRole"
	r := &serviceRole{}
	if err := c.ctx.RegisterComponentResource(serviceRoleType, name, r, c.child()...); err != nil {
		return nil, err
	}
	policy, err := json.Marshal(trust{Version: "2012-10-17", Statement: []trustStatement{{
		Action:    []string{"sts:AssumeRole", "sts:TagSession"},
		Effect:    "Allow",
		Principal: trustPrincipal{Service: []string{"eks." + c.dnsSuffix}},
	}}})
	if err != nil {
		return nil, err
	}
	r.role, err = iam.NewRole(c.ctx, name+"-role", &iam.RoleArgs{
		Description:      pulumi.String("Allows EKS to manage clusters on your behalf."),
		AssumeRolePolicy: pulumi.String(policy),
		Tags:             c.args.Tags,
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	attachment, err := iam.NewRolePolicyAttachment(c.ctx, name+"-"+hash("arn:aws:iam::aws:"+clusterPolicy), &iam.RolePolicyAttachmentArgs{
		PolicyArn: pulumi.String("arn:" + c.partition + ":iam::aws:" + clusterPolicy),
		Role:      r.role,
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	r.policies = []pulumi.Resource{attachment}
	return r, c.ctx.RegisterResourceOutputs(r, pulumi.Map{"directRole": r.role, "resolvedRole": r.role})
}

// hash is the part of a SHA-1 sum that pulumi-eks puts into names; nothing depends on its strength.
func hash(s string) string {
	sum := sha1.Sum([]byte(s))
	return hex.EncodeToString(sum[:])[:8]
}
