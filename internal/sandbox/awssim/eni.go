package awssim

import (
	"slices"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Network interfaces are objects of a kind of their own, with vpcId, subnetId, groups, description, privateIp, public, ownerKind and ownerId.
// They are what keeps a VPC, a subnet or a security group from being deleted.

// plug makes a network interface in a subnet.
func (c *call) plug(subnet *world.Object, groups []string, description, ownerKind, ownerID string, public bool) (*world.Object, error) {
	ip := c.freeAddress(subnet)
	if ip == "" {
		return nil, apiError("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", subnet.ID)
	}
	o := &world.Object{
		Kind: kubeapi.InterfaceKind, ID: c.tx.NewID("eni"), Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{
			"vpcId": subnet.String("vpcId"), "subnetId": subnet.ID, "groups": anyList(groups), "description": description,
			"privateIp": ip, "public": public, "ownerKind": ownerKind, "ownerId": ownerID,
		},
	}
	return o, c.tx.Put(o)
}

// freeAddress is the first address of a subnet that no interface has.
func (c *call) freeAddress(subnet *world.Object) string {
	taken := map[string]bool{}
	for _, eni := range interfaces(c.tx, "subnetId", subnet.ID) {
		taken[eni.String("privateIp")] = true
	}
	for n := 0; ; n++ {
		if ip := address(subnet.String("cidrBlock"), n); ip == "" || !taken[ip] {
			return ip
		}
	}
}

// unplug removes the interfaces of an owner.
func (c *call) unplug(ownerKind, ownerID string) error {
	for _, eni := range interfaces(c.tx, "ownerId", ownerID) {
		if eni.String("ownerKind") == ownerKind {
			if err := c.tx.Delete(eni.Kind, eni.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// interfaces are the network interfaces with that property.
func interfaces(tx *world.Tx, prop, value string) []*world.Object {
	return slices.DeleteFunc(tx.List(kubeapi.InterfaceKind), func(o *world.Object) bool { return o.String(prop) != value })
}

// usedBy says in words by which interfaces a subnet, a VPC or a group is used, as the services' own messages unfortunately do not.
func usedBy(enis []*world.Object) string {
	if len(enis) == 0 {
		return ""
	}
	return " (network interface " + enis[0].ID + ": " + enis[0].String("description") + ")"
}
