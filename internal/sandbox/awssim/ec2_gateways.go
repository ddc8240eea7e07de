package awssim

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func gatewayKinds() map[string]*kind {
	taggedOnly := func(in map[string]any) []string {
		var p problems
		p.tags(in)
		return p
	}
	return map[string]*kind{
		internetGatewayToken: {
			Kind:   provider.Kind{Check: taggedOnly},
			tagged: true, arn: ec2ARN("internet-gateway"),
			create: func(c *call) (string, map[string]any, error) {
				id := c.tx.NewID("igw")
				return id, map[string]any{"arn": c.me.makeARN("ec2", "internet-gateway/"+id), "ownerId": c.me.account}, c.attachable(id)
			},
			update: func(c *call, o *world.Object) (map[string]any, error) {
				if o.String("vpcId") != text(c.In, "vpcId") {
					if err := c.detachable(o); err != nil {
						return nil, err
					}
				}
				return nil, c.attachable(o.ID)
			},
			remove: func(c *call, o *world.Object) error { return c.detachable(o) },
			rules:  []string{"VPC exists and has no other one", "deletion: not while the VPC has public addresses in use (DependencyViolation)"},
		},
		eipToken: {
			Kind:   provider.Kind{ForceNew: []string{"domain", "address", "publicIpv4Pool", "networkBorderGroup"}, Check: taggedOnly},
			tagged: true, arn: ec2ARN("elastic-ip"),
			create: func(c *call) (string, map[string]any, error) {
				id, ip := c.tx.NewID("eipalloc"), publicAddress()
				host := "ec2-" + strings.ReplaceAll(ip, ".", "-") + "." + publicDomain(c.me.region)
				return id, c.with(map[string]any{"domain": "vpc", "vpc": true, "publicIpv4Pool": "amazon", "networkBorderGroup": c.me.region}, map[string]any{
					"allocationId": id, "publicIp": ip, "publicDns": host, "arn": c.me.makeARN("ec2", "elastic-ip/"+id),
				}), nil
			},
			remove: func(c *call, o *world.Object) error {
				if nat := natOf(c.tx, o.ID); nat != nil {
					return apiError("InvalidIPAddress.InUse", "The address with allocation id [%s] is in use by %s and cannot be released.", o.ID, nat.ID)
				}
				return nil
			},
			rules: []string{"deletion: not while a NAT gateway has it (InvalidIPAddress.InUse)"},
		},
		natGatewayToken: {
			Kind: provider.Kind{
				ForceNew: []string{"allocationId", "subnetId", "connectivityType", "privateIp"},
				Check: func(in map[string]any) []string {
					p := problems(taggedOnly(in))
					p.oneOf(in, "connectivityType", "public", "private")
					return p
				},
			},
			tagged: true, arn: ec2ARN("natgateway"), create: createNat,
			remove: func(c *call, o *world.Object) error { return c.unplug(natGatewayToken, o.ID) },
			rules:  []string{"subnet and address exist, the address is free (Resource.AlreadyAssociated), the VPC has an internet gateway (Gateway.NotAttached)"},
		},
	}
}

// attachable checks that an internet gateway can be attached to the VPC that is asked for.
func (c *call) attachable(self string) error {
	id := text(c.In, "vpcId")
	if id == "" {
		return nil
	}
	if _, err := c.vpc(id); err != nil {
		return err
	}
	if other := gatewayOf(c.tx, id); other != nil && other.ID != self {
		return apiError("InvalidParameterValue", "Network %s already has an internet gateway attached", id)
	}
	return nil
}

// detachable checks that no public address of the VPC depends on its internet gateway.
func (c *call) detachable(o *world.Object) error {
	for _, eni := range interfaces(c.tx, "vpcId", o.String("vpcId")) {
		if flag(eni.Props, "public") {
			return apiError("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.%s",
				o.String("vpcId"), usedBy([]*world.Object{eni}))
		}
	}
	return nil
}

// gatewayOf is the internet gateway of a VPC, or nil.
func gatewayOf(tx *world.Tx, vpc string) *world.Object {
	return tx.Find(internetGatewayToken, func(o *world.Object) bool { return vpc != "" && o.String("vpcId") == vpc })
}

// natOf is the NAT gateway that has an address, or nil.
func natOf(tx *world.Tx, allocation string) *world.Object {
	return tx.Find(natGatewayToken, func(o *world.Object) bool { return allocation != "" && o.String("allocationId") == allocation })
}

// publicAddress is one of the addresses that are kept for documentation and so belong to nobody: https://www.rfc-editor.org/rfc/rfc5737
func publicAddress() string {
	b := make([]byte, 2)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%s.%d", []string{"192.0.2", "198.51.100", "203.0.113"}[int(b[0])%3], b[1])
}

// publicDomain and privateDomain end the names that EC2 gives to addresses:
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
func publicDomain(region string) string {
	if region == "us-east-1" {
		return "compute-1.amazonaws.com"
	}
	return region + ".compute.amazonaws.com"
}

func privateDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

func createNat(c *call) (string, map[string]any, error) {
	subnet, err := c.subnet(text(c.In, "subnetId"))
	if err != nil {
		return "", nil, err
	}
	id, allocation := c.tx.NewID("nat"), text(c.In, "allocationId")
	out := map[string]any{}
	public := text(c.In, "connectivityType") != "private"
	if public {
		eip := c.tx.Get(eipToken, allocation)
		if eip == nil {
			return "", nil, apiError("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", allocation)
		}
		if other := natOf(c.tx, allocation); other != nil {
			return "", nil, apiError("Resource.AlreadyAssociated", "resource %s is already associated with %s", allocation, other.ID)
		}
		if gatewayOf(c.tx, subnet.String("vpcId")) == nil {
			return "", nil, apiError("Gateway.NotAttached", "Network %s has no Internet gateway attached", subnet.String("vpcId"))
		}
		out["publicIp"], out["associationId"] = eip.String("publicIp"), c.tx.NewID("eipassoc")
	}
	eni, err := c.plug(subnet, nil, "Interface for NAT Gateway "+id, natGatewayToken, id, public)
	if err != nil {
		return "", nil, err
	}
	out["networkInterfaceId"] = eni.ID
	return id, c.with(map[string]any{"connectivityType": "public", "privateIp": eni.String("privateIp")}, out), nil
}
