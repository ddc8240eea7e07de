package ekssim

import (
	"maps"
	"slices"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// accessEntry lets a principal into the cluster.
type accessEntry struct {
	AccessPolicies   map[string]eks.AccessPolicyAssociationInput `pulumi:"accessPolicies"`
	KubernetesGroups pulumi.StringArrayInput                     `pulumi:"kubernetesGroups"`
	PrincipalArn     pulumi.StringInput                          `pulumi:"principalArn"`
	Tags             pulumi.StringMapInput                       `pulumi:"tags"`
	Type             pulumi.StringPtrInput                       `pulumi:"type"`
	Username         pulumi.StringPtrInput                       `pulumi:"username"`
}

// accessEntries registers who may enter the cluster, and with which policies.
func (c *cluster) accessEntries() ([]pulumi.Resource, error) {
	var out []pulumi.Resource
	for _, key := range slices.Sorted(maps.Keys(c.args.AccessEntries)) {
		e := c.args.AccessEntries[key]
		args := &awseks.AccessEntryArgs{
			ClusterName:      c.eks.Name,
			PrincipalArn:     e.PrincipalArn,
			KubernetesGroups: e.KubernetesGroups,
			Tags:             e.Tags,
			UserName:         e.Username,
			Type:             e.Type,
		}
		entry, err := awseks.NewAccessEntry(c.ctx, c.name+"-"+key, args, c.child(pulumi.DependsOn([]pulumi.Resource{c.eks}))...)
		if err != nil {
			return nil, err
		}
		for _, policy := range slices.Sorted(maps.Keys(e.AccessPolicies)) {
			association := e.AccessPolicies[policy].ToAccessPolicyAssociationOutput()
			_, err := awseks.NewAccessPolicyAssociation(c.ctx, c.name+"-"+key+"-"+policy, &awseks.AccessPolicyAssociationArgs{
				ClusterName:  c.eks.Name,
				PrincipalArn: e.PrincipalArn,
				PolicyArn:    association.PolicyArn(),
				AccessScope:  association.AccessScope(),
			}, pulumi.Parent(entry), pulumi.DependsOn([]pulumi.Resource{entry}))
			if err != nil {
				return nil, err
			}
		}
		out = append(out, entry)
	}
	return out, nil
}
