package cluster

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// RoleAnnotation is the annotation by which a service account gets a role:
// https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
const RoleAnnotation = "eks.amazonaws.com/role-arn"

// stsAudience is who the tokens of service accounts are made out to.
const stsAudience = "sts.amazonaws.com"

// ServiceAccount names a Kubernetes service account. The subject that a role trusts and the account that carries the role's
// annotation are both made from this one value, so they cannot differ.
type ServiceAccount struct{ Namespace, Name string }

// Subject is the account as IAM sees it.
func (s ServiceAccount) Subject() string {
	return "system:serviceaccount:" + s.Namespace + ":" + s.Name
}

// Annotations gives the account a role.
func (s ServiceAccount) Annotations(roleArn pulumi.StringInput) pulumi.StringMap {
	return pulumi.StringMap{RoleAnnotation: roleArn}
}

// ChartValues are the values under a chart's "serviceAccount" key that make the account with a role.
func (s ServiceAccount) ChartValues(roleArn pulumi.StringInput) pulumi.Map {
	return pulumi.Map{
		"create": pulumi.Bool(true), "name": pulumi.String(s.Name), "annotations": s.Annotations(roleArn),
	}
}

// ServiceAccountRole is a role for service accounts.
type ServiceAccountRole struct {
	// Arn is known when the role has its policies, so that what gets it can work with it at once.
	Arn pulumi.StringOutput
	// Role is the role.
	Role *iam.Role
}

// makeOIDC makes IAM's identity provider for the cluster's tokens. IAM knows the certificates of EKS's issuers, so no thumbprint
// is needed: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
func (c *Cluster) makeOIDC(ctx *pulumi.Context) error {
	provider, err := iam.NewOpenIdConnectProvider(ctx, c.name+"-oidc", &iam.OpenIdConnectProviderArgs{
		Url: c.eks.OidcProviderUrl, ClientIdLists: pulumi.StringArray{pulumi.String(stsAudience)},
		Tags: tags.Named(c.args.Tags, c.args.Name),
	}, c.parent())
	if err != nil {
		return fmt.Errorf("identity provider: %w", err)
	}
	c.OidcProviderArn = provider.Arn
	return nil
}

// ServiceAccountRole makes a role, named "<cluster>-<suffix>", that only pods of the given service accounts can assume, with the
// named policies of AWS and, when one is given, an inline policy.
func (c *Cluster) ServiceAccountRole(ctx *pulumi.Context, suffix string, accounts []ServiceAccount, managed []string, inline string) (*ServiceAccountRole, error) {
	if len(accounts) == 0 {
		return nil, fmt.Errorf("role %s: no service account is given", c.physical(suffix))
	}
	subjects := make([]string, len(accounts))
	for i, a := range accounts {
		if a.Namespace == "" || a.Name == "" {
			return nil, fmt.Errorf("role %s: service account %q lacks a namespace or a name", c.physical(suffix), a.Subject())
		}
		subjects[i] = a.Subject()
	}
	trust := pulumi.All(c.OidcProviderArn, c.OidcIssuer).ApplyT(func(vs []any) (string, error) {
		arn, _ := vs[0].(string)
		issuer, _ := vs[1].(string)
		if issuer == "" {
			return "", errors.New("the cluster has no issuer of service account tokens")
		}
		return iampolicy.JSON(iampolicy.Statement{
			Effect: iampolicy.Allow, Principal: &iampolicy.Principal{Federated: []string{arn}},
			Action: []string{"sts:AssumeRoleWithWebIdentity"},
			Condition: iampolicy.Conditions{"StringEquals": {
				issuer + ":sub": subjects, issuer + ":aud": {stsAudience},
			}},
		})
	}).(pulumi.StringOutput)
	role, attachments, err := c.role(ctx, suffix, trust, managed...)
	if err != nil {
		return nil, err
	}
	ready := []any{role.Arn}
	for _, a := range attachments {
		ready = append(ready, a.URN())
	}
	if inline != "" {
		policy, err := iam.NewRolePolicy(ctx, c.name+"-"+suffix, &iam.RolePolicyArgs{
			Name: pulumi.String(c.physical(suffix)), Role: role.Name, Policy: pulumi.String(inline),
		}, c.parent())
		if err != nil {
			return nil, fmt.Errorf("policy of role %s: %w", c.physical(suffix), err)
		}
		ready = append(ready, policy.ID())
	}
	arn := pulumi.All(ready...).ApplyT(func(vs []any) string {
		s, _ := vs[0].(string)
		return s
	}).(pulumi.StringOutput)
	return &ServiceAccountRole{Arn: arn, Role: role}, nil
}
