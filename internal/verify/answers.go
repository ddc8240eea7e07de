package verify

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// mostAnswer is the most that is read of an answer, in bytes: a login page with pictures in it is below.
const mostAnswer = 1 << 20

// answered is what a hub has answered.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask asks the hub at a path below its base, as a browser that has not logged in does. Redirects are answers. Certificates are not looked at: nothing is sent
// that is a secret, and the check of TLS tells of them.
func (r *run) ask(ctx context.Context, path string) (*answered, error) {
	base, err := url.Parse(r.hub.URL)
	if err != nil {
		return nil, err
	}
	to, err := base.Parse(r.base() + path)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: r.ways.Dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	return &answered{res.StatusCode, res.Header, body}, err
}

// reach asks the hub, and when it does not answer as it should, says so with what shows why.
func (r *run) reach(ctx context.Context, c *Check, path string, want ...int) *answered {
	a, err := r.ask(ctx, path)
	where := strings.TrimSuffix(r.hub.URL, r.base()) + r.base() + path
	if err != nil {
		c.fail(fmt.Sprintf("%s does not answer: %v", where, err), r.behindHub(ctx)...)
		c.Hint = "the checks dns, tls and load-balancer say how far one gets"
		return nil
	}
	if !slices.Contains(want, a.status) {
		c.fail(fmt.Sprintf("%s answers %d %s", where, a.status, http.StatusText(a.status)), r.behindHub(ctx)...)
		c.Hint = "look at the hub's and the proxy's pods first"
		return nil
	}
	return a
}

// behindHub is what shows why hub and proxy do not answer.
func (r *run) behindHub(ctx context.Context) []Evidence {
	work, err := r.kube.workloads(ctx)
	if err != nil {
		return nil
	}
	pods, err := r.kube.pods(ctx)
	if err != nil {
		return nil
	}
	var out []Evidence
	for i := range work {
		w := &work[i]
		if c := w.component(); c != "hub" && c != "proxy" && c != "autohttps" {
			continue
		}
		here := 0
		for j := range pods {
			if w.owns(&pods[j]) {
				here++
				out = append(out, r.kube.diagnose(ctx, pods[j:j+1])...)
			}
		}
		if here == 0 {
			out = append(out, Evidence{"pod", w.name, "there is none"})
		}
	}
	return out
}

// health asks the hub whether it is well: https://jupyterhub.readthedocs.io/en/stable/reference/monitoring.html
func (r *run) health(ctx context.Context, c *Check) {
	if a := r.reach(ctx, c, "hub/health", http.StatusOK); a != nil {
		c.seen("the hub says it is well")
	}
}

// version asks the hub for its version: https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html
func (r *run) version(ctx context.Context, c *Check) {
	a := r.reach(ctx, c, "hub/api", http.StatusOK)
	if a == nil {
		return
	}
	var said struct{ Version string }
	if err := json.Unmarshal(a.body, &said); err != nil || said.Version == "" {
		c.fail("the hub's API does not say its version", Evidence{"answer", "hub/api", oneLine(string(a.body))})
		return
	}
	c.seen("JupyterHub %s", said.Version)
	rev, err := r.kube.revision()
	switch {
	case err != nil || rev == nil:
		c.note("the chart's version could not be looked at")
	case r.given("hub", "image", "name") || r.given("hub", "image", "tag"):
		c.note("the values name an image of the hub of their own, so that the chart does not say which version it is")
	case r.hub.ValuesKey != "":
		c.note("the chart is one around JupyterHub's, and does not say which version that deploys")
	case rev.AppVersion != "" && rev.AppVersion != said.Version:
		c.fail(fmt.Sprintf("the hub is JupyterHub %s, and chart %s %s deploys %s", said.Version, rev.Chart, rev.ChartVersion, rev.AppVersion))
		c.Hint = "an old pod answers, or another hub: look at the pods and at the check dns"
	}
}

// authenticator is how JupyterHub calls a way to log in: https://oauthenticator.readthedocs.io/en/latest/tutorials/general-setup.html
type authenticator struct {
	section string // the class that its settings belong to
	// authorize is where users are sent to, unless the settings say another: authorize_url in the class's file in
	// https://github.com/jupyterhub/oauthenticator/tree/main/oauthenticator
	authorize string
}

var authenticators = map[string]authenticator{
	"generic-oauth": {"GenericOAuthenticator", ""},
	"github":        {"GitHubOAuthenticator", "https://github.com/login/oauth/authorize"},
	"google":        {"GoogleOAuthenticator", "https://accounts.google.com/o/oauth2/v2/auth"},
	"cilogon":       {"CILogonOAuthenticator", "https://cilogon.org/authorize"},
	"globus":        {"GlobusOAuthenticator", ""},
	"gitlab":        {"GitLabOAuthenticator", ""},
	"azuread":       {"AzureAdOAuthenticator", ""},
	"auth0":         {"Auth0OAuthenticator", ""},
	"bitbucket":     {"BitbucketOAuthenticator", ""},
	"okpy":          {"OkpyOAuthenticator", ""},
	"openshift":     {"OpenShiftOAuthenticator", ""},
	"mediawiki":     {"MWOAuthenticator", ""},
}

// oauth finds the authenticator that a class is; false when it is none that sends users elsewhere.
func oauth(class string) (authenticator, bool) {
	if a, ok := authenticators[class]; ok {
		return a, true
	}
	_, last, found := strings.Cut(class, "oauthenticator.")
	if !found {
		return authenticator{}, false
	}
	if i := strings.LastIndex(last, "."); i >= 0 {
		last = last[i+1:]
	}
	for _, a := range authenticators {
		if a.section == strings.TrimPrefix(last, "Local") {
			return a, true
		}
	}
	return authenticator{section: last}, true
}

// passwords are the classes whose login page asks for a name and a password.
var passwords = []string{"dummy", "jupyterhub.auth.DummyAuthenticator", "pam", "nativeauthenticator.NativeAuthenticator", "native", "ldapauthenticator.LDAPAuthenticator", "ldap", "firstuseauthenticator.FirstUseAuthenticator", "firstuse"}

// login looks at the page on which users log in, and where it sends them.
func (r *run) login(ctx context.Context, c *Check) {
	page := r.reach(ctx, c, "hub/login", http.StatusOK, http.StatusFound)
	if page == nil {
		return
	}
	class := r.text("hub", "config", "JupyterHub", "authenticator_class")
	c.Hint = "the hub's configuration is in its values: `hubwright values ENV hub.config`"
	kind, isOAuth := oauth(class)
	body := strings.ToLower(string(page.body))
	switch {
	case class == "":
		c.seen("the login page is there; which authenticator is configured is not known")
	case isOAuth:
		r.redirects(ctx, c, page, kind)
	case slices.Contains(passwords, class):
		if !strings.Contains(body, `type="password"`) && !strings.Contains(body, `type='password'`) {
			c.fail(fmt.Sprintf("the login page asks for no password, and %s does", class))
			return
		}
		c.seen("the login page asks for a name and a password (%s)", class)
	default:
		c.seen("the login page is there; what %s shows on it is not known", class)
	}
}

// redirects looks whether the login page leads to the provider that is configured.
func (r *run) redirects(ctx context.Context, c *Check, page *answered, kind authenticator) {
	setting := func(name string) string { return r.text("hub", "config", kind.section, name) }
	leads := strings.Contains(string(page.body), "oauth_login") || strings.Contains(page.header.Get("Location"), "oauth_login")
	if !leads {
		c.fail(fmt.Sprintf("the login page does not lead to %s: it has no link to oauth_login", kind.section), r.behindHub(ctx)...)
		return
	}
	a := r.reach(ctx, c, "hub/oauth_login", http.StatusFound)
	if a == nil {
		return
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || to.Host == "" {
		c.fail(fmt.Sprintf("logging in leads to %q, which is no address", a.header.Get("Location")))
		return
	}
	shown := to.Scheme + "://" + to.Host + to.Path
	want := setting("authorize_url")
	if want == "" && setting("github_url") == "" {
		want = kind.authorize
	}
	if want != "" && !sameEndpoint(want, to) {
		c.fail(fmt.Sprintf("logging in leads to %s, and %s is configured", shown, want))
	}
	query := to.Query()
	if query.Get("client_id") == "" {
		c.fail("logging in names no client: the hub has no OAUTH_CLIENT_ID")
	}
	if back := query.Get("redirect_uri"); back != strings.TrimSuffix(r.hub.URL, r.base())+r.base()+"hub/oauth_callback" {
		if given := setting("oauth_callback_url"); given == "" || given != back {
			c.fail(fmt.Sprintf("the provider would send users back to %s, which is not this hub", back))
		}
	}
	if service := setting("login_service"); service != "" && page.status == http.StatusOK && !strings.Contains(string(page.body), service) {
		c.note("the login page does not name %s", service)
	}
	c.seen("the login page leads to %s", shown)
	if len(c.Problems) > 0 {
		c.Seen = c.Problems[0].What
	}
}

func sameEndpoint(want string, got *url.URL) bool {
	u, err := url.Parse(want)
	return err == nil && u.Scheme == got.Scheme && u.Host == got.Host && strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(got.Path, "/")
}
