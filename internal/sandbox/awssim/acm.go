package awssim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
var certificateDomainForm = lazyregexp.New(`^(\*\.)?(([A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+([A-Za-z0-9-]{0,62}[A-Za-z0-9])$`)

// States of a certificate: https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
const (
	certificateIssued  = "ISSUED"
	certificatePending = "PENDING_VALIDATION"
)

func acmKinds() map[string]*kind {
	return map[string]*kind{
		certificateToken: {
			Kind: provider.Kind{
				Name: "domainName", ForceNew: []string{"domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"},
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "domainName", certificateDomainForm, "a domain name, or one with *. before it")
					p.longest(in, "domainName", 253)
					p.oneOf(in, "validationMethod", "DNS", "EMAIL")
					p.tags(in)
					return p
				},
			},
			tagged: true,
			arn:    func(c *call, id string) string { return either(id, c.me.makeARN("acm", "certificate/*")) },
			create: requestCertificate,
			rules:  []string{"domainName: a domain name, or one with *. before it; validationMethod DNS or EMAIL; that a load balancer uses it is not seen"},
		},
		validationToken: {
			Kind:   provider.Kind{Name: "certificateArn", ForceNew: []string{"certificateArn", "validationRecordFqdns"}},
			create: awaitCertificate,
			finish: issueCertificate,
			rules:  []string{"certificate exists; it is issued once the record stands in its zone that proves the domain, else creation fails after 75 minutes"},
		},
	}
}

func requestCertificate(c *call) (string, map[string]any, error) {
	name := strings.ToLower(text(c.In, "domainName"))
	arn := c.me.makeARN("acm", fmt.Sprintf("certificate/%s-%s-%s-%s-%s", world.Hex(8), world.Hex(4), world.Hex(4), world.Hex(4), world.Hex(12)))
	// The same for every certificate of an account for that domain, and for the one with *. before it.
	base := strings.TrimPrefix(name, "*.")
	proof := strings.ToLower(ZoneID(base + c.me.account))
	return arn, c.with(map[string]any{"keyAlgorithm": "RSA_2048"}, map[string]any{
		"arn": arn, "domain": name, "status": certificatePending, "type": "AMAZON_ISSUED", "subjectAlternativeNames": []any{name},
		"domainValidationOptions": []any{map[string]any{
			"domainName": name, "resourceRecordName": "_" + proof + "." + base + ".", "resourceRecordType": "CNAME",
			"resourceRecordValue": "_" + proof + ".acm-validations.aws.",
		}},
	}), nil
}

func awaitCertificate(c *call) (string, map[string]any, error) {
	if arn := text(c.In, "certificateArn"); c.tx.Get(certificateToken, arn) == nil {
		return "", nil, apiError("ResourceNotFoundException", "Could not find certificate %s.", arn)
	}
	return c.tx.Now().UTC().Format(time.RFC3339), nil, nil
}

// issueCertificate issues a certificate whose record stands.
func issueCertificate(c *call, o *world.Object) (map[string]any, error) {
	cert := c.tx.Get(certificateToken, o.String("certificateArn"))
	if cert == nil {
		return nil, apiError("ResourceNotFoundException", "Could not find certificate %s.", o.String("certificateArn"))
	}
	for _, p := range objects(cert.Props, "domainValidationOptions") {
		if cert.String("status") != certificateIssued && !c.proven(text(p, "resourceRecordName"), text(p, "resourceRecordValue")) {
			return nil, fmt.Errorf("waiting for ACM Certificate (%s) to be issued: timeout while waiting for state to become '%s' (last state: '%s', timeout: 1h15m0s)",
				cert.ID, certificateIssued, certificatePending)
		}
	}
	issued := *cert
	issued.Props = maps.Clone(cert.Props)
	issued.Props["status"] = certificateIssued
	return nil, c.tx.Put(&issued)
}

// proven reports whether a record of that name and content stands in any public zone.
func (c *call) proven(name, value string) bool {
	return slices.ContainsFunc(c.tx.List(zoneToken), func(zone *world.Object) bool {
		return slices.ContainsFunc(recordsAt(c.tx, zone.ID, absolute(name)), func(r *world.Object) bool {
			return r.String("type") == "CNAME" && slices.ContainsFunc(texts(r.Props, "records"), func(v string) bool { return absolute(v) == absolute(value) })
		})
	})
}
