// Package creds makes the identity that a deployment runs as: a role with the rights that the graph needs and no others, which
// named people and machines can assume, and the AWS provider through which everything below is created as that role.
package creds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/principal"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// Type is the component's type token.
const Type = "hubwright:aws:Credentials"

// Credentials is the identity of a deployment.
type Credentials struct {
	pulumi.ResourceState

	// RoleArn is the role that everything below is created as, empty in ambient mode. Of a role that was just created it is
	// known only when the role has its rights and can be assumed.
	RoleArn pulumi.StringOutput
	// RoleName is the created role's name, empty in the other modes.
	RoleName pulumi.StringOutput
	// GroupName is the group whose members can assume the created role, empty in the other modes.
	GroupName pulumi.StringOutput

	ambient bool
}

// New registers the component. In mode create it makes, through the provider in opts, which has to be of an identity that exists:
// the role with its policies, the group with the right to assume it, and the memberships of the listed users.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Credentials, error) {
	if args == nil {
		args = &Args{}
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("credentials %q: %w", name, err)
	}
	c := &Credentials{
		RoleArn:   pulumi.String(args.RoleArn).ToStringOutput(),
		RoleName:  pulumi.String("").ToStringOutput(),
		GroupName: pulumi.String("").ToStringOutput(),
		ambient:   args.mode() == Ambient,
	}
	if err := ctx.RegisterComponentResource(Type, name, c, opts...); err != nil {
		return nil, fmt.Errorf("credentials %q: %w", name, err)
	}
	if args.mode() == Create {
		if err := c.create(ctx, name, args); err != nil {
			return nil, fmt.Errorf("credentials %q: %w", name, err)
		}
	}
	if err := ctx.RegisterResourceOutputs(c, pulumi.Map{
		"roleArn": c.RoleArn, "roleName": c.RoleName, "groupName": c.GroupName,
	}); err != nil {
		return nil, fmt.Errorf("credentials %q: %w", name, err)
	}
	return c, nil
}

// create makes the role, its policies, the group and the memberships.
func (c *Credentials) create(ctx *pulumi.Context, name string, args *Args) error {
	parent := pulumi.Parent(c)
	trust, err := args.trustPolicy()
	if err != nil {
		return err
	}
	roleArgs := &iam.RoleArgs{
		Name:               pulumi.String(args.roleName()),
		Description:        pulumi.String("Deploys hubs; made and used by hubwright"),
		AssumeRolePolicy:   pulumi.String(trust),
		MaxSessionDuration: pulumi.Int(int(args.maxSession().Seconds())),
		Tags:               tags.Named(args.Tags, args.roleName()),
	}
	if args.PermissionsBoundary != "" {
		roleArgs.PermissionsBoundary = pulumi.String(args.PermissionsBoundary)
	}
	role, err := iam.NewRole(ctx, name+"-role", roleArgs, parent)
	if err != nil {
		return fmt.Errorf("role %s: %w", args.roleName(), err)
	}
	attached, err := args.attachPolicies(ctx, name, role, parent)
	if err != nil {
		return err
	}
	if err := c.makeGroup(ctx, name, args, role); err != nil {
		return err
	}
	c.RoleName = role.Name
	c.RoleArn = assumable(ctx, role, attached, args.WaitAssumable)
	return nil
}

// attachPolicies makes a managed policy of each topic and attaches it; it returns what has to exist before the role has its rights.
func (a *Args) attachPolicies(ctx *pulumi.Context, name string, role *iam.Role, parent pulumi.ResourceOption) ([]any, error) {
	documents, err := a.documents()
	if err != nil {
		return nil, err
	}
	var attached []any
	for _, d := range documents {
		policyName := a.roleName() + "-" + d.suffix
		policy, err := iam.NewPolicy(ctx, name+"-"+d.suffix, &iam.PolicyArgs{
			Name:        pulumi.String(policyName),
			Description: pulumi.String("What hubwright's deployer may do: " + d.suffix),
			Policy:      pulumi.String(d.json),
			Tags:        tags.Named(a.Tags, policyName),
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", policyName, err)
		}
		attachment, err := iam.NewRolePolicyAttachment(ctx, name+"-"+d.suffix, &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: policy.Arn,
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("attaching policy %s: %w", policyName, err)
		}
		attached = append(attached, attachment.ID())
	}
	return attached, nil
}

// makeGroup makes the group that may assume the role, and puts the listed users into it.
func (c *Credentials) makeGroup(ctx *pulumi.Context, name string, args *Args, role *iam.Role) error {
	parent := pulumi.Parent(c)
	group, err := iam.NewGroup(ctx, name+"-group", &iam.GroupArgs{Name: pulumi.String(args.groupName())}, parent)
	if err != nil {
		return fmt.Errorf("group %s: %w", args.groupName(), err)
	}
	policy := role.Arn.ApplyT(func(arn string) (string, error) {
		return iampolicy.JSON(allow("AssumeDeployer", service("sts", "AssumeRole"), []string{arn}, nil))
	}).(pulumi.StringOutput)
	if _, err := iam.NewGroupPolicy(ctx, name+"-group", &iam.GroupPolicyArgs{
		Name: pulumi.String(args.prefix() + "assume-deployer"), Group: group.Name, Policy: policy,
	}, parent); err != nil {
		return fmt.Errorf("policy of group %s: %w", args.groupName(), err)
	}
	for _, user := range args.Users {
		if _, err := iam.NewUserGroupMembership(ctx, name+"-user-"+user, &iam.UserGroupMembershipArgs{
			User: pulumi.String(user), Groups: pulumi.StringArray{group.Name},
		}, parent); err != nil {
			return fmt.Errorf("putting user %s into group %s: %w", user, args.groupName(), err)
		}
	}
	c.GroupName = group.Name
	return nil
}

// assumable is the role's ARN, known once every attachment exists and, outside previews, the role can be assumed.
func assumable(ctx *pulumi.Context, role *iam.Role, attached []any, wait func(context.Context, time.Time) error) pulumi.StringOutput {
	if wait == nil {
		wait = waitSettled
	}
	preview := ctx.DryRun()
	all := append([]any{role.Arn, role.CreateDate}, attached...)
	return pulumi.All(all...).ApplyTWithContext(ctx.Context(), func(ctx context.Context, vs []any) (string, error) {
		arn, _ := vs[0].(string)
		date, _ := vs[1].(string)
		if preview {
			return arn, nil
		}
		created, err := time.Parse(time.RFC3339, date)
		if err != nil {
			return "", fmt.Errorf("role %s: its creation date %q is not a time: %w", arn, date, err)
		}
		if err := wait(ctx, created); err != nil {
			return "", fmt.Errorf("waiting until role %s can be assumed: %w", arn, err)
		}
		return arn, nil
	}).(pulumi.StringOutput)
}

// AssumableAfter is how long after its creation a role is taken to be assumable everywhere. IAM gives no figure, only that changes
// become visible with a delay (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency);
// 10 to 30 seconds are seen in practice, and the provider tries again for the rest.
const AssumableAfter = 20 * time.Second

// waitSettled waits on the real clock until AssumableAfter after the creation, and not at all for an older role.
func waitSettled(ctx context.Context, created time.Time) error {
	left := time.Until(created.Add(AssumableAfter))
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(min(left, AssumableAfter))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// KubeRoleArn is the role that a kubeconfig is to assume: RoleArn, or nil in ambient mode.
func (c *Credentials) KubeRoleArn() pulumi.StringInput {
	if c.ambient {
		return nil
	}
	return c.RoleArn
}

// ProviderArgs says how the provider for everything below is configured.
type ProviderArgs struct {
	// Region is the provider's region. Required.
	Region string
	// AccountID is the only account it may work in; any other is refused before the first request. Required.
	AccountID string
	// DefaultTags are put on everything taggable.
	DefaultTags map[string]string
	// SessionName names the sessions of the assumed role in CloudTrail; default "hubwright".
	SessionName string
}

// Provider makes the AWS provider that works as the role, or as the ambient identity in ambient mode. It renews its sessions by
// itself, so a deployment can take longer than one.
func (c *Credentials) Provider(ctx *pulumi.Context, name string, args ProviderArgs, opts ...pulumi.ResourceOption) (*aws.Provider, error) {
	problem := principal.CheckAccount("accountId", args.AccountID)
	if args.Region == "" {
		problem = errors.Join(problem, errors.New("no region is given"))
	}
	if problem != nil {
		return nil, fmt.Errorf("aws provider %q: %w", name, problem)
	}
	config := &aws.ProviderArgs{
		Region:            pulumi.String(args.Region),
		AllowedAccountIds: pulumi.StringArray{pulumi.String(args.AccountID)},
		DefaultTags:       aws.ProviderDefaultTagsArgs{Tags: tags.Map(args.DefaultTags)},
	}
	if !c.ambient {
		session := args.SessionName
		if session == "" {
			session = "hubwright"
		}
		// No duration: a role that is assumed from another role is limited to the default hour, and the provider renews.
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
		config.AssumeRole = aws.ProviderAssumeRoleArgs{RoleArn: c.RoleArn, SessionName: pulumi.String(session)}
	}
	provider, err := aws.NewProvider(ctx, name, config, append([]pulumi.ResourceOption{pulumi.Parent(c)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("aws provider %q: %w", name, err)
	}
	return provider, nil
}
