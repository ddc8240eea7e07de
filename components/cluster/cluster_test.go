package cluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/cluster"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

const (
	issuer   = "oidc.eks.us-east-1.amazonaws.com/id/AB12"
	endpoint = "https://AB12.gr7.us-east-1.eks.amazonaws.com"
	deployer = "arn:aws:iam::162808325377:role/roman-sit-deployer"
	gough    = "arn:aws:iam::162808325377:user/gough"
	sam      = "arn:aws:iam::162808325377:role/sam"
)

// newArgs is the seed's cluster with a spot group for users.
func newArgs() *cluster.Args {
	return &cluster.Args{
		Name: "roman-sit-staging", Region: "us-east-1", Version: "1.33", RoleArn: pulumi.String(deployer), CreatorArn: deployer,
		VpcID: pulumi.String("vpc-1"), PublicSubnetIDs: pulumi.StringArray{pulumi.String("subnet-1"), pulumi.String("subnet-2")},
		NodeSubnets: func(zones []string) (pulumi.StringArrayOutput, error) {
			ids := pulumi.StringArray{pulumi.String("subnet-1"), pulumi.String("subnet-2")}
			if len(zones) > 0 {
				ids = ids[:1]
			}
			return ids.ToStringArrayOutput(), nil
		},
		Admins: []string{deployer, gough},
		Addons: cluster.Addons{
			VpcCni: cluster.VpcCni{Version: "v1.19.0-eksbuild.1", WarmIPTarget: 1}, KubeProxy: "v1.33.0-eksbuild.2",
			CoreDNS: "v1.12.1-eksbuild.2", EbsCsi: "v1.45.0-eksbuild.2", EfsCsi: "v2.1.8-eksbuild.1",
		},
		NodeGroups: []cluster.NodeGroup{
			{
				Name: "user", Purpose: "user", InstanceTypes: []string{"t3.xlarge", "t3a.xlarge"}, Max: 100, DiskGiB: 150, Spot: true,
				Labels: map[string]string{"team": "roman"},
				Taints: []cluster.Taint{{Key: "hub.jupyter.org/dedicated", Value: "user", Effect: "NoSchedule"}},
			},
			{Name: "core", Purpose: "core", InstanceTypes: []string{"t3.small"}, Min: 1, Max: 3, Zones: []string{"us-east-1a"}},
		},
		Autoscaler: &cluster.Autoscaler{ChartVersion: "9.46.6"},
		Tags:       map[string]string{"deployment": "roman-sit"},
	}
}

// eksRecorder answers as pulumi-eks and EKS do.
func eksRecorder() *recorder.Recorder {
	text := func(s string) resource.PropertyValue { return resource.NewProperty(s) }
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		"aws:iam/role:Role": func(_ string, in resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"arn": text("arn:aws:iam::162808325377:role/" + in["name"].StringValue())}
		},
		"aws:iam/openIdConnectProvider:OpenIdConnectProvider": func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"arn": text("arn:aws:iam::162808325377:oidc-provider/" + issuer)}
		},
		"aws:ec2/launchTemplate:LaunchTemplate": func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"latestVersion": resource.NewProperty(7.0)}
		},
		"aws:eks/nodeGroup:NodeGroup": func(name string, _ resource.PropertyMap) resource.PropertyMap {
			group := resource.NewProperty(resource.PropertyMap{"name": text("eks-" + name)})
			return resource.PropertyMap{"resources": resource.NewProperty([]resource.PropertyValue{
				resource.NewProperty(resource.PropertyMap{"autoscalingGroups": resource.NewProperty([]resource.PropertyValue{group})}),
			})}
		},
		"eks:index:Cluster": func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{
				"kubeconfigJson": text(`{"kind":"Config"}`), "oidcIssuer": text(issuer), "oidcProviderUrl": text("https://" + issuer),
				"clusterSecurityGroupId": text("sg-1"), "core": resource.NewProperty(resource.PropertyMap{"endpoint": text(endpoint)}),
			}
		},
		"eks:index:ManagedNodeGroup": func(name string, _ resource.PropertyMap) resource.PropertyMap {
			urn := resource.URN("urn:pulumi:staging::hubwright::aws:eks/nodeGroup:NodeGroup::made-" + strings.TrimPrefix(name, "cluster-"))
			return resource.PropertyMap{"nodeGroup": resource.MakeCustomResourceReference(urn, "id", "")}
		},
	}}
}

// made registers the node groups that the plugin would make, for the recorder to hand out.
func made(ctx *pulumi.Context, groups []cluster.NodeGroup) error {
	for _, g := range groups {
		var group pulumi.CustomResourceState
		if err := ctx.RegisterResource("aws:eks/nodeGroup:NodeGroup", "made-"+g.Name, pulumi.Map{}, &group); err != nil {
			return err
		}
		registered := make(chan struct{})
		group.URN().ApplyT(func(pulumi.URN) int { close(registered); return 0 })
		<-registered
	}
	return nil
}

// run makes the cluster under an explicit provider; after sees it.
func run(r *recorder.Recorder, args *cluster.Args, after func(*pulumi.Context, *cluster.Cluster) error) error {
	return r.Run("staging", func(ctx *pulumi.Context) error {
		if err := made(ctx, args.NodeGroups); err != nil {
			return err
		}
		provider, err := aws.NewProvider(ctx, "deployer", &aws.ProviderArgs{Region: pulumi.String("us-east-1")})
		if err != nil {
			return err
		}
		c, err := cluster.New(ctx, "cluster", args, pulumi.Providers(provider))
		if err != nil || after == nil {
			return err
		}
		return after(ctx, c)
	})
}

func mustRun(t *testing.T, args *cluster.Args) *recorder.Recorder {
	t.Helper()
	r := eksRecorder()
	if err := run(r, args, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestControlPlane(t *testing.T) {
	args := newArgs()
	args.Endpoint = cluster.Endpoint{Public: true, Private: true, PublicCIDRs: []string{"192.0.2.0/24"}}
	args.LogTypes = []string{"api", "audit"}
	args.SecretsKeyArn = pulumi.String("arn:aws:kms:us-east-1:162808325377:key/k")
	r := mustRun(t, args)
	c := r.One(t, "eks:index:Cluster", "cluster-eks")
	c.CheckInputs(t, map[string]any{
		"name": "roman-sit-staging", "version": "1.33", "vpcId": "vpc-1", "publicSubnetIds[1]": "subnet-2",
		"authenticationMode": "API", "skipDefaultNodeGroup": true, "skipDefaultSecurityGroups": true, "createOidcProvider": false,
		"endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs[0]": "192.0.2.0/24",
		"enabledClusterLogTypes[1]": "audit", "encryptionConfigKeyArn": "arn:aws:kms:us-east-1:162808325377:key/k",
		"vpcCniOptions.addonVersion": "v1.19.0-eksbuild.1", "vpcCniOptions.warmIpTarget": 1.0,
		"kubeProxyAddonOptions.version": "v1.33.0-eksbuild.2", "providerCredentialOpts.roleArn": deployer,
		"tags.deployment": "roman-sit", "tags.Name": "roman-sit-staging",
	})
	if !strings.HasSuffix(c.Parent, "::cluster") || !strings.HasSuffix(c.Providers["aws"], "::deployer::deployer-id") {
		t.Errorf("parent %q, providers %q", c.Parent, c.Providers)
	}
	if !c.WaitsFor("cluster-service-AmazonEKSClusterPolicy") {
		t.Errorf("the cluster does not wait for its role's policy: %q", c.DependsOn)
	}
	r.One(t, "aws:iam/role:Role", "cluster-service").CheckInputs(t, map[string]any{"name": "roman-sit-staging-service", "permissionsBoundary": nil})
	if c.IsSecret("tags") {
		t.Error("tags are secret")
	}

	oidc := r.One(t, "aws:iam/openIdConnectProvider:OpenIdConnectProvider", "cluster-oidc")
	oidc.CheckInputs(t, map[string]any{"url": "https://" + issuer, "clientIdLists[0]": "sts.amazonaws.com", "thumbprintLists": nil})

	k8s := r.One(t, "pulumi:providers:kubernetes", "cluster-k8s")
	k8s.CheckInputs(t, map[string]any{"kubeconfig": `{"kind":"Config"}`, "clusterIdentifier": endpoint, "enableServerSideApply": true})
	if !k8s.WaitsFor("cluster-eks") || !strings.HasSuffix(k8s.Parent, "::cluster") {
		t.Errorf("kubernetes provider: parent %q, depends on %q", k8s.Parent, k8s.DependsOn)
	}
	for _, res := range r.All() {
		if strings.Contains(res.Parent, "eks:index:") {
			t.Errorf("%s is a child of %s: it would wait for ever", res.Name, res.Parent)
		}
		if strings.HasPrefix(res.Type, "aws:") && !strings.HasPrefix(res.Name, "made-") && !strings.HasSuffix(res.Provider, "::deployer::deployer-id") {
			t.Errorf("%s %s goes through provider %q", res.Type, res.Name, res.Provider)
		}
		if strings.HasPrefix(res.Type, "kubernetes:") && !strings.Contains(res.Provider, "::cluster-k8s::") {
			t.Errorf("%s %s goes through provider %q", res.Type, res.Name, res.Provider)
		}
	}
}

func TestEndpointDefaultsAndPrivateOnly(t *testing.T) {
	mustRun(t, newArgs()).One(t, "eks:index:Cluster", "cluster-eks").CheckInputs(t, map[string]any{
		"endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": nil,
		"enabledClusterLogTypes": nil, "encryptionConfigKeyArn": nil,
	})
	args := newArgs()
	args.Endpoint, args.RoleArn = cluster.Endpoint{Private: true}, nil
	mustRun(t, args).One(t, "eks:index:Cluster", "cluster-eks").CheckInputs(t, map[string]any{
		"endpointPublicAccess": false, "endpointPrivateAccess": true, "providerCredentialOpts": nil,
	})
}

func TestAccessEntries(t *testing.T) {
	args := newArgs()
	args.Access = []cluster.Access{
		{Principal: sam, Policy: "AmazonEKSViewPolicy"},
		{Principal: sam, Policy: "AmazonEKSEditPolicy", Namespaces: []string{"roman-sit-staging"}},
		{Principal: "arn:aws:iam::111122223333:user/gough", Policy: "AmazonEKSViewPolicy"},
	}
	entries, _ := mustRun(t, args).One(t, "eks:index:Cluster", "cluster-eks").Input("accessEntries").(map[string]any)
	byPrincipal := map[string]map[string]any{}
	for key, e := range entries {
		entry := e.(map[string]any)
		arn := entry["principalArn"].(string)
		byPrincipal[arn] = entry["accessPolicies"].(map[string]any)
		if !strings.HasPrefix(key, arn[strings.LastIndex(arn, "/")+1:]+"-") {
			t.Errorf("the entry of %s is named %q", arn, key)
		}
	}
	policy := func(name string, scope map[string]any) map[string]any {
		return map[string]any{"policyArn": "arn:aws:eks::aws:cluster-access-policy/" + name, "accessScope": scope}
	}
	whole := map[string]any{"type": "cluster"}
	want := map[string]map[string]any{
		gough:                                  {"AmazonEKSClusterAdminPolicy": policy("AmazonEKSClusterAdminPolicy", whole)},
		"arn:aws:iam::111122223333:user/gough": {"AmazonEKSViewPolicy": policy("AmazonEKSViewPolicy", whole)},
		sam: {
			"AmazonEKSViewPolicy": policy("AmazonEKSViewPolicy", whole),
			"AmazonEKSEditPolicy": policy("AmazonEKSEditPolicy", map[string]any{"type": "namespace", "namespaces": []any{"roman-sit-staging"}}),
		},
	}
	if diff := cmp.Diff(want, byPrincipal); diff != "" {
		t.Errorf("entries, the creator's left out (-want +got):\n%s", diff)
	}
}

func TestBoundaryIsOnEveryRole(t *testing.T) {
	args := newArgs()
	args.PermissionsBoundary = "arn:aws:iam::162808325377:policy/bound"
	roles := mustRun(t, args).OfType("aws:iam/role:Role")
	if len(roles) != 5 { // service, node, two drivers, autoscaler
		t.Errorf("%d roles, want 5", len(roles))
	}
	for _, role := range roles {
		role.CheckInputs(t, map[string]any{"permissionsBoundary": args.PermissionsBoundary, "tags.deployment": "roman-sit"})
	}
}

func TestAddonsAndTheirRoles(t *testing.T) {
	r := mustRun(t, newArgs())
	for name, want := range map[string]map[string]any{
		"coredns":            {"addonVersion": "v1.12.1-eksbuild.2", "serviceAccountRoleArn": nil, "preserve": true},
		"aws-ebs-csi-driver": {"addonVersion": "v1.45.0-eksbuild.2", "serviceAccountRoleArn": "arn:aws:iam::162808325377:role/roman-sit-staging-ebs-csi", "configurationValues": `{"controller":{"extraVolumeTags":{"deployment":"roman-sit"}}}`},
		"aws-efs-csi-driver": {"addonVersion": "v2.1.8-eksbuild.1", "serviceAccountRoleArn": "arn:aws:iam::162808325377:role/roman-sit-staging-efs-csi"},
	} {
		a := r.One(t, "aws:eks/addon:Addon", "cluster-"+name)
		a.CheckInputs(t, want)
		a.CheckInputs(t, map[string]any{"clusterName": "roman-sit-staging", "addonName": name, "resolveConflictsOnCreate": "OVERWRITE", "tags.deployment": "roman-sit"})
		if !a.WaitsFor("ManagedNodeGroup::cluster-core") || a.WaitsFor("ManagedNodeGroup::cluster-user") {
			t.Errorf("%s waits for %q, want the core group alone", name, a.DependsOn)
		}
	}
	if a := r.One(t, "aws:eks/addon:Addon", "cluster-aws-efs-csi-driver"); !a.WaitsFor("cluster-efs-csi-AmazonEFSCSIDriverPolicy") {
		t.Errorf("the EFS driver does not wait for its role's policy: %q", a.DependsOn)
	}
	r.One(t, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cluster-ebs-csi-AmazonEBSCSIDriverPolicy").CheckInputs(t, map[string]any{
		"policyArn": "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
	})
	r.One(t, "kubernetes:storage.k8s.io/v1:StorageClass", "cluster-gp3").CheckInputs(t, map[string]any{
		"metadata.name": "gp3", `metadata.annotations["storageclass.kubernetes.io/is-default-class"]`: "true", "parameters.encrypted": "true",
		"volumeBindingMode": "WaitForFirstConsumer", "provisioner": "ebs.csi.aws.com",
	})

	args := newArgs()
	args.Addons.EbsCsi, args.Addons.EfsCsi = "", ""
	r = mustRun(t, args)
	if n := len(r.OfType("aws:eks/addon:Addon")); n != 1 {
		t.Errorf("without the drivers there are %d add-ons, want CoreDNS alone", n)
	}
	if n := len(r.OfType("kubernetes:storage.k8s.io/v1:StorageClass")); n != 0 {
		t.Errorf("without the EBS driver there are %d storage classes", n)
	}
}

// TestOneValueNamesTheServiceAccount is about the runbook's autoscaler, whose role trusted an account that did not exist.
func TestOneValueNamesTheServiceAccount(t *testing.T) {
	args := newArgs()
	args.Autoscaler.ImageTag = "v1.33.0"
	args.Autoscaler.ExtraArgs = map[string]string{"expander": "least-waste"}
	r := mustRun(t, args)
	release := r.One(t, "kubernetes:helm.sh/v3:Release", "cluster-cluster-autoscaler")
	role := r.One(t, "aws:iam/role:Role", "cluster-cluster-autoscaler")
	release.CheckInputs(t, map[string]any{
		"chart": "cluster-autoscaler", "version": "9.46.6", "repositoryOpts.repo": "https://kubernetes.github.io/autoscaler",
		"name": "cluster-autoscaler", "namespace": "kube-system",
		"values.autoDiscovery.clusterName": "roman-sit-staging", "values.awsRegion": "us-east-1", "values.image.tag": "v1.33.0",
		"values.extraArgs.expander": "least-waste", "values.rbac.serviceAccount.create": true,
		`values.nodeSelector["hub.jupyter.org/node-purpose"]`:                  "core",
		`values.rbac.serviceAccount.annotations["eks.amazonaws.com/role-arn"]`: "arn:aws:iam::162808325377:role/roman-sit-staging-cluster-autoscaler",
	})
	var trust struct {
		Statement []struct {
			Principal map[string][]string
			Condition map[string]map[string][]string
		}
	}
	if err := json.Unmarshal([]byte(role.Input("assumeRolePolicy").(string)), &trust); err != nil {
		t.Fatal(err)
	}
	account := fmt.Sprintf("system:serviceaccount:%v:%v", release.Input("namespace"), release.Input("values.rbac.serviceAccount.name"))
	want := map[string]map[string][]string{"StringEquals": {issuer + ":sub": {account}, issuer + ":aud": {"sts.amazonaws.com"}}}
	if diff := cmp.Diff(want, trust.Statement[0].Condition); diff != "" {
		t.Errorf("the role trusts another account than the release makes (-want +got):\n%s", diff)
	}
	if got := trust.Statement[0].Principal["Federated"]; !cmp.Equal(got, []string{"arn:aws:iam::162808325377:oidc-provider/" + issuer}) {
		t.Errorf("the role trusts %q", got)
	}
	policy := r.One(t, "aws:iam/rolePolicy:RolePolicy", "cluster-cluster-autoscaler").Input("policy").(string)
	if !strings.Contains(policy, `"aws:ResourceTag/k8s.io/cluster-autoscaler/roman-sit-staging":["owned"]`) {
		t.Errorf("the autoscaler may scale groups of other clusters: %s", policy)
	}
	for _, end := range []string{"ManagedNodeGroup::cluster-core", "cluster-coredns"} {
		if !release.WaitsFor(end) {
			t.Errorf("the autoscaler does not wait for %s", end)
		}
	}
	for _, end := range []string{"ManagedNodeGroup::cluster-user", "cluster-aws-ebs-csi-driver"} {
		if release.WaitsFor(end) {
			t.Errorf("the autoscaler waits for %s, which it doesn't need", end)
		}
	}
}

func TestOutputsAndWorkloads(t *testing.T) {
	r := eksRecorder()
	err := run(r, newArgs(), func(ctx *pulumi.Context, c *cluster.Cluster) error {
		if n := len(c.Workloads()); n != 4 {
			t.Errorf("workloads wait for %d things, want a node group and three add-ons", n)
		}
		return ctx.RegisterResource("test:index:User", "user", pulumi.Map{
			"name": c.Name, "endpoint": c.Endpoint, "kubeconfig": c.Kubeconfig, "issuer": c.OidcIssuer, "oidc": c.OidcProviderArn, "sg": c.NodeSecurityGroupId,
		}, &pulumi.CustomResourceState{})
	})
	if err != nil {
		t.Fatal(err)
	}
	user := r.One(t, "test:index:User", "user")
	user.CheckInputs(t, map[string]any{
		"name": "roman-sit-staging", "endpoint": endpoint, "kubeconfig": `{"kind":"Config"}`, "issuer": issuer,
		"oidc": "arn:aws:iam::162808325377:oidc-provider/" + issuer, "sg": "sg-1",
	})
	if !user.WaitsFor("cluster-eks") {
		t.Error("the outputs do not depend on the cluster")
	}
}

func TestPreview(t *testing.T) {
	r := eksRecorder()
	r.Preview = true
	if err := run(r, newArgs(), nil); err != nil {
		t.Fatalf("a preview of a cluster that doesn't exist: %v", err)
	}
}
