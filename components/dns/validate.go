package dns

import (
	"errors"
	"fmt"

	"github.com/hubwright/hubwright/components/internal/zone"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// domainName is a host name of at least two labels: https://www.rfc-editor.org/rfc/rfc1123#section-2
var domainName = lazyregexp.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxDomainName is the longest name the DNS carries: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
const maxDomainName = 253

func (a *Args) validate() error {
	var problems []error
	if d := a.domain(); !domainName.MatchString(d) || len(d) > maxDomainName {
		problems = append(problems, fmt.Errorf("domain %q is not a domain name such as hub.example.org", a.Domain))
	}
	if a.Target == nil {
		problems = append(problems, errors.New("no target is given: it is the load balancer's host name"))
	}
	switch a.Kind {
	case "", CNAME, Alias:
	default:
		problems = append(problems, fmt.Errorf("kind %q is none of %s, %s", a.Kind, CNAME, Alias))
	}
	switch a.LoadBalancerType {
	case "", Classic, Network:
	default:
		problems = append(problems, fmt.Errorf("loadBalancerType %q is none of %s, %s", a.LoadBalancerType, Classic, Network))
	}
	if a.TTL < 0 || a.TTL > maxTTL {
		problems = append(problems, fmt.Errorf("ttl is %d: give 1 to %d seconds, or 0 for %d", a.TTL, maxTTL, DefaultTTL))
	}
	if a.IPv6 && a.kind() == CNAME {
		problems = append(problems, errors.New("ipv6 is for kind alias: a CNAME leads to whatever addresses its target has"))
	}
	if a.kind() == Alias && !a.hasZone() {
		problems = append(problems, errors.New("kind alias exists in Route 53 only: give a zone"))
	}
	problems = append(problems, a.zone().Validate())
	if a.Zone != "" {
		problems = append(problems, a.checkZone(a.Zone))
	}
	return errors.Join(problems...)
}

// checkZone says whether the domain lies in the zone of that name, and at a place where such a record can stand.
func (a *Args) checkZone(name string) error {
	if domain := a.domain(); domain == zone.Bare(name) && a.kind() == CNAME {
		return fmt.Errorf("domain %q: %w", domain, errApex)
	}
	return zone.Holds(name, a.domain())
}
