package stacks

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/components/certificate"
	"github.com/hubwright/hubwright/components/cluster"
	"github.com/hubwright/hubwright/components/creds"
	"github.com/hubwright/hubwright/components/dns"
	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/network"
	"github.com/hubwright/hubwright/components/registry"
	"github.com/hubwright/hubwright/components/secretstore"
	"github.com/hubwright/hubwright/components/storage"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// components are the keys of the configuration that the graph's components are made from, by their type tokens.
var components = map[string]string{
	creds.Type: "creds", network.Type: "network", cluster.Type: "cluster", storage.Type: "storage", registry.Type: "registry", secretstore.Type: "secretStore",
	image.Type: "images", hub.Type: "hubs", dns.Type: "dns", certificate.Type: "hubs",
}

// writtenAs are the paths below a component's key that properties of its resources are made from: the longest beginning of a property counts, and a resource
// whose name ends as wanted comes before one of any name. "*" stands for the node group that the resource is named after.
var writtenAs = []struct{ component, token, name, property, path string }{
	{"cluster", "aws:eks/cluster:Cluster", "", "version", "version"},
	{"cluster", "aws:eks/cluster:Cluster", "", "vpcConfig.publicAccessCidrs", "endpoint.publicCidrs"},
	{"cluster", "aws:eks/cluster:Cluster", "", "vpcConfig.endpointPublicAccess", "endpoint.public"},
	{"cluster", "aws:eks/cluster:Cluster", "", "vpcConfig.endpointPrivateAccess", "endpoint.private"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "version", "version"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "scalingConfig.minSize", "nodeGroups[*].min"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "scalingConfig.maxSize", "nodeGroups[*].max"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "instanceTypes", "nodeGroups[*].instanceTypes"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "labels", "nodeGroups[*].labels"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "taints", "nodeGroups[*].taints"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "capacityType", "nodeGroups[*].spot"},
	{"cluster", "aws:eks/nodeGroup:NodeGroup", "", "", "nodeGroups[*]"},
	{"cluster", "aws:ec2/launchTemplate:LaunchTemplate", "", "blockDeviceMappings", "nodeGroups[*].diskGiB"},
	{"cluster", "aws:ec2/launchTemplate:LaunchTemplate", "", "", "nodeGroups[*]"},
	{"cluster", "aws:eks/addon:Addon", "-vpc-cni", "", "addons.vpcCni"},
	{"cluster", "aws:eks/addon:Addon", "-coredns", "", "addons.coredns"},
	{"cluster", "aws:eks/addon:Addon", "-kube-proxy", "", "addons.kubeProxy"},
	{"cluster", "aws:eks/addon:Addon", "-aws-ebs-csi-driver", "", "addons.ebsCsi"},
	{"cluster", "aws:eks/addon:Addon", "-aws-efs-csi-driver", "", "addons.efsCsi"},
	{"cluster", "kubernetes:helm.sh/v3:Release", "-cluster-autoscaler", "", "autoscaler"},
	{"network", "aws:ec2/vpc:Vpc", "", "cidrBlock", "cidr"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "version", "chart.version"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "chart", "chart"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "timeout", "timeoutSeconds"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "values.hub.config", "auth"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "values.proxy.https", "https"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "values.proxy.service", "https"},
	{"hubs", "kubernetes:helm.sh/v3:Release", "", "values.singleuser.image", "image"},
	{"hubs", "kubernetes:core/v1:ConfigMap", "-templates", "", "templates"},
	{"dns", "aws:route53/record:Record", "", "ttl", "ttl"},
	{"dns", "aws:route53/record:Record", "", "zoneId", "zone"},
}

// Origin is where it was written what a property of a resource is made from, as file:line; "" when that is not known. keys lead to the property. Of a hub's
// release these are the files of its values, where they bring the property; computed are the hub's values, nil when they are not at hand.
func Origin(stack *config.Stack, urn string, keys []string, computed *values.Computed) string {
	chain, name, token := takeApart(urn)
	key := ""
	for _, t := range chain {
		if k, ok := components[t]; ok {
			key = k
		}
	}
	if key == "" {
		return ""
	}
	h := hubNamed(stack, name)
	if key == "hubs" && h != nil && len(keys) > 1 && keys[0] == "values" {
		if computed != nil {
			if _, there := computed.At(keys[1:]); there {
				if at := computed.OriginOf(keys[1:]); at.File != "" {
					return at.String()
				}
			}
		}
		if keys[1] == h.Chart.ValuesKey {
			keys = slices.Delete(slices.Clone(keys), 1, 2)
		}
	}
	property := strings.Join(keys, ".")
	path := key
	switch {
	case key == "hubs" && h != nil:
		path += "[" + h.Name + "]"
		if token == releaseToken && property == "version" && stack.Pins.Charts[h.Name] != "" {
			return stack.Where("pins.charts." + h.Name)
		}
	case key == "images":
		path += "[" + imageNamed(stack, name) + "]"
	}
	if below := belowComponent(key, token, name, property); below != "" {
		path += "." + strings.Replace(below, "*", groupNamed(stack, name), 1)
	}
	if where := stack.Where(path); where != stack.Where("") { // which would be the file's beginning: nothing of it is written
		return where
	}
	return ""
}

// releaseToken is the type of Helm releases.
const releaseToken = "kubernetes:helm.sh/v3:Release"

// belowComponent is the path below a component's key; "" for the key itself.
func belowComponent(component, token, name, property string) string {
	best, longest := "", -1
	for _, w := range writtenAs {
		if w.component != component || w.token != token || !strings.HasSuffix(name, w.name) || !begins(property, w.property) {
			continue
		}
		if n := len(w.property) + len(w.name); n > longest {
			best, longest = w.path, n
		}
	}
	return best
}

// begins says whether a property is at or below a path.
func begins(property, path string) bool {
	rest, ok := strings.CutPrefix(property, path)
	return ok && (path == "" || rest == "" || rest[0] == '.')
}

// takeApart gives the types of a resource and of what it stands in, outermost first, its name, and its own type.
func takeApart(urn string) (chain []string, name, token string) {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return nil, "", ""
	}
	chain = strings.Split(parts[2], "$")
	return chain, parts[3], chain[len(chain)-1]
}

// hubNamed is the hub that a resource is named after.
func hubNamed(stack *config.Stack, resource string) *config.Hub {
	var best *config.Hub
	for i := range stack.Hubs {
		h := &stack.Hubs[i]
		if (resource == h.Name || strings.HasPrefix(resource, h.Name+"-")) && (best == nil || len(h.Name) > len(best.Name)) {
			best = h
		}
	}
	return best
}

// imageNamed is the image that a resource is named after.
func imageNamed(stack *config.Stack, resource string) string {
	best := ""
	for _, i := range stack.Images {
		if (resource == i.Name || strings.HasPrefix(resource, i.Name+"-")) && len(i.Name) > len(best) {
			best = i.Name
		}
	}
	return best
}

// groupNamed is the node group that a resource of the cluster is named after.
func groupNamed(stack *config.Stack, resource string) string {
	i := slices.IndexFunc(stack.Cluster.NodeGroups, func(g config.NodeGroup) bool {
		return strings.HasSuffix(resource, "-"+g.Name)
	})
	if i < 0 {
		return ""
	}
	return stack.Cluster.NodeGroups[i].Name
}
