package ekssim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

const admin = "arn:aws:iam::000000000000:role/admin"

// clusterInputs are a cluster's arguments as a deployment gives them, with changes on top; a nil change takes an argument away.
func clusterInputs(changes map[string]any) resource.PropertyMap {
	in := map[string]any{
		"name":                      "roman-sit",
		"version":                   "1.33",
		"publicSubnetIds":           []any{"subnet-pub-a", "subnet-pub-b"},
		"privateSubnetIds":          []any{"subnet-priv-a", "subnet-priv-b"},
		"authenticationMode":        "API",
		"skipDefaultNodeGroup":      true,
		"skipDefaultSecurityGroups": true,
		"createOidcProvider":        false,
		"endpointPublicAccess":      true,
		"endpointPrivateAccess":     true,
		"publicAccessCidrs":         []any{"192.0.2.0/24"},
		"enabledClusterLogTypes":    []any{"audit"},
		"encryptionConfigKeyArn":    "arn:aws:kms:us-east-1:000000000000:key/k",
		"tags":                      map[string]any{"owner": "dmd"},
		"clusterTags":               map[string]any{"owner": "nobody", "tier": "core"},
		"providerCredentialOpts":    map[string]any{"roleArn": admin, "profileName": "work"},
		"kubeProxyAddonOptions":     map[string]any{"version": "v1.33.0-eksbuild.2", "resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "PRESERVE"},
		"vpcCniOptions":             map[string]any{"addonVersion": "v1.19.5-eksbuild.1", "warmIpTarget": 4},
		"accessEntries": map[string]any{"admin": map[string]any{
			"principalArn": admin, "username": "boss", "type": "STANDARD", "kubernetesGroups": []any{"ops"},
			"accessPolicies": map[string]any{"all": map[string]any{
				"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", "accessScope": map[string]any{"type": "cluster"},
			}},
		}},
	}
	for k, v := range changes {
		in[k] = v
		if v == nil {
			delete(in, k)
		}
	}
	props := resource.NewPropertyMapFromMap(in)
	if _, changed := changes["vpcId"]; !changed {
		props["vpcId"] = output("vpc-1", "urn:pulumi:staging::test::aws:ec2/vpc:Vpc::net")
	}
	return props
}

// children is what pulumi-eks 3.9.1 registers for clusterInputs and a node group "hub-core": type, name, parent. Recorded from the real provider.
var children = []string{
	"aws:eks/accessEntry:AccessEntry hub-admin < hub",
	"aws:eks/accessPolicyAssociation:AccessPolicyAssociation hub-admin-all < hub-admin",
	"aws:eks/addon:Addon hub-kube-proxy < hub",
	"aws:eks/addon:Addon hub-vpc-cni < hub-vpc-cni",
	"aws:eks/cluster:Cluster hub-eksCluster < hub",
	"aws:eks/nodeGroup:NodeGroup hub-core < hub-core",
	"aws:iam/role:Role hub-eksRole-role < hub-eksRole",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment hub-eksRole-4b490823 < hub-eksRole",
	"eks:index:Cluster hub < ",
	"eks:index:ManagedNodeGroup hub-core < ",
	"eks:index:ServiceRole hub-eksRole < hub",
	"eks:index:VpcCniAddon hub-vpc-cni < hub",
	"pulumi:providers:kubernetes hub-eks-k8s < hub",
}

// groupChildren is what there is more without skipDefaultSecurityGroups.
var groupChildren = []string{
	"aws:ec2/securityGroup:SecurityGroup hub-eksClusterSecurityGroup < hub",
	"aws:ec2/securityGroup:SecurityGroup hub-nodeSecurityGroup < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksClusterIngressRule < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksClusterInternetEgressRule < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksExtApiServerClusterIngressRule < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksNodeClusterIngressRule < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksNodeIngressRule < hub",
	"aws:ec2/securityGroupRule:SecurityGroupRule hub-eksNodeInternetEgressRule < hub",
}

// registered lists what was registered beside the deployer's provider, and checks that every aws resource within a component got that provider.
func (m *monitor) registered() []string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.all {
		if r.token == "pulumi:providers:aws" {
			continue
		}
		out = append(out, r.token+" "+r.name+" < "+r.parent)
		if strings.HasPrefix(r.token, "aws:") && r.parent != "" && r.provider != awsProvider {
			m.t.Errorf("%s %s was registered with provider %q", r.token, r.name, r.provider)
		}
	}
	slices.Sort(out)
	return out
}

// The engine hands resources and what depends on what only to providers that say they accept them; without it a cluster's core cannot be
// passed to a node group.
func TestConfigure(t *testing.T) {
	res, err := newMonitor(t).client.Configure(t.Context(), &rpc.ConfigureRequest{AcceptSecrets: true, AcceptResources: true})
	if err != nil {
		t.Fatal(err)
	}
	if !res.GetAcceptResources() || !res.GetAcceptOutputs() || !res.GetAcceptSecrets() {
		t.Errorf("accepted: %v", res)
	}
}

func TestChildren(t *testing.T) {
	m := newMonitor(t)
	out := m.must(clusterType, "hub", clusterInputs(nil))
	m.must(nodeGroupType, "hub-core", resource.PropertyMap{
		"cluster": coreOutput(m, out), "nodeRoleArn": resource.NewProperty("arn:aws:iam::000000000000:role/nodes"),
	})
	if diff := cmp.Diff(children, m.registered()); diff != "" {
		t.Errorf("registered (-pulumi-eks +sandbox):\n%s", diff)
	}
	if want := []string{"hub-eksRole-4b490823", "hub-eksRole-role"}; !containsAll(m.named("aws:eks/cluster:Cluster", "hub-eksCluster").deps, want) {
		t.Errorf("the cluster does not wait for its role's policies: %v", m.named("aws:eks/cluster:Cluster", "hub-eksCluster").deps)
	}
	if !containsAll(m.named(vpcCniType, "hub-vpc-cni").deps, []string{"hub-admin"}) {
		t.Errorf("the network add-on does not wait for the access entries: %v", m.named(vpcCniType, "hub-vpc-cni").deps)
	}
	if slices.Contains(m.invokes, "aws:eks/getAddonVersion:getAddonVersion") {
		t.Error("versions were looked up although they are pinned")
	}
}

func TestSecurityGroups(t *testing.T) {
	m := newMonitor(t)
	out := m.must(clusterType, "hub", clusterInputs(map[string]any{
		"skipDefaultSecurityGroups": false, "nodeSecurityGroupTags": map[string]any{"for": "nodes"},
	}))
	want := slices.DeleteFunc(slices.Concat(children, groupChildren), func(row string) bool { return strings.Contains(row, "hub-core") })
	slices.Sort(want)
	if diff := cmp.Diff(want, m.registered()); diff != "" {
		t.Errorf("registered (-pulumi-eks +sandbox):\n%s", diff)
	}
	node := m.named("aws:ec2/securityGroup:SecurityGroup", "hub-nodeSecurityGroup").plainIn()
	if diff := cmp.Diff(map[string]any{
		"vpcId": "vpc-1", "revokeRulesOnDelete": true, "description": "Managed by Pulumi",
		"tags": map[string]any{"Name": "hub-nodeSecurityGroup", "kubernetes.io/cluster/roman-sit": "owned", "for": "nodes", "owner": "dmd"},
	}, node); diff != "" {
		t.Errorf("the nodes' group:\n%s", diff)
	}
	rule := m.named("aws:ec2/securityGroupRule:SecurityGroupRule", "hub-eksClusterIngressRule").plainIn()
	if diff := cmp.Diff(map[string]any{
		"description": "Allow pods to communicate with the cluster API Server", "type": "ingress", "protocol": "tcp",
		"fromPort": 443.0, "toPort": 443.0,
		"securityGroupId": "hub-eksClusterSecurityGroup-id", "sourceSecurityGroupId": "hub-nodeSecurityGroup-id",
	}, rule); diff != "" {
		t.Errorf("the rule for nodes to reach the API server:\n%s", diff)
	}
	plain := provider.Plain(out)
	for key, want := range map[string]string{
		"clusterSecurityGroupId": "hub-eksClusterSecurityGroup-id",
		"nodeSecurityGroupId":    "hub-nodeSecurityGroup-id",
		"clusterIngressRuleId":   "sgr-hub-eksClusterIngressRule",
	} {
		if plain[key] != want {
			t.Errorf("%s = %v, want %s", key, plain[key], want)
		}
	}
}

func TestClusterInputs(t *testing.T) {
	m := newMonitor(t)
	m.must(clusterType, "hub", clusterInputs(nil))
	for _, want := range []struct {
		token, name string
		in          map[string]any
	}{
		{"aws:iam/role:Role", "hub-eksRole-role", map[string]any{
			"description": "Allows EKS to manage clusters on your behalf.",
			"assumeRolePolicy": `{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole","sts:TagSession"],"Effect":"Allow",` +
				`"Principal":{"Service":["eks.amazonaws.com"]}}]}`,
			"tags": map[string]any{"owner": "dmd"},
		}},
		{"aws:iam/rolePolicyAttachment:RolePolicyAttachment", "hub-eksRole-4b490823", map[string]any{
			"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy", "role": "hub-eksRole-role-id",
		}},
		{"aws:eks/cluster:Cluster", "hub-eksCluster", map[string]any{
			"name": "roman-sit", "version": "1.33", "roleArn": "arn:aws:iam::000000000000:role/hub-eksRole-role",
			"vpcConfig": map[string]any{
				"subnetIds":            []any{"subnet-pub-a", "subnet-pub-b", "subnet-priv-a", "subnet-priv-b"},
				"endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": []any{"192.0.2.0/24"},
			},
			"accessConfig":           map[string]any{"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": true},
			"enabledClusterLogTypes": []any{"audit"},
			"encryptionConfig": map[string]any{
				"provider": map[string]any{"keyArn": "arn:aws:kms:us-east-1:000000000000:key/k"}, "resources": []any{"secrets"},
			},
			"tags": map[string]any{"Name": "hub-eksCluster", "owner": "dmd", "tier": "core"},
		}},
		{"aws:eks/addon:Addon", "hub-kube-proxy", map[string]any{
			"addonName": "kube-proxy", "addonVersion": "v1.33.0-eksbuild.2", "clusterName": "roman-sit", "preserve": true,
			"resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "PRESERVE", "tags": map[string]any{"owner": "dmd"},
		}},
		{"aws:eks/addon:Addon", "hub-vpc-cni", map[string]any{
			"addonName": "vpc-cni", "addonVersion": "v1.19.5-eksbuild.1", "clusterName": "roman-sit", "preserve": true,
			"resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "OVERWRITE", "tags": map[string]any{"owner": "dmd"},
			"configurationValues": `{"env":{"AWS_VPC_ENI_MTU":"9001","AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG":"false","AWS_VPC_K8S_CNI_EXTERNALSNAT":"false",` +
				`"AWS_VPC_K8S_CNI_LOGLEVEL":"DEBUG","AWS_VPC_K8S_CNI_LOG_FILE":"/host/var/log/aws-routed-eni/ipamd.log","AWS_VPC_K8S_CNI_VETHPREFIX":"eni",` +
				`"AWS_VPC_K8S_PLUGIN_LOG_FILE":"/var/log/aws-routed-eni/plugin.log","AWS_VPC_K8S_PLUGIN_LOG_LEVEL":"DEBUG","ENABLE_POD_ENI":"false",` +
				`"WARM_ENI_TARGET":"1","WARM_IP_TARGET":"4"},"init":{"env":{"DISABLE_TCP_EARLY_DEMUX":"false"}}}`,
		}},
		{"aws:eks/accessEntry:AccessEntry", "hub-admin", map[string]any{
			"clusterName": "roman-sit", "principalArn": admin, "userName": "boss", "type": "STANDARD", "kubernetesGroups": []any{"ops"},
		}},
		{"aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "hub-admin-all", map[string]any{
			"clusterName": "roman-sit", "principalArn": admin, "accessScope": map[string]any{"type": "cluster"},
			"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
		}},
		{"pulumi:providers:kubernetes", "hub-eks-k8s", map[string]any{"kubeconfig": kubeconfigText(`,"--role","` + admin + `","--profile","work"`)}},
	} {
		if diff := cmp.Diff(want.in, m.named(want.token, want.name).plainIn()); diff != "" {
			t.Errorf("%s %s (-pulumi-eks +sandbox):\n%s", want.token, want.name, diff)
		}
	}
	ignored := m.named("aws:eks/cluster:Cluster", "hub-eksCluster").ignore
	if !containsAll(ignored, []string{"accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"}) {
		t.Errorf("the cluster ignores changes of %v", ignored)
	}
}

// kubeconfigText is the text of the kubeconfig of pulumi-eks, with more arguments for the aws command.
func kubeconfigText(more string) string {
	return `{"apiVersion":"v1","clusters":[{"cluster":{"server":"https://cluster.example.test","certificate-authority-data":"Q0E="},"name":"kubernetes"}],` +
		`"contexts":[{"context":{"cluster":"kubernetes","user":"aws"},"name":"aws"}],"current-context":"aws","kind":"Config",` +
		`"users":[{"name":"aws","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1beta1","command":"aws","args":["--region","us-east-1",` +
		`"eks","get-token","--cluster-name","roman-sit","--output","json"` + more + `],` +
		`"env":[{"name":"KUBERNETES_EXEC_INFO","value":"{\"apiVersion\": \"client.authentication.k8s.io/v1beta1\"}"}]}}}]}`
}

func TestClusterOutputs(t *testing.T) {
	m := newMonitor(t)
	out := m.must(clusterType, "hub", clusterInputs(nil))
	got := provider.Plain(out)
	for key, want := range map[string]any{
		"autoModeNodeRoleName": "", "clusterIngressRuleId": "", "defaultNodeGroupAsgName": "", "fargateProfileId": "", "fargateProfileStatus": "",
		"oidcProviderArn": "", "oidcProviderUrl": "https://oidc.example.test/id/0", "oidcIssuer": "oidc.example.test/id/0",
		"clusterSecurityGroupId": "sg-own", "nodeSecurityGroupId": "sg-own",
		"kubeconfigJson": kubeconfigText(`,"--role","` + admin + `"`), // without the profile
		"eksCluster":     "hub-eksCluster-id",
	} {
		if diff := cmp.Diff(want, got[key]); diff != "" {
			t.Errorf("%s:\n%s", key, diff)
		}
	}
	config, _ := got["kubeconfig"].(map[string]any)
	if config["kind"] != "Config" {
		t.Errorf("kubeconfig is no object: %v", got["kubeconfig"])
	}
	core := out["core"]
	if core.IsOutput() {
		core = core.OutputValue().Element
	}
	for _, key := range []string{"cluster", "clusterIamRole", "provider", "vpcCni"} {
		if v := core.ObjectValue()[resource.PropertyKey(key)]; !plain(v).IsResourceReference() {
			t.Errorf("core.%s is no reference to a resource but %v", key, v)
		}
	}
	keys := []string{}
	for k := range core.ObjectValue() {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	if diff := cmp.Diff([]string{
		"accessEntries", "autoModeNodeRoleName", "cluster", "clusterIamRole", "encryptionConfig", "endpoint", "instanceRoles", "kubeconfig",
		"nodeGroupOptions", "privateSubnetIds", "provider", "publicSubnetIds", "storageClasses", "subnetIds", "tags", "vpcCni", "vpcId",
	}, keys); diff != "" {
		t.Errorf("core:\n%s", diff)
	}
}

func TestClusterVariants(t *testing.T) {
	t.Run("given role", func(t *testing.T) {
		m := newMonitor(t)
		role := m.register("aws:iam/role:Role", "mine", "", resource.PropertyMap{})
		in := clusterInputs(nil)
		in["serviceRole"] = resource.MakeCustomResourceReference(role.urn, resource.ID(role.id), "")
		m.must(clusterType, "hub", in)
		if got := m.named("aws:eks/cluster:Cluster", "hub-eksCluster").plainIn()["roleArn"]; got != "arn:aws:iam::000000000000:role/mine" {
			t.Errorf("roleArn = %v", got)
		}
		if slices.ContainsFunc(m.registered(), func(row string) bool { return strings.HasPrefix(row, serviceRoleType) }) {
			t.Error("a service role was made in spite of the given one")
		}
	})
	t.Run("versions that are not pinned", func(t *testing.T) {
		m := newMonitor(t)
		m.must(clusterType, "hub", clusterInputs(map[string]any{
			"kubeProxyAddonOptions": nil, "vpcCniOptions": nil, "corednsAddonOptions": map[string]any{"enabled": true},
		}))
		for _, addon := range []string{"kube-proxy", "vpc-cni", "coredns"} {
			got := m.named("aws:eks/addon:Addon", "hub-"+addon).plainIn()["addonVersion"]
			if want := "newest " + addon + " for 1.33"; got != want {
				t.Errorf("%s: version %v, want %s", addon, got, want)
			}
		}
	})
	t.Run("add-ons left out", func(t *testing.T) {
		m := newMonitor(t)
		m.must(clusterType, "hub", clusterInputs(map[string]any{
			"kubeProxyAddonOptions": map[string]any{"enabled": false}, "useDefaultVpcCni": true, "vpcCniOptions": nil,
		}))
		if slices.ContainsFunc(m.registered(), func(row string) bool { return strings.Contains(row, "ddon") }) {
			t.Errorf("add-ons were registered: %v", m.registered())
		}
	})
	t.Run("address range", func(t *testing.T) {
		m := newMonitor(t)
		m.must(clusterType, "hub", clusterInputs(map[string]any{"kubernetesServiceIpAddressRange": "10.100.0.0/16"}))
		got := m.named("aws:eks/cluster:Cluster", "hub-eksCluster").plainIn()["kubernetesNetworkConfig"]
		if diff := cmp.Diff(map[string]any{"ipFamily": "ipv4", "serviceIpv4Cidr": "10.100.0.0/16"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPreview(t *testing.T) {
	m := newMonitor(t)
	m.dry = true
	in := clusterInputs(nil)
	in["privateSubnetIds"] = unknown
	out := m.must(clusterType, "hub", in)
	if v := m.named("aws:eks/cluster:Cluster", "hub-eksCluster").in["vpcConfig"]; !v.ObjectValue()["subnetIds"].ContainsUnknowns() {
		t.Errorf("the cluster's subnets are known in a preview: %v", v)
	}
	for _, key := range []resource.PropertyKey{"kubeconfig", "kubeconfigJson", "oidcIssuer"} {
		if v := out[key]; !v.ContainsUnknowns() {
			t.Errorf("%s is known in a preview: %v", key, v)
		}
	}
	m.must(nodeGroupType, "hub-core", resource.PropertyMap{
		"cluster":     unknown,
		"nodeRoleArn": unknown,
	})
	if diff := cmp.Diff(children, m.registered()); diff != "" {
		t.Errorf("registered (-pulumi-eks +sandbox):\n%s", diff)
	}
	group := m.named("aws:eks/nodeGroup:NodeGroup", "hub-core").in
	for _, key := range []resource.PropertyKey{"clusterName", "subnetIds", "version", "nodeRoleArn"} {
		if v := group[key]; !v.ContainsUnknowns() {
			t.Errorf("the node group's %s is known: %v", key, v)
		}
	}
}

// The children's making takes virtual time, which must be able to pass while a component waits for them.
func TestClockRuns(t *testing.T) {
	m := newMonitor(t)
	start, takes := m.world.Clock.Now(), 10*time.Minute
	m.before = func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return m.world.Clock.Until(ctx, m.world.Clock.Now().Add(takes))
	}
	m.must(clusterType, "hub", clusterInputs(nil))
	if passed := m.world.Clock.Now().Sub(start); passed < 2*takes { // the role, then the cluster
		t.Errorf("%v have passed, want at least %v", passed, 2*takes)
	}
}

func TestChildFails(t *testing.T) {
	m := newMonitor(t)
	n := 0
	m.before = func() error {
		if n++; n > 3 {
			return fmt.Errorf("quota exceeded")
		}
		return nil
	}
	_, err := m.construct(clusterType, "hub", clusterInputs(nil))
	if err == nil || !strings.Contains(err.Error(), "quota exceeded") {
		t.Errorf("error = %v", err)
	}
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
}
