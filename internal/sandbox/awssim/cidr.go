package awssim

import (
	"encoding/binary"
	"net/netip"
)

// cidr checks that a text is an IPv4 block without host bits, of a size the service takes.
func (p *problems) cidr(in map[string]any, prop string, shortest, longest int) {
	s, ok := in[prop].(string)
	if !ok {
		return
	}
	block, err := netip.ParsePrefix(s)
	switch {
	case err != nil || !block.Addr().Is4():
		p.add(prop, "%q is not a valid IPv4 CIDR block", s)
	case block.Masked() != block:
		p.add(prop, "%q is not a valid CIDR block; did you mean %q?", s, block.Masked())
	case block.Bits() < shortest || block.Bits() > longest:
		p.add(prop, "The CIDR '%s' is invalid: the block size must be between /%d and /%d", s, shortest, longest)
	}
}

// within reports whether one block lies in another; blocks that cannot be read do not.
func within(inner, outer string) bool {
	i, err := netip.ParsePrefix(inner)
	if err != nil {
		return false
	}
	o, err := netip.ParsePrefix(outer)
	return err == nil && o.Bits() <= i.Bits() && o.Contains(i.Addr())
}

func overlap(a, b string) bool {
	x, err := netip.ParsePrefix(a)
	if err != nil {
		return false
	}
	y, err := netip.ParsePrefix(b)
	return err == nil && x.Overlaps(y)
}

// firstHost is the first address of a subnet's block that AWS does not keep for itself:
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
const firstHost = 4

// address is the address number n of a block, counted from the first that can be given out; "" when the block has no such address. The
// last address of a block is AWS's too.
func address(block string, n int) string {
	p, err := netip.ParsePrefix(block)
	if err != nil || !p.Addr().Is4() {
		return ""
	}
	number := uint32(firstHost + n)
	if uint64(number) >= uint64(1)<<(32-p.Bits())-1 {
		return ""
	}
	b := p.Masked().Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+number)
	return netip.AddrFrom4(b).String()
}
