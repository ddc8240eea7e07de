package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

func TestLift(t *testing.T) {
	values := map[string]any{
		"proxy.secretToken": "token", "hub.config.CryptKeeper.keys": []any{"crypt"}, "hub.config.GenericOAuthenticator.client_id": "id",
		"hub.config.GenericOAuthenticator.client_secret": "secret", "proxy.https.manual.cert": "cert", "proxy.https.manual.key": " ",
	}
	at := func(path []string) (any, bool) {
		v, ok := values[strings.Join(path, ".")]
		return v, ok
	}
	h := &config.Hub{Name: "hub"}
	h.Auth.Type, h.HTTPS.Type = config.AuthMAST, config.HTTPSManual
	s := config.HubSecrets{CookieSecret: "kept", ProxyToken: "given up", TLS: config.TLSSecrets{Key: "kept"}}
	taken := s.Lift(h, at)
	want := config.HubSecrets{
		ProxyToken: "token", CookieSecret: "kept", CryptKey: "crypt", OAuth: config.OAuthSecrets{ClientID: "id", ClientSecret: "secret"},
		TLS: config.TLSSecrets{Certificate: "cert", Key: "kept"},
	}
	if s != want {
		t.Errorf("got %+v", [...]string{s.ProxyToken, s.CookieSecret, s.CryptKey, s.OAuth.ClientID, s.OAuth.ClientSecret, s.TLS.Certificate, s.TLS.Key})
	}
	var paths []string
	for _, p := range taken {
		paths = append(paths, strings.Join(p, "."))
	}
	if diff := cmp.Diff([]string{
		"proxy.secretToken", "hub.config.CryptKeeper.keys", "hub.config.GenericOAuthenticator.client_id", "hub.config.GenericOAuthenticator.client_secret",
		"proxy.https.manual.cert",
	}, paths); diff != "" {
		t.Error(diff)
	}

	// What hubwright does not hand in itself stays in the values; a wrapper's values stand below its key.
	h.Auth.Type, h.HTTPS.Type, h.Chart.ValuesKey = config.AuthValues, config.HTTPSValues, "jupyterhub"
	s = config.HubSecrets{}
	if taken := s.Lift(h, func(path []string) (any, bool) { return at(path[1:]) }); len(taken) != 2 || taken[0][0] != "jupyterhub" {
		t.Errorf("taken are %v", taken)
	}
}

func TestMissingSecrets(t *testing.T) {
	s, err := config.Load(staging(t, "  hubwright:secrets: {hub: {oauth: {clientId: abc, clientSecret: {secure: v1:abc}}}}"), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	missing := s.MissingSecrets(func(h *config.Hub, key string) bool { return s.SecretGiven(h.Name, key) })
	want := "Pulumi.staging.yaml:5: secrets.hub.tls.certificate: is missing; hubwright secrets set staging tls.certificate --hub hub < certificate.pem\n" +
		"Pulumi.staging.yaml:5: secrets.hub.tls.key: is missing; hubwright secrets set staging tls.key --hub hub < key.pem"
	if diff := cmp.Diff(want, missing.Error()); diff != "" {
		t.Error(diff)
	}
	s, err = config.Load(staging(t, "  hubwright:secrets: {secure: v1:abc}"), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if missing := s.MissingSecrets(func(h *config.Hub, key string) bool { return s.SecretGiven(h.Name, key) }); len(missing) > 0 {
		t.Errorf("what cannot be looked into is said to be missing: %v", missing)
	}
}

// A secret that is there as something else than text is told of as that, and not as missing.
func TestMisshapen(t *testing.T) {
	s, err := config.Load(staging(t, ""), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &s.Hubs[0]
	for _, test := range []struct {
		path  string
		value any
		want  string
	}{
		{"proxy.secretToken", "text", ""},
		{"proxy.secretToken", nil, ""},
		{"proxy.secretToken", 1.5e63, "secrets.hub.proxyToken: is a number, but text is wanted; put it in quotes, and write it anew: of a number YAML keeps some 16 digits; or: hubwright secrets set staging proxyToken --hub hub"},
		{"hub.config.GenericOAuthenticator.client_id", 12345, "secrets.hub.oauth.clientId: is a number, but text is wanted; put it in quotes"},
		{"hub.config.GenericOAuthenticator.client_secret", []any{"a"}, "secrets.hub.oauth.clientSecret: is a list, but text is wanted; hubwright secrets set staging oauth.clientSecret --hub hub"},
		{"proxy.https.manual.key", map[string]any{}, "secrets.hub.tls.key: is an object, but text is wanted; hubwright secrets set staging tls.key --hub hub < key.pem"},
		{"hub.config.JupyterHub.cookie_secret", true, "secrets.hub.cookieSecret: is true or false, but text is wanted"},
		{"hub.config.CryptKeeper.keys", []any{"a", "b"}, ""},
		{"hub.config.CryptKeeper.keys", []any{"a", 5}, "secrets.hub.cryptKey: has among its items a number, but text is wanted"},
		{"proxy.https", []any{"a"}, "secrets.hub.tls.certificate: cannot be there, since proxy.https is a list, but an object is wanted; write its keys below it"},
	} {
		got := s.Misshapen(h, func(path []string) (any, bool) { return test.value, strings.Join(path, ".") == test.path })
		if text := strings.TrimPrefix(got.Error(), "Pulumi.staging.yaml:1: "); !strings.HasPrefix(text, test.want) || test.want == "" && text != "" {
			t.Errorf("%s of %v: %s", test.path, test.value, text)
		}
	}
	missing := config.Problems{{Path: "secrets.hub.tls.key"}, {Path: "secrets.hub.tls.certificate"}}
	if got := config.StillMissing(missing, config.Problems{{Path: "secrets.hub.tls.key"}}); len(got) != 1 || got[0].Path != "secrets.hub.tls.certificate" {
		t.Errorf("still missing are %v", got)
	}
}
