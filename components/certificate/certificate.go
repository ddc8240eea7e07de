// Package certificate provides the certificate with which a load balancer ends TLS: requested from AWS Certificate Manager (ACM) and proven by a record
// in the domain's hosted zone, or found among those that are there.
package certificate

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
	"github.com/hubwright/hubwright/components/internal/zone"
)

// Type is the component's type token.
const Type = "hubwright:aws:Certificate"

// recordTTL is how long resolvers keep the record that proves the domain, in seconds. ACM asks for it again at each renewal.
const recordTTL = 300

// Certificate is an issued certificate of a domain.
type Certificate struct {
	pulumi.ResourceState

	// Arn is the certificate's, known once ACM has issued it.
	Arn pulumi.StringOutput `pulumi:"arn"`
}

// Args say which certificate to request.
type Args struct {
	// Domain is what the certificate is for, such as hub.example.org or *.example.org. Required.
	Domain string
	// ZoneID or Zone, the latter by name, say which public hosted zone the domain lies in, where the record goes by which ACM sees whose the domain
	// is. One of them is required.
	ZoneID string
	Zone   string
	// Tags are put on the certificate.
	Tags map[string]string
	// LookupProvider makes the look-ups; nil means the component's own provider.
	LookupProvider pulumi.ProviderResource
}

// New requests the certificate and waits until ACM has issued it, which it renews by itself as long as the record stands:
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Certificate, error) {
	if args == nil {
		return nil, fmt.Errorf("certificate %q: no arguments are given", name)
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("certificate %q: %w", name, err)
	}
	c := &Certificate{}
	if err := ctx.RegisterComponentResource(Type, name, c, opts...); err != nil {
		return nil, fmt.Errorf("registering certificate %q: %w", name, err)
	}
	if err := c.request(ctx, name, args); err != nil {
		return nil, fmt.Errorf("certificate %q: %w", name, err)
	}
	if err := ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.Arn}); err != nil {
		return nil, fmt.Errorf("registering outputs of certificate %q: %w", name, err)
	}
	return c, nil
}

func (c *Certificate) request(ctx *pulumi.Context, name string, args *Args) error {
	zoneID, err := zone.Find(ctx, c, args.LookupProvider, args.zone(), args.checkZone)
	if err != nil {
		return err
	}
	cert, err := acm.NewCertificate(ctx, name, &acm.CertificateArgs{
		DomainName: pulumi.String(zone.Bare(args.Domain)), ValidationMethod: pulumi.String("DNS"), Tags: tags.Map(args.Tags),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	proof := cert.DomainValidationOptions.Index(pulumi.Int(0))
	record, err := route53.NewRecord(ctx, name, &route53.RecordArgs{
		ZoneId: zoneID, Name: proof.ResourceRecordName().Elem(), Type: proof.ResourceRecordType().Elem(), Ttl: pulumi.Int(recordTTL),
		Records: pulumi.StringArray{proof.ResourceRecordValue().Elem()},
		// An account's certificates of one domain are all proven by one record, which may stand already.
		AllowOverwrite: pulumi.Bool(true),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	issued, err := acm.NewCertificateValidation(ctx, name, &acm.CertificateValidationArgs{
		CertificateArn: cert.Arn, ValidationRecordFqdns: pulumi.StringArray{record.Fqdn},
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	c.Arn = issued.CertificateArn
	return nil
}

// Find returns the ARN of the newest issued certificate whose domain name is exactly that one, which for a wildcard is *.example.org. The names that a
// certificate holds besides are not looked at. In a preview through a provider that is not known yet it is unknown.
func Find(ctx *pulumi.Context, domain string, opts ...pulumi.InvokeOption) (pulumi.StringInput, error) {
	name, newest := zone.Bare(domain), true
	found, err := acm.LookupCertificate(ctx, &acm.LookupCertificateArgs{Domain: &name, Statuses: []string{"ISSUED"}, MostRecent: &newest}, opts...)
	if err != nil {
		return nil, fmt.Errorf("looking up an issued certificate for %s: %w", name, err)
	}
	return pulumi.String(found.Arn), nil
}

func (a *Args) zone() zone.Query { return zone.Query{ID: a.ZoneID, Name: a.Zone} }

func (a *Args) checkZone(name string) error { return zone.Holds(name, a.Domain) }

func (a *Args) validate() error {
	var problems []error
	if a.Domain == "" {
		problems = append(problems, errors.New("no domain is given, such as hub.example.org"))
	}
	switch {
	case !a.zone().Given():
		problems = append(problems, errors.New("no zone is given: ACM sees by a record in it whose the domain is"))
	case a.Zone != "":
		problems = append(problems, a.checkZone(a.Zone))
	}
	return errors.Join(append(problems, a.zone().Validate())...)
}
