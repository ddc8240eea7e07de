package config

import (
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/certchain"
	"github.com/hubwright/hubwright/internal/secretname"
)

// secretBytes is the length of the tokens, cookie secrets and keys that JupyterHub wants:
// https://jupyterhub.readthedocs.io/en/stable/explanation/websecurity.html#security-settings
const secretBytes = 32

// CheckSecrets says what is wrong with the hubs' secrets at a time: what is left as a placeholder, malformed, expired or does not fit; and, apart from
// that, what a person has yet to enter, without which a hub cannot be deployed. A problem never holds a value.
func (s *Stack) CheckSecrets(secrets map[string]HubSecrets, now time.Time) (wrong, missing Problems) {
	c := &secretChecker{at: s.place(secretsKey), env: s.Environment}
	var hubs []string
	for i := range s.Hubs {
		h := &s.Hubs[i]
		hubs = append(hubs, h.Name)
		c.hub(h, secrets[h.Name], s.CallbackURL(h), now)
	}
	for name := range secrets {
		if s.Hub(name) == nil {
			c.add(name, "", "there is no such hub", suggest(name, hubs))
		}
	}
	return c.problems.Sorted(), c.missing.Sorted()
}

// MissingSecrets says what a person has yet to enter, by what is known without decrypting anything: given says whether a hub's secret of a key is there.
func (s *Stack) MissingSecrets(given func(h *Hub, key string) bool) Problems {
	c := &secretChecker{at: s.place(secretsKey), env: s.Environment}
	for i := range s.Hubs {
		h := &s.Hubs[i]
		for _, key := range h.neededSecrets() {
			if !given(h, key) {
				c.lacks(h, key, s.CallbackURL(h))
			}
		}
	}
	return c.missing.Sorted()
}

// SecretGiven says whether hubwright:secrets has a hub's secret of a key. What is encrypted as a whole is not looked into: it may have any.
func (s *Stack) SecretGiven(hub, key string) bool {
	t := s.secrets
	for _, k := range append([]string{hub}, strings.Split(key, ".")...) {
		if t.field("secure") != nil {
			return true
		}
		t = t.field(k)
	}
	return t != nil && t.kind != null
}

// neededSecrets are the keys of what a person has to enter for a hub.
func (h *Hub) neededSecrets() []string {
	var keys []string
	if h.Auth.OAuth() {
		keys = append(keys, "oauth.clientId", "oauth.clientSecret")
	}
	if h.HTTPS.Type == HTTPSManual {
		keys = append(keys, "tls.certificate", "tls.key")
	}
	return keys
}

// secretChecker collects what is wrong with secrets.
type secretChecker struct {
	at                place
	env               string
	problems, missing Problems
}

// lacks notes that a secret is missing.
func (c *secretChecker) lacks(h *Hub, key, callback string) {
	hint := c.setting(h.Name, key)
	if strings.HasPrefix(key, "oauth.") {
		hint = fmt.Sprintf("register a client with the callback %s, then: %s", callback, hint)
	}
	c.missing = append(c.missing, Problem{File: c.at.file, Line: c.at.line, Path: secretsKey + "." + h.Name + "." + key, Message: "is missing", Hint: hint})
}

func (c *secretChecker) add(hub, key, message, hint string) {
	path := secretsKey + "." + hub
	if key != "" {
		path += "." + key
	}
	c.problems = append(c.problems, Problem{File: c.at.file, Line: c.at.line, Path: path, Message: message, Hint: hint})
}

// setting is the command that sets one secret.
func (c *secretChecker) setting(hub, key string) string {
	command := fmt.Sprintf("hubwright secrets set %s %s --hub %s", c.env, key, hub)
	if strings.HasPrefix(key, "tls.") {
		command += " < " + strings.TrimPrefix(key, "tls.") + ".pem"
	}
	return command
}

func (c *secretChecker) hub(h *Hub, s HubSecrets, callback string, now time.Time) {
	for key, value := range map[string]string{"proxyToken": s.ProxyToken, "cookieSecret": s.CookieSecret, "cryptKey": s.CryptKey} {
		if b, err := hex.DecodeString(value); value != "" && (err != nil || len(b) != secretBytes) {
			c.add(h.Name, key, fmt.Sprintf("is not %d hexadecimal digits", 2*secretBytes), "take it out to have one made, or: openssl rand -hex 32 | "+c.setting(h.Name, key))
		}
	}
	if h.Auth.OAuth() {
		for key, value := range map[string]string{"oauth.clientId": s.OAuth.ClientID, "oauth.clientSecret": s.OAuth.ClientSecret} {
			hint := fmt.Sprintf("register a client with the callback %s, then: %s", callback, c.setting(h.Name, key))
			switch {
			case value == "":
				c.lacks(h, key, callback)
			case secretname.Placeholder(value):
				c.add(h.Name, key, "is a placeholder", hint)
			case strings.TrimSpace(value) != value:
				c.add(h.Name, key, "begins or ends with white space", hint)
			}
		}
	}
	if h.HTTPS.Type == HTTPSManual {
		c.tls(h, s.TLS, now)
	}
}

func (c *secretChecker) tls(h *Hub, t TLSSecrets, now time.Time) {
	complete := true
	for key, value := range map[string]string{"certificate": t.Certificate, "key": t.Key} {
		key := "tls." + key
		hint := c.setting(h.Name, key)
		switch block, _ := pem.Decode([]byte(value)); {
		case value == "":
			c.lacks(h, key, "")
		case secretname.Placeholder(value):
			c.add(h.Name, key, "is a placeholder", hint)
		case block == nil:
			c.add(h.Name, key, "is not PEM", hint)
		case key == "tls.key" && encryptedKey(value):
			hint = "decrypt it: openssl pkey -in key.pem | " + strings.TrimSuffix(hint, " < key.pem")
			c.add(h.Name, key, "is encrypted with a passphrase, for which nobody can be asked where the hub runs", hint)
		default:
			continue
		}
		complete = false
	}
	if !complete {
		return
	}
	const chain = "the hub's own certificate comes first, then those that signed it"
	// The errors of these packages name no part of a key.
	pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key))
	if err != nil {
		c.add(h.Name, "tls", strings.TrimPrefix(err.Error(), "tls: "), "certificate and key belong together, both in PEM; "+chain)
		return
	}
	leaf := pair.Leaf
	if now.Before(leaf.NotBefore) {
		c.add(h.Name, "tls.certificate", "is not valid before "+leaf.NotBefore.UTC().Format(time.DateOnly), "look at the clock, or wait")
	}
	if now.After(leaf.NotAfter) {
		c.add(h.Name, "tls.certificate", "expired on "+leaf.NotAfter.UTC().Format(time.DateOnly), "set a new one: "+c.setting(h.Name, "tls.certificate"))
	}
	if leaf.VerifyHostname(h.Domain) != nil {
		c.add(h.Name, "tls.certificate", fmt.Sprintf("is not for %s: it names %s", h.Domain, oneOrNone(leaf.DNSNames)), "order one for that domain")
	}
	switch certs, wrong := certchain.Of(&pair); {
	case wrong != "":
		c.add(h.Name, "tls.certificate", wrong, chain)
	case certchain.Fault(certs) != "" && len(certs) == 1:
		c.add(h.Name, "tls.certificate", certchain.Fault(certs), certchain.Completing(certs, c.setting(h.Name, "tls.certificate")))
	case certchain.Fault(certs) != "":
		c.add(h.Name, "tls.certificate", certchain.Fault(certs), chain)
	}
}

func oneOrNone(names []string) string {
	if len(names) == 0 {
		return "no domain"
	}
	return strings.Join(names, ", ")
}
