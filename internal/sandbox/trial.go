package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// trialLife is how long a trial certificate is valid.
const trialLife = 90 * 24 * time.Hour

// trialSecrets makes up what a person would bring for a hub: an OAuth client, tokens, and a self-signed certificate for the domain. They are
// of use in the sandbox only. The form is that of the configuration key hubwright:secrets for one hub.
func trialSecrets(domain string) (map[string]any, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a trial key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("making a trial certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: domain, Organization: []string{"hubwright sandbox"}}, DNSNames: []string{domain},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(trialLife), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making a trial certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("making a trial certificate: %w", err)
	}
	return map[string]any{
		"proxyToken": world.Hex(64), "cookieSecret": world.Hex(64), "cryptKey": world.Hex(64),
		"oauth": map[string]any{"clientId": "sandbox-" + world.Hex(8), "clientSecret": world.Hex(40)},
		"tls": map[string]any{
			"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
			"key":         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
		},
	}, nil
}

// Hub is what trial secrets are made for.
type Hub struct{ Name, Domain string }

// MissingSecrets reports whether the mirror of the stack's file lacks secrets for one of the hubs. Which hubs have some is noted beside it.
func (s *Sandbox) MissingSecrets(env string, hubs []Hub) (bool, error) {
	doc, err := readYAML(filepath.Join(s.Mirror(), "Pulumi."+env+".yaml"))
	if err != nil {
		return false, err
	}
	m, err := mapping(doc, "Pulumi."+env+".yaml")
	if err != nil {
		return false, err
	}
	if child(child(m, "config"), "hubwright:secrets") == nil {
		return true, nil
	}
	known, err := os.ReadFile(s.notePath(env))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return string(known) != note(hubs), nil
}

func (s *Sandbox) notePath(env string) string { return filepath.Join(s.opts.Home, "secrets-of-"+env) }

func note(hubs []Hub) string {
	var b strings.Builder
	for _, h := range hubs {
		fmt.Fprintln(&b, h.Name, h.Domain)
	}
	return b.String()
}

// TrialSecrets returns the value of hubwright:secrets for the hubs as JSON: what old holds is kept, what it lacks is made up. A certificate is
// made anew when the hub's domain has changed.
func (s *Sandbox) TrialSecrets(env, old string, hubs []Hub) (string, error) {
	secrets := map[string]map[string]any{}
	if old != "" {
		if err := json.Unmarshal([]byte(old), &secrets); err != nil {
			return "", errors.New("the sandbox's secrets are damaged: `hubwright sandbox reset` begins anew")
		}
	}
	noted, err := os.ReadFile(s.notePath(env))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	for _, h := range hubs {
		fresh, err := trialSecrets(h.Domain)
		if err != nil {
			return "", err
		}
		have := secrets[h.Name]
		if have == nil {
			secrets[h.Name] = fresh
		} else if !strings.Contains(string(noted), note([]Hub{h})) {
			have["tls"] = fresh["tls"]
		}
	}
	text, err := json.Marshal(secrets)
	if err != nil {
		return "", err
	}
	return string(text), os.WriteFile(s.notePath(env), []byte(note(hubs)), 0o600)
}
