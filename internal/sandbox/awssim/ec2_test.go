package awssim_test

import (
	"strings"
	"testing"
)

func TestEC2Refusals(t *testing.T) {
	_, c := aws(t)
	n := network(c, 1)
	id := n.vpc.ID
	c.Must(group, "g", M{"name": "g", "vpcId": id})
	c.Must(template, "lt", M{"name": "tpl"})
	for name, try := range map[string]struct {
		token string
		in    M
		want  string
	}{
		"VPC too large":            {vpc, M{"cidrBlock": "10.0.0.0/8"}, "between /16 and /28"},
		"VPC too small":            {vpc, M{"cidrBlock": "10.0.0.0/29"}, "between /16 and /28"},
		"VPC host bits":            {vpc, M{"cidrBlock": "172.16.1.0/16"}, `did you mean "172.16.0.0/16"?`},
		"VPC no block":             {vpc, M{"cidrBlock": "172.16.0.0"}, "not a valid IPv4 CIDR block"},
		"subnet outside":           {subnet, M{"vpcId": id, "cidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid."},
		"subnet overlaps":          {subnet, M{"vpcId": id, "cidrBlock": "172.16.1.128/25"}, "InvalidSubnet.Conflict: The CIDR '172.16.1.128/25' conflicts with another subnet"},
		"subnet in no VPC":         {subnet, M{"vpcId": "vpc-0", "cidrBlock": "172.16.9.0/24"}, "InvalidVpcID.NotFound: The vpc ID 'vpc-0' does not exist"},
		"subnet in no zone":        {subnet, M{"vpcId": id, "cidrBlock": "172.16.9.0/24", "availabilityZone": "us-east-1z"}, "Subnets can currently only be created in the following availability zones: us-east-1a, "},
		"subnet in another region": {subnet, M{"vpcId": id, "cidrBlock": "172.16.9.0/24", "availabilityZone": "eu-west-1a"}, "InvalidParameterValue"},
		"second gateway":           {igw, M{"vpcId": id}, "already has an internet gateway attached"},
		"NAT without address":      {nat, M{"subnetId": n.subnets[0].ID, "allocationId": "eipalloc-0"}, "InvalidAllocationID.NotFound"},
		"NAT in no subnet":         {nat, M{"subnetId": "subnet-0"}, "InvalidSubnetID.NotFound"},
		"route twice":              {route, M{"routeTableId": n.tables[0].ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": n.igw.ID}, "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists."},
		"route to nowhere":         {route, M{"routeTableId": n.tables[0].ID, "destinationCidrBlock": "10.0.0.0/8", "natGatewayId": "nat-0"}, "InvalidNatGatewayID.NotFound"},
		"association twice":        {assoc, M{"routeTableId": n.tables[0].ID, "subnetId": n.subnets[0].ID}, "Resource.AlreadyAssociated"},
		"group name":               {group, M{"name": "sg-x", "vpcId": id}, "cannot begin with sg-"},
		"group name letters":       {group, M{"name": "gruß", "vpcId": id}, "at most 255 letters"},
		"group name taken":         {group, M{"name": "g", "vpcId": id}, "InvalidGroup.Duplicate: The security group 'g' already exists for VPC"},
		"rule of no group":         {ingress, M{"securityGroupId": "sg-0", "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIpv4": "0.0.0.0/0"}, "InvalidGroup.NotFound"},
		"rule protocol":            {ingress, M{"securityGroupId": "sg-0", "ipProtocol": "nfs"}, "Unknown protocol"},
		"rule ports":               {ingress, M{"securityGroupId": "sg-0", "ipProtocol": "tcp", "fromPort": 90, "toPort": 80}, "Invalid value for portRange"},
		"template name":            {template, M{"name": "a b"}, "3 to 128 letters"},
		"template name taken":      {template, M{"name": "tpl"}, "InvalidLaunchTemplateName.AlreadyExistsException"},
		"endpoint of no service":   {endpoint, M{"vpcId": id, "serviceName": "com.amazonaws.us-east-1.nothing"}, "InvalidServiceName"},
		"endpoint elsewhere":       {endpoint, M{"vpcId": id, "serviceName": "com.amazonaws.eu-west-1.s3"}, "InvalidServiceName"},
		"gateway endpoint for ECR": {endpoint, M{"vpcId": id, "serviceName": "com.amazonaws.us-east-1.ecr.api"}, "does not match available service types"},
		"too many tags":            {igw, M{"tags": M{"aws:x": "y"}}, "begins with aws:, which is reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Create(try.token, "x", try.in)
			refuses(t, name, err, try.want)
		})
	}
}

func TestNetworkDeletion(t *testing.T) {
	_, c := aws(t)
	n := network(c, 1)
	address := c.Must(eip, "e", M{"domain": "vpc"})
	gateway := c.Must(nat, "n", M{"subnetId": n.subnets[0].ID, "allocationId": address.ID})
	if gateway.Out["publicIp"] != address.Out["publicIp"] {
		t.Errorf("the NAT gateway has %v, its address is %v", gateway.Out["publicIp"], address.Out["publicIp"])
	}
	_, err := c.Create(nat, "n2", M{"subnetId": n.subnets[0].ID, "allocationId": address.ID})
	refuses(t, "an address used twice", err, "Resource.AlreadyAssociated")
	refuses(t, "the VPC", n.vpc.Delete(), "DependencyViolation: The vpc '"+n.vpc.ID+"' has dependencies and cannot be deleted.", "NAT Gateway")
	refuses(t, "the subnet", n.subnets[0].Delete(), "DependencyViolation: The subnet '"+n.subnets[0].ID+"' has dependencies and cannot be deleted.")
	refuses(t, "the internet gateway", n.igw.Delete(), "DependencyViolation", "mapped public address(es)")
	refuses(t, "the address", address.Delete(), "InvalidIPAddress.InUse")
	refuses(t, "the route table", n.tables[0].Delete(), "DependencyViolation: The routeTable")
	accepts(t, "the NAT gateway", gateway.Delete())
	accepts(t, "the address, now free", address.Delete())
	refuses(t, "the VPC with an internet gateway", n.vpc.Delete(), "DependencyViolation")
	accepts(t, "the internet gateway", n.igw.Delete())
	accepts(t, "the subnet", n.subnets[0].Delete())
}

func TestNatNeedsGateway(t *testing.T) {
	_, c := aws(t)
	v := c.Must(vpc, "v", M{"cidrBlock": "10.0.0.0/16"})
	s := c.Must(subnet, "s", M{"vpcId": v.ID, "cidrBlock": "10.0.0.0/24"})
	_, err := c.Create(nat, "n", M{"subnetId": s.ID, "allocationId": c.Must(eip, "e", nil).ID})
	refuses(t, "NAT without internet gateway", err, "Gateway.NotAttached: Network "+v.ID+" has no Internet gateway attached")
	accepts(t, "the subnet", s.Delete())
	accepts(t, "the empty VPC", v.Delete())
}

func TestSecurityGroupReferences(t *testing.T) {
	_, c := aws(t)
	v := c.Must(vpc, "v", M{"cidrBlock": "10.0.0.0/16"})
	a := c.Must(group, "a", M{"name": "a", "vpcId": v.ID})
	b := c.Must(group, "b", M{"name": "b", "vpcId": v.ID})
	in := M{"securityGroupId": a.ID, "ipProtocol": "tcp", "fromPort": 2049, "toPort": 2049, "referencedSecurityGroupId": b.ID}
	r := c.Must(ingress, "r", in)
	_, err := c.Create(ingress, "r2", in)
	refuses(t, "the same rule twice", err, "InvalidPermission.Duplicate")
	_, err = c.Create(ingress, "r3", M{"securityGroupId": a.ID, "ipProtocol": "-1"})
	refuses(t, "a rule without a source", err, "exactly one of")
	refuses(t, "a group that a rule names", b.Delete(), "DependencyViolation: resource "+b.ID+" has a dependent object", a.ID)
	accepts(t, "the rule", r.Delete())
	accepts(t, "the group", b.Delete())

	inlined := c.Must(group, "c", M{"name": "c", "vpcId": v.ID, "ingress": []any{M{"protocol": "tcp", "fromPort": 1, "toPort": 2, "securityGroups": []any{a.ID}}}})
	refuses(t, "a group that an inline rule names", a.Delete(), "DependencyViolation")
	accepts(t, "the group with the rule", inlined.Delete())
	accepts(t, "the group", a.Delete())
}

func TestInterfaceEndpoint(t *testing.T) {
	_, c := aws(t)
	n := network(c, 2)
	again := c.Must(subnet, "s9", M{"vpcId": n.vpc.ID, "cidrBlock": "172.16.9.0/24", "availabilityZone": "us-east-1a"})
	in := M{"vpcId": n.vpc.ID, "serviceName": "com.amazonaws.us-east-1.ecr.api", "vpcEndpointType": "Interface", "privateDnsEnabled": true, "subnetIds": n.ids()}
	e := c.Must(endpoint, "e", in)
	if ids, _ := e.Out["networkInterfaceIds"].([]any); len(ids) != 2 {
		t.Errorf("interfaces %v, want one in each of two subnets", ids)
	}
	_, err := c.Create(endpoint, "e2", in)
	refuses(t, "private DNS twice", err, "conflicting DNS domain")
	in["privateDnsEnabled"], in["subnetIds"] = false, append(n.ids(), again.ID)
	_, err = c.Create(endpoint, "e3", in)
	refuses(t, "two subnets of a zone", err, "DuplicateSubnetsInSameZone")
	refuses(t, "a subnet with an endpoint", n.subnets[0].Delete(), "DependencyViolation", "VPC Endpoint")
	plain := c.Must(vpc, "v2", M{"cidrBlock": "10.0.0.0/16"})
	_, err = c.Create(endpoint, "e4", M{"vpcId": plain.ID, "serviceName": in["serviceName"], "vpcEndpointType": "Interface", "privateDnsEnabled": true})
	refuses(t, "private DNS without hostnames", err, "enableDnsHostnames")
	tables := M{"vpcId": n.vpc.ID, "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": []any{n.tables[0].ID}}
	c.Must(endpoint, "s3", tables)
	_, err = c.Create(endpoint, "s3b", tables)
	refuses(t, "a second gateway for a table", err, "RouteAlreadyExists")
}

func TestLaunchTemplateVersions(t *testing.T) {
	_, c := aws(t)
	lt := c.Must(template, "lt", M{"name": "tpl", "description": "one"})
	accepts(t, "a change", lt.Update(M{"name": "tpl", "description": "two"}))
	if lt.Out["latestVersion"] != 2.0 {
		t.Errorf("latest version %v after a change, want 2", lt.Out["latestVersion"])
	}
	d := lt.Diff(M{"name": "other", "description": "two"})
	if len(d.Replaces) != 1 || !strings.Contains(d.Changed["name"], "replace") {
		t.Errorf("another name: %+v, want a replacement", d)
	}
}
