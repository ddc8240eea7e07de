package config

import (
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
