package certchain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"
)

// signed is a certificate of that name with its key, signed by another or by itself.
func signed(t *testing.T, name string, by *x509.Certificate, byKey *ecdsa.PrivateKey, begin time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
	}
	if by == nil {
		by, byKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// What a chain ends with decides: nothing is doubted that a root of this machine has signed, or that signs itself.
func TestDoubt(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	begin := now.AddDate(0, -1, 0)
	root, rootKey := signed(t, "root", nil, nil, begin)
	between, betweenKey := signed(t, "between", root, rootKey, begin)
	leaf, _ := signed(t, "hub", between, betweenKey, begin)
	direct, _ := signed(t, "direct", root, rootKey, begin)
	old, _ := signed(t, "old", root, rootKey, begin)
	old.NotAfter = now.AddDate(0, 0, -1)
	known, other := x509.NewCertPool(), x509.NewCertPool()
	known.AddCert(root)
	stranger, _ := signed(t, "stranger", nil, nil, begin)
	other.AddCert(stranger)
	const lacks = ", which is none of the roots that this machine knows: the chain lacks an intermediate, unless that is a root of your own"
	for name, test := range map[string]struct {
		certs []*x509.Certificate
		roots *x509.CertPool
		want  string
	}{
		"complete to a known root":       {[]*x509.Certificate{leaf, between}, known, ""},
		"with the root itself":           {[]*x509.Certificate{leaf, between, root}, other, ""},
		"signed by itself":               {[]*x509.Certificate{root}, other, ""},
		"signed by a known root":         {[]*x509.Certificate{direct}, known, ""},
		"expired, by a known root":       {[]*x509.Certificate{old}, known, ""},
		"without its intermediate":       {[]*x509.Certificate{leaf}, known, `is alone, signed by "between"` + lacks},
		"complete to a root of somebody": {[]*x509.Certificate{leaf, between}, other, `ends with one that "root" signed` + lacks},
		"no roots here":                  {[]*x509.Certificate{leaf}, x509.NewCertPool(), `is alone, signed by "between", and this machine has no roots to look whether that is one: the chain may lack an intermediate`},
		"roots that cannot be had":       {[]*x509.Certificate{leaf, between}, nil, `ends with one that "root" signed, and this machine has no roots to look whether that is one: the chain may lack an intermediate`},
	} {
		if got := Doubt(test.certs, test.roots, now); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
		if fault := Fault(test.certs); fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
	}
	if got := Fault([]*x509.Certificate{leaf, root}); !strings.Contains(got, "number 1 is not signed by number 2") {
		t.Error(got)
	}
}
