package cluster_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/components/cluster"
)

func TestNodeGroups(t *testing.T) {
	r := mustRun(t, newArgs())
	user := r.One(t, "eks:index:ManagedNodeGroup", "cluster-user")
	user.CheckInputs(t, map[string]any{
		"capacityType": "SPOT", "amiType": "AL2023_x86_64_STANDARD", "version": "1.33", "instanceTypes[1]": "t3a.xlarge",
		"scalingConfig": map[string]any{"minSize": 0.0, "maxSize": 100.0, "desiredSize": 0.0}, "ignoreScalingChanges": true,
		"labels":           map[string]any{"hub.jupyter.org/node-purpose": "user", "team": "roman"},
		"taints[0].effect": "NO_SCHEDULE", "taints[0].key": "hub.jupyter.org/dedicated", "taints[0].value": "user",
		"subnetIds[1]": "subnet-2", "nodeRoleArn": "arn:aws:iam::162808325377:role/roman-sit-staging-node",
		"launchTemplate.version": "7", "launchTemplate.id": "cluster-user-id", "tags.deployment": "roman-sit",
	})
	core := r.One(t, "eks:index:ManagedNodeGroup", "cluster-core")
	core.CheckInputs(t, map[string]any{
		"capacityType": "ON_DEMAND", "subnetIds": []any{"subnet-1"}, "taints": nil,
		"scalingConfig": map[string]any{"minSize": 1.0, "maxSize": 3.0, "desiredSize": 1.0},
	})
	for _, policy := range []string{"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"} {
		if !user.WaitsFor("cluster-node-" + policy) {
			t.Errorf("the nodes do not wait for %s", policy)
		}
	}
	for _, end := range []string{"cluster-coredns", "cluster-oidc", "cluster-k8s", "cluster-core"} {
		if user.WaitsFor(end) {
			t.Errorf("the nodes wait for %s, which they don't need", end)
		}
	}
	if !strings.HasSuffix(user.Parent, "::cluster") || !strings.HasSuffix(user.Providers["aws"], "::deployer::deployer-id") {
		t.Errorf("parent %q, providers %q", user.Parent, user.Providers)
	}

	template := r.One(t, "aws:ec2/launchTemplate:LaunchTemplate", "cluster-user")
	template.CheckInputs(t, map[string]any{
		"name":                              "roman-sit-staging-user",
		"blockDeviceMappings[0].deviceName": "/dev/xvda",
		"blockDeviceMappings[0].ebs": map[string]any{
			"volumeSize": 150.0, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true",
		},
		"metadataOptions.httpTokens": "required", "metadataOptions.httpPutResponseHopLimit": 1.0,
		"tagSpecifications[0].resourceType": "instance", "tagSpecifications[0].tags.deployment": "roman-sit",
		"tagSpecifications[1].resourceType": "volume", "tagSpecifications[1].tags.Name": "roman-sit-staging-user",
	})
	if template.WaitsFor("cluster-eks") {
		t.Error("the launch template waits for the cluster, which it doesn't need")
	}
	r.One(t, "aws:ec2/launchTemplate:LaunchTemplate", "cluster-core").CheckInputs(t, map[string]any{"blockDeviceMappings[0].ebs.volumeSize": 50.0})
}

func TestScaleFromZeroTags(t *testing.T) {
	r := mustRun(t, newArgs())
	got := map[string]any{}
	for _, tag := range r.OfType("aws:autoscaling/tag:Tag") {
		if tag.Input("autoscalingGroupName") == "eks-made-user" {
			got[tag.Input("tag.key").(string)] = tag.Input("tag.value")
		}
	}
	want := map[string]any{
		"k8s.io/cluster-autoscaler/enabled":                                          "true",
		"k8s.io/cluster-autoscaler/roman-sit-staging":                                "owned",
		"k8s.io/cluster-autoscaler/node-template/label/hub.jupyter.org/node-purpose": "user",
		"k8s.io/cluster-autoscaler/node-template/label/team":                         "roman",
		"k8s.io/cluster-autoscaler/node-template/taint/hub.jupyter.org/dedicated":    "user:NoSchedule",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags of the user group (-want +got):\n%s", diff)
	}

	args := newArgs()
	args.Autoscaler = nil
	r = mustRun(t, args)
	if n := len(r.OfType("aws:autoscaling/tag:Tag")) + len(r.OfType("kubernetes:helm.sh/v3:Release")); n != 0 {
		t.Errorf("without an autoscaler there are %d tags and releases", n)
	}
	r.One(t, "eks:index:ManagedNodeGroup", "cluster-user").CheckInputs(t, map[string]any{"ignoreScalingChanges": false})
}

func TestImages(t *testing.T) {
	for _, tc := range []struct {
		group      cluster.NodeGroup
		ami, drive string
	}{
		{cluster.NodeGroup{InstanceTypes: []string{"m7g.large", "t4g.large"}}, "AL2023_ARM_64_STANDARD", "/dev/xvda"},
		{cluster.NodeGroup{InstanceTypes: []string{"g4dn.xlarge"}, GPU: true}, "AL2023_x86_64_NVIDIA", "/dev/xvda"},
		{cluster.NodeGroup{InstanceTypes: []string{"g5g.xlarge"}, GPU: true}, "AL2023_ARM_64_NVIDIA", "/dev/xvda"},
		{cluster.NodeGroup{InstanceTypes: []string{"m6i.large"}, AMIType: "BOTTLEROCKET_x86_64"}, "BOTTLEROCKET_x86_64", "/dev/xvdb"},
	} {
		args := newArgs()
		tc.group.Name, tc.group.Max = "extra", 1
		args.NodeGroups = append(args.NodeGroups, tc.group)
		r := mustRun(t, args)
		r.One(t, "eks:index:ManagedNodeGroup", "cluster-extra").CheckInputs(t, map[string]any{"amiType": tc.ami})
		r.One(t, "aws:ec2/launchTemplate:LaunchTemplate", "cluster-extra").CheckInputs(t, map[string]any{"blockDeviceMappings[0].deviceName": tc.drive})
	}
}

// TestNamesOfGroups pins what makes a group a new one: what EKS cannot change in place, and nothing else.
func TestNamesOfGroups(t *testing.T) {
	name := func(change func(*cluster.NodeGroup)) string {
		args := newArgs()
		change(&args.NodeGroups[0])
		s, _ := mustRun(t, args).One(t, "eks:index:ManagedNodeGroup", "cluster-user").Input("nodeGroupName").(string)
		return s
	}
	before := name(func(*cluster.NodeGroup) {})
	if !strings.HasPrefix(before, "roman-sit-staging-user-") {
		t.Errorf("the group is named %q", before)
	}
	for what, tc := range map[string]struct {
		change func(*cluster.NodeGroup)
		same   bool
	}{
		"size":     {func(g *cluster.NodeGroup) { g.Max = 5 }, true},
		"disk":     {func(g *cluster.NodeGroup) { g.DiskGiB = 200 }, true},
		"labels":   {func(g *cluster.NodeGroup) { g.Labels = nil }, true},
		"type":     {func(g *cluster.NodeGroup) { g.InstanceTypes = []string{"m5.xlarge"} }, false},
		"capacity": {func(g *cluster.NodeGroup) { g.Spot = false }, false},
		"zones":    {func(g *cluster.NodeGroup) { g.Zones = []string{"us-east-1b"} }, false},
	} {
		if got := name(tc.change); (got == before) != tc.same {
			t.Errorf("with another %s the name goes from %s to %s; same: want %t", what, before, got, tc.same)
		}
	}
}
