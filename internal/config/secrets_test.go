package config_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

// now is the time of these tests.
var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// policies are the policies of a certificate.
func policies(t *testing.T, oids ...string) (out []x509.OID) {
	t.Helper()
	for _, text := range oids {
		oid, err := x509.ParseOID(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, oid)
	}
	return out
}

// certificate makes a certificate for a domain that ends a year later than begin, signed by the given one or by itself.
func certificate(t *testing.T, domain string, begin time.Time, signer *x509.Certificate, signerKey crypto.Signer, change ...func(*x509.Certificate)) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain}, NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	for _, c := range change {
		c(template)
	}
	if signer == nil {
		signer, signerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func certPEM(certs ...*x509.Certificate) string {
	var b strings.Builder
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

func keyPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestCheckSecrets(t *testing.T) {
	s, err := config.Load(staging(t, ""), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begin := now.AddDate(0, -1, 0)
	ca, caKey := certificate(t, "ca", begin, nil, nil)
	leaf, key := certificate(t, "hub.example.org", begin, ca, caKey)
	stranger, otherKey := certificate(t, "other.example.org", begin, nil, nil)
	old, oldKey := certificate(t, "hub.example.org", now.AddDate(-2, 0, 0), nil, nil)
	young, youngKey := certificate(t, "hub.example.org", now.AddDate(0, 0, 2), nil, nil)
	public, publicKey := certificate(t, "hub.example.org", begin, ca, caKey, func(c *x509.Certificate) {
		c.IssuingCertificateURL, c.Policies = []string{"http://ca.example.org/ca.crt"}, policies(t, "2.23.140.1.2.1")
	})
	right := config.HubSecrets{
		ProxyToken: strings.Repeat("0a", 32),
		OAuth:      config.OAuthSecrets{ClientID: "464f261c10bf04a8", ClientSecret: "planted-oauth"},
		TLS:        config.TLSSecrets{Certificate: certPEM(leaf, ca), Key: keyPEM(t, key)},
	}
	const (
		at       = "Pulumi.staging.yaml:1: secrets.hub."
		register = "register a client with the callback https://hub.example.org/hub/oauth_callback, then: hubwright secrets set staging oauth."
		together = "certificate and key belong together, both in PEM; the hub's own certificate comes first, then those that signed it"
		first    = "the hub's own certificate comes first, then those that signed it"
		decrypt  = "for which nobody can be asked where the hub runs; decrypt it: openssl pkey -in key.pem | hubwright secrets set staging tls.key --hub hub"
		renew    = "set a new one: hubwright secrets set staging tls.certificate --hub hub < certificate.pem"
	)
	tests := []struct {
		name   string
		change func(*config.HubSecrets)
		want   []string
	}{
		{"all right", func(*config.HubSecrets) {}, nil},
		{"made ones absent", func(s *config.HubSecrets) { s.ProxyToken = "" }, nil},
		{"a short token", func(s *config.HubSecrets) { s.ProxyToken = "0a" }, []string{
			at + "proxyToken: is not 64 hexadecimal digits; take it out to have one made, or: openssl rand -hex 32 | hubwright secrets set staging proxyToken --hub hub",
		}},
		{"a key that is no hex", func(s *config.HubSecrets) { s.CryptKey = strings.Repeat("zz", 32) }, []string{
			at + "cryptKey: is not 64 hexadecimal digits; take it out to have one made, or: openssl rand -hex 32 | hubwright secrets set staging cryptKey --hub hub",
		}},
		{"no client", func(s *config.HubSecrets) { s.OAuth = config.OAuthSecrets{} }, []string{
			at + "oauth.clientId: is missing; " + register + "clientId --hub hub", at + "oauth.clientSecret: is missing; " + register + "clientSecret --hub hub",
		}},
		{"a placeholder", func(s *config.HubSecrets) { s.OAuth.ClientSecret = "<changeme>" }, []string{at + "oauth.clientSecret: is a placeholder; " + register + "clientSecret --hub hub"}},
		{"white space", func(s *config.HubSecrets) { s.OAuth.ClientSecret += "\n" }, []string{at + "oauth.clientSecret: begins or ends with white space; " + register + "clientSecret --hub hub"}},
		{"no certificate", func(s *config.HubSecrets) { s.TLS.Certificate = "" }, []string{at + "tls.certificate: is missing; hubwright secrets set staging tls.certificate --hub hub < certificate.pem"}},
		{"no PEM", func(s *config.HubSecrets) { s.TLS.Key = "planted-key" }, []string{at + "tls.key: is not PEM; hubwright secrets set staging tls.key --hub hub < key.pem"}},
		{"another's key", func(s *config.HubSecrets) { s.TLS.Key = keyPEM(t, otherKey) }, []string{at + "tls: private key does not match public key; " + together}},
		{"expired", func(s *config.HubSecrets) {
			s.TLS = config.TLSSecrets{Certificate: certPEM(old), Key: keyPEM(t, oldKey)}
		}, []string{at + "tls.certificate: expired on 2025-03-01; " + renew}},
		{"not yet valid", func(s *config.HubSecrets) {
			s.TLS = config.TLSSecrets{Certificate: certPEM(young), Key: keyPEM(t, youngKey)}
		}, []string{at + "tls.certificate: is not valid before 2026-03-03; look at the clock, or wait"}},
		{"another domain", func(s *config.HubSecrets) {
			s.TLS = config.TLSSecrets{Certificate: certPEM(stranger), Key: keyPEM(t, otherKey)}
		}, []string{at + "tls.certificate: is not for hub.example.org: it names other.example.org; order one for that domain"}},
		{"a key with a passphrase", func(s *config.HubSecrets) {
			s.TLS.Key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"
		}, []string{at + "tls.key: is encrypted with a passphrase, " + decrypt}},
		{"an older key with a passphrase", func(s *config.HubSecrets) {
			s.TLS.Key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AA\n\nMIIB\n-----END RSA PRIVATE KEY-----\n"
		}, []string{at + "tls.key: is encrypted with a passphrase, " + decrypt}},
		{"a public one without its intermediate", func(s *config.HubSecrets) {
			s.TLS = config.TLSSecrets{Certificate: certPEM(public), Key: keyPEM(t, publicKey)}
		}, []string{at + `tls.certificate: is alone: the intermediate certificate that signed it, "ca", is missing; put the one that signed it behind it, in PEM ` +
			"(it is at http://ca.example.org/ca.crt), then: hubwright secrets set staging tls.certificate --hub hub < certificate.pem"}},
		{"a public one with it", func(s *config.HubSecrets) {
			s.TLS = config.TLSSecrets{Certificate: certPEM(public, ca), Key: keyPEM(t, publicKey)}
		}, nil},
		{"a broken chain", func(s *config.HubSecrets) { s.TLS.Certificate = certPEM(leaf, stranger) }, []string{at + "tls.certificate: number 1 is not signed by number 2; " + first}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hub := right
			test.change(&hub)
			var got []string
			wrong, missing := s.CheckSecrets(map[string]config.HubSecrets{"hub": hub}, now)
			for _, p := range append(wrong, missing...).Sorted() {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(strings.Join(got, ""), "planted") {
				t.Error("a message holds a secret")
			}
		})
	}
	for after, want := range map[int]string{
		0: "", 320: "Pulumi.staging.yaml:1: secrets.hub.tls.certificate: expires in ", 400: "",
	} {
		soon := s.Doubts(map[string]config.HubSecrets{"hub": right}, now.AddDate(0, 0, after))
		if got := soon.Error(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("after %d days: %q", after, got)
		}
	}
	for name, test := range map[string]struct{ certificate, key, want string }{
		"alone":             {certPEM(leaf), keyPEM(t, key), `Pulumi.staging.yaml:1: secrets.hub.tls.certificate: is alone, signed by "ca", `},
		"signed by itself":  {certPEM(ca), keyPEM(t, caKey), ""},
		"with its root":     {certPEM(leaf, ca), keyPEM(t, key), ""},
		"surely incomplete": {certPEM(public), keyPEM(t, publicKey), ""}, // which CheckSecrets says
	} {
		got := s.Doubts(map[string]config.HubSecrets{"hub": {TLS: config.TLSSecrets{Certificate: test.certificate, Key: test.key}}}, now).Error()
		if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	problems, _ := s.CheckSecrets(map[string]config.HubSecrets{"hub": right, "hup": right}, now)
	if got, want := problems.Error(), `Pulumi.staging.yaml:1: secrets.hup: there is no such hub; did you mean "hub"?`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPlaceholders(t *testing.T) {
	s, err := config.Load(staging(t, ""), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for value, refused := range map[string]bool{
		"changeme": true, "CHANGE-ME": true, "change_this": true, "xxx": true, "<client secret>": true, "example": true, "example-secret": true, "TODO": true,
		"your-client-secret": true, "${SECRET}": true, "...": true, "***": true, "464f261c10bf04a8": false, "exam": false, "xx-1": false,
	} {
		problems, _ := s.CheckSecrets(map[string]config.HubSecrets{"hub": {OAuth: config.OAuthSecrets{ClientID: "a1", ClientSecret: value}}}, now)
		if got := strings.Contains(problems.Error(), "is a placeholder"); got != refused {
			t.Errorf("%q: refused is %v, want %v", value, got, refused)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	want := map[string]config.HubSecrets{
		"hub": {ProxyToken: "t", CookieSecret: "c", CryptKey: "k", OAuth: config.OAuthSecrets{ClientID: "464", ClientSecret: "s"}, TLS: config.TLSSecrets{Certificate: "C", Key: "K"}},
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	// "config set --path" makes a number of an id that has digits only.
	for _, in := range []string{string(text), strings.Replace(string(text), `"464"`, "464", 1)} {
		got, err := config.ParseSecrets(in)
		if err != nil {
			t.Fatal(err)
		}
		if got["hub"] != want["hub"] {
			t.Error("a value is lost")
		}
	}
	if got, err := config.ParseSecrets(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
	tests := []struct{ name, text, want string }{
		{"bare text", "planted", "hubwright:secrets is not an object: set its parts one by one, with pulumi config set --secret --path 'hubwright:secrets.<hub>.oauth.clientSecret'"},
		{"quoted text", `"planted"`, "hubwright:secrets is text, but an object with the hubs' names is wanted"},
		{"an unknown key", `{"hub":{"oauth":{"secret":"planted"}}}`, "hubwright:secrets.hub.oauth.secret: is not a key of hubwright:secrets.hub.oauth; known are clientId, clientSecret"},
		{"text for an object", `{"hub":"planted"}`, "hubwright:secrets.hub: is text, but an object with proxyToken, cookieSecret, cryptKey, oauth or tls is wanted"},
		{"an object for text", `{"hub":{"proxyToken":{"a":"planted"}}}`, "hubwright:secrets.hub.proxyToken: is an object, but text is wanted"},
		{"two at once", `{"hub":{"proxyTokn":"planted","tls":true}}`, "hubwright:secrets.hub.proxyTokn: is not a key of hubwright:secrets.hub; did you mean \"proxyToken\"?\n" +
			"hubwright:secrets.hub.tls: is true or false, but an object with certificate or key is wanted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.ParseSecrets(test.text)
			if err == nil || err.Error() != test.want {
				t.Errorf("got\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s := config.HubSecrets{ProxyToken: "planted", OAuth: config.OAuthSecrets{ClientSecret: "planted"}, TLS: config.TLSSecrets{Key: "planted"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{s, &s, s.OAuth, s.TLS, map[string]config.HubSecrets{"hub": s}, struct{ S config.HubSecrets }{s}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "planted") || strings.Contains(got, "706c616e") {
				t.Errorf("%s of %T prints %s", verb, v, got)
			}
		}
	}
}

// Whatever stands where a certificate and a key belong, it is checked without a panic.
func FuzzPEM(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"hub.example.org"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	cert, pemKey := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	f.Add(string(cert), string(pemKey))
	f.Add(string(cert)+string(cert), string(pemKey)+string(cert))
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
	stack := &config.Stack{Settings: config.Settings{Hubs: []config.Hub{{
		Name: "hub", Domain: "hub.example.org", HTTPS: config.HTTPS{Type: config.HTTPSManual}, Auth: config.Auth{Type: config.AuthValues},
	}}}}
	f.Fuzz(func(_ *testing.T, certificate, key string) {
		secrets := map[string]config.HubSecrets{"hub": {TLS: config.TLSSecrets{Certificate: certificate, Key: key}}}
		stack.CheckSecrets(secrets, now)
		stack.Doubts(secrets, now)
	})
}
