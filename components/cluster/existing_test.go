package cluster_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/cluster"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

// described is an answer to the look-up of a cluster.
func described(endpoint string) func(resource.PropertyMap) (resource.PropertyMap, error) {
	list := func(m resource.PropertyMap) resource.PropertyValue {
		return resource.NewProperty([]resource.PropertyValue{resource.NewProperty(m)})
	}
	return func(args resource.PropertyMap) (resource.PropertyMap, error) {
		return resource.PropertyMap{
			"name": args["name"], "endpoint": resource.NewProperty(endpoint), "status": resource.NewProperty("ACTIVE"),
			"arn":                    resource.NewProperty("arn:aws-us-gov:eks:us-gov-west-1:162808325377:cluster/shared"),
			"certificateAuthorities": list(resource.PropertyMap{"data": resource.NewProperty("Q0E=")}),
			"identities": list(resource.PropertyMap{"oidcs": list(resource.PropertyMap{
				"issuer": resource.NewProperty("https://" + issuer),
			})}),
			"vpcConfig": resource.NewProperty(resource.PropertyMap{"clusterSecurityGroupId": resource.NewProperty("sg-9")}),
		}, nil
	}
}

func TestExistingCluster(t *testing.T) {
	r := &recorder.Recorder{Invokes: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:eks/getCluster:getCluster": described(endpoint),
	}}
	args := &cluster.Args{Name: "shared", Existing: true, Region: "us-gov-west-1", RoleArn: pulumi.String(deployer)}
	err := run(r, args, func(ctx *pulumi.Context, c *cluster.Cluster) error {
		if n := len(c.Workloads()); n != 0 {
			t.Errorf("workloads wait for %d things of a cluster that exists", n)
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
		"name": "shared", "endpoint": endpoint, "issuer": issuer, "sg": "sg-9",
		"oidc": "arn:aws-us-gov:iam::162808325377:oidc-provider/" + issuer,
	})
	kubeconfig, _ := user.Input("kubeconfig").(string)
	for _, want := range []string{
		`"server":"` + endpoint, `"certificate-authority-data":"Q0E="`,
		`["--region","us-gov-west-1","eks","get-token","--cluster-name","shared","--output","json","--role","` + deployer + `"]`,
	} {
		if !strings.Contains(kubeconfig, want) {
			t.Errorf("%s is not in the kubeconfig %s", want, kubeconfig)
		}
	}
	r.One(t, "pulumi:providers:kubernetes", "cluster-k8s").CheckInputs(t, map[string]any{"kubeconfig": kubeconfig, "clusterIdentifier": endpoint})
	for _, res := range r.All() {
		if strings.HasPrefix(res.Type, "aws:") || strings.HasPrefix(res.Type, "eks:") {
			t.Errorf("%s %s is made for a cluster that exists", res.Type, res.Name)
		}
	}

	r.Invokes["aws:eks/getCluster:getCluster"] = described("")
	if err := run(r, args, nil); err == nil || !strings.Contains(err.Error(), "give LookupProvider") {
		t.Errorf("an empty answer: error %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*cluster.Args)
		want   []string
	}{
		{"many at once", func(a *cluster.Args) {
			a.Name, a.Region, a.Version, a.NodeSubnets = "-x", "", "1.9", nil
			a.LogTypes = []string{"api", "api", "noise"}
			a.Admins = []string{"*"}
			a.Addons.CoreDNS, a.Addons.EbsCsi = "", "latest"
			a.Autoscaler = &cluster.Autoscaler{}
		}, []string{
			`name "-x"`, "no region", `version "1.9"`, "no subnets", `"api" is listed twice`, `"noise" is unknown`, "wildcard",
			`version "" of add-on coredns`, `version "latest" of add-on aws-ebs-csi-driver`, "chart version is not given",
		}},
		{"long name", func(a *cluster.Args) { a.Name = strings.Repeat("a", 46) }, []string{"up to 45"}},
		{"locked out", func(a *cluster.Args) {
			a.Endpoint = cluster.Endpoint{Public: true, PublicCIDRs: []string{"192.0.2.0/24"}}
		}, []string{"nodes could not reach it"}},
		{
			"ranges of a private endpoint", func(a *cluster.Args) {
				a.Endpoint = cluster.Endpoint{Private: true, PublicCIDRs: []string{"192.0.2.1/24"}}
			},
			[]string{"not public", `"192.0.2.1/24" is not a CIDR`},
		},
		{"access", func(a *cluster.Args) {
			a.Access = []cluster.Access{{Principal: deployer, Policy: "AmazonEKSViewPolicy"}, {Principal: "sam", Policy: "everything"}}
		}, []string{"EKS makes it cluster admin by itself", `access[1].principal`, `"everything" of sam is unknown`}},
		{"no system nodes", func(a *cluster.Args) { a.NodeGroups = a.NodeGroups[:1] }, []string{"no node group would run the system's own pods"}},
		{"same name", func(a *cluster.Args) { a.NodeGroups[1].Name = "user" }, []string{`node group "user" is there twice`}},
		{"group", func(a *cluster.Args) {
			a.NodeGroups[1] = cluster.NodeGroup{
				Name: "Core!", Purpose: "hub", Min: 3, Max: 1, DiskGiB: 5, AMIType: "AL2_x86_64", InstanceTypes: []string{"large", "t3.small", "t4g.small"},
				Labels: map[string]string{"a b": "c", cluster.PurposeLabel: "core"}, Taints: []cluster.Taint{{Key: "k", Effect: "NO_SCHEDULE"}},
			}
		}, []string{
			`node group "Core!"`, `purpose "hub"`, "min 3, desired 0, max 1", "5 GiB is too small", `image type "AL2_x86_64"`, `instance type "large"`,
			"different processors", "label a b=c", "use purpose", `effect "NO_SCHEDULE"`,
		}},
		{"no types", func(a *cluster.Args) { a.NodeGroups[1].InstanceTypes = nil }, []string{"no instance type"}},
		{"gpu image", func(a *cluster.Args) { a.NodeGroups[1].GPU = true; a.NodeGroups[1].AMIType = "AL2023_x86_64_STANDARD" }, []string{"has no GPU drivers"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := newArgs()
			tc.change(args)
			err := (&recorder.Recorder{}).Run("staging", func(ctx *pulumi.Context) error {
				_, err := cluster.New(ctx, "cluster", args)
				return err
			})
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
}
