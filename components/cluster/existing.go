package cluster

import (
	"encoding/json"
	"fmt"
	"strings"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/lookup"
)

// find looks an existing cluster up.
func (c *Cluster) find(ctx *pulumi.Context) error {
	a := c.args
	found, err := awseks.LookupCluster(ctx, &awseks.LookupClusterArgs{Name: a.Name}, lookup.Via(c, a.LookupProvider)...)
	if err != nil {
		return fmt.Errorf("looking up EKS cluster %s: %w", a.Name, err)
	}
	if found.Endpoint == "" || len(found.CertificateAuthorities) == 0 || len(found.Identities) == 0 || len(found.Identities[0].Oidcs) == 0 {
		return fmt.Errorf("looking up EKS cluster %s gave no endpoint, certificate or issuer: it is not active (status %q), or the provider is not configured yet: give LookupProvider", a.Name, found.Status)
	}
	issuer := strings.TrimPrefix(found.Identities[0].Oidcs[0].Issuer, "https://")
	providerArn, err := identityProvider(found.Arn, issuer)
	if err != nil {
		return err
	}
	c.Name = pulumi.String(a.Name).ToStringOutput()
	c.Endpoint = pulumi.String(found.Endpoint).ToStringOutput()
	c.OidcIssuer = pulumi.String(issuer).ToStringOutput()
	c.OidcProviderArn = pulumi.String(providerArn).ToStringOutput()
	c.NodeSecurityGroupId = pulumi.String(found.VpcConfig.ClusterSecurityGroupId).ToStringOutput()
	role := a.RoleArn
	if role == nil {
		role = pulumi.String("")
	}
	c.Kubeconfig = role.ToStringOutput().ApplyT(func(arn string) (string, error) {
		return kubeconfig(a.Name, a.Region, found.Endpoint, found.CertificateAuthorities[0].Data, arn)
	}).(pulumi.StringOutput)
	return nil
}

// identityProvider is the ARN that IAM gives the provider of an issuer, in the account and partition of the cluster.
func identityProvider(clusterArn, issuer string) (string, error) {
	parts := strings.SplitN(clusterArn, ":", 6)
	if len(parts) != 6 {
		return "", fmt.Errorf("%q is not the ARN of a cluster", clusterArn)
	}
	return fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", parts[1], parts[4], issuer), nil
}

// kubeconfig writes a kubeconfig as pulumi-eks does for a cluster of its own; role may be empty.
func kubeconfig(name, region, endpoint, certificate, role string) (string, error) {
	args := []string{"--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"}
	if role != "" {
		args = append(args, "--role", role)
	}
	type object = map[string]any
	text, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "aws",
		"clusters": []object{{"name": "kubernetes", "cluster": object{"server": endpoint, "certificate-authority-data": certificate}}},
		"contexts": []object{{"name": "aws", "context": object{"cluster": "kubernetes", "user": "aws"}}},
		"users": []object{{"name": "aws", "user": object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": args,
			"env": []object{{"name": "KUBERNETES_EXEC_INFO", "value": `{"apiVersion": "client.authentication.k8s.io/v1beta1"}`}},
		}}}},
	})
	if err != nil {
		return "", fmt.Errorf("writing the kubeconfig of %s: %w", name, err)
	}
	return string(text), nil
}
