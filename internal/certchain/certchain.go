// Package certchain judges the chain of certificates that a server shows: what is surely wrong with it, and what may be.
package certchain

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// publicPolicies are what the certificates of publicly trusted authorities say of themselves: validated by domain, organization or individual, or
// extended. Sections 1.2 and 7.1.6.1 of https://github.com/cabforum/servercert/blob/main/docs/BR.md; all of them in https://cabforum.org/resources/object-registry/
var publicPolicies = []string{"2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3", "2.23.140.1.1"}

// Of are the certificates of a key pair, the hub's own first. When one is none, wrong says so.
func Of(pair *tls.Certificate) (certs []*x509.Certificate, wrong string) {
	for i, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Sprintf("number %d is not a certificate", i+1)
		}
		certs = append(certs, cert)
	}
	return certs, ""
}

// Fault is what is surely wrong with a chain, "" when nothing is: a certificate that the next has not signed, or the intermediate left out of a
// public one. Roots of public authorities sign no servers' certificates (section 6.1.7 of the requirements above), so that one of these needs another
// behind it, whatever roots are known here.
func Fault(certs []*x509.Certificate) string {
	for i := range certs[1:] {
		if certs[i].CheckSignatureFrom(certs[i+1]) != nil {
			return fmt.Sprintf("number %d is not signed by number %d", i+1, i+2)
		}
	}
	public := func(p x509.OID) bool { return slices.Contains(publicPolicies, p.String()) }
	if leaf := certs[0]; len(certs) == 1 && !SelfIssued(leaf) && slices.ContainsFunc(leaf.Policies, public) {
		return "is alone: the intermediate certificate that signed it, " + IssuerOf(leaf) + ", is missing"
	}
	return ""
}

// Doubt is what may be wrong with a chain that has no fault, "" when nothing may: it ends with a certificate that is neither signed by itself nor
// by one of the roots. A private authority's root is known to its users and not to this machine, so that only they can say.
func Doubt(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) string {
	last := certs[len(certs)-1]
	if SelfIssued(last) {
		return ""
	}
	message := fmt.Sprintf("ends with one that %s signed, ", IssuerOf(last))
	if len(certs) == 1 {
		message = fmt.Sprintf("is alone, signed by %s, ", IssuerOf(last))
	}
	if roots == nil || roots.Equal(x509.NewCertPool()) {
		return message + "and this machine has no roots to look whether that is one: the chain may lack an intermediate"
	}
	if now.Before(last.NotBefore) || now.After(last.NotAfter) {
		now = last.NotBefore // that it is not valid is told of apart
	}
	if _, err := last.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
		return ""
	}
	return message + "which is none of the roots that this machine knows: the chain lacks an intermediate, unless that is a root of your own"
}

// Completing is how a chain is completed.
func Completing(certs []*x509.Certificate, setting string) string {
	from := "your authority has it, often in a file called fullchain"
	if urls := certs[len(certs)-1].IssuingCertificateURL; len(urls) > 0 {
		from = "it is at " + urls[0]
	}
	return fmt.Sprintf("put the one that signed it behind it, in PEM (%s), then: %s", from, setting)
}

// SelfIssued says whether a certificate names itself as its issuer, as roots and self-signed ones do.
func SelfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// IssuerOf is who signed a certificate, in quotes.
func IssuerOf(c *x509.Certificate) string {
	return fmt.Sprintf("%.80q", cmp.Or(c.Issuer.CommonName, c.Issuer.String()))
}

// Trusted says whether a chain ends at one of the roots, whatever name it is for; those of the machine without any. Whether the first is valid at the time is
// not looked at.
func Trusted(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) bool {
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	if leaf := certs[0]; now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		now = leaf.NotBefore
	}
	_, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}
