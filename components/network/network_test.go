package network_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/components/network"
)

func newArgs() *network.Args {
	return &network.Args{
		Name: "roman-sit-staging", ClusterNames: []string{"roman-sit-staging"}, Region: "us-east-1",
		Zones: []string{"us-east-1a", "us-east-1b", "us-east-1c"}, Tags: map[string]string{"owner": "dmd"},
	}
}

// outputs is what a program saw of the network.
type outputs struct {
	lists  map[string][]string
	inZone error
	zones  []string
	one    []string
}

// run makes the network under an explicit provider.
func run(r *recorder.Recorder, args *network.Args, pinned ...string) (*outputs, error) {
	seen := &outputs{lists: map[string][]string{}}
	err := r.Run("staging", func(ctx *pulumi.Context) error {
		provider, err := aws.NewProvider(ctx, "deployer", &aws.ProviderArgs{Region: pulumi.String("us-east-1")})
		if err != nil {
			return err
		}
		if args.LookupProvider, err = aws.NewProvider(ctx, "ambient", &aws.ProviderArgs{Region: pulumi.String("us-east-1")}); err != nil {
			return err
		}
		n, err := network.New(ctx, "network", args, pulumi.Provider(provider))
		if err != nil {
			return err
		}
		inZones, err := n.SubnetsInZones(pinned)
		if err != nil {
			seen.inZone = err
			inZones = pulumi.StringArray{}.ToStringArrayOutput()
		}
		seen.zones = n.Zones()
		for _, s := range n.OnePerZone() {
			seen.one = append(seen.one, s.Zone)
		}
		// Stand-ins for what uses the outputs, so that their values and dependencies can be seen.
		if err := ctx.RegisterResource("test:index:User", "uses-all", pulumi.Map{
			"public": n.PublicSubnetIds, "private": n.PrivateSubnetIds, "nodes": n.NodeSubnetIds, "pinned": inZones,
			"vpc": pulumi.StringArray{n.VpcId, n.Cidr},
		}, &pulumi.CustomResourceState{}); err != nil {
			return err
		}
		for name, list := range map[string]pulumi.StringArrayOutput{"uses-nodes": n.NodeSubnetIds, "uses-public": n.PublicSubnetIds} {
			if err := ctx.RegisterResource("test:index:User", name, pulumi.Map{"subnets": list}, &pulumi.CustomResourceState{}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, user := range r.OfType("test:index:User") {
		if user.Name != "uses-all" {
			continue
		}
		for _, key := range []string{"public", "private", "nodes", "pinned", "vpc"} {
			list := []string{}
			values, _ := user.Input(key).([]any)
			for _, v := range values {
				list = append(list, v.(string))
			}
			seen.lists[key] = list
		}
	}
	return seen, err
}

func mustRun(t *testing.T, r *recorder.Recorder, args *network.Args, pinned ...string) *outputs {
	t.Helper()
	seen, err := run(r, args, pinned...)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// waited returns which of the named resources a resource waits for.
func waited(res recorder.Resource, names ...string) []string {
	var out []string
	for _, n := range names {
		if res.WaitsFor(n) {
			out = append(out, n)
		}
	}
	return out
}

func TestPublicNetwork(t *testing.T) {
	r := &recorder.Recorder{}
	seen := mustRun(t, r, newArgs(), "us-east-1b")

	vpc := r.One(t, "aws:ec2/vpc:Vpc", "network-vpc")
	for path, want := range map[string]any{
		"cidrBlock": "172.16.0.0/16", "enableDnsHostnames": true, "enableDnsSupport": true,
		"tags.owner": "dmd", "tags.Name": "roman-sit-staging", `tags["kubernetes.io/cluster/roman-sit-staging"]`: "shared",
	} {
		if got := vpc.Input(path); got != want {
			t.Errorf("vpc: %s is %v, want %v", path, got, want)
		}
	}
	for i, zone := range []string{"a", "b", "c"} {
		s := r.One(t, "aws:ec2/subnet:Subnet", "network-public-us-east-1"+zone)
		for path, want := range map[string]any{
			"availabilityZone": "us-east-1" + zone, "cidrBlock": "172.16." + string(rune('1'+i)) + ".0/24", "mapPublicIpOnLaunch": true,
			`tags["kubernetes.io/role/elb"]`: "1", `tags["kubernetes.io/cluster/roman-sit-staging"]`: "shared", "vpcId": "network-vpc-id",
			"tags.Name": "roman-sit-staging-public-us-east-1" + zone,
		} {
			if got := s.Input(path); got != want {
				t.Errorf("%s: %s is %v, want %v", s.Name, path, got, want)
			}
		}
	}
	for _, res := range r.All() {
		if !strings.HasPrefix(res.Type, "aws:") {
			continue
		}
		if !strings.HasSuffix(res.Parent, "::network") || !strings.HasSuffix(res.Provider, "::deployer::deployer-id") {
			t.Errorf("%s %s has parent %q and provider %q", res.Type, res.Name, res.Parent, res.Provider)
		}
	}
	for _, typ := range []string{"aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip", "aws:ec2/vpcEndpoint:VpcEndpoint"} {
		if got := r.OfType(typ); len(got) != 0 {
			t.Errorf("%d %s, want none", len(got), typ)
		}
	}
	route := r.One(t, "aws:ec2/route:Route", "network-public")
	if route.Input("gatewayId") != "network-internet-id" || route.Input("destinationCidrBlock") != "0.0.0.0/0" {
		t.Errorf("the default route is %v to %v", route.Input("destinationCidrBlock"), route.Input("gatewayId"))
	}

	public := []string{"network-public-us-east-1a-id", "network-public-us-east-1b-id", "network-public-us-east-1c-id"}
	want := map[string][]string{
		"public": public, "private": {}, "nodes": public, "pinned": {"network-public-us-east-1b-id"}, "vpc": {"network-vpc-id", "172.16.0.0/16"},
	}
	if diff := cmp.Diff(want, seen.lists); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"us-east-1a", "us-east-1b", "us-east-1c"}, seen.zones); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(seen.zones, seen.one); diff != "" {
		t.Errorf("one subnet per zone (-want +got):\n%s", diff)
	}
	// Nodes wait for the way out, a control plane does not.
	paths := []string{"Route::network-public", "RouteTableAssociation::network-public-us-east-1c"}
	if diff := cmp.Diff(paths, waited(r.One(t, "test:index:User", "uses-nodes"), paths...)); diff != "" {
		t.Errorf("what nodes wait for (-want +got):\n%s", diff)
	}
	if got := waited(r.One(t, "test:index:User", "uses-public"), paths...); got != nil {
		t.Errorf("the subnets alone wait for %q", got)
	}
	if len(r.Calls("aws:index/getAvailabilityZones:getAvailabilityZones")) != 0 {
		t.Error("zones that are named are asked for all the same")
	}
}

func TestPrivateNetwork(t *testing.T) {
	for _, tc := range []struct {
		nat      network.NAT
		gateways []string
		viaC     string
	}{
		{"", []string{"network-nat-us-east-1a"}, "network-nat-us-east-1a-id"},
		{network.NATSingle, []string{"network-nat-us-east-1a"}, "network-nat-us-east-1a-id"},
		{network.NATPerZone, []string{"network-nat-us-east-1a", "network-nat-us-east-1b", "network-nat-us-east-1c"}, "network-nat-us-east-1c-id"},
	} {
		t.Run(string(tc.nat), func(t *testing.T) {
			args := newArgs()
			args.Private, args.NAT = true, tc.nat
			r := &recorder.Recorder{}
			seen := mustRun(t, r, args)
			var gateways []string
			for _, g := range r.OfType("aws:ec2/natGateway:NatGateway") {
				gateways = append(gateways, g.Name)
				zone := strings.TrimPrefix(g.Name, "network-nat-")
				if got := g.Input("subnetId"); got != "network-public-"+zone+"-id" {
					t.Errorf("%s is in %v", g.Name, got)
				}
				if !g.WaitsFor("Route::network-public") {
					t.Errorf("%s does not wait for the way out", g.Name)
				}
			}
			if diff := cmp.Diff(tc.gateways, gateways); diff != "" {
				t.Errorf("gateways (-want +got):\n%s", diff)
			}
			if got := r.One(t, "aws:ec2/route:Route", "network-private-us-east-1c").Input("natGatewayId"); got != tc.viaC {
				t.Errorf("zone c goes through %v, want %s", got, tc.viaC)
			}
			s := r.One(t, "aws:ec2/subnet:Subnet", "network-private-us-east-1b")
			if s.Input("cidrBlock") != "172.16.64.0/19" || s.Input(`tags["kubernetes.io/role/internal-elb"]`) != "1" || s.Input("mapPublicIpOnLaunch") != false {
				t.Errorf("private subnet b: %v", s.Inputs)
			}
			if s.Input(`tags["kubernetes.io/role/elb"]`) != nil {
				t.Error("a private subnet has the public role's tag")
			}
			if diff := cmp.Diff(seen.lists["private"], seen.lists["nodes"]); diff != "" || len(seen.lists["nodes"]) != 3 {
				t.Errorf("nodes live in %q, want the private subnets %q", seen.lists["nodes"], seen.lists["private"])
			}
			paths := []string{"Route::network-private-us-east-1c", "RouteTableAssociation::network-private-us-east-1a"}
			if diff := cmp.Diff(paths, waited(r.One(t, "test:index:User", "uses-nodes"), paths...)); diff != "" {
				t.Errorf("what nodes wait for (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnotherZoneMovesNothing(t *testing.T) {
	ranges := func(zones ...string) map[string]any {
		args := newArgs()
		args.Private, args.Zones = true, zones
		r := &recorder.Recorder{}
		mustRun(t, r, args)
		out := map[string]any{}
		for _, s := range r.OfType("aws:ec2/subnet:Subnet") {
			out[s.Name] = s.Input("cidrBlock")
		}
		return out
	}
	before, after := ranges("us-east-1d", "us-east-1b"), ranges("us-east-1a", "us-east-1b", "us-east-1d")
	for name, cidr := range before {
		if after[name] != cidr {
			t.Errorf("%s moves from %v to %v", name, cidr, after[name])
		}
	}
}

func TestEndpoints(t *testing.T) {
	args := newArgs()
	args.Private, args.NAT = true, network.NATNone
	args.Endpoints = []string{"s3", "ecr.api", "ecr.dkr", "ec2", "sts"}
	r := &recorder.Recorder{}
	mustRun(t, r, args)
	s3 := r.One(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "network-endpoint-s3")
	if s3.Input("vpcEndpointType") != "Gateway" || s3.Input("serviceName") != "com.amazonaws.us-east-1.s3" || s3.Input("routeTableIds[3]") == nil {
		t.Errorf("s3: %v", s3.Inputs)
	}
	ecr := r.One(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "network-endpoint-ecr.api")
	if ecr.Input("vpcEndpointType") != "Interface" || ecr.Input("privateDnsEnabled") != true ||
		ecr.Input("securityGroupIds[0]") != "network-endpoints-id" || ecr.Input("subnetIds[2]") != "network-private-us-east-1c-id" {
		t.Errorf("ecr.api: %v", ecr.Inputs)
	}
	rule := r.One(t, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "network-endpoints-https")
	if rule.Input("cidrIpv4") != "172.16.0.0/16" || rule.Input("fromPort") != 443.0 || rule.Input("toPort") != 443.0 {
		t.Errorf("rule: %v", rule.Inputs)
	}
	if !r.One(t, "test:index:User", "uses-nodes").WaitsFor("network-endpoint-ecr.dkr") {
		t.Error("nodes without NAT do not wait for the endpoints")
	}
	if len(r.OfType("aws:ec2/natGateway:NatGateway")) != 0 {
		t.Error("there is a NAT gateway")
	}
}

func TestZonesByNumber(t *testing.T) {
	args := newArgs()
	args.Zones, args.ZoneCount = nil, 2
	answer := []string{"us-east-1c", "us-east-1-bos-1a", "us-east-1b", "us-east-1a"}
	r := &recorder.Recorder{Invokes: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:index/getAvailabilityZones:getAvailabilityZones": func(resource.PropertyMap) (resource.PropertyMap, error) {
			var names []resource.PropertyValue
			for _, n := range answer {
				names = append(names, resource.NewProperty(n))
			}
			return resource.PropertyMap{"names": resource.NewProperty(names)}, nil
		},
	}}
	seen := mustRun(t, r, args)
	if diff := cmp.Diff([]string{"us-east-1a", "us-east-1b"}, seen.zones); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
	call := r.Calls("aws:index/getAvailabilityZones:getAvailabilityZones")[0]
	if !strings.HasSuffix(call.Provider, "::ambient::ambient-id") {
		t.Errorf("asked through %q, want the look-up provider", call.Provider)
	}
	answer = answer[:1]
	if _, err := run(r, args); err == nil || !strings.Contains(err.Error(), "2 availability zones are asked for, and the region has 1") {
		t.Errorf("too few zones: error %v", err)
	}
	answer = nil
	if _, err := run(r, args); err == nil || !strings.Contains(err.Error(), "give LookupProvider") {
		t.Errorf("no answer: error %v", err)
	}
}

func TestUnknownZone(t *testing.T) {
	seen := mustRun(t, &recorder.Recorder{}, newArgs(), "us-east-1f")
	if seen.inZone == nil || !strings.Contains(seen.inZone.Error(), `no subnet for nodes is in zone "us-east-1f"`) {
		t.Errorf("error %v", seen.inZone)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*network.Args)
		want   []string
	}{
		{
			"many at once", func(a *network.Args) {
				a.Name, a.ClusterNames, a.CIDR, a.Zones = "", nil, "10.0.0.0/8", []string{"us-east-1a"}
			},
			[]string{"no name", "no cluster", "use a /16 to /20", "1 availability zones are asked for"},
		},
		{"zones twice over", func(a *network.Args) { a.ZoneCount = 3 }, []string{"by name and by number"}},
		{"same zone", func(a *network.Args) { a.Zones[2] = "us-east-1a" }, []string{`"us-east-1a" is listed twice`}},
		{"other region", func(a *network.Args) { a.Zones[2] = "eu-west-1a" }, []string{`"eu-west-1a" is not in region us-east-1`}},
		{"too many", func(a *network.Args) { a.Zones, a.ZoneCount = nil, 5 }, []string{"5 availability zones"}},
		{"nat without private", func(a *network.Args) { a.NAT = network.NATSingle }, []string{"there are none"}},
		{"unknown nat", func(a *network.Args) { a.Private, a.NAT = true, "some" }, []string{`nat "some" is unknown`}},
		{
			"no way out", func(a *network.Args) { a.Private, a.NAT, a.Endpoints = true, network.NATNone, []string{"s3"} },
			[]string{"need endpoints for ec2, ecr.api, ecr.dkr, sts too"},
		},
		{
			"endpoints", func(a *network.Args) { a.Region, a.Endpoints = "", []string{"S3", "sts", "sts"} },
			[]string{`"S3" is not the name`, `"sts" is listed twice`, "need the region"},
		},
		{"subnets alone", func(a *network.Args) { a.PublicSubnetIDs = []string{"subnet-1"} }, []string{"without the VPC"}},
		{"id and name", func(a *network.Args) { *a = network.Args{VpcID: "vpc-1", VpcName: "x"} }, []string{"one of the two"}},
		{"shape of an existing one", func(a *network.Args) { a.VpcID = "vpc-1" }, []string{"leave them out"}},
		{
			"bad ids", func(a *network.Args) { *a = network.Args{VpcID: "1", PublicSubnetIDs: []string{"2"}} },
			[]string{`"1" is not the id of a VPC`, `"2" is not the id of a subnet`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := newArgs()
			tc.change(args)
			_, err := run(&recorder.Recorder{}, args)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
}
