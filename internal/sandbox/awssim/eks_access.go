package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

var entryPrincipalForm = lazyregexp.New(`^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$`)

// accessPolicies are EKS's own: https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
var accessPolicies = []string{
	"AmazonEKSAdminPolicy", adminAccess, "AmazonEKSAdminViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy", "AmazonEKSAutoNodePolicy",
	"AmazonEKSSecretReaderPolicy",
}

func accessKinds() map[string]*kind {
	entryARN := func(c *call, _ string) string {
		parts := strings.SplitN(text(c.In, "principalArn"), ":", 6)
		if len(parts) < 6 {
			parts = []string{"", "", "", "", "*", "*"}
		}
		return c.me.makeARN("eks", "access-entry/"+text(c.In, "clusterName")+"/"+strings.Replace(parts[5], "/", "/"+parts[4]+"/", 1)+"/*")
	}
	return map[string]*kind{
		accessEntryToken: {
			Kind: provider.Kind{
				Name: "principalArn", ForceNew: []string{"clusterName", "principalArn", "type"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "principalArn", entryPrincipalForm, "the ARN of a role or a user")
					p.oneOf(in, "type", "STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")
					for _, g := range texts(in, "kubernetesGroups") {
						if strings.HasPrefix(g, "system:") {
							p.add("kubernetesGroups", "The kubernetes group name %s is invalid, it cannot start with system:", g)
						}
					}
					p.tags(in)
					return p
				},
			},
			tagged: true, arn: entryARN, create: createAccessEntry,
			remove: func(c *call, o *world.Object) error {
				for _, a := range c.tx.List(accessAssociationToken) { // associations go with their entry
					if a.String("clusterName") == o.String("clusterName") && a.String("principalArn") == o.String("principalArn") {
						if err := c.tx.Delete(accessAssociationToken, a.ID); err != nil {
							return err
						}
					}
				}
				return nil
			},
			rules: []string{
				"cluster exists and takes access entries; a role of the account exists; no group system:*",
				"one entry a principal (ResourceInUseException); the cluster's creator has one from the start, unless that was not wanted",
			},
		},
		accessAssociationToken: {
			Kind: provider.Kind{ForceNew: []string{"*"}, DeleteFirst: true, Check: func(in map[string]any) []string {
				var p problems
				arn, ok := in["policyArn"].(string)
				_, name, found := strings.Cut(arn, ":"+accessPolicyPath)
				if ok && (!found || !slices.Contains(accessPolicies, name)) {
					p.add("policyArn", "The policyArn parameter format is not valid or the policy is none of EKS's: %q", arn)
				}
				scope := object(in, "accessScope")
				p.oneOf(scope, "type", "cluster", "namespace")
				if many := len(texts(scope, "namespaces")) > 0; text(scope, "type") == "cluster" && many {
					p.add("accessScope", "namespaces belong to the type namespace only")
				}
				return p
			}},
			arn: entryARN,
			create: func(c *call) (string, map[string]any, error) {
				cluster, principal := text(c.In, "clusterName"), text(c.In, "principalArn")
				if _, err := c.cluster(cluster); err != nil {
					return "", nil, err
				}
				if c.tx.Get(accessEntryToken, cluster+":"+principal) == nil {
					return "", nil, apiError("ResourceNotFoundException", "The specified principalArn could not be found. You can view your access entries by calling ListAccessEntries. (%s)", principal)
				}
				now := c.tx.Now().UTC().Format(time.RFC3339)
				return cluster + "#" + principal + "#" + text(c.In, "policyArn"), map[string]any{"associatedAt": now, "modifiedAt": now}, nil
			},
			rules: []string{"cluster and the principal's entry exist; the policy is one of EKS's; namespaces only for that scope"},
		},
	}
}

func createAccessEntry(c *call) (string, map[string]any, error) {
	cluster, err := c.cluster(text(c.In, "clusterName"))
	if err != nil {
		return "", nil, err
	}
	if text(object(cluster.Props, "accessConfig"), "authenticationMode") == "CONFIG_MAP" {
		return "", nil, apiError("InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	}
	principal := text(c.In, "principalArn")
	if strings.Contains(principal, "::"+c.me.account+":role/") && !strings.Contains(principal, "/aws-reserved/") && roleByARN(c.tx, principal) == nil {
		return "", nil, apiError("InvalidParameterException", "The specified principalArn is invalid: invalid principal. (%s)", principal)
	}
	id := cluster.ID + ":" + principal
	if c.tx.Get(accessEntryToken, id) != nil {
		return "", nil, apiError("ResourceInUseException", "The specified access entry resource is already in use on this cluster. (%s)", principal)
	}
	now := c.tx.Now().UTC().Format(time.RFC3339)
	return id, c.with(map[string]any{"type": "STANDARD", "userName": principal}, map[string]any{
		"accessEntryArn": c.me.makeARN("eks", "access-entry/"+cluster.ID+"/"+principal[strings.LastIndex(principal, ":")+1:]+"/"+world.Hex(8)),
		"createdAt":      now, "modifiedAt": now,
	}), nil
}
