// Package secretstore keeps what encrypts a deployment's secrets: a KMS key that rotates, optionally a CodeCommit repository for the
// encrypted files, and the roles of those who write and of those who only read them.
package secretstore

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codecommit"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// Type is the component's type token.
const Type = "hubwright:aws:SecretStore"

const (
	// DefaultDeletionWindow is KMS's longest wait before a key is really deleted, in days:
	// https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
	DefaultDeletionWindow = 30
	// DefaultPathRegex names the files that sops encrypts with the key.
	DefaultPathRegex = `(^|/)secrets/.*\.ya?ml$`
)

// SecretStore is a key with its alias, its roles and the place of the encrypted files.
type SecretStore struct {
	pulumi.ResourceState

	// KeyArn is the key's ARN.
	KeyArn pulumi.StringOutput `pulumi:"keyArn"`
	// AliasName is the key's alias, "alias/…"; empty for a key that is there already.
	AliasName pulumi.StringOutput `pulumi:"aliasName"`
	// CloneURLHTTP is the repository's address for git over HTTPS; empty without a repository.
	CloneURLHTTP pulumi.StringOutput `pulumi:"cloneUrlHttp"`
	// EncryptRoleArn and DecryptRoleArn are the roles of writers and readers; empty when nobody is named for them.
	EncryptRoleArn pulumi.StringOutput `pulumi:"encryptRoleArn"`
	DecryptRoleArn pulumi.StringOutput `pulumi:"decryptRoleArn"`
	// SopsConfig is a .sops.yaml document that makes sops use the key: https://getsops.io/docs/#using-sops-yaml-conf
	SopsConfig pulumi.StringOutput `pulumi:"sopsConfig"`
}

// Args say what the store is called and who may use it.
type Args struct {
	// Name begins the names of the roles, <name>-encrypt and <name>-decrypt. Required.
	Name string
	// AccountID is the account whose IAM policies govern the key. Required.
	AccountID string
	// Partition is the ARN partition; empty means "aws".
	Partition string
	// Alias is the key's alias, with or without "alias/"; empty means alias/<name>.
	Alias string
	// KeyArn is the ARN of a key that is there already: none is made, nor an alias, and what is there stays as it is. Its policy has to leave it to
	// IAM who may use it, as the default one does. Empty makes a key.
	KeyArn string
	// DeletionWindowDays is how long KMS waits before it deletes the key, 7 to 30; 0 means DefaultDeletionWindow.
	DeletionWindowDays int
	// Repository is the name of a CodeCommit repository for the encrypted files; empty means that they live elsewhere.
	Repository string
	// EncryptPrincipals and DecryptPrincipals are the ARNs of those who may assume the roles. A role for nobody is not made.
	EncryptPrincipals []string
	DecryptPrincipals []string
	// AllowRootPrincipals accepts account roots among them.
	AllowRootPrincipals bool
	// PermissionsBoundary is the ARN of a policy that limits the roles; empty means none.
	PermissionsBoundary string
	// SopsRoleArn is the role that sops is told to assume for the key; empty means that it uses the caller's own identity.
	SopsRoleArn string
	// PathRegex names the files that sops encrypts; empty means DefaultPathRegex.
	PathRegex string
	// Protect makes the engine refuse to delete or replace the key and the repository.
	Protect bool
	// Retain leaves the key and the repository in AWS when they leave the graph.
	Retain bool
	// Tags are put on the key, the repository and the roles.
	Tags map[string]string
}

// New registers the key and whatever else is asked for.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*SecretStore, error) {
	if args == nil {
		return nil, fmt.Errorf("secret store %q: no arguments are given", name)
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("secret store %q: %w", name, err)
	}
	s := &SecretStore{}
	if err := ctx.RegisterComponentResource(Type, name, s, opts...); err != nil {
		return nil, fmt.Errorf("registering secret store %q: %w", name, err)
	}
	// Registration replaces the output fields, so what they hold comes after it.
	none := pulumi.String("").ToStringOutput()
	s.CloneURLHTTP, s.EncryptRoleArn, s.DecryptRoleArn = none, none, none
	keep := []pulumi.ResourceOption{pulumi.Parent(s), pulumi.Protect(args.Protect), pulumi.RetainOnDelete(args.Retain)}

	var repositoryArn pulumi.StringOutput
	if args.Repository != "" {
		repo, err := codecommit.NewRepository(ctx, name+"-repository", &codecommit.RepositoryArgs{
			RepositoryName: pulumi.String(args.Repository),
			Description:    pulumi.String("Encrypted secrets of " + args.Name),
			Tags:           tags.Named(args.Tags, args.Repository),
		}, keep...)
		if err != nil {
			return nil, fmt.Errorf("repository %q: %w", args.Repository, err)
		}
		s.CloneURLHTTP, repositoryArn = repo.CloneUrlHttp, repo.Arn
	}

	// The roles come before the key, whose policy names them; what they may do with the key is attached after it.
	encrypt, err := s.role(ctx, name, "encrypt", args, args.EncryptPrincipals)
	if err != nil {
		return nil, err
	}
	decrypt, err := s.role(ctx, name, "decrypt", args, args.DecryptPrincipals)
	if err != nil {
		return nil, err
	}
	if encrypt != nil {
		s.EncryptRoleArn = encrypt.Arn
	}
	if decrypt != nil {
		s.DecryptRoleArn = decrypt.Arn
	}

	if err := s.key(ctx, name, args, keep); err != nil {
		return nil, err
	}
	for _, grant := range []struct {
		role     *iam.Role
		suffix   string
		git, kms []string
	}{
		{encrypt, "encrypt", []string{"codecommit:GitPull", "codecommit:GitPush"}, encryptActions},
		{decrypt, "decrypt", []string{"codecommit:GitPull"}, decryptActions},
	} {
		if grant.role == nil {
			continue
		}
		if _, err := iam.NewRolePolicy(ctx, name+"-"+grant.suffix+"-use", &iam.RolePolicyArgs{
			Name: pulumi.String(grant.suffix), Role: grant.role.Name,
			Policy: rolePolicy(s.KeyArn, repositoryArn, args.Repository != "", grant.git, grant.kms),
		}, pulumi.Parent(s)); err != nil {
			return nil, fmt.Errorf("policy of role %q: %w", args.roleName(grant.suffix), err)
		}
	}

	s.SopsConfig = s.KeyArn.ApplyT(args.sopsConfig).(pulumi.StringOutput)
	if err := ctx.RegisterResourceOutputs(s, pulumi.Map{
		"keyArn": s.KeyArn, "aliasName": s.AliasName, "cloneUrlHttp": s.CloneURLHTTP, "sopsConfig": s.SopsConfig,
		"encryptRoleArn": s.EncryptRoleArn, "decryptRoleArn": s.DecryptRoleArn,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of secret store %q: %w", name, err)
	}
	return s, nil
}

// key makes the key and its alias, or takes the key that is there.
func (s *SecretStore) key(ctx *pulumi.Context, name string, args *Args, keep []pulumi.ResourceOption) error {
	if args.KeyArn != "" {
		s.KeyArn, s.AliasName = pulumi.String(args.KeyArn).ToStringOutput(), pulumi.String("").ToStringOutput()
		return nil
	}
	key, err := kms.NewKey(ctx, name+"-key", &kms.KeyArgs{
		Description:          pulumi.String("Encrypts the secrets of " + args.Name),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(cmp.Or(args.DeletionWindowDays, DefaultDeletionWindow)),
		Policy:               keyPolicy(args, s.EncryptRoleArn, s.DecryptRoleArn),
		Tags:                 tags.Named(args.Tags, args.Name),
	}, keep...)
	if err != nil {
		return fmt.Errorf("key of secret store %q: %w", name, err)
	}
	s.KeyArn = key.Arn
	alias, err := kms.NewAlias(ctx, name+"-alias", &kms.AliasArgs{
		Name: pulumi.String(args.alias()), TargetKeyId: key.KeyId,
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("alias %q: %w", args.alias(), err)
	}
	s.AliasName = alias.Name
	return nil
}

// role makes the role of writers or readers, or none when nobody is named for it.
func (s *SecretStore) role(ctx *pulumi.Context, name, suffix string, args *Args, principals []string) (*iam.Role, error) {
	if len(principals) == 0 {
		return nil, nil //nolint:nilnil // no principals, no role: that is not an error
	}
	trust, err := iampolicy.JSON(iampolicy.Statement{
		Effect: iampolicy.Allow, Action: []string{"sts:AssumeRole"}, Principal: &iampolicy.Principal{AWS: principals},
	})
	if err != nil {
		return nil, err
	}
	physical := args.roleName(suffix)
	roleArgs := &iam.RoleArgs{
		Name:             pulumi.String(physical),
		Description:      pulumi.String("May " + suffix + " the secrets of " + args.Name),
		AssumeRolePolicy: pulumi.String(trust),
		Tags:             tags.Named(args.Tags, physical),
	}
	if args.PermissionsBoundary != "" {
		roleArgs.PermissionsBoundary = pulumi.String(args.PermissionsBoundary)
	}
	role, err := iam.NewRole(ctx, name+"-"+suffix, roleArgs, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("role %q: %w", physical, err)
	}
	return role, nil
}
