package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// HubSecrets are a hub's three categories of secrets: those it shares with itself, its OAuth client, and its TLS key.
type HubSecrets struct {
	// ProxyToken is what the hub and its proxy know each other by: 32 bytes, in hex. Made when absent.
	ProxyToken string `json:"proxyToken,omitempty"`
	// CookieSecret signs the users' cookies: 32 bytes, in hex. Made when absent.
	CookieSecret string `json:"cookieSecret,omitempty"`
	// CryptKey encrypts what the hub keeps of a login: 32 bytes, in hex. Made when absent.
	CryptKey string `json:"cryptKey,omitempty"`
	// OAuth is the hub's client at the login provider.
	OAuth OAuthSecrets `json:"oauth,omitzero"`
	// TLS is the key pair for https.type manual.
	TLS TLSSecrets `json:"tls,omitzero"`
}

// OAuthSecrets are an OAuth client's id and secret.
type OAuthSecrets struct {
	// ClientID is what the provider calls the hub. It is no secret by itself.
	ClientID string `json:"clientId,omitempty"`
	// ClientSecret proves that the hub is the hub.
	ClientSecret string `json:"clientSecret,omitempty"`
}

// TLSSecrets are a certificate and its key.
type TLSSecrets struct {
	// Certificate is the hub's certificate in PEM, followed by those between it and the root.
	Certificate string `json:"certificate,omitempty"`
	// Key is its private key in PEM.
	Key string `json:"key,omitempty"`
}

// masked stands for a secret wherever it might be printed.
const masked = "[secret]"

// Format keeps secrets out of everything that is printed.
func (HubSecrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// Format keeps secrets out of everything that is printed.
func (OAuthSecrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// Format keeps secrets out of everything that is printed.
func (TLSSecrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// ParseSecrets reads the value of hubwright:secrets, decrypted: an object with the secrets of each hub by its name. "" is none at all. The
// error names keys, never values.
func ParseSecrets(text string) (map[string]HubSecrets, error) {
	return parseSecrets[HubSecrets](text, secretsKey, "the hubs' names", setSecret)
}

// ParseBuildSecrets reads the value of hubwright:buildSecrets, decrypted: the secrets of builds by their ids. "" is none at all. The error names keys,
// never values.
func ParseBuildSecrets(text string) (map[string]string, error) {
	return parseSecrets[string](text, buildSecretsKey, "the secrets' ids", SetBuildSecret("<id>"))
}

// SetBuildSecret is the command that encrypts a build secret into an environment's file.
func SetBuildSecret(id string) string { return fmt.Sprintf(setBuildSecret, id) }

// parseSecrets reads the decrypted value of a key, an object with what is named; set is how one of its parts is set.
func parseSecrets[T any](text, key, names, set string) (map[string]T, error) {
	secrets := map[string]T{}
	if strings.TrimSpace(text) == "" {
		return secrets, nil
	}
	key = "hubwright:" + key
	if !json.Valid([]byte(text)) {
		return nil, errors.New(key + " is not an object: set its parts one by one, with " + set)
	}
	t := parseEngine(place{}, text)
	if t.kind != object {
		return nil, errors.New(key + " is " + kindNames[t.kind] + ", but an object with " + names + " is wanted")
	}
	d := &decoder{places: map[string]place{}, hidden: true}
	d.decode(t, reflect.ValueOf(&secrets).Elem(), key)
	var wrong []error
	for _, p := range d.problems.Sorted() {
		p.File = "" // the engine keeps the value, so there is no line to point at
		wrong = append(wrong, errors.New(strings.TrimPrefix(p.String(), ": ")))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return secrets, nil
}
