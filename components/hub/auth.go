package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Who logs users in.
const (
	// AuthFromValues leaves hub.config as the values have it.
	AuthFromValues = ""
	// AuthMAST is the MAST archive's OAuth 2 service, AuthOIDC any OpenID Connect provider, AuthCognito an Amazon Cognito user
	// pool: three names for the generic authenticator, whose endpoints all come from Auth.
	AuthMAST    = "mast"
	AuthOIDC    = "oidc"
	AuthCognito = "cognito"
	// AuthGitHub, AuthGoogle and AuthCILogon know their endpoints themselves.
	AuthGitHub  = "github"
	AuthGoogle  = "google"
	AuthCILogon = "cilogon"
	// AuthDummy accepts any name with one password. For trials.
	AuthDummy = "dummy"
)

// Auth says who logs in. What is left empty is not set, so that values and JupyterHub's defaults hold.
type Auth struct {
	// Type is one of the constants above.
	Type string
	// ClientID and ClientSecret are what the OAuth provider knows the hub by. They reach the hub as environment variables from a
	// Kubernetes Secret and stand in no values.
	ClientID, ClientSecret pulumi.StringInput
	// AuthorizeURL, TokenURL and UserdataURL are the provider's endpoints. For the generic authenticator.
	AuthorizeURL, TokenURL, UserdataURL string
	// Scopes are asked for at login.
	Scopes []string
	// UsernameClaim is where the provider's answer has the user's name; a dotted path such as attrib.email leads into objects.
	UsernameClaim string
	// LoginService is the provider's name on the login button.
	LoginService string
	// AllowedUsers and AdminUsers may log in; AllowAll lets everyone whom the provider knows.
	AllowedUsers, AdminUsers []string
	AllowAll                 bool
	// Password is the one password of AuthDummy.
	Password pulumi.StringInput
	// Config are further settings of the authenticator's class, by trait.
	Config map[string]any
}

// authenticator is how JupyterHub calls an authenticator.
type authenticator struct {
	// class is the name it is registered under: https://oauthenticator.readthedocs.io/en/latest/tutorials/general-setup.html
	class string
	// section is the Python class that its settings belong to.
	section string
	// generic has no endpoints of its own; oauth takes a client id.
	generic, oauth bool
}

var authenticators = map[string]authenticator{
	AuthMAST:    {class: "generic-oauth", section: "GenericOAuthenticator", generic: true, oauth: true},
	AuthOIDC:    {class: "generic-oauth", section: "GenericOAuthenticator", generic: true, oauth: true},
	AuthCognito: {class: "generic-oauth", section: "GenericOAuthenticator", generic: true, oauth: true},
	AuthGitHub:  {class: "github", section: "GitHubOAuthenticator", oauth: true},
	AuthGoogle:  {class: "google", section: "GoogleOAuthenticator", oauth: true},
	AuthCILogon: {class: "cilogon", section: "CILogonOAuthenticator", oauth: true},
	AuthDummy:   {class: "dummy", section: "DummyAuthenticator"},
}

// claimPath is a dotted path of claims. Nothing but names can be in it, because it becomes part of a Python expression.
var claimPath = lazyregexp.New(`^\w+(\.\w+)+$`)

// The environment variables that oauthenticator reads a client from:
// https://oauthenticator.readthedocs.io/en/latest/reference/api/gen/oauthenticator.oauth2.html
const (
	clientIDVariable     = "OAUTH_CLIENT_ID"
	clientSecretVariable = "OAUTH_CLIENT_SECRET" //nolint:gosec // the name of a variable
)

// isOAuth reports whether a client id and secret are needed.
func (a *Auth) isOAuth() bool { return authenticators[a.Type].oauth }

// authConfig puts what Auth says into the values, but for the client.
func (v *values) authConfig(args *Args) error {
	auth := &args.Auth
	kind, ok := authenticators[auth.Type]
	if !ok {
		return nil
	}
	section := map[string]any{}
	if kind.oauth {
		section["oauth_callback_url"] = v.callbackURL(args)
	}
	for trait, text := range map[string]string{
		"authorize_url": auth.AuthorizeURL, "token_url": auth.TokenURL, "userdata_url": auth.UserdataURL,
		"login_service": auth.LoginService, "username_claim": auth.UsernameClaim,
	} {
		if text != "" {
			section[trait] = text
		}
	}
	if claimPath.MatchString(auth.UsernameClaim) {
		delete(section, "username_claim")
		if err := v.set(usernameFunction(kind.section, auth.UsernameClaim), "hub", "extraConfig", usernameKey); err != nil {
			return err
		}
	}
	if len(auth.Scopes) > 0 {
		section["scope"] = list(auth.Scopes)
	}
	if auth.Password != nil {
		section["password"] = pulumi.ToSecret(auth.Password)
	}
	config := map[string]any{
		"JupyterHub": map[string]any{"authenticator_class": kind.class},
		kind.section: merge(auth.Config, section),
	}
	who := map[string]any{}
	if len(auth.AllowedUsers) > 0 {
		who["allowed_users"] = list(auth.AllowedUsers)
	}
	if len(auth.AdminUsers) > 0 {
		who["admin_users"] = list(auth.AdminUsers)
	}
	if auth.AllowAll {
		who["allow_all"] = true
	}
	if len(who) > 0 {
		config["Authenticator"] = who
	}
	return v.set(config, "hub", "config")
}

// usernameKey is the entry of hub.extraConfig that usernameFunction goes into.
const usernameKey = "hubwright-username"

// usernameFunction is Python that takes the user's name from inside the provider's answer. The trait takes a name or a function:
// https://oauthenticator.readthedocs.io/en/latest/reference/api/gen/oauthenticator.generic.html
func usernameFunction(section, claim string) string {
	return fmt.Sprintf("c.%s.username_claim = lambda user: user['%s']\n", section, strings.ReplaceAll(claim, ".", "']['"))
}

// someoneMayLogIn reports whether the values let anybody in. JupyterHub 5 lets in nobody who is not allowed:
// https://jupyterhub.readthedocs.io/en/stable/howto/upgrading-v5.html
func (v *values) someoneMayLogIn() bool {
	extra, _ := v.get("hub", "extraConfig").(map[string]any)
	for key := range extra {
		if key != usernameKey {
			return true // Python may allow anyone; it is not looked into
		}
	}
	config, _ := v.get("hub", "config").(map[string]any)
	for _, section := range config {
		traits, _ := section.(map[string]any)
		for trait, value := range traits {
			if (strings.HasPrefix(trait, "allow") || trait == "admin_users") && value != false {
				return true
			}
		}
	}
	return false
}

func (a *Args) checkAuth() error {
	auth := &a.Auth
	if auth.Type == AuthFromValues {
		return nil
	}
	kind, ok := authenticators[auth.Type]
	if !ok {
		var known []string
		for name := range authenticators {
			known = append(known, name)
		}
		slices.Sort(known)
		return fmt.Errorf("auth type %q is none of %s", auth.Type, strings.Join(known, ", "))
	}
	var problems []error
	if kind.oauth {
		if auth.ClientID == nil || auth.ClientSecret == nil {
			problems = append(problems, fmt.Errorf("auth type %s needs a client id and a client secret, which the provider gives out", auth.Type))
		}
		if a.Domain == "" {
			problems = append(problems, fmt.Errorf("auth type %s needs a domain: the provider sends users back to it", auth.Type))
		}
	}
	if kind.generic {
		for _, endpoint := range []struct{ field, url string }{
			{"authorizeUrl", auth.AuthorizeURL}, {"tokenUrl", auth.TokenURL}, {"userdataUrl", auth.UserdataURL},
		} {
			if !strings.HasPrefix(endpoint.url, "https://") {
				problems = append(problems, fmt.Errorf("auth %s %q: auth type %s needs the provider's https:// address for it", endpoint.field, endpoint.url, auth.Type))
			}
		}
	}
	if auth.Type == AuthDummy && auth.Password == nil && !auth.AllowAll {
		problems = append(problems, errors.New("auth type dummy without a password lets in everyone who finds the address: give a password, or say allowAll"))
	}
	return errors.Join(problems...)
}
