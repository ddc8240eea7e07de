package awssim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// endpointServices are services that can be reached through an endpoint, by the end of their names:
// https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
var endpointServices = []string{
	"s3", "dynamodb", "ecr.api", "ecr.dkr", "ec2", "ec2messages", "eks", "eks-auth", "sts", "kms", "logs", "monitoring", "autoscaling",
	"elasticloadbalancing", "elasticfilesystem", "elasticfilesystem-fips", "secretsmanager", "ssm", "ssmmessages", "codecommit", "git-codecommit",
	"sqs", "sns", "xray", "backup", "acm-pca",
}

func endpointKinds() map[string]*kind {
	return map[string]*kind{endpointToken: {
		Kind: provider.Kind{
			ForceNew: []string{"vpcId", "serviceName", "vpcEndpointType"},
			Check: func(in map[string]any) []string {
				var p problems
				p.oneOf(in, "vpcEndpointType", "Gateway", "Interface", "GatewayLoadBalancer")
				p.policy(in, "policy", resourcePolicy, 20480)
				p.tags(in)
				return p
			},
		},
		tagged: true, arn: ec2ARN("vpc-endpoint"),
		create: createEndpoint,
		update: func(c *call, o *world.Object) (map[string]any, error) {
			if err := c.unplug(endpointToken, o.ID); err != nil {
				return nil, err
			}
			out, err := c.endpointParts(o.ID)
			return out, err
		},
		remove: func(c *call, o *world.Object) error { return c.unplug(endpointToken, o.ID) },
		rules: []string{
			"VPC, subnets, groups and route tables exist, in that VPC; the service is known in the region (InvalidServiceName)",
			"interface: one subnet a zone (DuplicateSubnetsInSameZone); private DNS needs both DNS attributes of the VPC, and one endpoint a service",
			"gateway: only s3 and dynamodb, one a route table (RouteAlreadyExists)",
		},
	}}
}

func createEndpoint(c *call) (string, map[string]any, error) {
	if _, err := c.vpc(text(c.In, "vpcId")); err != nil {
		return "", nil, err
	}
	service := text(c.In, "serviceName")
	short, ours := strings.CutPrefix(service, "com.amazonaws."+c.me.region+".")
	if !ours || !slices.Contains(endpointServices, short) {
		return "", nil, apiError("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", service)
	}
	id := c.tx.NewID("vpce")
	out, err := c.endpointParts(id)
	if err != nil {
		return "", nil, err
	}
	out["arn"], out["ownerId"], out["state"] = c.me.makeARN("ec2", "vpc-endpoint/"+id), c.me.account, "available"
	return id, c.with(map[string]any{"vpcEndpointType": "Gateway", "privateDnsEnabled": false, "ipAddressType": "ipv4"}, out), nil
}

// endpointParts checks what an endpoint is connected with, and makes the interfaces of one that has some.
func (c *call) endpointParts(id string) (map[string]any, error) {
	if text(c.In, "vpcEndpointType") == "Interface" {
		return c.interfaceEndpoint(id)
	}
	service := text(c.In, "serviceName")
	if !strings.HasSuffix(service, ".s3") && !strings.HasSuffix(service, ".dynamodb") {
		return nil, apiError("InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface]).")
	}
	for _, table := range texts(c.In, "routeTableIds") {
		if _, err := c.routeTable(table); err != nil {
			return nil, err
		}
		other := c.tx.Find(endpointToken, func(o *world.Object) bool {
			return o.ID != id && o.String("serviceName") == service && slices.Contains(texts(o.Props, "routeTableIds"), table)
		})
		if other != nil {
			return nil, apiError("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id of %s", table, service)
		}
	}
	return map[string]any{"prefixListId": fmt.Sprintf("pl-%08x", hash(service))}, nil
}

func (c *call) interfaceEndpoint(id string) (map[string]any, error) {
	vpc, err := c.vpc(text(c.In, "vpcId"))
	if err != nil {
		return nil, err
	}
	service := text(c.In, "serviceName")
	if flag(c.In, "privateDnsEnabled") {
		if !flag(vpc.Props, "enableDnsSupport") || !flag(vpc.Props, "enableDnsHostnames") {
			return nil, apiError("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", vpc.ID)
		}
		other := c.tx.Find(endpointToken, func(o *world.Object) bool {
			return o.ID != id && o.String("vpcId") == vpc.ID && o.String("serviceName") == service && flag(o.Props, "privateDnsEnabled")
		})
		if other != nil {
			return nil, apiError("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", service, vpc.ID)
		}
	}
	groups := texts(c.In, "securityGroupIds")
	if err := c.groupsIn(groups, vpc.ID); err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		groups = []string{vpc.String("defaultSecurityGroupId")}
	}
	zones := map[string]bool{}
	var enis []string
	for _, sid := range texts(c.In, "subnetIds") {
		subnet, err := c.subnet(sid)
		if err != nil {
			return nil, err
		}
		if subnet.String("vpcId") != vpc.ID {
			return nil, apiError("InvalidParameter", "The subnet %s is not in the VPC %s", sid, vpc.ID)
		}
		zone := subnet.String("availabilityZone")
		if zones[zone] {
			return nil, apiError("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s", sid)
		}
		zones[zone] = true
		eni, err := c.plug(subnet, groups, "VPC Endpoint Interface "+id, endpointToken, id, false)
		if err != nil {
			return nil, err
		}
		enis = append(enis, eni.ID)
	}
	short := strings.TrimPrefix(service, "com.amazonaws."+c.me.region+".")
	name := fmt.Sprintf("%s-%s.%s.%s.vpce.amazonaws.com", id, world.Hex(8), short, c.me.region)
	return map[string]any{
		"networkInterfaceIds": anyList(enis), "dnsEntries": []any{map[string]any{"dnsName": name, "hostedZoneId": "Z" + strings.ToUpper(world.Hex(13))}},
	}, nil
}
