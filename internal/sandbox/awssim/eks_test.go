package awssim_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func TestClusterOutputs(t *testing.T) {
	w, c := aws(t)
	n, before := network(c, 2), w.Clock.Now()
	r := serviceRole(c, "eks", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
	in := M{"name": "k", "roleArn": r.Out["arn"], "version": "1.33", "vpcConfig": M{"subnetIds": n.ids(), "endpointPublicAccess": true}}
	k := c.Must(cluster, "k", in)
	if took := w.Clock.Now().Sub(before); took < 10*time.Minute {
		t.Errorf("the cluster took %s, want ten minutes at least", took)
	}
	address, _ := k.Out["endpoint"].(string)
	hex := strings.TrimSuffix(strings.TrimPrefix(address, "https://"), ".gr7.us-east-1.eks.amazonaws.com")
	if len(hex) != 32 {
		t.Errorf("endpoint %q, want https://<32 digits>.gr7.us-east-1.eks.amazonaws.com", address)
	}
	want := []any{M{"oidcs": []any{M{"issuer": "https://oidc.eks.us-east-1.amazonaws.com/id/" + hex}}}}
	if diff := cmp.Diff(want, k.Out["identities"]); diff != "" {
		t.Errorf("identities (-want +got):\n%s", diff)
	}
	ca, _ := k.Out["certificateAuthority"].(M)["data"].(string)
	if _, err := base64.StdEncoding.DecodeString(ca); ca == "" || err != nil {
		t.Errorf("certificate authority %q: %v", ca, err)
	}
	config, _ := k.Out["vpcConfig"].(M)
	sg, _ := config["clusterSecurityGroupId"].(string)
	if config["vpcId"] != n.vpc.ID || !strings.HasPrefix(sg, "sg-") {
		t.Errorf("vpcConfig %v, want the VPC and a security group", config)
	}

	// What EKS filled in is no difference, neither after a refresh nor after an update.
	if exists, err := k.Read(); !exists || err != nil {
		t.Fatal(exists, err)
	}
	if d := k.Diff(in); len(d.Changed) > 0 {
		t.Errorf("differences after a refresh: %v", d.Changed)
	}
	in["enabledClusterLogTypes"] = []any{"api"}
	accepts(t, "an update", k.Update(in))
	if got := out(k, "vpcConfig.clusterSecurityGroupId"); got != sg {
		t.Errorf("security group after an update %v, want %v", got, sg)
	}

	other := c.Must(group, "nfs", M{"name": "nfs", "vpcId": n.vpc.ID})
	rule := c.Must(ingress, "nfs", M{"securityGroupId": other.ID, "ipProtocol": "tcp", "fromPort": 2049, "toPort": 2049, "referencedSecurityGroupId": sg})
	refuses(t, "a subnet with a control plane", n.subnets[0].Delete(), "DependencyViolation", "Amazon EKS k")
	accepts(t, "the rule", rule.Delete())
	accepts(t, "the cluster", k.Delete())
	left := 0
	_ = w.View(func(tx *world.Tx) error { left = len(tx.List("aws:eni")); return nil })
	if left != 0 {
		t.Errorf("%d network interfaces left behind", left)
	}
}

func TestClusterRefusals(t *testing.T) {
	_, c := aws(t)
	n, k := eks(c)
	sameZone := c.Must(subnet, "s9", M{"vpcId": n.vpc.ID, "cidrBlock": "172.16.9.0/24", "availabilityZone": "us-east-1a"})
	noEKS := c.Must(subnet, "s8", M{"vpcId": n.vpc.ID, "cidrBlock": "172.16.8.0/24", "availabilityZone": "us-east-1e"})
	wrong := serviceRole(c, "ec2", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
	bare := c.Must(role, "bare", M{"name": "bare", "assumeRolePolicy": trust("eks.amazonaws.com")})
	good := k.Out["roleArn"]
	in := func(change M) M {
		out := M{"name": "x", "roleArn": good, "vpcConfig": M{"subnetIds": n.ids()}}
		for key, v := range change {
			out[key] = v
		}
		return out
	}
	for name, try := range map[string]struct {
		in   M
		want string
	}{
		"name":           {in(M{"name": "a b"}), "1 to 100 letters"},
		"name taken":     {in(M{"name": "roman-sit"}), "ResourceInUseException: Cluster already exists with name: roman-sit"},
		"one subnet":     {in(M{"vpcConfig": M{"subnetIds": n.ids()[:1]}}), "InvalidParameterException: Subnets specified must be in at least two different AZs"},
		"one zone":       {in(M{"vpcConfig": M{"subnetIds": []any{n.subnets[0].ID, sameZone.ID}}}), "Subnets specified must be in at least two different AZs"},
		"no subnet":      {in(M{"vpcConfig": M{"subnetIds": []any{"subnet-0", "subnet-1"}}}), "The subnet ID 'subnet-0' does not exist"},
		"zone":           {in(M{"vpcConfig": M{"subnetIds": append(n.ids(), noEKS.ID)}}), "UnsupportedAvailabilityZoneException: Cannot create cluster 'x' because us-east-1e"},
		"role missing":   {in(M{"roleArn": "arn:aws:iam::" + account + ":role/none"}), "could not be assumed because it does not exist or the trusted entity is not correct"},
		"role trust":     {in(M{"roleArn": wrong.Out["arn"]}), "could not be assumed because it does not exist or the trusted entity is not correct"},
		"role bare":      {in(M{"roleArn": bare.Out["arn"]}), "AmazonEKSClusterPolicy"},
		"version form":   {in(M{"version": "1.33.2"}), "a minor version of Kubernetes"},
		"version old":    {in(M{"version": "1.20"}), "unsupported Kubernetes version 1.20"},
		"no endpoint":    {in(M{"vpcConfig": M{"subnetIds": n.ids(), "endpointPublicAccess": false, "endpointPrivateAccess": false}}), "Private and public endpoint access cannot be set to false"},
		"log type":       {in(M{"enabledClusterLogTypes": []any{"everything"}}), `"everything" is none of`},
		"service range":  {in(M{"kubernetesNetworkConfig": M{"serviceIpv4Cidr": "172.16.0.0/16"}}), "apart from the VPC's"},
		"key missing":    {in(M{"encryptionConfig": M{"provider": M{"keyArn": "arn:aws:kms:us-east-1:1:key/none"}}}), "does not exist or cannot be used"},
		"group missing":  {in(M{"vpcConfig": M{"subnetIds": n.ids(), "securityGroupIds": []any{"sg-0"}}}), "InvalidGroup.NotFound"},
		"public address": {in(M{"vpcConfig": M{"subnetIds": n.ids(), "publicAccessCidrs": []any{"10.0.0.1/8"}}}), "did you mean"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Create(cluster, "x", try.in)
			refuses(t, name, err, try.want)
		})
	}
	up := func(version string) M {
		return M{"name": "roman-sit", "roleArn": good, "version": version, "vpcConfig": M{"subnetIds": n.ids()}}
	}
	refuses(t, "two versions up", k.Update(up("1.35")), "Unsupported Kubernetes minor version update from 1.33 to 1.35")
	refuses(t, "a version down", k.Update(up("1.32")), "Unsupported Kubernetes minor version update")
	accepts(t, "one version up", k.Update(up("1.34")))
}

// group makes a node group.
func nodeGroup(c *simtest.Conn, n net, name string, change M) (*simtest.Resource, error) {
	in := M{
		"clusterName": "roman-sit", "nodeGroupName": name, "nodeRoleArn": "arn:aws:iam::" + account + ":role/nodes", "subnetIds": n.ids(),
		"instanceTypes": []any{"t3.xlarge"}, "scalingConfig": M{"minSize": 0, "maxSize": 10, "desiredSize": 2},
	}
	for key, v := range change {
		in[key] = v
	}
	return c.Create(nodes, name, in)
}

func TestNodeGroup(t *testing.T) {
	w, c := aws(t)
	n, k := eks(c)
	serviceRole(c, "nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
	ng, err := nodeGroup(c, n, "user", M{
		"labels": M{"hub.jupyter.org/node-purpose": "user"}, "taints": []any{M{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NO_SCHEDULE"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func() (zones []string, first *world.Object) {
		_ = w.View(func(tx *world.Tx) error {
			for _, o := range tx.List("k8s:v1/Node") {
				zones = append(zones, o.String("zone"))
				first = o
			}
			return nil
		})
		return zones, first
	}
	zones, node := read()
	if diff := cmp.Diff([]string{"us-east-1a", "us-east-1b"}, zones); diff != "" {
		t.Errorf("zones of the nodes (-want +got):\n%s", diff)
	}
	if node.String("cluster") != "roman-sit" || node.String("instanceType") != "t3.xlarge" || node.String("version") == "" {
		t.Errorf("node %v lacks what Kubernetes shows of it", node.Props)
	}
	labels, _ := node.Props["labels"].(M)
	if labels["hub.jupyter.org/node-purpose"] != "user" || labels["eks.amazonaws.com/nodegroup"] != "user" {
		t.Errorf("labels %v", labels)
	}
	if diff := cmp.Diff([]any{M{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}}, node.Props["taints"]); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	asg := out(ng, "resources[0].autoscalingGroups[0].name")
	if !strings.HasPrefix(asg, "eks-user-") {
		t.Errorf("Auto Scaling group %q, want eks-user-…", asg)
	}
	c.Must(asgTag, "t", M{"autoscalingGroupName": asg, "tag": M{"key": "k8s.io/cluster-autoscaler/enabled", "value": "true", "propagateAtLaunch": false}})
	_, err = c.Create(asgTag, "t2", M{"autoscalingGroupName": "eks-none", "tag": M{"key": "a", "value": "b"}})
	refuses(t, "a tag for no group", err, "AutoScalingGroup name not found")

	refuses(t, "a subnet with nodes", n.subnets[0].Delete(), "DependencyViolation")
	refuses(t, "a cluster with node groups", k.Delete(), "ResourceInUseException: Cluster has nodegroups attached")
	change := M{}
	for key, v := range ng.In {
		change[key] = v
	}
	change["scalingConfig"] = M{"minSize": 0, "maxSize": 10, "desiredSize": 0}
	accepts(t, "scaling to nothing", ng.Update(change))
	if zones, _ := read(); len(zones) != 0 {
		t.Errorf("nodes in %v after scaling to nothing", zones)
	}
	accepts(t, "the node group", ng.Delete())
	accepts(t, "the cluster", k.Delete())
}

func TestNodeGroupRefusals(t *testing.T) {
	_, c := aws(t)
	n, _ := eks(c)
	serviceRole(c, "nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
	if _, err := nodeGroup(c, n, "core", nil); err != nil {
		t.Fatal(err)
	}
	private := c.Must(subnet, "p", M{"vpcId": n.vpc.ID, "cidrBlock": "172.16.20.0/24"})
	quiet := c.Must(subnet, "q", M{"vpcId": n.vpc.ID, "cidrBlock": "172.16.21.0/24"})
	c.Must(assoc, "q", M{"routeTableId": n.tables[0].ID, "subnetId": quiet.ID})
	c.Must(role, "bare", M{"name": "bare", "assumeRolePolicy": trust("ec2.amazonaws.com")})
	arn := func(name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	for name, try := range map[string]struct {
		group  string
		change M
		want   string
		exists bool // the group is made, but does not come up
	}{
		"name":             {"a b", nil, "1 to 63 letters", false},
		"name taken":       {"core", nil, "ResourceInUseException: NodeGroup already exists with name core", false},
		"cluster":          {"x", M{"clusterName": "none"}, "ResourceNotFoundException: No cluster found for name: none.", false},
		"role missing":     {"x", M{"nodeRoleArn": arn("none")}, "The role with name none cannot be found.", false},
		"role trust":       {"x", M{"nodeRoleArn": arn("eks")}, "required service principals [ec2.amazonaws.com]", false},
		"min over desired": {"x", M{"scalingConfig": M{"minSize": 3, "maxSize": 3, "desiredSize": 1}}, "Minimum capacity 3 can't be greater than desired size 1", false},
		"desired over max": {"x", M{"scalingConfig": M{"minSize": 0, "maxSize": 1, "desiredSize": 2}}, "can't be greater than max size 1", false},
		"instance type":    {"x", M{"instanceTypes": []any{"large"}}, "The following supplied instance types do not exist: [large]", false},
		"AMI type":         {"x", M{"amiType": "DEBIAN"}, "expected amiType to be one of", false},
		"taint effect":     {"x", M{"taints": []any{M{"key": "k", "effect": "NoSchedule"}}}, "NO_SCHEDULE", false},
		"newer version":    {"x", M{"version": "1.34"}, "Requested Nodegroup release version 1.34 is invalid", false},
		"disk twice":       {"x", M{"diskSize": 50, "launchTemplate": M{"id": "lt-0", "version": "1"}}, "Disk size must be specified within the launch template", false},
		"no template":      {"x", M{"launchTemplate": M{"id": "lt-0", "version": "1"}}, "Launch template with id lt-0 was not found", false},
		"no way out":       {"y", M{"subnetIds": []any{private.ID}}, "no route to the internet", true},
		"no address":       {"z", M{"subnetIds": []any{quiet.ID}}, "does not automatically assign public IP addresses", true},
		"no rights":        {"w", M{"nodeRoleArn": arn("bare")}, "NodeCreationFailure", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := nodeGroup(c, n, try.group, try.change)
			refuses(t, name, err, try.want)
			if simtest.InitFailed(err) != try.exists {
				t.Errorf("%s: the group exists: %v, want %v", name, simtest.InitFailed(err), try.exists)
			}
		})
	}
}

func TestAddons(t *testing.T) {
	_, c := aws(t)
	n, _ := eks(c)
	in := func(name, version string) M {
		return M{"clusterName": "roman-sit", "addonName": name, "addonVersion": version}
	}
	c.Must(addon, "cni", in("vpc-cni", "v1.20.4-eksbuild.2"))
	for name, try := range map[string]struct {
		in   M
		want string
	}{
		"unknown":    {in("ingress", "v1.0.0-eksbuild.1"), "Addon ingress specified is not supported"},
		"version":    {in("coredns", "1.11.4"), "vX.Y.Z-eksbuild.N"},
		"twice":      {in("vpc-cni", "v1.20.4-eksbuild.2"), "ResourceInUseException: Addon already exists."},
		"no cluster": {M{"clusterName": "none", "addonName": "coredns"}, "No cluster found"},
		"settings":   {M{"clusterName": "roman-sit", "addonName": "coredns", "configurationValues": "[1"}, "ConfigurationValue"},
		"role":       {M{"clusterName": "roman-sit", "addonName": "coredns", "serviceAccountRoleArn": "arn:aws:iam::" + account + ":role/none"}, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Create(addon, "x", try.in)
			refuses(t, name, err, try.want)
		})
	}
	dns, err := c.Create(addon, "dns", in("coredns", "v1.12.4-eksbuild.1"))
	refuses(t, "CoreDNS without nodes", err, "last state: 'DEGRADED'")
	if !simtest.InitFailed(err) {
		t.Errorf("CoreDNS without nodes: %v, want it made all the same", err)
	}
	serviceRole(c, "nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
	if _, err := nodeGroup(c, n, "core", nil); err != nil {
		t.Fatal(err)
	}
	accepts(t, "CoreDNS with nodes", dns.Update(in("coredns", "v1.12.4-eksbuild.1")))
}

func TestAccess(t *testing.T) {
	_, c := aws(t)
	eks(c)
	hub := c.Must(role, "hub", M{"name": "hub", "assumeRolePolicy": trust("ec2.amazonaws.com")})
	in := M{"clusterName": "roman-sit", "principalArn": hub.Out["arn"]}
	e := c.Must(entry, "e", in)
	_, err := c.Create(entry, "again", in)
	refuses(t, "a second entry", err, "ResourceInUseException: The specified access entry resource is already in use on this cluster.")
	_, err = c.Create(entry, "creator", M{"clusterName": "roman-sit", "principalArn": "arn:aws:iam::" + account + ":user/sandbox"})
	refuses(t, "an entry for the creator, who has one", err, "ResourceInUseException")
	_, err = c.Create(entry, "none", M{"clusterName": "roman-sit", "principalArn": "arn:aws:iam::" + account + ":role/none"})
	refuses(t, "an entry for no role", err, "invalid principal")
	_, err = c.Create(entry, "masters", M{"clusterName": "roman-sit", "principalArn": hub.Out["arn"], "kubernetesGroups": []any{"system:masters"}})
	refuses(t, "an entry in a system group", err, "it cannot start with system:")

	view := M{
		"clusterName": "roman-sit", "principalArn": hub.Out["arn"], "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
		"accessScope": M{"type": "namespace", "namespaces": []any{"a"}},
	}
	a := c.Must(access, "a", view)
	view["policyArn"] = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	_, err = c.Create(access, "b", view)
	refuses(t, "another policy", err, "policyArn")
	accepts(t, "the entry", e.Delete())
	if exists, _ := a.Read(); exists {
		t.Error("the association outlived its entry")
	}
}
