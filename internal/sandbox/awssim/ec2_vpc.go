package awssim

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// ec2ARN makes the ARN function of a type whose ids EC2 makes up.
func ec2ARN(resource string) func(*call, string) string {
	return func(c *call, id string) string { return c.me.makeARN("ec2", resource+"/"+either(id, "*")) }
}

func vpcKinds() map[string]*kind {
	return map[string]*kind{
		vpcToken: {
			Kind: provider.Kind{
				ForceNew: []string{"cidrBlock"},
				Check: func(in map[string]any) []string {
					var p problems
					// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
					p.cidr(in, "cidrBlock", 16, 28)
					p.oneOf(in, "instanceTenancy", "default", "dedicated")
					p.tags(in)
					return p
				},
			},
			tagged: true, arn: ec2ARN("vpc"), create: createVpc, remove: removeVpc,
			rules: []string{"block: IPv4, no host bits, /16 to /28", "deletion: not with subnets, network interfaces, gateways, route tables, groups or endpoints in it (DependencyViolation)"},
		},
		subnetToken: {
			Kind: provider.Kind{
				ForceNew: []string{"cidrBlock", "vpcId", "availabilityZone", "availabilityZoneId"},
				Check: func(in map[string]any) []string {
					var p problems
					p.cidr(in, "cidrBlock", 16, 28)
					p.tags(in)
					return p
				},
			},
			tagged: true, arn: ec2ARN("subnet"), create: createSubnet,
			remove: func(c *call, o *world.Object) error {
				if enis := interfaces(c.tx, "subnetId", o.ID); len(enis) > 0 {
					return apiError("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.%s", o.ID, usedBy(enis))
				}
				return nil
			},
			rules: []string{
				"VPC exists; block: IPv4, no host bits, /16 to /28, inside the VPC (InvalidSubnet.Range), not over another subnet (InvalidSubnet.Conflict)",
				"zone is one of the region (InvalidParameterValue)", "deletion: not with network interfaces in it (DependencyViolation)",
			},
		},
	}
}

func createVpc(c *call) (string, map[string]any, error) {
	id := c.tx.NewID("vpc")
	group, table := c.tx.NewID("sg"), c.tx.NewID("rtb")
	base := func(kind, oid string, props map[string]any) error {
		props["vpcId"], props["ownerId"] = id, c.me.account
		return c.tx.Put(&world.Object{Kind: kind, ID: oid, Props: props, Created: c.tx.Now(), Ready: c.tx.Now()})
	}
	err := base(securityGroupToken, group, map[string]any{
		"name": "default", "description": "default VPC security group", "arn": c.me.makeARN("ec2", "security-group/"+group), "madeBy": "ec2",
	})
	if err == nil {
		err = base(routeTableToken, table, map[string]any{"arn": c.me.makeARN("ec2", "route-table/"+table), "madeBy": "ec2", "main": true})
	}
	return id, c.with(
		map[string]any{"enableDnsSupport": true, "enableDnsHostnames": false, "instanceTenancy": "default", "enableNetworkAddressUsageMetrics": false},
		map[string]any{
			"arn": c.me.makeARN("ec2", "vpc/"+id), "ownerId": c.me.account, "defaultSecurityGroupId": group, "defaultRouteTableId": table,
			"mainRouteTableId": table, "defaultNetworkAclId": c.tx.NewID("acl"), "dhcpOptionsId": c.tx.NewID("dopt"),
		}), err
}

// removeVpc refuses while anything is in the VPC but what came with it.
func removeVpc(c *call, o *world.Object) error {
	violation := func(what string) error {
		return apiError("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted. (%s)", o.ID, what)
	}
	if enis := interfaces(c.tx, "vpcId", o.ID); len(enis) > 0 {
		return violation(strings.Trim(usedBy(enis), " ()"))
	}
	for _, token := range []string{subnetToken, internetGatewayToken, endpointToken, routeTableToken, securityGroupToken} {
		inside := c.tx.Find(token, func(x *world.Object) bool { return x.String("vpcId") == o.ID && x.String("madeBy") != "ec2" })
		if inside != nil {
			return violation(inside.ID)
		}
	}
	for _, token := range []string{routeTableToken, securityGroupToken} { // what came with it goes with it
		for _, x := range c.tx.List(token) {
			if x.String("vpcId") == o.ID {
				if err := c.tx.Delete(token, x.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// vpc finds a VPC by id.
func (c *call) vpc(id string) (*world.Object, error) {
	if o := c.tx.Get(vpcToken, id); o != nil {
		return o, nil
	}
	return nil, apiError("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}

// subnet finds a subnet by id.
func (c *call) subnet(id string) (*world.Object, error) {
	if o := c.tx.Get(subnetToken, id); o != nil {
		return o, nil
	}
	return nil, apiError("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
}

func createSubnet(c *call) (string, map[string]any, error) {
	vpc, err := c.vpc(text(c.In, "vpcId"))
	if err != nil {
		return "", nil, err
	}
	block := text(c.In, "cidrBlock")
	if !within(block, vpc.String("cidrBlock")) {
		return "", nil, apiError("InvalidSubnet.Range", "The CIDR '%s' is invalid. (The VPC has %s.)", block, vpc.String("cidrBlock"))
	}
	for _, other := range c.tx.List(subnetToken) {
		if other.String("vpcId") == vpc.ID && overlap(block, other.String("cidrBlock")) {
			return "", nil, apiError("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet (%s has %s)", block, other.ID, other.String("cidrBlock"))
		}
	}
	zones := zoneNames(c.me.region)
	zone := text(c.In, "availabilityZone")
	for i, z := range zones {
		if zone == "" && text(c.In, "availabilityZoneId") == zoneID(c.me.region, i) {
			zone = z
		}
	}
	if zone == "" && !c.given("availabilityZoneId") {
		zone = zones[0]
	}
	if !slices.Contains(zones, zone) {
		return "", nil, apiError("InvalidParameterValue",
			"Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
			either(zone, text(c.In, "availabilityZoneId")), strings.Join(zones, ", "))
	}
	id := c.tx.NewID("subnet")
	return id, c.with(
		map[string]any{
			"availabilityZone": zone, "availabilityZoneId": zoneIDOf(c.me.region, zone), "mapPublicIpOnLaunch": false,
			"assignIpv6AddressOnCreation": false, "privateDnsHostnameTypeOnLaunch": "ip-name",
		},
		map[string]any{"arn": c.me.makeARN("ec2", "subnet/"+id), "ownerId": c.me.account}), nil
}
