package config

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// publicPolicies are what the certificates of publicly trusted authorities say of themselves: validated by domain, organization or individual, or
// extended. Sections 1.2 and 7.1.6.1 of https://github.com/cabforum/servercert/blob/main/docs/BR.md; all of them in https://cabforum.org/resources/object-registry/
var publicPolicies = []string{"2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3", "2.23.140.1.1"}

// chainOf are the certificates of a key pair, the hub's own first. When one is none, wrong says so.
func chainOf(pair *tls.Certificate) (certs []*x509.Certificate, wrong string) {
	for i, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Sprintf("number %d is not a certificate", i+1)
		}
		certs = append(certs, cert)
	}
	return certs, ""
}

// chainFault is what is surely wrong with a chain, "" when nothing is: a certificate that the next has not signed, or the intermediate left out of a
// public one. Roots of public authorities sign no servers' certificates (section 6.1.7 of the requirements above), so that one of these needs another
// behind it, whatever roots are known here.
func chainFault(certs []*x509.Certificate) string {
	for i := range certs[1:] {
		if certs[i].CheckSignatureFrom(certs[i+1]) != nil {
			return fmt.Sprintf("number %d is not signed by number %d", i+1, i+2)
		}
	}
	public := func(p x509.OID) bool { return slices.Contains(publicPolicies, p.String()) }
	if leaf := certs[0]; len(certs) == 1 && !selfIssued(leaf) && slices.ContainsFunc(leaf.Policies, public) {
		return "is alone: the intermediate certificate that signed it, " + issuerOf(leaf) + ", is missing"
	}
	return ""
}

// chainDoubt is what may be wrong with a chain that has no fault, "" when nothing may: it ends with a certificate that is neither signed by itself nor
// by one of the roots. A private authority's root is known to its users and not to this machine, so that only they can say.
func chainDoubt(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) string {
	last := certs[len(certs)-1]
	if selfIssued(last) {
		return ""
	}
	message := fmt.Sprintf("ends with one that %s signed, ", issuerOf(last))
	if len(certs) == 1 {
		message = fmt.Sprintf("is alone, signed by %s, ", issuerOf(last))
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

// completing is how a chain is completed.
func completing(certs []*x509.Certificate, setting string) string {
	from := "your authority has it, often in a file called fullchain"
	if urls := certs[len(certs)-1].IssuingCertificateURL; len(urls) > 0 {
		from = "it is at " + urls[0]
	}
	return fmt.Sprintf("put the one that signed it behind it, in PEM (%s), then: %s", from, setting)
}

// selfIssued says whether a certificate names itself as its issuer, as roots and self-signed ones do.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

func issuerOf(c *x509.Certificate) string {
	return fmt.Sprintf("%.80q", cmp.Or(c.Issuer.CommonName, c.Issuer.String()))
}

// encryptedKey says whether a private key in PEM wants a passphrase: in the form of PKCS #8 by its name, in the older one by a header.
// https://www.rfc-editor.org/rfc/rfc7468#section-11 and https://www.rfc-editor.org/rfc/rfc1421#section-4.6.1.1
func encryptedKey(text string) bool {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
}

// expirySoon is how long before its end a certificate is warned of.
const expirySoon = 30 * 24 * time.Hour

// Doubts are what may be wrong with the hubs' certificates, or soon will be: those that end soon and have not ended yet, and those whose chain may lack a
// part. What surely is wrong CheckSecrets says.
func (s *Stack) Doubts(secrets map[string]HubSecrets, now time.Time) Problems {
	c := &secretChecker{at: s.place(secretsKey), env: s.Environment}
	for i := range s.Hubs {
		h := &s.Hubs[i]
		t := secrets[h.Name].TLS
		pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key))
		if h.HTTPS.Type != HTTPSManual || err != nil {
			continue
		}
		setting := c.setting(h.Name, "tls.certificate")
		if left := pair.Leaf.NotAfter.Sub(now); left > 0 && left < expirySoon {
			c.add(h.Name, "tls.certificate", fmt.Sprintf("expires in %d days, on %s", int(left/(24*time.Hour)), pair.Leaf.NotAfter.UTC().Format(time.DateOnly)), "set a new one: "+setting)
		}
		certs, wrong := chainOf(&pair)
		if wrong != "" || chainFault(certs) != "" {
			continue
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = nil // which is said
		}
		if doubt := chainDoubt(certs, roots, now); doubt != "" {
			c.add(h.Name, "tls.certificate", doubt, completing(certs, setting))
		}
	}
	return c.problems.Sorted()
}
