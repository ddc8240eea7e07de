package hub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/components/internal/helm"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

func TestLayers(t *testing.T) {
	args := mast()
	args.Values = map[string]any{
		"hub": map[string]any{
			"config":     map[string]any{"JupyterHub": map[string]any{"authenticator_class": "dummy", "admin_access": false}, "GenericOAuthenticator": map[string]any{"enable_auth_state": true}},
			"extraEnv":   map[string]any{"A": "1", "OAUTH_CLIENT_ID": "theirs"},
			"cookie":     1,
			"plain":      "p",
			"limit":      uint64(7),
			"fraction":   0.5,
			"emptyMap":   map[string]any{},
			"extraFiles": map[string]any{"f": map[string]any{"stringData": "plain"}},
		},
		"proxy": map[string]any{"service": map[string]any{"annotations": map[string]any{
			"service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout": "60",
		}}},
	}
	args.SecretValues = map[string]any{"hub": map[string]any{"plain": "planted-s", "list": []any{"planted-1"}}}
	rec, _ := run(t, args)
	for path, want := range map[string]any{
		"hub.config.JupyterHub.authenticator_class":                   "generic-oauth",
		"hub.config.JupyterHub.admin_access":                          false,
		"hub.config.JupyterHub.cookie_secret":                         "planted-cookie",
		"hub.config.ConfigurableHTTPProxy.auth_token":                 "planted-token",
		"hub.config.CryptKeeper.keys.0":                               "planted-crypt",
		"hub.config.GenericOAuthenticator.enable_auth_state":          true,
		"hub.config.GenericOAuthenticator.authorize_url":              "https://auth.example.org/authorize",
		"hub.config.GenericOAuthenticator.token_url":                  "https://auth.example.org/token",
		"hub.config.GenericOAuthenticator.userdata_url":               "https://auth.example.org/user",
		"hub.config.GenericOAuthenticator.login_service":              "MAST",
		"hub.config.GenericOAuthenticator.scope.0":                    "mast:user:info",
		"hub.config.GenericOAuthenticator.oauth_callback_url":         "https://" + domain + "/hub/oauth_callback",
		"hub.config.GenericOAuthenticator.username_claim":             nil,
		"hub.config.Authenticator.allow_all":                          true,
		"hub.config.Authenticator.admin_users.0":                      "dmd",
		"hub.extraConfig.hubwright-username":                          "c.GenericOAuthenticator.username_claim = lambda user: user['attrib']['email']\n",
		"hub.extraEnv.A":                                              "1",
		"hub.extraEnv.OAUTH_CLIENT_ID.valueFrom.secretKeyRef.name":    release + "-oauth",
		"hub.extraEnv.OAUTH_CLIENT_ID.valueFrom.secretKeyRef.key":     "client-id",
		"hub.extraEnv.OAUTH_CLIENT_SECRET.valueFrom.secretKeyRef.key": "client-secret",
		"hub.plain":                   "planted-s",
		"hub.list.0":                  "planted-1",
		"hub.cookie":                  1.0,
		"hub.limit":                   7.0,
		"hub.fraction":                0.5,
		"hub.extraFiles.f.stringData": "plain",
		"proxy.https.enabled":         true,
		"proxy.https.type":            "secret",
		"proxy.https.secret.name":     release + "-tls",
		`proxy.service.annotations["service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout"]`: "60",
	} {
		if got := value(t, rec, path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if got := args.Values["hub"].(map[string]any)["extraEnv"].(map[string]any)["OAUTH_CLIENT_ID"]; got != "theirs" {
		t.Errorf("the caller's values were changed: %v", got)
	}
	res := rec.One(t, helm.ReleaseType, "hub-release")
	if leak := planted(resource.NewObjectProperty(res.Inputs)); leak != "" {
		t.Errorf("%q in the clear", leak)
	}
	if res.Inputs["values"].ObjectValue()["hub"].ObjectValue()["cookie"].IsSecret() {
		t.Error("what is no secret became one")
	}
}

func TestWrapperChart(t *testing.T) {
	args := dummy()
	args.ValuesPrefix = "jupyterhub"
	args.Values = map[string]any{"global": "g", "jupyterhub": map[string]any{"fullnameOverride": "x", "hub": map[string]any{"baseUrl": "/jupyter"}}}
	rec, h := run(t, args)
	if value(t, rec, "global") != "g" || value(t, rec, "jupyterhub.hub.config.DummyAuthenticator.password") != "planted-password" || value(t, rec, "hub") != nil {
		t.Errorf("values %v", rec.One(t, helm.ReleaseType, "hub-release").Input("values"))
	}
	if id := rec.One(t, serviceType, "hub-proxy-public").ID; id != release+"/x-proxy-public" {
		t.Errorf("service %q", id)
	}
	got, err := recorder.Values(h.URL, h.CallbackURL)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"http://" + domain + "/jupyter/", "https://" + domain + "/jupyter/hub/oauth_callback"}, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestExtraEnvAsAList(t *testing.T) {
	args := mast()
	args.Values = map[string]any{"hub": map[string]any{"extraEnv": []any{map[string]any{"name": "A", "value": "1"}}}}
	rec, _ := run(t, args)
	env, _ := value(t, rec, "hub.extraEnv").([]any)
	if len(env) != 3 || env[1].(map[string]any)["name"] != "OAUTH_CLIENT_ID" || env[2].(map[string]any)["name"] != "OAUTH_CLIENT_SECRET" {
		t.Errorf("extraEnv %v", env)
	}
}

func TestHTTPS(t *testing.T) {
	const prefix = "service.beta.kubernetes.io/aws-load-balancer-"
	tests := []struct {
		name        string
		https       hub.HTTPS
		balancer    string
		want        any
		annotations map[string]any
		url         string
	}{
		{
			name: "values", want: nil, url: "http://" + domain + "/",
			annotations: map[string]any{prefix + "connection-idle-timeout": "3600", prefix + "additional-resource-tags": "owner=dmd"},
		},
		{
			name: "offload", https: hub.HTTPS{Type: hub.HTTPSOffload, CertificateArn: pulumi.String("arn:aws:acm:x")},
			want: map[string]any{"enabled": true, "type": "offload"}, url: "https://" + domain + "/",
			annotations: map[string]any{
				prefix + "connection-idle-timeout": "3600", prefix + "ssl-cert": "arn:aws:acm:x", prefix + "backend-protocol": "tcp",
				prefix + "ssl-ports": "https", prefix + "additional-resource-tags": "owner=dmd",
			},
		},
		{
			name: "letsencrypt behind a network balancer", https: hub.HTTPS{Type: hub.HTTPSLetsEncrypt, ContactEmail: "dmd@example.org"}, balancer: hub.LoadBalancerNetwork,
			want: map[string]any{
				"enabled": true, "type": "letsencrypt", "hosts": []any{domain}, "letsencrypt": map[string]any{"contactEmail": "dmd@example.org"},
			},
			annotations: map[string]any{prefix + "type": "nlb", prefix + "additional-resource-tags": "owner=dmd"}, url: "https://" + domain + "/",
		},
		{
			name: "off", https: hub.HTTPS{Type: hub.HTTPSOff}, want: map[string]any{"enabled": false}, url: "http://" + domain + "/",
			annotations: map[string]any{prefix + "connection-idle-timeout": "3600", prefix + "additional-resource-tags": "owner=dmd"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := dummy()
			args.HTTPS, args.LoadBalancer, args.Tags = tt.https, tt.balancer, map[string]string{"owner": "dmd", "bad": "a,b"}
			rec, h := run(t, args)
			if diff := cmp.Diff(tt.want, value(t, rec, "proxy.https")); diff != "" {
				t.Errorf("proxy.https (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(any(tt.annotations), value(t, rec, "proxy.service.annotations")); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if n := len(rec.OfType(secretType)); n != 0 {
				t.Errorf("%d Secrets, want none", n)
			}
			if got, err := recorder.Values(h.URL); err != nil || got[0] != tt.url {
				t.Errorf("URL %v, %v, want %s", got, err, tt.url)
			}
		})
	}
}

func TestAuthenticators(t *testing.T) {
	client := hub.Auth{ClientID: pulumi.String("planted-i"), ClientSecret: pulumi.String("planted-s"), AllowedUsers: []string{"a"}, Config: map[string]any{"extra": "x"}}
	endpoints := func(a hub.Auth) hub.Auth {
		a.AuthorizeURL, a.TokenURL, a.UserdataURL = "https://a", "https://t", "https://u"
		return a
	}
	tests := []struct {
		kind, class, section string
		auth                 hub.Auth
	}{
		{hub.AuthMAST, "generic-oauth", "GenericOAuthenticator", endpoints(client)},
		{hub.AuthOIDC, "generic-oauth", "GenericOAuthenticator", endpoints(client)},
		{hub.AuthCognito, "generic-oauth", "GenericOAuthenticator", endpoints(client)},
		{hub.AuthGitHub, "github", "GitHubOAuthenticator", client},
		{hub.AuthGoogle, "google", "GoogleOAuthenticator", client},
		{hub.AuthCILogon, "cilogon", "CILogonOAuthenticator", client},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			args := dummy()
			args.Auth = tt.auth
			args.Auth.Type, args.Auth.UsernameClaim = tt.kind, "preferred_username"
			rec, _ := run(t, args)
			for path, want := range map[string]any{
				"hub.config.JupyterHub.authenticator_class":                   tt.class,
				"hub.config." + tt.section + ".oauth_callback_url":            "https://" + domain + "/hub/oauth_callback",
				"hub.config." + tt.section + ".username_claim":                "preferred_username",
				"hub.config." + tt.section + ".extra":                         "x",
				"hub.config." + tt.section + ".client_id":                     nil,
				"hub.config.Authenticator.allowed_users.0":                    "a",
				"hub.extraEnv.OAUTH_CLIENT_SECRET.valueFrom.secretKeyRef.key": "client-secret",
			} {
				if got := value(t, rec, path); got != want {
					t.Errorf("%s = %v, want %v", path, got, want)
				}
			}
		})
	}
}

func TestImages(t *testing.T) {
	args := dummy()
	args.Values = map[string]any{
		"singleuser": map[string]any{
			"image":       map[string]any{"name": "old", "pullPolicy": "Always"},
			"profileList": []any{map[string]any{"display_name": "GPU", "kubespawner_override": map[string]any{"cpu_limit": 4}}, map[string]any{"display_name": "B"}},
		},
		"custom": map[string]any{"ref": "old:1"},
	}
	args.Images = []hub.Image{
		{Repository: pulumi.String("r/user"), Tag: pulumi.String("sha-12"), Digest: pulumi.String("sha256:" + digits)},
		{
			Repository: pulumi.String("r/gpu"), Digest: pulumi.String("sha256:" + digits),
			Paths: []string{"jupyterhub.singleuser.profileList.0.kubespawner_override.image", "prePuller.extraImages.gpu", "custom.ref"},
		},
	}
	rec, _ := run(t, args)
	want := map[string]any{
		"singleuser.image": map[string]any{"name": "r/user", "tag": "sha-12@sha256:" + digits, "pullPolicy": "Always"},
		"singleuser.profileList": []any{
			map[string]any{"display_name": "GPU", "kubespawner_override": map[string]any{"cpu_limit": 4.0, "image": "r/gpu@sha256:" + digits}},
			map[string]any{"display_name": "B"},
		},
		"prePuller.extraImages.gpu": map[string]any{"name": "r/gpu@sha256", "tag": digits},
		"custom.ref":                "r/gpu@sha256:" + digits,
	}
	for path, w := range want {
		if diff := cmp.Diff(w, value(t, rec, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	profile := args.Values["singleuser"].(map[string]any)["profileList"].([]any)[0].(map[string]any)
	if _, changed := profile["kubespawner_override"].(map[string]any)["image"]; changed {
		t.Error("the caller's values were changed")
	}
}

func TestNoLoadBalancer(t *testing.T) {
	args := dummy()
	args.Values = map[string]any{
		"proxy":   map[string]any{"service": map[string]any{"type": "ClusterIP"}},
		"ingress": map[string]any{"tls": []any{map[string]any{"hosts": []any{domain}}}},
	}
	rec, h := run(t, args)
	if n := len(rec.OfType(serviceType)); n != 0 {
		t.Errorf("%d Services looked up", n)
	}
	if got, err := recorder.Values(h.LoadBalancerHostname, h.URL); err != nil || got[0] != "" || got[1] != "https://"+domain+"/" {
		t.Errorf("outputs %v, %v", got, err)
	}
}

func TestNoDomain(t *testing.T) {
	args := dummy()
	args.Domain = ""
	_, h := run(t, args)
	if got, err := recorder.Values(h.URL, h.CallbackURL); err != nil || got[0] != "http://"+balancer+"/" || got[1] != "" {
		t.Errorf("outputs %v, %v", got, err)
	}
}

func TestWrongInput(t *testing.T) {
	with := func(args *hub.Args, change func(*hub.Args)) *hub.Args {
		change(args)
		return args
	}
	tests := []struct {
		name string
		args *hub.Args
		want []string
	}{
		{name: "nothing", args: nil, want: []string{"no arguments are given"}},
		{
			name: "all at once",
			args: &hub.Args{
				Release: "Roman_SIT", Namespace: "-", Domain: "hub", TimeoutSeconds: -1, LoadBalancer: "gateway", HTTPS: hub.HTTPS{Type: "tls"},
				Auth: hub.Auth{Type: "ldap"}, Homes: &hub.Homes{}, Images: []hub.Image{{}}, Templates: map[string]string{"a/b.html": ""},
			},
			want: []string{
				`release "Roman_SIT"`, `namespace "-"`, `domain "hub"`, "no chart version", "timeoutSeconds is -1", `loadBalancer "gateway"`,
				`https type "tls" is none of`, `auth type "ldap" is none of cilogon, cognito, dummy`, "homes: give either", "images[0] has no repository",
				"images[0] has no digest", `template "a/b.html"`,
			},
		},
		{name: "chart twice", args: with(dummy(), func(a *hub.Args) { a.Chart.Path, a.Chart.Name = "x", "y" }), want: []string{"not both"}},
		{name: "manual without a key", args: with(dummy(), func(a *hub.Args) { a.HTTPS.Type = hub.HTTPSManual }), want: []string{"needs a certificate and its key"}},
		{name: "offload without a certificate", args: with(dummy(), func(a *hub.Args) { a.HTTPS.Type = hub.HTTPSOffload }), want: []string{"certificate in ACM"}},
		{name: "letsencrypt without an address", args: with(dummy(), func(a *hub.Args) { a.HTTPS.Type = hub.HTTPSLetsEncrypt }), want: []string{"a contactEmail"}},
		{name: "open dummy", args: with(dummy(), func(a *hub.Args) { a.Auth.Password = nil }), want: []string{"lets in everyone"}},
		{
			name: "mast without anything", args: with(dummy(), func(a *hub.Args) { a.Auth, a.Domain = hub.Auth{Type: hub.AuthMAST}, "" }),
			want: []string{"needs a client id", "needs a domain", "auth authorizeUrl", "auth tokenUrl", "auth userdataUrl"},
		},
		{name: "nobody", args: with(mast(), func(a *hub.Args) { a.Auth.AllowAll, a.Auth.AdminUsers = false, nil }), want: []string{"nobody could log in"}},
		{
			name: "nulls", args: with(dummy(), func(a *hub.Args) {
				a.Values = map[string]any{"hub": map[string]any{"db": map[string]any{"url": nil}}, "cull": nil}
			}), want: []string{"values: cull, hub.db.url is null"},
		},
		{
			name: "a text where a mapping belongs", args: with(mast(), func(a *hub.Args) { a.Values = map[string]any{"hub": map[string]any{"config": "x"}} }),
			want: []string{"values: hub.config is a text where a mapping belongs"},
		},
		{
			name: "a mapping where a list belongs", args: with(dummy(), func(a *hub.Args) {
				a.Templates = map[string]string{"x": ""}
				a.Values = map[string]any{"hub": map[string]any{"extraVolumes": map[string]any{}}}
			}), want: []string{"values: hub.extraVolumes is a mapping where a list belongs"},
		},
		{
			name: "templates twice", args: with(dummy(), func(a *hub.Args) {
				a.Templates = map[string]string{"x": ""}
				a.Values = map[string]any{"hub": map[string]any{"extraVolumes": []any{map[string]any{"name": "hub-templates"}}}}
			}), want: []string{`hub.extraVolumes has name "hub-templates" already`},
		},
		{
			name: "too many templates", args: with(dummy(), func(a *hub.Args) { a.Templates = map[string]string{"x": strings.Repeat("x", 1<<20)} }),
			want: []string{"a ConfigMap holds 1048576"},
		},
		{
			name: "no such profile", args: with(dummy(), func(a *hub.Args) {
				a.Images = []hub.Image{{Repository: pulumi.String("r"), Digest: pulumi.String("sha256:" + digits), Paths: []string{"singleuser.profileList.3.image"}}}
			}), want: []string{"the values have no item 3 in a list at singleuser.profileList"},
		},
		{
			name: "a date", args: with(dummy(), func(a *hub.Args) { a.Values = map[string]any{"custom": map[string]any{"since": time.Time{}}} }),
			want: []string{"values: custom.since is a time.Time"},
		},
		{
			name: "claim that fails", args: with(dummy(), func(a *hub.Args) {
				a.Homes = &hub.Homes{Claim: func(*pulumi.Context, string, ...pulumi.ResourceOption) (pulumi.StringInput, []pulumi.Resource, error) {
					return nil, nil, errors.New("no volume")
				}}
			}), want: []string{`hub "hub": claim for homes: no volume`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder()
			err := rec.Run("staging", func(ctx *pulumi.Context) error {
				_, err := hub.New(ctx, "hub", tt.args)
				return err
			})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if n := len(rec.OfType(helm.ReleaseType)); n != 0 {
				t.Errorf("%d releases in spite of it", n)
			}
		})
	}
}
