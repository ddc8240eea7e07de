package awssim

import (
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func routeKinds() map[string]*kind {
	return map[string]*kind{
		routeTableToken: {
			Kind: provider.Kind{
				ForceNew: []string{"vpcId"},
				Check: func(in map[string]any) []string {
					var p problems
					for _, r := range objects(in, "routes") {
						p.cidr(r, "cidrBlock", 0, 32)
					}
					p.tags(in)
					return p
				},
			},
			tagged: true, arn: ec2ARN("route-table"),
			create: func(c *call) (string, map[string]any, error) {
				if _, err := c.vpc(text(c.In, "vpcId")); err != nil {
					return "", nil, err
				}
				id := c.tx.NewID("rtb")
				return id, map[string]any{"arn": c.me.makeARN("ec2", "route-table/"+id), "ownerId": c.me.account}, c.inlineRoutes(id)
			},
			update: func(c *call, o *world.Object) (map[string]any, error) { return nil, c.inlineRoutes(o.ID) },
			remove: func(c *call, o *world.Object) error {
				if a := c.tx.Find(associationToken, func(a *world.Object) bool { return a.String("routeTableId") == o.ID }); a != nil {
					return apiError("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted. (%s is associated with it)", o.ID, a.String("subnetId"))
				}
				for _, r := range c.tx.List(routeToken) { // routes go with their table
					if r.String("routeTableId") == o.ID {
						if err := c.tx.Delete(routeToken, r.ID); err != nil {
							return err
						}
					}
				}
				return nil
			},
			rules: []string{"VPC exists; targets of its routes exist", "deletion: not while subnets are associated with it (DependencyViolation)"},
		},
		routeToken: {
			Kind: provider.Kind{
				ForceNew: []string{"routeTableId", "destinationCidrBlock", "destinationPrefixListId"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.cidr(in, "destinationCidrBlock", 0, 32)
					return p
				},
			},
			create: createRoute,
			update: func(c *call, _ *world.Object) (map[string]any, error) {
				return nil, c.routeTarget(c.In, text(c.In, "routeTableId"))
			},
			rules: []string{"route table and target exist, the target belongs to the VPC; one route a destination (RouteAlreadyExists)"},
		},
		associationToken: {
			Kind: provider.Kind{ForceNew: []string{"subnetId", "gatewayId"}},
			create: func(c *call) (string, map[string]any, error) {
				err := c.associable("")
				return c.tx.NewID("rtbassoc"), nil, err
			},
			update: func(c *call, o *world.Object) (map[string]any, error) { return nil, c.associable(o.ID) },
			rules:  []string{"route table and subnet exist, in the same VPC; one table a subnet (Resource.AlreadyAssociated)"},
		},
	}
}

func (c *call) routeTable(id string) (*world.Object, error) {
	if o := c.tx.Get(routeTableToken, id); o != nil {
		return o, nil
	}
	return nil, apiError("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", id)
}

func createRoute(c *call) (string, map[string]any, error) {
	table, err := c.routeTable(text(c.In, "routeTableId"))
	if err != nil {
		return "", nil, err
	}
	destination := either(text(c.In, "destinationCidrBlock"), either(text(c.In, "destinationIpv6CidrBlock"), text(c.In, "destinationPrefixListId")))
	// the provider's own way to a name (hashicorp/terraform-provider-aws, internal/service/ec2, routeCreateID)
	id := fmt.Sprintf("r-%s%d", table.ID, crc32.ChecksumIEEE([]byte(destination)))
	exists := c.tx.Get(routeToken, id) != nil
	for _, r := range objects(table.Props, "routes") {
		exists = exists || text(r, "cidrBlock") == destination
	}
	if exists {
		return "", nil, apiError("RouteAlreadyExists", "The route identified by %s already exists.", destination)
	}
	if err := c.routeTarget(c.In, table.ID); err != nil {
		return "", nil, err
	}
	return id, map[string]any{"origin": "CreateRoute", "state": "active"}, nil
}

// routeTarget checks that what a route leads to exists and is of the table's VPC.
func (c *call) routeTarget(route map[string]any, tableID string) error {
	vpc := text(c.In, "vpcId")
	if table := c.tx.Get(routeTableToken, tableID); table != nil {
		vpc = table.String("vpcId")
	}
	if id := text(route, "gatewayId"); strings.HasPrefix(id, "igw-") {
		gateway := c.tx.Get(internetGatewayToken, id)
		if gateway == nil {
			return apiError("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", id)
		}
		if gateway.String("vpcId") != vpc {
			return apiError("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", tableID, id)
		}
	}
	if id := text(route, "natGatewayId"); id != "" {
		nat := c.tx.Get(natGatewayToken, id)
		if nat == nil {
			return apiError("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id)
		}
		if subnet := c.tx.Get(subnetToken, nat.String("subnetId")); subnet != nil && subnet.String("vpcId") != vpc {
			return apiError("InvalidParameterValue", "route table %s and NAT gateway %s belong to different networks", tableID, id)
		}
	}
	if text(route, "gatewayId")+text(route, "natGatewayId") == "" && len(route) < 3 {
		return apiError("MissingParameter", "The request must contain exactly one target of the route")
	}
	return nil
}

func (c *call) inlineRoutes(tableID string) error {
	seen := map[string]bool{}
	for _, r := range objects(c.In, "routes") {
		if seen[text(r, "cidrBlock")] {
			return apiError("RouteAlreadyExists", "The route identified by %s already exists.", text(r, "cidrBlock"))
		}
		seen[text(r, "cidrBlock")] = true
		if err := c.routeTarget(r, tableID); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) associable(self string) error {
	table, err := c.routeTable(text(c.In, "routeTableId"))
	if err != nil {
		return err
	}
	if !c.given("subnetId") {
		return nil
	}
	subnet, err := c.subnet(text(c.In, "subnetId"))
	if err != nil {
		return err
	}
	if subnet.String("vpcId") != table.String("vpcId") {
		return apiError("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", table.ID, subnet.ID)
	}
	other := c.tx.Find(associationToken, func(o *world.Object) bool { return o.ID != self && o.String("subnetId") == subnet.ID })
	if other != nil {
		return apiError("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association (%s)", table.ID, other.ID)
	}
	return nil
}

// wayOut says how a subnet reaches the internet: through an internet gateway, a NAT gateway (or anything else that a default route can lead
// to), or not at all.
func wayOut(tx *world.Tx, subnet *world.Object) (gateway, other bool) {
	var table *world.Object
	if a := tx.Find(associationToken, func(a *world.Object) bool { return a.String("subnetId") == subnet.ID }); a != nil {
		table = tx.Get(routeTableToken, a.String("routeTableId"))
	} else {
		table = tx.Find(routeTableToken, func(o *world.Object) bool {
			return o.String("vpcId") == subnet.String("vpcId") && flag(o.Props, "main")
		})
	}
	if table == nil {
		return false, false
	}
	routes := objects(table.Props, "routes")
	for _, r := range tx.List(routeToken) {
		if r.String("routeTableId") == table.ID {
			routes = append(routes, r.Props)
		}
	}
	for _, r := range routes {
		if either(text(r, "destinationCidrBlock"), text(r, "cidrBlock")) != "0.0.0.0/0" {
			continue
		}
		if strings.HasPrefix(text(r, "gatewayId"), "igw-") {
			gateway = true
		} else {
			other = true
		}
	}
	return gateway, other
}
