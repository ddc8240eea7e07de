package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

// anywhere is the default route's destination.
const anywhere = "0.0.0.0/0"

// builder makes a new VPC step by step.
type builder struct {
	ctx  *pulumi.Context
	net  *Network
	name string // of the component, begins the children's
	args *Args

	vpc           *ec2.Vpc
	zones         []string
	cidr          netip.Prefix
	publicRoutes  *ec2.RouteTable
	internet      *ec2.InternetGateway
	internetRoute *ec2.Route
	privateRoutes []*ec2.RouteTable // by zone
}

// create makes the VPC with subnets, gateways, routes and endpoints.
func (n *Network) create(ctx *pulumi.Context, name string, args *Args) error {
	cidr, err := parseCIDR(args.cidr())
	if err != nil {
		return err
	}
	b := &builder{ctx: ctx, net: n, name: name, args: args, cidr: cidr}
	if b.zones, err = n.chooseZones(ctx, args); err != nil {
		return err
	}
	for _, step := range []func() error{b.makeVPC, b.makePublic, b.makePrivate, b.makeEndpoints} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.net) }

// physical is the Name tag of a child.
func (b *builder) physical(suffix string) string { return b.args.Name + "-" + suffix }

// subnetTags are the tags by which Kubernetes finds the subnets of its clusters.
func (b *builder) subnetTags(role, name string) pulumi.StringMap {
	more := map[string]string{role: "1"}
	for _, c := range b.args.ClusterNames {
		more["kubernetes.io/cluster/"+c] = "shared"
	}
	return tags.Named(tags.With(b.args.Tags, more), name)
}

func (b *builder) makeVPC() error {
	clusters := map[string]string{}
	for _, c := range b.args.ClusterNames {
		clusters["kubernetes.io/cluster/"+c] = "shared"
	}
	var err error
	b.vpc, err = ec2.NewVpc(b.ctx, b.name+"-vpc", &ec2.VpcArgs{
		CidrBlock: pulumi.String(b.cidr.String()),
		// Nodes register under DNS names, and the endpoints' private names resolve, only with both:
		// https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
		EnableDnsHostnames: pulumi.Bool(true),
		EnableDnsSupport:   pulumi.Bool(true),
		Tags:               tags.Named(tags.With(b.args.Tags, clusters), b.args.Name),
	}, b.parent())
	if err != nil {
		return fmt.Errorf("vpc: %w", err)
	}
	b.net.VpcId = b.vpc.ID().ToStringOutput()
	b.net.Cidr = b.vpc.CidrBlock
	return nil
}

// makePublic makes the internet gateway, and a public subnet in each zone.
func (b *builder) makePublic() error {
	var err error
	b.internet, err = ec2.NewInternetGateway(b.ctx, b.name+"-internet", &ec2.InternetGatewayArgs{
		VpcId: b.vpc.ID(), Tags: tags.Named(b.args.Tags, b.args.Name),
	}, b.parent())
	if err != nil {
		return fmt.Errorf("internet gateway: %w", err)
	}
	if b.publicRoutes, err = b.routeTable("public"); err != nil {
		return err
	}
	b.internetRoute, err = ec2.NewRoute(b.ctx, b.name+"-public", &ec2.RouteArgs{
		RouteTableId: b.publicRoutes.ID(), DestinationCidrBlock: pulumi.String(anywhere), GatewayId: b.internet.ID(),
	}, b.parent())
	if err != nil {
		return fmt.Errorf("route to the internet: %w", err)
	}
	if !b.args.Private {
		b.waitFor(b.internetRoute.ID())
	}
	for _, zone := range b.zones {
		public, _, err := b.ranges(zone)
		if err != nil {
			return err
		}
		subnet, association, err := b.subnet("public-"+zone, zone, public, publicRole, b.publicRoutes)
		if err != nil {
			return err
		}
		if !b.args.Private {
			b.waitFor(association.ID())
		}
		b.net.subnets = append(b.net.subnets, Subnet{ID: subnet.ID().ToStringOutput(), Zone: zone, Public: true})
	}
	return nil
}

// makePrivate makes a private subnet with a route table of its own in each zone, and the NAT gateways; a change from one
// gateway to several then moves routes and nothing else.
func (b *builder) makePrivate() error {
	if !b.args.Private {
		return nil
	}
	var gateway *ec2.NatGateway
	for i, zone := range b.zones {
		_, private, err := b.ranges(zone)
		if err != nil {
			return err
		}
		routes, err := b.routeTable("private-" + zone)
		if err != nil {
			return err
		}
		b.privateRoutes = append(b.privateRoutes, routes)
		subnet, association, err := b.subnet("private-"+zone, zone, private, privateRole, routes)
		if err != nil {
			return err
		}
		b.waitFor(association.ID())
		b.net.subnets = append(b.net.subnets, Subnet{ID: subnet.ID().ToStringOutput(), Zone: zone})

		if b.args.nat() == NATNone {
			continue
		}
		if gateway == nil || b.args.nat() == NATPerZone {
			if gateway, err = b.natGateway(zone, b.net.subnets[i].ID); err != nil {
				return err
			}
		}
		route, err := ec2.NewRoute(b.ctx, b.name+"-private-"+zone, &ec2.RouteArgs{
			RouteTableId: routes.ID(), DestinationCidrBlock: pulumi.String(anywhere), NatGatewayId: gateway.ID(),
		}, b.parent())
		if err != nil {
			return fmt.Errorf("route of %s to its NAT gateway: %w", zone, err)
		}
		b.waitFor(route.ID())
	}
	return nil
}

// natGateway makes a NAT gateway with its address in a zone's public subnet. It sends through the internet gateway, so it waits
// for the route there: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
func (b *builder) natGateway(zone string, publicSubnet pulumi.StringInput) (*ec2.NatGateway, error) {
	named := tags.Named(b.args.Tags, b.physical("nat-"+zone))
	address, err := ec2.NewEip(b.ctx, b.name+"-nat-"+zone, &ec2.EipArgs{Domain: pulumi.String("vpc"), Tags: named},
		b.parent(), pulumi.DependsOn([]pulumi.Resource{b.internet}))
	if err != nil {
		return nil, fmt.Errorf("address of the NAT gateway in %s: %w", zone, err)
	}
	gateway, err := ec2.NewNatGateway(b.ctx, b.name+"-nat-"+zone, &ec2.NatGatewayArgs{
		AllocationId: address.AllocationId, SubnetId: publicSubnet, Tags: named,
	}, b.parent(), pulumi.DependsOn([]pulumi.Resource{b.internetRoute}))
	if err != nil {
		return nil, fmt.Errorf("NAT gateway in %s: %w", zone, err)
	}
	return gateway, nil
}

// makeEndpoints makes the endpoints: a route for a gateway endpoint, network interfaces behind one security group for the others.
func (b *builder) makeEndpoints() error {
	var group *ec2.SecurityGroup
	for _, service := range b.args.Endpoints {
		endpoint := &ec2.VpcEndpointArgs{
			VpcId:       b.vpc.ID(),
			ServiceName: pulumi.String("com.amazonaws." + b.args.Region + "." + service),
			Tags:        tags.Named(b.args.Tags, b.physical(service)),
		}
		if slices.Contains(gatewayEndpoints, service) {
			endpoint.VpcEndpointType = pulumi.String("Gateway")
			tables := pulumi.StringArray{b.publicRoutes.ID()}
			for _, t := range b.privateRoutes {
				tables = append(tables, t.ID())
			}
			endpoint.RouteTableIds = tables
		} else {
			if group == nil {
				var err error
				if group, err = b.endpointGroup(); err != nil {
					return err
				}
			}
			endpoint.VpcEndpointType = pulumi.String("Interface")
			endpoint.PrivateDnsEnabled = pulumi.Bool(true)
			endpoint.SecurityGroupIds = pulumi.StringArray{group.ID()}
			endpoint.SubnetIds = ids(b.net.NodeSubnets())
		}
		made, err := ec2.NewVpcEndpoint(b.ctx, b.name+"-endpoint-"+service, endpoint, b.parent())
		if err != nil {
			return fmt.Errorf("endpoint %s: %w", service, err)
		}
		if b.args.Private && b.args.nat() == NATNone {
			b.waitFor(made.ID())
		}
	}
	return nil
}

// endpointGroup makes the security group of the interface endpoints, which everything in the VPC can reach by HTTPS.
func (b *builder) endpointGroup() (*ec2.SecurityGroup, error) {
	name := b.physical("endpoints")
	group, err := ec2.NewSecurityGroup(b.ctx, b.name+"-endpoints", &ec2.SecurityGroupArgs{
		Name: pulumi.String(name), Description: pulumi.String("AWS services reached from inside the VPC"),
		VpcId: b.vpc.ID(), Tags: tags.Named(b.args.Tags, name),
	}, b.parent())
	if err != nil {
		return nil, fmt.Errorf("security group %s: %w", name, err)
	}
	if _, err := vpc.NewSecurityGroupIngressRule(b.ctx, b.name+"-endpoints-https", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), CidrIpv4: pulumi.String(b.cidr.String()), IpProtocol: pulumi.String("tcp"),
		FromPort: pulumi.Int(443), ToPort: pulumi.Int(443), Description: pulumi.String("HTTPS from the VPC"),
		Tags: tags.Named(b.args.Tags, name),
	}, b.parent()); err != nil {
		return nil, fmt.Errorf("rule of security group %s: %w", name, err)
	}
	return group, nil
}

// subnet makes a subnet and ties it to its routes.
func (b *builder) subnet(suffix, zone string, cidr netip.Prefix, role string, routes *ec2.RouteTable) (*ec2.Subnet, *ec2.RouteTableAssociation, error) {
	subnet, err := ec2.NewSubnet(b.ctx, b.name+"-"+suffix, &ec2.SubnetArgs{
		VpcId: b.vpc.ID(), AvailabilityZone: pulumi.String(zone), CidrBlock: pulumi.String(cidr.String()),
		// A managed node group refuses a public subnet that gives out no public addresses:
		// https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
		MapPublicIpOnLaunch: pulumi.Bool(role == publicRole),
		Tags:                b.subnetTags(role, b.physical(suffix)),
	}, b.parent())
	if err != nil {
		return nil, nil, fmt.Errorf("subnet %s: %w", suffix, err)
	}
	association, err := ec2.NewRouteTableAssociation(b.ctx, b.name+"-"+suffix, &ec2.RouteTableAssociationArgs{
		RouteTableId: routes.ID(), SubnetId: subnet.ID(),
	}, b.parent())
	if err != nil {
		return nil, nil, fmt.Errorf("routes of subnet %s: %w", suffix, err)
	}
	return subnet, association, nil
}

func (b *builder) routeTable(suffix string) (*ec2.RouteTable, error) {
	table, err := ec2.NewRouteTable(b.ctx, b.name+"-"+suffix, &ec2.RouteTableArgs{
		VpcId: b.vpc.ID(), Tags: tags.Named(b.args.Tags, b.physical(suffix)),
	}, b.parent())
	if err != nil {
		return nil, fmt.Errorf("route table %s: %w", suffix, err)
	}
	return table, nil
}

// ranges are a zone's address ranges.
func (b *builder) ranges(zone string) (public, private netip.Prefix, err error) {
	n, err := slot(zone)
	if err != nil {
		return public, private, err
	}
	public, private = carve(b.cidr, n)
	return public, private, nil
}

// waitFor adds an output to what nodes wait for.
func (b *builder) waitFor(outputs ...any) { b.net.ready = append(b.net.ready, outputs...) }
