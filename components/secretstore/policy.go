package secretstore

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/principal"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// What sops asks of KMS when it writes and when it reads: https://getsops.io/docs/#using-kms
var (
	encryptActions = []string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"}
	decryptActions = []string{"kms:Decrypt", "kms:DescribeKey"}
)

// Names that AWS takes: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html,
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateRepository.html and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
var (
	aliasName      = lazyregexp.New(`^alias/[a-zA-Z0-9/_-]{1,250}$`)
	keyARN         = lazyregexp.New(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+$`)
	repositoryName = lazyregexp.New(`^[\w.-]{1,100}$`)
	roleName       = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
)

const minDeletionWindow, maxDeletionWindow = 7, 30

func (a *Args) alias() string {
	return "alias/" + strings.TrimPrefix(cmp.Or(a.Alias, a.Name), "alias/")
}

func (a *Args) roleName(suffix string) string { return a.Name + "-" + suffix }

func (a *Args) validate() error {
	problems := []error{
		principal.CheckAccount("accountId", a.AccountID),
		principal.Check("encryptPrincipals", a.EncryptPrincipals, a.AllowRootPrincipals),
		principal.Check("decryptPrincipals", a.DecryptPrincipals, a.AllowRootPrincipals),
	}
	if a.Name == "" {
		problems = append(problems, errors.New("name is empty: it begins the names of the alias and the roles"))
	} else {
		if alias := a.alias(); !aliasName.MatchString(alias) {
			problems = append(problems, fmt.Errorf("alias %q: KMS takes letters, digits, / _ and - after alias/", alias))
		} else if strings.HasPrefix(alias, "alias/aws/") {
			problems = append(problems, fmt.Errorf("alias %q: alias/aws/ is reserved for the keys of AWS services", alias))
		}
		if role := a.roleName("encrypt"); !roleName.MatchString(role) {
			problems = append(problems, fmt.Errorf("role name %q: IAM takes at most 64 letters, digits and + = , . @ _ -", role))
		}
	}
	if a.Repository != "" && (!repositoryName.MatchString(a.Repository) || strings.HasSuffix(a.Repository, ".git")) {
		problems = append(problems, fmt.Errorf("repository %q: CodeCommit takes at most 100 letters, digits and . _ -, not ending in .git", a.Repository))
	}
	if d := a.DeletionWindowDays; d != 0 && (d < minDeletionWindow || d > maxDeletionWindow) {
		problems = append(problems, fmt.Errorf("deletionWindowDays is %d: KMS takes %d to %d days", d, minDeletionWindow, maxDeletionWindow))
	}
	if a.KeyArn != "" && !keyARN.MatchString(a.KeyArn) {
		problems = append(problems, fmt.Errorf("keyArn %q is not the ARN of a KMS key", a.KeyArn))
	}
	if a.SopsRoleArn != "" {
		problems = append(problems, principal.Check("sopsRoleArn", []string{a.SopsRoleArn}, false))
	}
	if _, err := regexp.Compile(a.PathRegex); err != nil {
		problems = append(problems, fmt.Errorf("pathRegex %q is not a regular expression: %w", a.PathRegex, err))
	}
	return errors.Join(problems...)
}

// keyPolicy gives the account's administrators the key, through IAM policies, so that it can never be locked out, and the roles
// what they need of it: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func keyPolicy(args *Args, encryptRole, decryptRole pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.All(encryptRole, decryptRole).ApplyT(func(arns []any) (string, error) {
		statements := []iampolicy.Statement{{
			Sid: "AccountThroughIAM", Effect: iampolicy.Allow, Action: []string{"kms:*"}, Resource: []string{"*"},
			Principal: &iampolicy.Principal{AWS: []string{principal.Root(cmp.Or(args.Partition, "aws"), args.AccountID)}},
		}}
		for i, use := range []struct {
			sid     string
			actions []string
		}{{"Encrypt", encryptActions}, {"Decrypt", decryptActions}} {
			if arn, _ := arns[i].(string); arn != "" {
				statements = append(statements, iampolicy.Statement{
					Sid: use.sid, Effect: iampolicy.Allow, Action: use.actions, Resource: []string{"*"},
					Principal: &iampolicy.Principal{AWS: []string{arn}},
				})
			}
		}
		return iampolicy.JSON(statements...)
	}).(pulumi.StringOutput)
}

// rolePolicy lets a role use the key, and the repository when there is one.
func rolePolicy(key, repository pulumi.StringOutput, withRepository bool, git, kms []string) pulumi.StringOutput {
	resources := pulumi.StringArray{key}
	if withRepository {
		resources = append(resources, repository)
	}
	return resources.ToStringArrayOutput().ApplyT(func(arns []string) (string, error) {
		statements := []iampolicy.Statement{{Sid: "Key", Effect: iampolicy.Allow, Action: kms, Resource: arns[:1]}}
		if withRepository {
			statements = append(statements, iampolicy.Statement{Sid: "Repository", Effect: iampolicy.Allow, Action: git, Resource: arns[1:]})
		}
		return iampolicy.JSON(statements...)
	}).(pulumi.StringOutput)
}

// sopsConfig writes the .sops.yaml that belongs to the key. sops writes a role to assume behind the key, joined with a plus:
// https://getsops.io/docs/#assuming-roles-and-using-kms-in-various-aws-accounts
func (a *Args) sopsConfig(keyArn string) (string, error) {
	type creationRule struct {
		PathRegex string `yaml:"path_regex"`
		KMS       string `yaml:"kms"`
	}
	rule := creationRule{PathRegex: cmp.Or(a.PathRegex, DefaultPathRegex), KMS: keyArn}
	if a.SopsRoleArn != "" {
		rule.KMS += "+" + a.SopsRoleArn
	}
	b, err := yaml.Marshal(map[string][]creationRule{"creation_rules": {rule}})
	if err != nil {
		return "", fmt.Errorf("writing .sops.yaml: %w", err)
	}
	return string(b), nil
}
