package stacks

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// TestOrigin asks where properties of resources were written, in the deployment that ships with the program: what is told of a line is compared with what
// stands there.
func TestOrigin(t *testing.T) {
	const dir = ".."
	stack, err := config.Load(dir, "staging", nil, config.Options{Sandbox: true})
	if err != nil {
		t.Fatal(err)
	}
	computed, err := values.Compute(Values(stack, stack.Hub("hub")))
	if err != nil {
		t.Fatal(err)
	}
	const release, group = "hubwright:k8s:Hub$kubernetes:helm.sh/v3:Release::hub-release", "hubwright:aws:Cluster$eks:index:ManagedNodeGroup$aws:eks/nodeGroup:NodeGroup::cluster-user"
	const eks = "hubwright:aws:Cluster$eks:index:Cluster$aws:eks/cluster:Cluster::cluster-eks-eksCluster"
	for _, test := range []struct{ resource, property, file, line string }{
		{release, "values/cull/timeout", "hubs/hub/common.yaml", "timeout: 14400"},
		{release, "values/singleuser/extraFiles/culling.json/data/MappingKernelManager/cull_interval", "hubs/hub/common.yaml", "cull_interval: 300"},
		{release, "version", "Pulumi.yaml", "chart: {version: 4.4.0}"},
		{release, "values/hub/config/Authenticator/allowed_users/0", "Pulumi.yaml", "type: mast"},
		{release, "values/proxy/https/enabled", "Pulumi.yaml", "https: {type: manual}"},
		{group, "scalingConfig/maxSize", "Pulumi.yaml", "max: 10"},
		{group, "instanceTypes/0", "Pulumi.yaml", "instanceTypes: [t3.xlarge]"},
		{group, "tags/owner", "Pulumi.yaml", "- name: user"},
		{"hubwright:aws:Cluster$aws:ec2/launchTemplate:LaunchTemplate::cluster-user", "blockDeviceMappings/0/ebs/volumeSize", "Pulumi.yaml", "diskGiB: 150"},
		{"hubwright:aws:Cluster$aws:eks/addon:Addon::cluster-coredns", "addonVersion", "Pulumi.yaml", "coredns: {version: v1.13.2-eksbuild.4}"},
		{eks, "version", "Pulumi.yaml", `version: "1.35"`},
		{eks, "vpcConfig/publicAccessCidrs/0", "Pulumi.yaml", "publicCidrs: [0.0.0.0/0]"},
		{"hubwright:aws:DnsRecord$aws:route53/record:Record::hub-dns-cname", "zoneId", "Pulumi.yaml", "zone: science.stsci.edu"},
		{"hubwright:aws:Network$aws:ec2/vpc:Vpc::network-vpc", "cidrBlock", "Pulumi.yaml", "cidr: 172.16.0.0/16"},
		{"hubwright:aws:Registry$aws:ecr/repository:Repository::registry-user-image", "imageTagMutability", "", ""}, // nothing of it is written
		{"other:index:Thing::thing", "x", "", ""},
	} {
		got := Origin(stack, "urn:pulumi:staging::p::"+test.resource, strings.Split(test.property, "/"), computed)
		file, number, _ := strings.Cut(got, ":")
		line := ""
		if file != "" {
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			n, _ := strconv.Atoi(number)
			line = strings.TrimSpace(strings.Split(string(data), "\n")[max(n-1, 0)])
		}
		if file != test.file || line != test.line {
			t.Errorf("%s of %s: %q, which is %q; want %q in %s", test.property, test.resource, got, line, test.line, test.file)
		}
	}
}
