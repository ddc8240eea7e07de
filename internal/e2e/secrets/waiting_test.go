// Package secrets_test has secrets come into a deployment on every way that there is, and looks for them where they must not be.
package secrets_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// pair is a certificate for a domain, and its key.
func pair(t *testing.T, domain string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{domain}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 3, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes}))
}

// The first time, in order: an update makes all that needs no secret, the key among it, and says what to enter; then the secrets are encrypted with that
// key; then the next update completes. What is there by then is never left out again.
func TestFirstTimeWithoutSecrets(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Env = append(d.Env, "HUBWRIGHT_SANDBOX_SECRETS=none")
	d.Must(2, "secrets init staging --sandbox").Has(t, "staging has no key yet", "`hubwright up staging --sandbox` makes a key first")

	up := d.Must(0, "up staging --sandbox --yes").Has(t, "hub hub waits for its secrets and is left out for now",
		"register a client with the callback https://roman-sit-staging.science.stsci.edu/hub/oauth_callback, then: hubwright secrets set staging oauth.clientSecret --hub hub",
		"hubwright secrets set staging tls.key --hub hub < key.pem")
	if strings.Contains(up.Err+up.Out, "hub-release") {
		t.Errorf("the hub was made:\n%s", up)
	}
	d.Must(5, "status staging --sandbox").Has(t, "incomplete")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	d.Must(0, "secrets init staging --sandbox").Has(t, "is encrypted for arn:aws:kms:us-east-1:162808325377:key/",
		"note: the sandbox has encrypted it, with a key of its own for arn:aws:kms:us-east-1:162808325377:key/", "before you go on without --sandbox, delete hubs/hub/secrets/staging.yaml and its rule in .sops.yaml, and make it anew")
	certificate, key := pair(t, "roman-sit-staging.science.stsci.edu")
	for name, text := range map[string]string{"oauth.clientId": "id-1", "oauth.clientSecret": "planted-oauth", "tls.certificate": certificate, "tls.key": key} {
		if r := d.Feed(text, "secrets set staging "+name+" --sandbox"); r.Code != 0 {
			t.Fatal(r)
		}
	}
	d.Must(0, "secrets check staging --sandbox").Has(t, "staging ok")
	d.Must(0, "up staging --sandbox --yes").Has(t, "hub-release", "https://roman-sit-staging.science.stsci.edu")
	d.Must(0, "status staging --sandbox").Has(t, "staging (sandbox): healthy")
	d.Must(0, "doctor staging --sandbox").Has(t, "ok      AWS identity: arn:aws:iam::162808325377:user/gough", "science.stsci.edu is there", "hub hub: secrets: complete", "ok      state: 104 resources",
		"skipped state's key: there is no key alias/roman-sit-pulumi; the sandbox itself needs none", "ok      quota: VPCs per Region: 1 of 5 in use; the deployment has all it takes",
		"ok      quota: Clusters: 1 of 100 in use; the deployment has all it takes")
	d.Must(0, "bootstrap staging --sandbox --yes").Has(t, "done: key alias/roman-sit-pulumi, existence")
	d.Must(0, "doctor staging --sandbox").Has(t, "ok      state's key: alias/roman-sit-pulumi is arn:aws:kms:us-east-1:162808325377:key/")
	d.Must(0, "doctor staging --sandbox -o json").JSON(t)
	d.Must(0, "sandbox set account=999999999999")
	d.Must(1, "doctor staging --sandbox").Has(t, "fail    AWS identity: account 999999999999, but the deployment is of account 162808325377", "`hubwright sandbox set account=162808325377`")
	d.Must(0, "sandbox set account=162808325377")

	d.Edit("hubs/hub/secrets/staging.yaml", d.Read("hubs/hub/secrets/staging.yaml"), "")
	d.Must(2, "up staging --sandbox --yes").Has(t, "hubs/hub/secrets/staging.yaml: is not encrypted")
	if err := os.Remove(filepath.Join(d.Dir, "hubs", "hub", "secrets", "staging.yaml")); err != nil {
		t.Fatal(err)
	}
	d.Must(2, "up staging --sandbox --yes").Has(t, "secrets.hub.oauth.clientSecret: is missing")
	d.Must(0, "url staging --sandbox").Has(t, "https://roman-sit-staging.science.stsci.edu")
}
