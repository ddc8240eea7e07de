package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/lookup"
)

// errEmpty explains a look-up that came back empty-handed.
var errEmpty = errors.New("the look-up gave nothing; in a first preview that is so when it goes through a provider whose role doesn't exist yet: give LookupProvider")

// Tags by which Kubernetes, and this look-up, tell subnets apart:
// https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html
const (
	publicRole  = "kubernetes.io/role/elb"
	privateRole = "kubernetes.io/role/internal-elb"
)

// find looks an existing VPC and its subnets up, and checks them.
func (n *Network) find(ctx *pulumi.Context, _ string, args *Args) error {
	via := lookup.Via(n, args.LookupProvider)
	which := &ec2.LookupVpcArgs{Id: &args.VpcID}
	if args.VpcID == "" {
		which = &ec2.LookupVpcArgs{Tags: map[string]string{"Name": args.VpcName}}
	}
	vpc, err := ec2.LookupVpc(ctx, which, via...)
	if err != nil {
		return fmt.Errorf("looking up VPC %s%s: %w", args.VpcID, args.VpcName, err)
	}
	if vpc.Id == "" {
		return fmt.Errorf("looking up VPC %s%s: %w", args.VpcID, args.VpcName, errEmpty)
	}
	n.VpcId = pulumi.String(vpc.Id).ToStringOutput()
	n.Cidr = pulumi.String(vpc.CidrBlock).ToStringOutput()

	public, private := args.PublicSubnetIDs, args.PrivateSubnetIDs
	if len(public)+len(private) == 0 {
		if public, err = tagged(ctx, vpc.Id, publicRole, via); err != nil {
			return err
		}
		if private, err = tagged(ctx, vpc.Id, privateRole, via); err != nil {
			return err
		}
	}
	for _, kind := range []struct {
		ids    []string
		public bool
	}{{public, true}, {private, false}} {
		found, err := subnets(ctx, vpc.Id, kind.ids, kind.public, via)
		if err != nil {
			return err
		}
		n.subnets = append(n.subnets, found...)
	}
	if len(n.subnets) == 0 {
		return fmt.Errorf("VPC %s has no subnet with the tag %s=1 or %s=1: tag its subnets, or give their ids", vpc.Id, publicRole, privateRole)
	}
	if zones := n.Zones(); len(zones) < minZones {
		return fmt.Errorf("the subnets of VPC %s that nodes would live in are all in %q, and EKS wants %d zones", vpc.Id, zones, minZones)
	}
	return nil
}

// tagged returns the ids of the VPC's subnets with a role's tag.
func tagged(ctx *pulumi.Context, vpc, role string, via []pulumi.InvokeOption) ([]string, error) {
	found, err := ec2.GetSubnets(ctx, &ec2.GetSubnetsArgs{
		Filters: []ec2.GetSubnetsFilter{{Name: "vpc-id", Values: []string{vpc}}},
		Tags:    map[string]string{role: "1"},
	}, via...)
	if err != nil {
		return nil, fmt.Errorf("looking up the subnets of %s with the tag %s=1: %w", vpc, role, err)
	}
	return found.Ids, nil
}

// subnets reads each subnet's zone and checks that it is in the VPC; they come back by zone and id.
func subnets(ctx *pulumi.Context, vpc string, ids []string, public bool, via []pulumi.InvokeOption) ([]Subnet, error) {
	type located struct{ zone, id string }
	var all []located
	for _, id := range ids {
		found, err := ec2.LookupSubnet(ctx, &ec2.LookupSubnetArgs{Id: &id}, via...)
		if err != nil {
			return nil, fmt.Errorf("looking up subnet %s: %w", id, err)
		}
		if found.AvailabilityZone == "" {
			return nil, fmt.Errorf("looking up subnet %s: %w", id, errEmpty)
		}
		if found.VpcId != vpc {
			return nil, fmt.Errorf("subnet %s is in %s, not in %s", id, found.VpcId, vpc)
		}
		all = append(all, located{found.AvailabilityZone, id})
	}
	slices.SortFunc(all, func(a, b located) int {
		if a.zone != b.zone {
			return strings.Compare(a.zone, b.zone)
		}
		return strings.Compare(a.id, b.id)
	})
	out := make([]Subnet, len(all))
	for i, l := range all {
		out[i] = Subnet{ID: pulumi.String(l.id).ToStringOutput(), Zone: l.zone, Public: public}
	}
	return out, nil
}

// chooseZones returns the zones of a new VPC, sorted: the named ones, or the first of the region's.
func (n *Network) chooseZones(ctx *pulumi.Context, args *Args) ([]string, error) {
	if len(args.Zones) > 0 {
		zones := slices.Clone(args.Zones)
		slices.Sort(zones)
		return zones, nil
	}
	available := "available"
	// Only zones that need no opting in: local and wavelength zones do.
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		State:   &available,
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	}, lookup.Via(n, args.LookupProvider)...)
	if err != nil {
		return nil, fmt.Errorf("asking for the availability zones: %w", err)
	}
	if len(found.Names) == 0 {
		return nil, fmt.Errorf("asking for the availability zones: %w, or name the zones", errEmpty)
	}
	var zones []string
	for _, zone := range found.Names {
		if _, err := slot(zone); err == nil {
			zones = append(zones, zone)
		}
	}
	slices.Sort(zones)
	if len(zones) < args.zoneCount() {
		return nil, fmt.Errorf("%d availability zones are asked for, and the region has %d: %q", args.zoneCount(), len(zones), zones)
	}
	return zones[:args.zoneCount()], nil
}
