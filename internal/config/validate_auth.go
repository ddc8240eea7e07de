package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/secretname"
)

func (c *checker) auth(at string, a *Auth) {
	if c.required(at+".type", a.Type, "use "+oneOf(authTypes)+" or, in the sandbox, dummy") {
		c.choice(at+".type", a.Type, append(slices.Clone(authTypes), AuthDummy)...)
	}
	if a.Type == AuthDummy && !c.sandbox {
		c.add(at+".type", "is dummy, which lets anybody in with any password", "only the sandbox permits it: use "+oneOf(authTypes))
	}
	if a.Type == AuthDummy && c.sandbox && !a.AllowAll {
		c.add(at, "is of type dummy, which lets in everyone who finds the address", "set allowAll to say that this is meant")
	}
	urls := []struct{ key, value string }{{"authorizeUrl", a.AuthorizeURL}, {"tokenUrl", a.TokenURL}, {"userdataUrl", a.UserdataURL}}
	for _, u := range urls {
		if a.Type == AuthOAuth {
			c.required(at+"."+u.key, u.value, "the provider's documentation names it, such as "+httpsForm.example)
		}
		c.matches(at+"."+u.key, u.value, httpsForm)
	}
	c.authOf(at, a)
	c.authConfig(at+".config", a.Config)
	if !a.OAuth() {
		return
	}
	if a.generic() && (a.Type != AuthCognito || a.Domain != "") {
		c.required(at+".usernameClaim", a.UsernameClaim, "the field of the provider's answer that becomes the user's name, such as email")
	}
	// Since JupyterHub 5 nobody is let in unless something says so:
	// https://z2jh.jupyter.org/en/stable/administrator/upgrading/upgrade-3-to-4.html
	if !a.AllowAll && len(a.AllowedUsers) == 0 && len(a.AdminUsers) == 0 && len(a.AllowedOrganizations) == 0 {
		c.add(at, "lets nobody in", "list allowedUsers or adminUsers, or set allowAll")
	}
	for key, users := range map[string][]string{"allowedUsers": a.AllowedUsers, "adminUsers": a.AdminUsers} {
		c.users(at+"."+key, users, a)
	}
}

// users checks the names of users, which are those that the hub gives whom the provider tells it of.
func (c *checker) users(at string, users []string, a *Auth) {
	each(at, users, func(path, user string) {
		switch {
		case strings.TrimSpace(user) != user || user == "":
			c.add(path, fmt.Sprintf("%s is not a user's name", quoted(user)), "")
		case a.Type == AuthGoogle && a.UsernameClaim == "": // which is the address
			c.googleUser(path, user, a.HostedDomains)
		}
	})
	c.distinct(at+"[%d]", users, "name each once")
}

// googleUser checks a user's name as Google's authenticator makes it: the e-mail address, or with one hosted domain what is before its @.
// https://github.com/jupyterhub/oauthenticator/pull/661
func (c *checker) googleUser(path, user string, domains []string) {
	name, domain, address := strings.Cut(user, "@")
	switch {
	case len(domains) == 1 && domain == domains[0]:
		c.add(path, fmt.Sprintf("%s is an address, but with one hosted domain users are called by what is before the @", quoted(user)), "write it as "+name)
	case len(domains) == 1 && address:
		c.add(path, fmt.Sprintf("%s is not of the hosted domain %s", quoted(user), domains[0]), "take it out, or name its domain at hostedDomains: of several domains users are called by their whole addresses")
	case len(domains) > 1 && address && !slices.Contains(domains, domain):
		c.add(path, fmt.Sprintf("%s is of none of the hosted domains", quoted(user)), "use "+oneOf(domains)+", or name its domain at hostedDomains")
	case len(domains) != 1 && !emailForm.MatchString(user):
		c.add(path, fmt.Sprintf("%s is nobody's name: without one hosted domain users are called by their e-mail addresses", quoted(user)),
			"write the whole address, such as "+emailForm.example+", or name their one domain at hostedDomains")
	}
}

// ownTraits are what hubwright sets itself, by the traits of authenticators, and where it is said.
var ownTraits = map[string]string{
	"client_id":          "it is a secret of the hub: hubwright secrets set %s oauth.clientId",
	"client_secret":      "it is a secret of the hub: hubwright secrets set %s oauth.clientSecret",
	"oauth_callback_url": "take it out: it follows from the hub's domain",
	"allow_all":          "say it at auth.allowAll",
}

// authConfig checks further settings of an authenticator: they are no secrets, since they are encrypted nowhere, and none of those that are hubwright's
// to set.
func (c *checker) authConfig(at string, config map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(config)) {
		path := join(at, name)
		hint, own := ownTraits[name]
		switch nested, object := config[name].(map[string]any); {
		case own && strings.Contains(hint, "%s"):
			c.add(path, "is set by hubwright", fmt.Sprintf(hint, c.Environment))
		case own:
			c.add(path, "is set by hubwright", hint)
		case secretname.Is(name):
			c.add(path, "looks like a secret, in a file that is not encrypted", "put it into the hub's file of secrets, below hub.config, and consider this one known")
		case object:
			c.authConfig(path, nested)
		}
	}
}

// authTypes are the ways to log in that a public hub may have.
var authTypes = []string{AuthMAST, AuthOAuth, AuthCognito, AuthGitHub, AuthGoogle, AuthCILogon, AuthValues}

// authOf checks what belongs to one type of login only.
func (c *checker) authOf(at string, a *Auth) {
	if a.Type == AuthCognito && c.required(at+".domain", a.Domain, "the user pool's domain, such as hubs.auth.us-east-1.amazoncognito.com") {
		c.matches(at+".domain", a.Domain, domainForm)
	}
	// CILogon lets in nobody whose provider is not named: https://oauthenticator.readthedocs.io/en/latest/tutorials/provider-specific-setup/providers/cilogon.html
	if a.Type == AuthCILogon && len(a.AllowedIDPs) == 0 {
		c.add(at+".allowedIdps", "is missing", "name the identity providers, such as "+exampleIDP)
	}
	for _, idp := range slices.Sorted(maps.Keys(a.AllowedIDPs)) {
		c.idp(join(at+".allowedIdps", idp), idp, a.AllowedIDPs[idp])
	}
	for _, only := range []struct {
		key, kind string
		given     bool
	}{
		{"domain", AuthCognito, a.Domain != ""},
		{"allowedOrganizations", AuthGitHub, a.AllowedOrganizations != nil},
		{"hostedDomains", AuthGoogle, a.HostedDomains != nil},
		{"allowedIdps", AuthCILogon, a.AllowedIDPs != nil},
	} {
		if only.given && a.Type != only.kind {
			c.add(at+"."+only.key, "is for type "+only.kind, "take it out, or set the type to "+only.kind)
		}
	}
	each(at+".hostedDomains", a.HostedDomains, func(path, domain string) { c.matches(path, domain, domainForm) })
	each(at+".allowedOrganizations", a.AllowedOrganizations, func(path, name string) {
		if !organizationForm.MatchString(name) {
			c.add(path, fmt.Sprintf("%s is not %s", quoted(name), organizationForm.what), "write it like "+organizationForm.example+", as they stand in GitHub's addresses")
		}
	})
	c.distinct(at+".allowedOrganizations[%d]", a.AllowedOrganizations, "name each once")
	c.distinct(at+".hostedDomains[%d]", a.HostedDomains, "name each once")
}

// exampleIDP is an entry of allowedIdps.
const exampleIDP = "https://github.com/login/oauth/authorize: preferred_username"

// idp checks an identity provider of CILogon's, and the claim that becomes the names of its users, without which the hub does not start:
// https://github.com/jupyterhub/oauthenticator/blob/main/oauthenticator/schemas/cilogon-schema.yaml
func (c *checker) idp(path, idp, claim string) {
	if !entityForm.MatchString(idp) {
		c.add(path, fmt.Sprintf("%s is not %s", quoted(idp), entityForm.what), "take it from https://cilogon.org/idplist/, such as "+entityForm.example)
	}
	if claim == "" {
		c.add(path, "names no claim", "name the one that becomes the user's name, such as "+exampleIDP)
	}
	c.matches(path, claim, claimForm)
}
