package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/certchain"
)

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
		certs, wrong := certchain.Of(&pair)
		if wrong != "" || certchain.Fault(certs) != "" {
			continue
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = nil // which is said
		}
		if doubt := certchain.Doubt(certs, roots, now); doubt != "" {
			c.add(h.Name, "tls.certificate", doubt, certchain.Completing(certs, setting))
		}
	}
	return c.problems.Sorted()
}
