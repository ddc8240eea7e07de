package awssim

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
var dnsNameForm = lazyregexp.New(`^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`)

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
var recordTypes = []string{"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"}

func route53Kinds() map[string]*kind {
	return map[string]*kind{recordToken: {
		Kind: provider.Kind{
			Name: "name", ForceNew: []string{"name", "type", "zoneId", "setIdentifier"}, DeleteFirst: true,
			Ignore: []string{"allowOverwrite"},
			Check:  checkRecord,
		},
		create: createRecord,
		update: func(c *call, _ *world.Object) (map[string]any, error) {
			zone, err := c.zone(text(c.In, "zoneId"))
			if err != nil {
				return nil, err
			}
			return nil, c.recordContent(zone)
		},
		rules: []string{
			"zone exists and the name lies in it; CNAME neither at the zone's apex nor beside other records (InvalidChangeBatch)",
			"a record that exists is refused without allowOverwrite (InvalidChangeBatch)",
			"records with ttl, or an alias; A holds IPv4 addresses, AAAA IPv6, CNAME one name; an alias to a load balancer has that balancer's zone",
		},
	}}
}

func checkRecord(in map[string]any) []string {
	var p problems
	p.oneOf(in, "type", recordTypes...)
	if name, ok := in["name"].(string); ok && name != "" && (!dnsNameForm.MatchString(name) || len(name) > 255) {
		p.add("name", "%q is no domain name: labels of up to 63 letters, digits, - and _, together at most 255", name)
	}
	records, aliases := texts(in, "records"), objects(in, "aliases")
	if in["records"] != nil && in["aliases"] != nil {
		p.add("aliases", "conflicts with records")
	}
	if len(aliases) > 0 && in["ttl"] != nil {
		p.add("ttl", "conflicts with aliases, which have the target's")
	}
	p.between(in, "ttl", 0, 2147483647)
	for _, r := range records {
		addr, err := netip.ParseAddr(r)
		switch text(in, "type") {
		case "A":
			if err != nil || !addr.Is4() {
				p.add("records", "InvalidChangeBatch: [Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '%s']", r)
			}
		case "AAAA":
			if err != nil || !addr.Is6() {
				p.add("records", "InvalidChangeBatch: [Invalid Resource Record: FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '%s']", r)
			}
		case "CNAME":
			if err == nil || !dnsNameForm.MatchString(r) {
				p.add("records", "InvalidChangeBatch: [Invalid Resource Record: FATAL problem: DomainLabelInvalid (Value is not a domain name) encountered with '%s']", r)
			}
		}
	}
	if text(in, "type") == "CNAME" && len(records) > 1 {
		p.add("records", "InvalidChangeBatch: [CNAME records hold one value, got %d]", len(records))
	}
	return p
}

// absolute is a name in the form of the API: lower case with a dot at the end.
func absolute(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

func (c *call) zone(id string) (*world.Object, error) {
	if o := c.tx.Get(zoneToken, strings.TrimPrefix(id, "/hostedzone/")); o != nil {
		return o, nil
	}
	return nil, apiError("NoSuchHostedZone", "No hosted zone found with ID: %s", id)
}

func createRecord(c *call) (string, map[string]any, error) {
	zone, err := c.zone(text(c.In, "zoneId"))
	if err != nil {
		return "", nil, err
	}
	if err := c.recordContent(zone); err != nil {
		return "", nil, err
	}
	kind, apex := text(c.In, "type"), absolute(zone.String("name"))
	full := fullName(text(c.In, "name"), apex)
	for _, other := range recordsAt(c.tx, zone.ID, full) {
		same := other.String("type") == kind
		switch {
		case same && !flag(c.In, "allowOverwrite") && !c.given("setIdentifier"):
			return "", nil, apiError("InvalidChangeBatch", "[Tried to create resource record set [name='%s', type='%s'] but it already exists]", full, kind)
		case !same && (kind == "CNAME" || other.String("type") == "CNAME"):
			return "", nil, apiError("InvalidChangeBatch",
				"[RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s]", kind, full, apex)
		}
	}
	id := zone.ID + "_" + strings.TrimSuffix(full, ".") + "_" + kind
	if s := text(c.In, "setIdentifier"); s != "" {
		id += "_" + s
	}
	return id, map[string]any{"fqdn": strings.TrimSuffix(full, ".")}, nil
}

// fullName completes a name with its zone, as the provider does.
// A name with dots outside of the zone is left as it is, and then refused; the real provider would put the zone behind it, which nobody means.
func fullName(name, apex string) string {
	full := absolute(name)
	switch {
	case name == "":
		return apex
	case full == apex || strings.HasSuffix(full, "."+apex):
		return full
	case !strings.Contains(strings.TrimSuffix(full, "."), "."):
		return full + apex
	}
	return full
}

// recordContent checks a record against its zone.
func (c *call) recordContent(zone *world.Object) error {
	apex, kind := absolute(zone.String("name")), text(c.In, "type")
	full := fullName(text(c.In, "name"), apex)
	switch {
	case full != apex && !strings.HasSuffix(full, "."+apex):
		return apiError("InvalidChangeBatch", "[RRSet with DNS name %s is not permitted in zone %s]", full, apex)
	case full == apex && kind == "CNAME":
		return apiError("InvalidChangeBatch", "[RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s]", full, apex)
	case len(texts(c.In, "records"))+len(objects(c.In, "aliases")) == 0:
		return apiError("InvalidInput", "Invalid request: expected exactly one of records and aliases for %s", full)
	case len(texts(c.In, "records")) > 0 && !c.given("ttl"):
		return apiError("InvalidInput", "Missing field 'TTL' in Change with [Action=CREATE, Name=%s, Type=%s]", full, kind)
	}
	for _, a := range objects(c.In, "aliases") {
		if err := c.aliasTarget(text(a, "name"), text(a, "zoneId"), kind); err != nil {
			return err
		}
	}
	return nil
}

// aliasTarget checks that the zone of an alias to a load balancer is the balancer's own.
func (c *call) aliasTarget(name, zone, kind string) error {
	host := strings.TrimSuffix(strings.ToLower(name), ".")
	if !strings.HasSuffix(host, ".elb.amazonaws.com") && !strings.Contains(host, ".elb.") {
		return nil
	}
	for _, info := range regions {
		if zone == info.classic || zone == info.network {
			return nil
		}
	}
	return apiError("InvalidChangeBatch", "[Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone]", absolute(name), kind, zone)
}

// recordsAt are the records of a zone with that name.
func recordsAt(tx *world.Tx, zone, full string) []*world.Object {
	z := tx.Get(zoneToken, zone)
	return slices.DeleteFunc(tx.List(recordToken), func(o *world.Object) bool {
		return o.String("zoneId") != zone || z == nil || fullName(o.String("name"), absolute(z.String("name"))) != full
	})
}
