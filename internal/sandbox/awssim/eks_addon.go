package awssim

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

var addonVersionForm = lazyregexp.New(`^v\d+\.\d+\.\d+-eksbuild\.\d+$`)

// addonVersions are the add-ons that are known here, each with the version that is answered as the default and the newest one: plausible
// ones for Kubernetes 1.33, not a copy of the service's catalogue. https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html
var addonVersions = map[string]string{
	"vpc-cni":                         "v1.20.4-eksbuild.2",
	"coredns":                         "v1.12.4-eksbuild.1",
	"kube-proxy":                      "v1.33.5-eksbuild.2",
	"aws-ebs-csi-driver":              "v1.53.0-eksbuild.1",
	"aws-efs-csi-driver":              "v2.1.15-eksbuild.1",
	"eks-pod-identity-agent":          "v1.3.10-eksbuild.1",
	"metrics-server":                  "v0.8.0-eksbuild.2",
	"snapshot-controller":             "v8.3.0-eksbuild.1",
	"amazon-cloudwatch-observability": "v4.5.0-eksbuild.1",
	"eks-node-monitoring-agent":       "v1.4.1-eksbuild.1",
	"aws-mountpoint-s3-csi-driver":    "v2.1.0-eksbuild.1",
	"adot":                            "v0.131.0-eksbuild.1",
}

// needsNodes reports whether an add-on runs as a Deployment, and so becomes active on a node only.
func needsNodes(addon string) bool {
	return slices.Contains([]string{"coredns", "aws-ebs-csi-driver", "aws-efs-csi-driver", "metrics-server", "snapshot-controller"}, addon)
}

func addonKinds() map[string]*kind {
	return map[string]*kind{addonToken: {
		Kind: provider.Kind{
			Name: "addonName", ForceNew: []string{"addonName", "clusterName"}, DeleteFirst: true,
			Check: checkAddon,
		},
		tagged: true,
		arn: func(c *call, _ string) string {
			return c.me.makeARN("eks", "addon/"+text(c.In, "clusterName")+"/"+text(c.In, "addonName")+"/*")
		},
		create: createAddon,
		update: func(c *call, _ *world.Object) (map[string]any, error) {
			return map[string]any{"modifiedAt": c.tx.Now().UTC().Format(time.RFC3339)}, c.checkAddonReferences()
		},
		finish: func(c *call, o *world.Object) (map[string]any, error) {
			if needsNodes(o.String("addonName")) && len(nodes(c.tx, "cluster", o.String("clusterName"))) == 0 {
				return nil, fmt.Errorf("waiting for EKS Add-On (%s) create: timeout while waiting for state to become 'ACTIVE' (last state: 'DEGRADED', timeout: 20m0s). "+
					"InsufficientNumberOfReplicas: The add-on is unhealthy because it doesn't have the desired number of replicas (the cluster has no nodes)", o.ID)
			}
			return nil, nil
		},
		rules: []string{
			"cluster exists; the name is a known add-on; version vX.Y.Z-eksbuild.N, not looked up in the service's list; once a cluster (ResourceInUseException)",
			"settings are JSON or YAML of a mapping, not checked against the add-on's schema; the service account's role exists",
			"those with Deployments stay DEGRADED without nodes",
		},
	}}
}

func checkAddon(in map[string]any) []string {
	var p problems
	if name, ok := in["addonName"].(string); ok && addonVersions[name] == "" {
		p.add("addonName", "Addon %s specified is not supported", name)
	}
	p.matches(in, "addonVersion", addonVersionForm, "vX.Y.Z-eksbuild.N")
	for _, prop := range []string{"resolveConflicts", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"} {
		p.oneOf(in, prop, "NONE", "OVERWRITE", "PRESERVE")
	}
	if s, ok := in["configurationValues"].(string); ok && s != "" {
		var settings map[string]any
		if err := yaml.Unmarshal([]byte(s), &settings); err != nil {
			p.add("configurationValues", "ConfigurationValue provided in request is not supported: it is no JSON or YAML of a mapping")
		}
	}
	p.tags(in)
	return p
}

func createAddon(c *call) (string, map[string]any, error) {
	cluster, err := c.cluster(text(c.In, "clusterName"))
	if err != nil {
		return "", nil, err
	}
	name := text(c.In, "addonName")
	id := cluster.ID + ":" + name
	if c.tx.Get(addonToken, id) != nil {
		return "", nil, apiError("ResourceInUseException", "Addon already exists. (%s on %s)", name, cluster.ID)
	}
	now := c.tx.Now().UTC().Format(time.RFC3339)
	return id, c.with(map[string]any{"addonVersion": addonVersions[name], "configurationValues": ""}, map[string]any{
		"arn": c.me.makeARN("eks", "addon/"+cluster.ID+"/"+name+"/"+world.Hex(8)), "createdAt": now, "modifiedAt": now,
	}), c.checkAddonReferences()
}

func (c *call) checkAddonReferences() error {
	if arn := text(c.In, "serviceAccountRoleArn"); arn != "" && roleByARN(c.tx, arn) == nil {
		return apiError("InvalidParameterException", "Role %s does not exist", arn)
	}
	return nil
}
