package network

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCarve(t *testing.T) {
	for _, tc := range []struct{ vpc, zone, public, private string }{
		// The runbook's public subnets.
		{"172.16.0.0/16", "us-east-1a", "172.16.1.0/24", "172.16.32.0/19"},
		{"172.16.0.0/16", "us-east-1b", "172.16.2.0/24", "172.16.64.0/19"},
		{"172.16.0.0/16", "us-east-1c", "172.16.3.0/24", "172.16.96.0/19"},
		{"172.16.0.0/16", "us-east-1g", "172.16.7.0/24", "172.16.224.0/19"},
		{"10.8.16.0/20", "eu-central-1b", "10.8.16.32/28", "10.8.20.0/23"},
	} {
		vpc, err := parseCIDR(tc.vpc)
		if err != nil {
			t.Fatal(err)
		}
		n, err := slot(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		public, private := carve(vpc, n)
		if public.String() != tc.public || private.String() != tc.private {
			t.Errorf("%s in %s: %s and %s, want %s and %s", tc.zone, tc.vpc, public, private, tc.public, tc.private)
		}
	}
}

func TestCarvedRangesLieInsideAndApart(t *testing.T) {
	for _, cidr := range []string{"172.16.0.0/16", "10.0.0.0/17", "10.0.128.0/18", "192.168.32.0/19", "10.8.240.0/20"} {
		vpc, err := parseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		var all []netip.Prefix
		for n := range slots {
			public, private := carve(vpc, n)
			all = append(all, public, private)
		}
		for i, p := range all {
			if p.Bits() <= vpc.Bits() || !vpc.Contains(p.Addr()) || p != p.Masked() {
				t.Errorf("%s does not lie in %s", p, vpc)
			}
			for _, q := range all[i+1:] {
				if p.Overlaps(q) {
					t.Errorf("in %s, %s overlaps %s", vpc, p, q)
				}
			}
		}
	}
}

func TestSlotRefuses(t *testing.T) {
	for zone, want := range map[string]string{
		"us-east-1":        "is not an availability zone",
		"us-east-1-bos-1a": "is not an availability zone",
		"use1-az1":         "is not an availability zone",
		"us-east-1z":       "is beyond the 7",
	} {
		if _, err := slot(zone); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("slot(%q): error %v, want %q in it", zone, err, want)
		}
	}
}

func TestParseCIDRRefuses(t *testing.T) {
	for cidr, want := range map[string]string{
		"172.16.0.0":    "is not an IPv4 CIDR",
		"fd00::/16":     "is not an IPv4 CIDR",
		"172.16.1.0/16": "172.16.0.0/16 is meant",
		"10.0.0.0/8":    "use a /16 to /20",
		"10.0.0.0/24":   "use a /16 to /20",
	} {
		if _, err := parseCIDR(cidr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseCIDR(%q): error %v, want %q in it", cidr, err, want)
		}
	}
}
