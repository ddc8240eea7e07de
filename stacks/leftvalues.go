package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// LeftToValues says what the types of auth and https that leave it to the values do not find in them: refused is what is wrong with real services, open
// what a hub cannot do without, though a file of secrets that is yet to come, or code of the values, may see to it. The values are without those of a
// chart.
func LeftToValues(stack *config.Stack, h *config.Hub, computed *values.Computed) (refused, open config.Problems) {
	l := left{hub: h, computed: computed}
	switch anybody := letsAnybodyIn(h, computed); {
	case len(anybody) > 0 && anybody[0].Line > 0: // somebody wrote it
		refused = anybody
	case len(anybody) > 0:
		l.open = anybody
	case h.Auth.Type == config.AuthValues:
		l.oauth(stack.CallbackURL(h))
	}
	if h.HTTPS.Type == config.HTTPSValues {
		l.https(h.Domain)
	}
	return refused, l.open
}

// letsAnybodyIn says that the values of a hub name no authenticator, or the one that takes any password.
func letsAnybodyIn(h *config.Hub, computed *values.Computed) config.Problems {
	if h.Auth.Type != config.AuthValues {
		return nil
	}
	path := values.Path(h.Below("hub", "config", "JupyterHub", "authenticator_class"))
	class, _ := computed.At(path)
	const hint = "name one, such as generic-oauth, or use a type of auth that does"
	switch origin := computed.OriginOf(path); class {
	case nil, "":
		return config.Problems{{File: "hub " + h.Name, Path: path.String(), Message: "is missing, and the chart's own, dummy, lets anybody in with any password", Hint: hint}}
	case "dummy", "dummyauthenticator.DummyAuthenticator", "jupyterhub.auth.DummyAuthenticator":
		return config.Problems{{File: origin.File, Line: origin.Line, Path: path.String(), Message: "is dummy, which lets anybody in with any password", Hint: hint}}
	}
	return nil
}

// left collects what is not in a hub's values.
type left struct {
	hub      *config.Hub
	computed *values.Computed
	open     config.Problems
}

func (l *left) at(keys ...string) any {
	v, _ := l.computed.At(l.hub.Below(keys...))
	return v
}

func (l *left) lacks(message, hint string, keys ...string) {
	path := values.Path(l.hub.Below(keys...))
	p := config.Problem{File: "hub " + l.hub.Name, Path: path.String(), Message: message, Hint: hint}
	if _, there := l.computed.At(path); there {
		origin := l.computed.OriginOf(path)
		p.File, p.Line = origin.File, origin.Line
	}
	l.open = append(l.open, p)
}

// oauthNames are the short names of authenticators that want a client: oauthenticator's entry points,
// https://github.com/jupyterhub/oauthenticator/blob/main/setup.py
var oauthNames = []string{"auth0", "azuread", "bitbucket", "cilogon", "generic-oauth", "github", "gitlab", "globus", "google", "okpy", "openshift"}

// oauth looks for the client of an OAuth provider, and for the callback. Authenticators read what is named after their class, or after the one that
// they are made of, OAuthenticator; and of the environment: https://oauthenticator.readthedocs.io/en/stable/tutorials/general-setup.html
func (l *left) oauth(callback string) {
	class, _ := l.at("hub", "config", "JupyterHub", "authenticator_class").(string)
	sections, _ := l.at("hub", "config").(map[string]any)
	var ofOAuth []string
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if strings.HasSuffix(name, "OAuthenticator") {
			ofOAuth = append(ofOAuth, name)
		}
	}
	if len(ofOAuth) == 0 && !strings.Contains(class, "OAuth") && !slices.Contains(oauthNames, strings.TrimPrefix(class, "local-")) {
		return
	}
	section := slices.Concat(ofOAuth, []string{"OAuthenticator"})[0]
	for key, env := range map[string]string{"client_id": "OAUTH_CLIENT_ID", "client_secret": "OAUTH_CLIENT_SECRET", "oauth_callback_url": "OAUTH_CALLBACK_URL"} {
		found := slices.ContainsFunc(ofOAuth, func(s string) bool {
			v := l.at("hub", "config", s, key)
			return v != nil && v != ""
		})
		hint := fmt.Sprintf("register a client with the callback %s, and put what it is given into a file of secrets", callback)
		if key == "oauth_callback_url" {
			hint = "it is " + callback
		}
		if !found && l.at("hub", "extraEnv", env) == nil {
			l.lacks("is missing", hint, "hub", "config", section, key)
		}
	}
	for _, s := range ofOAuth {
		if given, ok := l.at("hub", "config", s, "oauth_callback_url").(string); ok && given != callback {
			l.lacks("is not the hub's address", "it is "+callback+", by the hub's domain", "hub", "config", s, "oauth_callback_url")
		}
	}
	slices.SortFunc(l.open, func(a, b config.Problem) int { return strings.Compare(a.Path, b.Path) })
}

// https looks for what the chart's kinds of HTTPS need:
// https://z2jh.jupyter.org/en/stable/administrator/security.html#https
func (l *left) https(domain string) {
	needs := func(hint string, keys ...string) {
		if v := l.at(append([]string{"proxy", "https"}, keys...)...); v == nil || v == "" {
			l.lacks("is missing", hint, append([]string{"proxy", "https"}, keys...)...)
		}
	}
	kind, _ := l.at("proxy", "https", "type").(string)
	switch {
	case l.at("proxy", "https", "enabled") != true:
		annotations, _ := l.at("proxy", "service", "annotations").(map[string]any)
		if annotations["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"] == nil { // nor does the load balancer see to it
			l.lacks("is not true, so that passwords and cookies cross the network in plain text", "set it, or use a type of https that does", "proxy", "https", "enabled")
		}
	case kind == "manual":
		needs("the certificate, its chain below it, in PEM", "manual", "cert")
		needs("the certificate's key, in PEM, in a file of secrets", "manual", "key")
	case kind == "" || kind == "letsencrypt": // the chart's own
		needs("Let's Encrypt writes there before a certificate ends", "letsencrypt", "contactEmail")
		needs("["+domain+"]", "hosts")
	}
}
