package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-eks/sdk/v3/go/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

// Access gives a role or user rights in the cluster.
type Access struct {
	// Principal is the ARN of a role or user.
	Principal string
	// Policy is the name of an access policy of EKS, such as AmazonEKSViewPolicy.
	Policy string
	// Namespaces limit it; none means the whole cluster.
	Namespaces []string
}

const adminPolicy = "AmazonEKSClusterAdminPolicy"

// accessPolicies are those of https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html meant for people
// and pipelines.
var accessPolicies = []string{
	"AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", adminPolicy, "AmazonEKSEditPolicy", "AmazonEKSViewPolicy",
}

// accessEntries are one entry for each principal, with its policies. They replace the runbook's aws-auth ConfigMap: an entry is
// an AWS resource, visible in a preview, that a mistake in another cannot break.
func (a *Args) accessEntries() map[string]eks.AccessEntryArgs {
	access := make([]Access, 0, len(a.Admins)+len(a.Access))
	for _, arn := range a.Admins {
		if arn != a.CreatorArn {
			access = append(access, Access{Principal: arn, Policy: adminPolicy})
		}
	}
	access = append(access, a.Access...)
	entries := map[string]eks.AccessEntryArgs{}
	for _, x := range access {
		key := entryKey(x.Principal)
		entry, ok := entries[key]
		if !ok {
			entry = eks.AccessEntryArgs{
				PrincipalArn:   pulumi.String(x.Principal),
				AccessPolicies: map[string]eks.AccessPolicyAssociationInput{},
				Tags:           tags.Map(a.Tags),
			}
		}
		scope := awseks.AccessPolicyAssociationAccessScopeArgs{Type: pulumi.String("cluster")}
		if len(x.Namespaces) > 0 {
			scope = awseks.AccessPolicyAssociationAccessScopeArgs{
				Type: pulumi.String("namespace"), Namespaces: pulumi.ToStringArray(x.Namespaces),
			}
		}
		entry.AccessPolicies[x.Policy] = eks.AccessPolicyAssociationArgs{
			PolicyArn:   pulumi.String(fmt.Sprintf("arn:%s:eks::aws:cluster-access-policy/%s", a.partition(), x.Policy)),
			AccessScope: scope,
		}
		entries[key] = entry
	}
	return entries
}

// entryKey names an entry after its principal; the digest of the whole ARN keeps equal names of different accounts apart, and
// the key of one entry independent of the others.
func entryKey(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:] + "-" + digest(arn)
}

// digest is a short fingerprint of a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:3])
}
