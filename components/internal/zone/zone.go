// Package zone finds the Route 53 hosted zone that a component writes its records in.
package zone

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/lookup"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// idForm is the form of a hosted zone's id.
var idForm = lazyregexp.New(`^Z[A-Z0-9]{3,31}$`)

// Query names a hosted zone, by its id or by its name.
type Query struct {
	ID, Name string
	// Private looks among the private zones for Name.
	Private bool
}

// Given reports whether a zone is named at all.
func (q Query) Given() bool { return q != Query{Private: q.Private} }

func (q Query) String() string { return fmt.Sprintf("hosted zone %q", cmp.Or(q.ID, q.Name)) }

// Validate says whether an id, if there is one, can be that of a zone.
func (q Query) Validate() error {
	if q.ID != "" && !idForm.MatchString(q.ID) {
		return fmt.Errorf("zoneId %q is not the id of a hosted zone, such as Z0123456789ABCDEFGHIJ", q.ID)
	}
	return nil
}

// Find looks the zone up for a component, through provider when that is not nil, has its name checked and returns its id. In a preview the id may be
// unknown, and the name unchecked.
func Find(ctx *pulumi.Context, component pulumi.Resource, provider pulumi.ProviderResource, q Query, check func(name string) error) (pulumi.StringInput, error) {
	args := &route53.LookupZoneArgs{}
	if q.ID != "" {
		args.ZoneId = &q.ID
	} else {
		args.Name = &q.Name
		if q.Private {
			args.PrivateZone = &q.Private
		}
	}
	found, err := route53.LookupZone(ctx, args, lookup.Via(component, provider)...)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", q, err)
	}
	if found.ZoneId == "" {
		// The answer to a look-up through a provider whose own configuration is not known yet.
		return lookup.Unknown(ctx, q.String())
	}
	if err := check(found.Name); err != nil {
		return nil, err
	}
	return pulumi.String(found.ZoneId), nil
}

// Bare is a domain name as people write it: lower case, without the trailing dot.
func Bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Holds says why a domain cannot have a record in the zone of that name; nil when it can.
func Holds(zone, domain string) error {
	domain, zone = Bare(domain), Bare(zone)
	if domain != zone && !strings.HasSuffix(domain, "."+zone) {
		return fmt.Errorf("domain %q does not lie in zone %q: it would have to end in .%s", domain, zone, zone)
	}
	return nil
}
