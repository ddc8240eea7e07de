package ekssim

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// outputs are the component's outputs. What pulumi-eks leaves undefined is absent (awsProvider and defaultNodeGroup among it), and what it
// has no resource for is the empty string.
func (c *cluster) outputs(kubeconfigJSON pulumi.StringOutput) pulumi.Map {
	none, issuer := pulumi.String(""), c.issuer()
	own := c.eks.VpcConfig.ClusterSecurityGroupId()
	out := pulumi.Map{
		"autoModeNodeRoleName":    none,
		"clusterIngressRuleId":    none,
		"clusterSecurityGroupId":  own,
		"core":                    c.core(kubeconfigJSON),
		"defaultNodeGroupAsgName": none,
		"eksCluster":              c.eks,
		"fargateProfileId":        none,
		"fargateProfileStatus":    none,
		"instanceRoles":           pulumi.Array{},
		"kubeconfig":              parsed(kubeconfigJSON),
		"kubeconfigJson":          kubeconfigJSON,
		"nodeSecurityGroupId":     own,
		"oidcIssuer": issuer.ApplyT(func(url string) string {
			return strings.TrimPrefix(url, "https://")
		}).(pulumi.StringOutput),
		"oidcProviderArn": none,
		"oidcProviderUrl": issuer,
	}
	if g := c.groups; g != nil {
		maps.Copy(out, pulumi.Map{
			"clusterSecurityGroup":   g.cluster,
			"clusterSecurityGroupId": g.cluster.ID(),
			"nodeSecurityGroup":      g.node,
			"nodeSecurityGroupId":    g.node.ID(),
			"eksClusterIngressRule":  g.clusterIngress,
			"clusterIngressRuleId":   g.clusterIngress.SecurityGroupRuleId,
		})
	}
	return out
}

// core is the cluster and what goes with it, for node groups.
func (c *cluster) core(kubeconfigJSON pulumi.StringOutput) pulumi.Map {
	options := present(pulumi.Map{"version": c.args.Version})
	out := pulumi.Map{
		"accessEntries":         c.entryArgs(),
		"autoModeNodeRoleName":  pulumi.String(""),
		"cluster":               c.eks,
		"clusterIamRole":        c.role,
		"endpoint":              c.eks.Endpoint,
		"instanceRoles":         pulumi.Array{},
		"kubeconfig":            parsed(kubeconfigJSON),
		"nodeGroupOptions":      options,
		"nodeSecurityGroupTags": c.args.NodeSecurityGroupTags,
		"privateSubnetIds":      c.args.PrivateSubnetIDs,
		"provider":              c.k8s,
		"publicSubnetIds":       c.args.PublicSubnetIDs,
		"storageClasses":        pulumi.Map{},
		"subnetIds":             c.subnetIDs(),
		"tags":                  c.args.Tags,
		"vpcId":                 c.args.VpcID,
	}
	if g := c.groups; g != nil {
		out["clusterSecurityGroup"] = g.cluster
		options["nodeSecurityGroup"], options["clusterIngressRule"] = g.node, g.clusterIngress
	}
	if c.vpcCni != nil {
		out["vpcCni"] = pulumi.NewResourceOutput(c.vpcCni)
	}
	if c.args.EncryptionConfigKeyArn != nil {
		out["encryptionConfig"] = c.encryption()
	}
	return present(out)
}

// entryArgs are the access entries as they were asked for, by key.
func (c *cluster) entryArgs() pulumi.Array {
	out := pulumi.Array{}
	for _, key := range slices.Sorted(maps.Keys(c.args.AccessEntries)) {
		e := c.args.AccessEntries[key]
		policies := pulumi.Map{}
		for name, p := range e.AccessPolicies {
			policies[name] = p
		}
		out = append(out, present(pulumi.Map{
			"accessPolicies": policies, "kubernetesGroups": e.KubernetesGroups, "principalArn": e.PrincipalArn, "tags": e.Tags, "type": e.Type,
			"username": e.Username,
		}))
	}
	return out
}

// present leaves out what is absent.
func present(m pulumi.Map) pulumi.Map {
	maps.DeleteFunc(m, func(_ string, in pulumi.Input) bool { return in == nil })
	return m
}
