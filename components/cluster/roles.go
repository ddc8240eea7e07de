package cluster

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// serviceRole makes a role that an AWS service assumes, with policies of AWS; it returns the attachments, without which the role
// is good for nothing. Its name is given, so that a second create is refused instead of leaving a second role behind.
func (c *Cluster) serviceRole(ctx *pulumi.Context, suffix, service string, policies ...string) (*iam.Role, []pulumi.Resource, error) {
	trust, err := iampolicy.JSON(iampolicy.Statement{
		Effect: iampolicy.Allow, Principal: &iampolicy.Principal{Service: []string{servicePrincipal(c.args.partition(), service)}},
		Action: []string{"sts:AssumeRole"},
	})
	if err != nil {
		return nil, nil, err
	}
	return c.role(ctx, suffix, pulumi.String(trust), policies...)
}

// servicePrincipal is the name under which a service assumes a role; in China EC2 has one of its own:
// https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html
func servicePrincipal(partition, service string) string {
	if partition == "aws-cn" && service == "ec2" {
		return "ec2.amazonaws.com.cn"
	}
	return service + ".amazonaws.com"
}

// role makes a role within the permissions boundary and attaches policies of AWS to it.
func (c *Cluster) role(ctx *pulumi.Context, suffix string, trust pulumi.StringInput, policies ...string) (*iam.Role, []pulumi.Resource, error) {
	name := c.physical(suffix)
	args := &iam.RoleArgs{
		Name: pulumi.String(name), AssumeRolePolicy: trust, Tags: tags.Named(c.args.Tags, name),
	}
	if c.args.PermissionsBoundary != "" {
		args.PermissionsBoundary = pulumi.String(c.args.PermissionsBoundary)
	}
	role, err := iam.NewRole(ctx, c.name+"-"+suffix, args, c.parent())
	if err != nil {
		return nil, nil, fmt.Errorf("role %s: %w", name, err)
	}
	var attachments []pulumi.Resource
	for _, policy := range policies {
		short := policy[strings.LastIndex(policy, "/")+1:]
		attachment, err := iam.NewRolePolicyAttachment(ctx, c.name+"-"+suffix+"-"+short, &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: c.args.managed(policy),
		}, c.parent())
		if err != nil {
			return nil, nil, fmt.Errorf("attaching %s to role %s: %w", short, name, err)
		}
		attachments = append(attachments, attachment)
	}
	return role, attachments, nil
}
