// Package dns points a hub's domain at its load balancer: a record in Route 53, or, for zones elsewhere, the words to enter by hand.
package dns

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/lookup"
	"github.com/hubwright/hubwright/components/internal/zone"
)

// Type is the component's type token.
const Type = "hubwright:aws:DnsRecord"

// Kinds of record.
const (
	// CNAME is an alias any resolver follows; it cannot stand at a zone's apex.
	CNAME = "cname"
	// Alias is Route 53's own kind of address record, which can:
	// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
	Alias = "alias"
)

// Kinds of load balancer, which have hosted zones of their own in each region.
const (
	Classic = "classic"
	Network = "network"
)

// DefaultTTL is how long resolvers keep a CNAME, in seconds.
const DefaultTTL = 300

// maxTTL is Route 53's limit: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
const maxTTL = 1<<31 - 1

// Record is a domain that leads to a load balancer.
type Record struct {
	pulumi.ResourceState

	// Fqdn is the domain, known once the record stands.
	Fqdn pulumi.StringOutput `pulumi:"fqdn"`
	// Instruction is a sentence: which record was made or, without a zone, which one to enter at the domain's own provider.
	Instruction pulumi.StringOutput `pulumi:"instruction"`
}

// Args say which domain leads where.
type Args struct {
	// Domain is the name users type, without a trailing dot. Required.
	Domain string
	// Target is the load balancer's host name. Required.
	Target pulumi.StringInput
	// ZoneID or Zone, the latter by name, say which hosted zone holds the record. Without both nothing is made and Instruction
	// says what to enter elsewhere.
	ZoneID string
	Zone   string
	// PrivateZone looks among the private zones for Zone.
	PrivateZone bool
	// Kind is CNAME or Alias; empty means CNAME.
	Kind string
	// LoadBalancerType is Classic or Network; empty means Classic, which is what Kubernetes makes on AWS unless a Service's
	// annotations ask for another. It matters for an Alias only.
	LoadBalancerType string
	// IPv6 adds an AAAA record to an Alias.
	IPv6 bool
	// TTL is how long resolvers keep a CNAME, in seconds; 0 means DefaultTTL.
	TTL int
	// Overwrite takes a record over that exists already and is not ours. Without it Route 53 refuses to.
	Overwrite bool
	// LookupProvider makes the look-ups; nil means the component's own provider.
	LookupProvider pulumi.ProviderResource
}

// New registers the record, or only says which one to enter when no zone is given.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Record, error) {
	if args == nil {
		return nil, fmt.Errorf("dns record %q: no arguments are given", name)
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("dns record %q: %w", name, err)
	}
	r := &Record{}
	if err := ctx.RegisterComponentResource(Type, name, r, opts...); err != nil {
		return nil, fmt.Errorf("registering dns record %q: %w", name, err)
	}
	target := args.Target.ToStringOutput().ApplyT(args.target).(pulumi.StringOutput)
	r.Instruction = target.ApplyT(args.instruction).(pulumi.StringOutput)
	r.Fqdn = pulumi.String(args.domain()).ToStringOutput()
	if args.hasZone() {
		if err := r.record(ctx, name, args, target); err != nil {
			return nil, fmt.Errorf("dns record %q: %w", name, err)
		}
	}
	if err := ctx.RegisterResourceOutputs(r, pulumi.Map{"fqdn": r.Fqdn, "instruction": r.Instruction}); err != nil {
		return nil, fmt.Errorf("registering outputs of dns record %q: %w", name, err)
	}
	return r, nil
}

// record makes the record, or the two of a dual-stack alias, in the zone.
func (r *Record) record(ctx *pulumi.Context, name string, args *Args, target pulumi.StringOutput) error {
	zoneID, err := zone.Find(ctx, r, args.LookupProvider, args.zone(), args.checkZone)
	if err != nil {
		return err
	}
	common := route53.RecordArgs{
		ZoneId: zoneID, Name: pulumi.String(args.domain()), AllowOverwrite: pulumi.Bool(args.Overwrite),
	}
	if args.kind() == CNAME {
		common.Type, common.Ttl, common.Records = pulumi.String("CNAME"), pulumi.Int(cmp.Or(args.TTL, DefaultTTL)), pulumi.StringArray{target}
		record, err := route53.NewRecord(ctx, name+"-cname", &common, pulumi.Parent(r))
		if err != nil {
			return err
		}
		r.Fqdn = record.Fqdn
		return nil
	}
	balancerZone, err := r.balancerZone(ctx, args)
	if err != nil {
		return err
	}
	common.Aliases = route53.RecordAliasArray{route53.RecordAliasArgs{
		Name: target, ZoneId: balancerZone, EvaluateTargetHealth: pulumi.Bool(false),
	}}
	common.Type = pulumi.String("A")
	record, err := route53.NewRecord(ctx, name+"-a", &common, pulumi.Parent(r))
	if err != nil {
		return err
	}
	r.Fqdn = record.Fqdn
	if args.IPv6 {
		v6 := common
		v6.Type = pulumi.String("AAAA")
		if _, err := route53.NewRecord(ctx, name+"-aaaa", &v6, pulumi.Parent(r)); err != nil {
			return err
		}
	}
	return nil
}

// balancerZone looks up the hosted zone that the region's load balancers of that kind have their names in.
func (r *Record) balancerZone(ctx *pulumi.Context, args *Args) (pulumi.StringInput, error) {
	var id string
	if args.LoadBalancerType == Network {
		kind := Network
		found, err := lb.GetHostedZoneId(ctx, &lb.GetHostedZoneIdArgs{LoadBalancerType: &kind}, lookup.Via(r, args.LookupProvider)...)
		if err != nil {
			return nil, fmt.Errorf("looking up the zone of network load balancers: %w", err)
		}
		id = found.Id
	} else {
		found, err := elb.GetHostedZoneId(ctx, &elb.GetHostedZoneIdArgs{}, lookup.Via(r, args.LookupProvider)...)
		if err != nil {
			return nil, fmt.Errorf("looking up the zone of classic load balancers: %w", err)
		}
		id = found.Id
	}
	if id == "" {
		return lookup.Unknown(ctx, "the zone of load balancers")
	}
	return pulumi.String(id), nil
}

func (a *Args) zone() zone.Query {
	return zone.Query{ID: a.ZoneID, Name: a.Zone, Private: a.PrivateZone}
}

func (a *Args) hasZone() bool { return a.zone().Given() }

func (a *Args) kind() string { return cmp.Or(a.Kind, CNAME) }

func (a *Args) domain() string { return zone.Bare(a.Domain) }

// target checks the load balancer's name once it is known.
func (a *Args) target(name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("the load balancer for %s has no host name: the hub's proxy-public Service has to be of type LoadBalancer", a.domain())
	}
	return zone.Bare(name), nil
}

// instruction says what stands in the zone, or what has to.
func (a *Args) instruction(target string) string {
	if a.hasZone() {
		return fmt.Sprintf("%s leads to %s (Route 53, %s)", a.domain(), target, a.kind())
	}
	return fmt.Sprintf("enter at the DNS provider of %s: %s. %d IN CNAME %s.", a.domain(), a.domain(), cmp.Or(a.TTL, DefaultTTL), target)
}

// errApex is why a CNAME cannot stand at the apex: https://www.rfc-editor.org/rfc/rfc1912#section-2.4
var errApex = errors.New("it is the apex of the zone, where a CNAME cannot stand: use kind alias")
