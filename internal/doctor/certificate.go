package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// fewDays is how many days before its end a certificate is a warning. ACM renews its own 60 days and 45 days before, so that one that is not renewed by
// then needs somebody: https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
const fewDays = 30

// CertificateNamed looks at the newest issued certificate in ACM of that domain name, which the hub's load balancer takes.
func (m Machine) CertificateNamed(ctx context.Context, check, name, domain, region string) Row {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg, err := m.open(limited, region)
	if err != nil {
		return Row{check, Warning, awsapi.InWords(err), "look again from where AWS can be asked"}
	}
	pages := acm.NewListCertificatesPaginator(acm.NewFromConfig(cfg), &acm.ListCertificatesInput{CertificateStatuses: []types.CertificateStatus{types.CertificateStatusIssued}})
	var newest types.CertificateSummary
	for pages.HasMorePages() {
		page, err := pages.NextPage(limited)
		if err != nil {
			return Row{check, Warning, awsapi.InWords(err), "look with credentials that have acm:ListCertificates"}
		}
		for _, c := range page.CertificateSummaryList {
			if strings.EqualFold(aws.ToString(c.DomainName), name) && (newest.CertificateArn == nil || aws.ToTime(c.NotBefore).After(aws.ToTime(newest.NotBefore))) {
				newest = c
			}
		}
	}
	if newest.CertificateArn == nil {
		return Row{check, Fail, fmt.Sprintf("no certificate of %s is issued in %s", name, region), "request it in ACM and validate it by DNS, or set https.requestCertificate"}
	}
	return m.Certificate(ctx, check, *newest.CertificateArn, domain, region)
}

// Certificate looks at a hub's certificate in ACM: it is in the load balancer's region, issued, for the domain, and valid for a while.
func (m Machine) Certificate(ctx context.Context, check, arn, domain, region string) Row {
	r := Row{Check: check, State: Fail}
	if parts := strings.Split(arn, ":"); len(parts) < 6 || parts[3] != region {
		r.Seen, r.Remedy = fmt.Sprintf("%s is not in %s, where the load balancer is", arn, region), "request it in "+region+", and name that one as https.certificateArn"
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg, err := m.open(ctx, region)
	if err != nil {
		return Row{check, Warning, awsapi.InWords(err), "look again from where AWS can be asked"}
	}
	found, err := acm.NewFromConfig(cfg).DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	switch {
	case awsapi.Code(err) == "ResourceNotFoundException":
		r.Seen, r.Remedy = "there is no "+arn, "request it in ACM and validate it by DNS, or name another as https.certificateArn"
		return r
	case err != nil:
		return Row{check, Warning, awsapi.InWords(err), "look with credentials that have acm:DescribeCertificate"}
	}
	c := found.Certificate
	left := int(aws.ToTime(c.NotAfter).Sub(m.now()) / (24 * time.Hour))
	// The names are held to the domain as a browser does it.
	covers := (&x509.Certificate{DNSNames: c.SubjectAlternativeNames}).VerifyHostname(domain) == nil
	switch {
	case c.Status == types.CertificateStatusPendingValidation:
		r.Seen, r.Remedy = arn+" waits for its validation", "enter the CNAME that ACM shows for it; it stays then, for the renewals"
	case c.Status != types.CertificateStatusIssued:
		r.Seen, r.Remedy = fmt.Sprintf("%s is %s", arn, c.Status), "request another, and name that one as https.certificateArn"
	case !covers:
		r.Seen, r.Remedy = fmt.Sprintf("is for %s, not for %s", strings.Join(c.SubjectAlternativeNames, ", "), domain), "request one for the domain, and name that one as https.certificateArn"
	case left <= 0:
		r.Seen, r.Remedy = fmt.Sprintf("ended on %s", aws.ToTime(c.NotAfter).Format(time.DateOnly)), "renew it: ACM does that by itself while the CNAME of its validation is there"
	case left <= fewDays:
		r.State, r.Seen = Warning, fmt.Sprintf("is valid for %d days more, until %s", left, aws.ToTime(c.NotAfter).Format(time.DateOnly))
		r.Remedy = "ACM should have renewed it by now: see whether the CNAME of its validation is there; import an imported one anew"
	default:
		return Row{check, OK, fmt.Sprintf("is for %s, and valid for %d days more, until %s", strings.Join(c.SubjectAlternativeNames, ", "), left, aws.ToTime(c.NotAfter).Format(time.DateOnly)), ""}
	}
	return r
}
