// Package network makes the VPC that a cluster lives in, or finds one that exists.
package network

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "hubwright:aws:Network"

// Subnet is one subnet of the network. Zone and Public are known before anything is created, so that a program can decide by
// them what to make.
type Subnet struct {
	// ID is the subnet's id, known when the subnet exists; its routes may not exist yet.
	ID pulumi.StringOutput
	// Zone is its availability zone.
	Zone string
	// Public says whether it routes to an internet gateway.
	Public bool
}

// Network is the VPC with its subnets.
type Network struct {
	pulumi.ResourceState

	// VpcId is the VPC's id.
	VpcId pulumi.StringOutput
	// Cidr is its address range.
	Cidr pulumi.StringOutput
	// PublicSubnetIds and PrivateSubnetIds are known when the subnets exist.
	PublicSubnetIds, PrivateSubnetIds pulumi.StringArrayOutput
	// NodeSubnetIds are where nodes live: the private subnets when there are any, otherwise the public ones. They are known only
	// when the nodes can reach the internet or the endpoints from there, because a node that can't never joins.
	NodeSubnetIds pulumi.StringArrayOutput

	subnets []Subnet
	ready   []any // outputs that have to be there before a node can live in a subnet
}

// New registers the component: a new VPC, or the look-up of the one that args name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	if args == nil {
		args = &Args{}
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	n := &Network{}
	if err := ctx.RegisterComponentResource(Type, name, n, opts...); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	build := n.create
	if args.existing() {
		build = n.find
	}
	if err := build(ctx, name, args); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	n.PublicSubnetIds = ids(n.filter(func(s Subnet) bool { return s.Public }))
	n.PrivateSubnetIds = ids(n.filter(func(s Subnet) bool { return !s.Public }))
	n.NodeSubnetIds = n.settled(n.NodeSubnets())
	if err := ctx.RegisterResourceOutputs(n, pulumi.Map{
		"vpcId": n.VpcId, "cidr": n.Cidr, "publicSubnetIds": n.PublicSubnetIds, "privateSubnetIds": n.PrivateSubnetIds,
		"nodeSubnetIds": n.NodeSubnetIds,
	}); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	return n, nil
}

// Subnets returns all subnets, the public ones first, each kind by zone.
func (n *Network) Subnets() []Subnet { return slices.Clone(n.subnets) }

// NodeSubnets returns the subnets that nodes live in.
func (n *Network) NodeSubnets() []Subnet {
	if private := n.filter(func(s Subnet) bool { return !s.Public }); len(private) > 0 {
		return private
	}
	return n.Subnets()
}

// OnePerZone returns the first node subnet of each zone, which is what a file system's mount targets need.
func (n *Network) OnePerZone() []Subnet {
	var out []Subnet
	for _, s := range n.NodeSubnets() {
		if !slices.ContainsFunc(out, func(o Subnet) bool { return o.Zone == s.Zone }) {
			out = append(out, s)
		}
	}
	return out
}

// Zones returns the zones that nodes can live in, sorted.
func (n *Network) Zones() []string {
	var zones []string
	for _, s := range n.NodeSubnets() {
		zones = append(zones, s.Zone)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// SubnetsInZones returns the node subnets in the given zones, all of them when none is given; known like NodeSubnetIds. A zone
// without one is an error.
func (n *Network) SubnetsInZones(zones []string) (pulumi.StringArrayOutput, error) {
	if len(zones) == 0 {
		return n.NodeSubnetIds, nil
	}
	for _, zone := range zones {
		if have := n.Zones(); !slices.Contains(have, zone) {
			return pulumi.StringArrayOutput{}, fmt.Errorf("no subnet for nodes is in zone %q: the network has %q", zone, have)
		}
	}
	return n.settled(n.filterNodes(zones)), nil
}

func (n *Network) filterNodes(zones []string) []Subnet {
	var out []Subnet
	for _, s := range n.NodeSubnets() {
		if slices.Contains(zones, s.Zone) {
			out = append(out, s)
		}
	}
	return out
}

func (n *Network) filter(keep func(Subnet) bool) []Subnet {
	var out []Subnet
	for _, s := range n.subnets {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// ids gathers the subnets' ids.
func ids(subnets []Subnet) pulumi.StringArrayOutput {
	list := make(pulumi.StringArray, len(subnets))
	for i, s := range subnets {
		list[i] = s.ID
	}
	return list.ToStringArrayOutput()
}

// settled is ids, known only when a node can live there.
func (n *Network) settled(subnets []Subnet) pulumi.StringArrayOutput {
	return pulumi.All(append([]any{ids(subnets)}, n.ready...)...).ApplyT(func(vs []any) []string {
		list, _ := vs[0].([]string)
		return list
	}).(pulumi.StringArrayOutput)
}
