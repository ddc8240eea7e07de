package config

import (
	"fmt"
	"slices"
	"strings"
)

// authenticators are the sections of hub.config that hold an OAuth client, by the type of login:
// https://oauthenticator.readthedocs.io/en/latest/tutorials/general-setup.html
var authenticators = map[string]string{
	AuthMAST: "GenericOAuthenticator", AuthOAuth: "GenericOAuthenticator", AuthCognito: "GenericOAuthenticator",
	AuthGitHub: "GitHubOAuthenticator", AuthGoogle: "GoogleOAuthenticator", AuthCILogon: "CILogonOAuthenticator",
}

// SecretKeys are the keys of HubSecrets, as `hubwright secrets` and messages name them.
var SecretKeys = []string{"proxyToken", "cookieSecret", "cryptKey", "oauth.clientId", "oauth.clientSecret", "tls.certificate", "tls.key"}

// SecretPaths are where a secret may stand among a hub's values, below the JupyterHub chart's key; the first is where it is written. nil when the hub
// takes none of that key.
// https://z2jh.jupyter.org/en/stable/resources/reference.html
func (h *Hub) SecretPaths(key string) [][]string {
	switch section := authenticators[h.Auth.Type]; key {
	case "proxyToken":
		return [][]string{h.Below("proxy", "secretToken"), h.Below("hub", "config", "ConfigurableHTTPProxy", "auth_token")}
	case "cookieSecret":
		return [][]string{h.Below("hub", "config", "JupyterHub", "cookie_secret"), h.Below("hub", "cookieSecret")}
	case "cryptKey":
		return [][]string{h.Below("hub", "config", "CryptKeeper", "keys")}
	case "oauth.clientId", "oauth.clientSecret":
		if section == "" {
			return nil
		}
		trait := map[string]string{"oauth.clientId": "client_id", "oauth.clientSecret": "client_secret"}[key]
		return [][]string{h.Below("hub", "config", section, trait)}
	case "tls.certificate", "tls.key":
		if h.HTTPS.Type != HTTPSManual {
			return nil
		}
		return [][]string{h.Below("proxy", "https", "manual", map[string]string{"tls.certificate": "cert", "tls.key": "key"}[key])}
	}
	return nil
}

// Below is a path of the JupyterHub chart's values in the hub's own values, which may be those of a chart around it.
func (h *Hub) Below(path ...string) []string {
	if h.Chart.ValuesKey == "" {
		return path
	}
	return append([]string{h.Chart.ValuesKey}, path...)
}

// field is the field of a key.
func (s *HubSecrets) field(key string) *string {
	return map[string]*string{
		"proxyToken": &s.ProxyToken, "cookieSecret": &s.CookieSecret, "cryptKey": &s.CryptKey, "oauth.clientId": &s.OAuth.ClientID,
		"oauth.clientSecret": &s.OAuth.ClientSecret, "tls.certificate": &s.TLS.Certificate, "tls.key": &s.TLS.Key,
	}[key]
}

// Lift takes the secrets that hubwright hands in itself out of a hub's values: what the values have counts more than s. It returns the paths of those
// it took. at gives the value at a path.
func (s *HubSecrets) Lift(h *Hub, at func(path []string) (any, bool)) (taken [][]string) {
	for _, key := range SecretKeys {
		for _, path := range h.SecretPaths(key) {
			v, ok := at(path)
			if list, isList := v.([]any); isList && key == "cryptKey" {
				if len(list) > 1 { // old ones beside the new, which stay in the values as they are
					s.CryptKey = ""
					continue
				}
				v = nil
				if len(list) == 1 {
					v = list[0]
				}
			}
			text, isText := v.(string)
			if !ok || !isText || strings.TrimSpace(text) == "" {
				continue
			}
			*s.field(key) = text
			taken = append(taken, slices.Clone(path))
		}
	}
	return taken
}

// Misshapen says which of a hub's secrets are there as something else than text, such as digits without quotes, which YAML takes for a number: they are
// not used. at gives the value at a path of the hub's values.
func (s *Stack) Misshapen(h *Hub, at func(path []string) (any, bool)) Problems {
	c := &secretChecker{at: s.place(secretsKey), env: s.Environment}
	for _, key := range SecretKeys {
		for _, path := range h.SecretPaths(key) {
			c.shape(h, key, path, at)
		}
	}
	return c.problems.Sorted()
}

// shape checks what kind of value is at the path of a secret, and on the way there.
func (c *secretChecker) shape(h *Hub, key string, path []string, at func(path []string) (any, bool)) {
	for n := 1; n < len(path); n++ {
		if v, ok := at(path[:n]); ok && kindOf(v) != object && kindOf(v) != null {
			c.add(h.Name, key, fmt.Sprintf("cannot be there, since %s is %s, but an object is wanted", strings.Join(path[:n], "."), kindNames[kindOf(v)]), "write its keys below it, each on a line of its own")
			return
		}
	}
	v, ok := at(path)
	if !ok {
		return
	}
	values, is := []any{v}, "is "
	if list, isList := v.([]any); isList && key == "cryptKey" {
		values, is = list, "has among its items "
	}
	for _, v := range values {
		switch k := kindOf(v); k {
		case text, null:
		case number, boolean:
			c.add(h.Name, key, is+kindNames[k]+", but text is wanted", "put it in quotes, and write it anew: of a number YAML keeps some 16 digits; or: "+c.setting(h.Name, key))
		default:
			c.add(h.Name, key, is+kindNames[k]+", but text is wanted", c.setting(h.Name, key))
		}
	}
}

// kindOf is the kind of a value as JSON and YAML have it. What is none of these is an object, of whatever type.
func kindOf(v any) kind {
	switch v.(type) {
	case nil:
		return null
	case string:
		return text
	case bool:
		return boolean
	case int, int64, uint64, float64:
		return number
	case []any:
		return list
	}
	return object
}

// StillMissing are the missing secrets without those that are there, but misshapen.
func StillMissing(missing, misshapen Problems) Problems {
	return slices.DeleteFunc(slices.Clone(missing), func(m Problem) bool {
		return slices.ContainsFunc(misshapen, func(p Problem) bool { return p.Path == m.Path })
	})
}
