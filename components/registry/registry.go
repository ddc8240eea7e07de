// Package registry keeps the images of a deployment: ECR repositories whose tags never move, which are scanned on push and cleaned
// by rule, and a role for whoever pushes.
package registry

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// Type is the component's type token.
const Type = "hubwright:aws:Registry"

// Defaults of Args.
const (
	DefaultUntaggedDays = 14
	DefaultKeepImages   = 30
)

// Registry is a set of ECR repositories and the role that pushes to them.
type Registry struct {
	pulumi.ResourceState

	// RepositoryUrls are the addresses to push to and pull from, without a tag, by the image's name in Args.Repositories.
	RepositoryUrls map[string]pulumi.StringOutput
	// RepositoryArns are the repositories' ARNs, by the same names.
	RepositoryArns map[string]pulumi.StringOutput
	// RegistryID is the account that holds the repositories; empty without repositories.
	RegistryID pulumi.StringOutput
	// PusherRoleArn is the ARN of the role that may push; empty when nobody is named in Args.PushPrincipals.
	PusherRoleArn pulumi.StringOutput
}

// Args say which repositories there are and who may use them.
type Args struct {
	// Prefix begins every name: a repository is called <prefix>-<image>, the role <prefix>-ecr-push. Required.
	Prefix string
	// Repositories are the names of images, one repository each.
	Repositories []string
	// KMSKeyArn encrypts the repositories with a key of yours; nil means AES256 with ECR's own. It cannot be changed later:
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
	KMSKeyArn pulumi.StringInput
	// UntaggedDays is after how many days an image without a tag is deleted; 0 means DefaultUntaggedDays.
	UntaggedDays int
	// KeepImages is how many tagged images stay, the latest first; 0 means DefaultKeepImages. It has to exceed the number of
	// images that environments still run.
	KeepImages int
	// PullAccounts are other accounts that may pull, by id.
	PullAccounts []string
	// PushPrincipals are the ARNs of those who may assume the pushing role. Without any the role is not made.
	PushPrincipals []string
	// AllowRootPrincipals accepts account roots in PushPrincipals.
	AllowRootPrincipals bool
	// PermissionsBoundary is the ARN of a policy that limits the role; empty means none.
	PermissionsBoundary string
	// Partition is the ARN partition; empty means "aws".
	Partition string
	// Protect makes the engine refuse to delete or replace a repository.
	Protect bool
	// Retain leaves a repository in AWS when it leaves the graph.
	Retain bool
	// Tags are put on every repository and on the role.
	Tags map[string]string
}

// New registers the repositories and, where principals are named, the role that pushes.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	if args == nil {
		return nil, fmt.Errorf("registry %q: no arguments are given", name)
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	r := &Registry{
		RepositoryUrls: map[string]pulumi.StringOutput{},
		RepositoryArns: map[string]pulumi.StringOutput{},
		RegistryID:     pulumi.String("").ToStringOutput(),
		PusherRoleArn:  pulumi.String("").ToStringOutput(),
	}
	if err := ctx.RegisterComponentResource(Type, name, r, opts...); err != nil {
		return nil, fmt.Errorf("registering registry %q: %w", name, err)
	}
	lifecycle, err := args.lifecycle()
	if err != nil {
		return nil, err
	}
	for _, image := range args.Repositories {
		if err := r.repository(ctx, name, image, lifecycle, args); err != nil {
			return nil, err
		}
	}
	if len(args.PushPrincipals) > 0 {
		if err := r.pusher(ctx, name, args); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(r, r.outputs()); err != nil {
		return nil, fmt.Errorf("registering outputs of registry %q: %w", name, err)
	}
	return r, nil
}

// repository makes one repository with its rules.
func (r *Registry) repository(ctx *pulumi.Context, name, image, lifecycle string, args *Args) error {
	child := name + "-" + image
	physical := args.Prefix + "-" + image
	encryption := ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("AES256")}
	if args.KMSKeyArn != nil {
		encryption = ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("KMS"), KmsKey: args.KMSKeyArn.ToStringOutput()}
	}
	repo, err := ecr.NewRepository(ctx, child, &ecr.RepositoryArgs{
		Name:                       pulumi.String(physical),
		ImageTagMutability:         pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations:   ecr.RepositoryEncryptionConfigurationArray{encryption},
		ForceDelete:                pulumi.Bool(false),
		Tags:                       tags.Named(args.Tags, physical),
	}, pulumi.Parent(r), pulumi.Protect(args.Protect), pulumi.RetainOnDelete(args.Retain))
	if err != nil {
		return fmt.Errorf("repository %q: %w", physical, err)
	}
	if _, err := ecr.NewLifecyclePolicy(ctx, child+"-lifecycle", &ecr.LifecyclePolicyArgs{
		Repository: repo.Name,
		Policy:     pulumi.String(lifecycle),
	}, pulumi.Parent(r)); err != nil {
		return fmt.Errorf("lifecycle policy of repository %q: %w", physical, err)
	}
	if len(args.PullAccounts) > 0 {
		policy, err := args.pullPolicy()
		if err != nil {
			return err
		}
		if _, err := ecr.NewRepositoryPolicy(ctx, child+"-pull", &ecr.RepositoryPolicyArgs{
			Repository: repo.Name,
			Policy:     pulumi.String(policy),
		}, pulumi.Parent(r)); err != nil {
			return fmt.Errorf("pull policy of repository %q: %w", physical, err)
		}
	}
	r.RepositoryUrls[image], r.RepositoryArns[image] = repo.RepositoryUrl, repo.Arn
	r.RegistryID = repo.RegistryId
	return nil
}

// pusher makes the role that may push to these repositories, and to no others.
func (r *Registry) pusher(ctx *pulumi.Context, name string, args *Args) error {
	trust, err := iampolicy.JSON(iampolicy.Statement{
		Effect: iampolicy.Allow, Action: []string{"sts:AssumeRole"}, Principal: &iampolicy.Principal{AWS: args.PushPrincipals},
	})
	if err != nil {
		return err
	}
	physical := args.pusherName()
	roleArgs := &iam.RoleArgs{
		Name:             pulumi.String(physical),
		Description:      pulumi.String("Pushes images to the ECR repositories of " + args.Prefix),
		AssumeRolePolicy: pulumi.String(trust),
		Tags:             tags.Named(args.Tags, physical),
	}
	if args.PermissionsBoundary != "" {
		roleArgs.PermissionsBoundary = pulumi.String(args.PermissionsBoundary)
	}
	role, err := iam.NewRole(ctx, name+"-pusher", roleArgs, pulumi.Parent(r))
	if err != nil {
		return fmt.Errorf("role %q: %w", physical, err)
	}
	var arns pulumi.StringArray
	for _, image := range args.Repositories {
		arns = append(arns, r.RepositoryArns[image])
	}
	if _, err := iam.NewRolePolicy(ctx, name+"-pusher-push", &iam.RolePolicyArgs{
		Name:   pulumi.String("push"),
		Role:   role.Name,
		Policy: arns.ToStringArrayOutput().ApplyT(pushPolicy).(pulumi.StringOutput),
	}, pulumi.Parent(r)); err != nil {
		return fmt.Errorf("policy of role %q: %w", physical, err)
	}
	r.PusherRoleArn = role.Arn
	return nil
}

func (r *Registry) outputs() pulumi.Map {
	urls, arns := pulumi.Map{}, pulumi.Map{}
	for image, url := range r.RepositoryUrls {
		urls[image], arns[image] = url, r.RepositoryArns[image]
	}
	return pulumi.Map{"repositoryUrls": urls, "repositoryArns": arns, "registryId": r.RegistryID, "pusherRoleArn": r.PusherRoleArn}
}

func (a *Args) pusherName() string { return a.Prefix + "-ecr-push" }

var errNoRepositories = errors.New("pushPrincipals are named but there is no repository to push to: name one in repositories")
