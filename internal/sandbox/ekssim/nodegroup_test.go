package ekssim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func TestNodeGroup(t *testing.T) {
	m := newMonitor(t)
	out := m.must(clusterType, "hub", clusterInputs(nil))
	role := m.register("aws:iam/role:Role", "nodes", "", resource.PropertyMap{})
	cluster := m.named(clusterType, "hub")
	nodeRole := resource.MakeCustomResourceReference(role.urn, resource.ID(role.id), "")
	itself := resource.MakeComponentResourceReference(cluster.urn, "")
	core := coreOutput(m, out)
	all := []any{"subnet-pub-a", "subnet-pub-b", "subnet-priv-a", "subnet-priv-b"}
	for _, tc := range []struct {
		name    string
		cluster resource.PropertyValue
		in      map[string]any
		want    map[string]any
		ignore  []string
	}{
		{
			name: "defaults", cluster: core,
			want: map[string]any{
				"clusterName": "roman-sit", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes", "version": "1.33", "subnetIds": all,
				"scalingConfig": map[string]any{"desiredSize": 2.0, "minSize": 1.0, "maxSize": 2.0},
			},
		},
		{
			name: "the cluster itself", cluster: itself,
			want: map[string]any{
				"clusterName": "roman-sit", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes", "version": "1.33", "subnetIds": all,
				"scalingConfig": map[string]any{"desiredSize": 2.0, "minSize": 1.0, "maxSize": 2.0},
			},
		},
		{
			name: "everything", cluster: core,
			in: map[string]any{
				"nodeGroupName": "user", "subnetIds": []any{"subnet-priv-a"}, "instanceTypes": []any{"t3.xlarge"}, "capacityType": "SPOT",
				"scalingConfig": map[string]any{"desiredSize": 0, "minSize": 0, "maxSize": 10}, "ignoreScalingChanges": true, "diskSize": 80,
				"labels":  map[string]any{"hub.jupyter.org/node-purpose": "user"},
				"taints":  []any{map[string]any{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NO_SCHEDULE"}},
				"amiType": "AL2023_x86_64_STANDARD", "version": "1.32", "tags": map[string]any{"hub": "roman"},
			},
			want: map[string]any{
				"clusterName": "roman-sit", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes", "version": "1.32",
				"nodeGroupName": "user", "subnetIds": []any{"subnet-priv-a"}, "instanceTypes": []any{"t3.xlarge"}, "capacityType": "SPOT",
				"scalingConfig": map[string]any{"desiredSize": 0.0, "minSize": 0.0, "maxSize": 10.0}, "diskSize": 80.0,
				"labels":  map[string]any{"hub.jupyter.org/node-purpose": "user"},
				"taints":  []any{map[string]any{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NO_SCHEDULE"}},
				"amiType": "AL2023_x86_64_STANDARD", "tags": map[string]any{"hub": "roman"},
			},
			ignore: []string{"scalingConfig.desiredSize"},
		},
		{
			name: "launch template", cluster: core,
			in: map[string]any{"launchTemplate": map[string]any{"id": output("lt-1", role.urn), "version": "3"}, "subnetIds": []any{"subnet-priv-a"}},
			want: map[string]any{ // no version: the template's image decides
				"clusterName": "roman-sit", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes", "subnetIds": []any{"subnet-priv-a"},
				"launchTemplate": map[string]any{"id": "lt-1", "version": "3"},
				"scalingConfig":  map[string]any{"desiredSize": 2.0, "minSize": 1.0, "maxSize": 2.0},
			},
		},
		{
			name: "operating system", cluster: core,
			in: map[string]any{"operatingSystem": "AL2023", "instanceTypes": []any{"m7g.large"}, "subnetIds": []any{"subnet-priv-a"}},
			want: map[string]any{
				"clusterName": "roman-sit", "nodeRoleArn": "arn:aws:iam::000000000000:role/nodes", "version": "1.33",
				"subnetIds": []any{"subnet-priv-a"}, "instanceTypes": []any{"m7g.large"}, "amiType": "AL2023_ARM_64_STANDARD",
				"scalingConfig": map[string]any{"desiredSize": 2.0, "minSize": 1.0, "maxSize": 2.0},
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := resource.NewPropertyMapFromMap(tc.in)
			in["cluster"], in["nodeRole"] = tc.cluster, nodeRole
			m.t = t
			out := m.must(nodeGroupType, tc.name, in)
			group := m.named("aws:eks/nodeGroup:NodeGroup", tc.name)
			if diff := cmp.Diff(tc.want, group.plainIn()); diff != "" {
				t.Errorf("inputs (-pulumi-eks +sandbox):\n%s", diff)
			}
			if diff := cmp.Diff(tc.ignore, group.ignore); diff != "" {
				t.Errorf("ignored changes:\n%s", diff)
			}
			if group.parent != tc.name || group.provider != awsProvider {
				t.Errorf("parent %q, provider %q", group.parent, group.provider)
			}
			if !plain(out["nodeGroup"]).IsResourceReference() || plain(out["placementGroupName"]).V != "" {
				t.Errorf("outputs: %v", out)
			}
		})
	}
}

func TestAmiTypes(t *testing.T) {
	for _, tc := range []struct {
		types []string
		arm   bool
		wrong bool
	}{
		{types: nil},
		{types: []string{"t3.xlarge", "g4dn.xlarge"}},
		{types: []string{"m7g.large", "c6gn.16xlarge"}, arm: true},
		{types: []string{"t3.large", "t4g.large"}, wrong: true},
		{types: []string{"large"}, wrong: true},
	} {
		got, err := arm(tc.types)
		if got != tc.arm || (err != nil) != tc.wrong {
			t.Errorf("arm(%v) = %t, %v", tc.types, got, err)
		}
	}
}
