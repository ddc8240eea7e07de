package network

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Sizes of a VPC. EC2 permits /16 to /28 (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html); below /20 the
// public subnets would be smaller than the /28 that a subnet has to have.
const (
	widest    = 16
	narrowest = 20
	// publicBits and privateBits are how much smaller than the VPC a subnet is: /24 and /19 in a /16.
	publicBits  = 8
	privateBits = 3
	// slots is how many zones there is room for: the first of the eight private blocks holds the public subnets.
	slots = 1<<privateBits - 1
)

// zoneName is an availability zone proper, whose last letter is its place in the region. Local and wavelength zones, which EKS
// puts no control plane into, have longer names (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html).
var zoneName = lazyregexp.New(`^([a-z]{2}(?:-[a-z]+)+-\d)([a-z])$`)

// slot is the place of a zone's subnets in the VPC, given by the zone's letter alone, so that adding or removing another zone
// never moves them.
func slot(zone string) (int, error) {
	m := zoneName.FindStringSubmatch(zone)
	if m == nil {
		return 0, fmt.Errorf("%q is not an availability zone, such as us-east-1a", zone)
	}
	n := int(m[2][0] - 'a')
	if n >= slots {
		return 0, fmt.Errorf("zone %q is beyond the %d for which the VPC has room: use zones a to %c", zone, slots, 'a'+slots-1)
	}
	return n, nil
}

// parseCIDR reads a VPC's address range.
func parseCIDR(cidr string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil || !p.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("address range %q is not an IPv4 CIDR, such as 172.16.0.0/16", cidr)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("address range %q begins inside its own block: %s is meant, or a smaller one", cidr, p.Masked())
	case p.Bits() < widest || p.Bits() > narrowest:
		return netip.Prefix{}, fmt.Errorf("address range %q is a /%d: use a /%d to /%d", cidr, p.Bits(), widest, narrowest)
	}
	return p, nil
}

// carve returns the public and the private range of a zone's slot. In 172.16.0.0/16 the first zone has 172.16.1.0/24, as the
// runbook had it, and 172.16.32.0/19, the second 172.16.2.0/24 and 172.16.64.0/19.
func carve(vpc netip.Prefix, slot int) (public, private netip.Prefix) {
	return block(vpc, publicBits, slot+1), block(vpc, privateBits, slot+1)
}

// block is block number n of those that are smaller than the whole by the given number of bits.
func block(whole netip.Prefix, bits, n int) netip.Prefix {
	size := whole.Bits() + bits
	base := whole.Addr().As4()
	start := binary.BigEndian.Uint32(base[:]) + uint32(n)<<(32-size)
	var addr [4]byte
	binary.BigEndian.PutUint32(addr[:], start)
	return netip.PrefixFrom(netip.AddrFrom4(addr), size)
}
