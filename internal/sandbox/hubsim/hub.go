package hubsim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/hubwright/hubwright/internal/sandbox/helmsim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// quiet is where the server says that a client did not like its certificate.
var quiet = log.New(io.Discard, "", 0)

// hub is a hub behind its proxy.
type hub struct {
	up      bool
	values  map[string]any // that it reads
	version string         // that the release's chart says it is
}

// hubOf is the hub of a namespace, from the Secret and the pods that it is made of.
func hubOf(ctx context.Context, api kubeapi.World, namespace string) (http.Handler, error) {
	component := map[string]string{"app": "jupyterhub", "component": "hub"}
	pods, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace}, component)
	if err != nil {
		return nil, err
	}
	h := &hub{up: firstReady(pods) != nil}
	secrets, err := api.List(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Secret", Namespace: namespace}, component)
	if err != nil {
		return nil, err
	}
	for _, s := range secrets {
		text, ok := kubeapi.Map(s, "data")["values.yaml"].(string)
		if !ok {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(data, &h.values); err != nil {
			return nil, err
		}
	}
	client := &helmsim.Client{API: api}
	rel, err := client.Last(ctx, namespace, kubeapi.Text(h.values, "Release", "Name"))
	if err != nil {
		return nil, err
	}
	if rel != nil && rel.Chart != nil && rel.Chart.Metadata != nil {
		h.version = rel.Chart.Metadata.AppVersion
	}
	return h, nil
}

// ServeHTTP answers as JupyterHub does to somebody who has not logged in.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.up {
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable) // the proxy's own answer
		return
	}
	base := "/" + strings.Trim(kubeapi.Text(h.values, "hub", "baseUrl"), "/")
	path, below := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(base, "/")+"/hub/")
	if !below {
		http.Redirect(w, r, strings.TrimSuffix(base, "/")+"/hub/", http.StatusFound)
		return
	}
	w.Header().Set("X-Jupyterhub-Version", h.version)
	switch strings.TrimSuffix(path, "/") {
	case "health":
	case "api":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"version": h.version})
	case "login":
		h.login(w, r, strings.TrimSuffix(base, "/")+"/hub/oauth_login")
	case "oauth_login":
		h.oauth(w, r)
	case "":
		http.Redirect(w, r, strings.TrimSuffix(base, "/")+"/hub/login", http.StatusFound)
	default:
		http.NotFound(w, r)
	}
}

// sections are where the settings of the authenticators are that send users elsewhere, and where to, unless the settings say another: see the classes in
// https://github.com/jupyterhub/oauthenticator/tree/main/oauthenticator
var sections = map[string][2]string{
	"generic-oauth": {"GenericOAuthenticator", ""},
	"github":        {"GitHubOAuthenticator", "https://github.com/login/oauth/authorize"},
	"google":        {"GoogleOAuthenticator", "https://accounts.google.com/o/oauth2/v2/auth"},
	"cilogon":       {"CILogonOAuthenticator", "https://cilogon.org/authorize"},
}

func (h *hub) class() string {
	return kubeapi.Text(h.values, "hub", "config", "JupyterHub", "authenticator_class")
}

func (h *hub) login(w http.ResponseWriter, r *http.Request, elsewhere string) {
	section, is := sections[h.class()]
	switch {
	case is && kubeapi.At(h.values, "hub", "config", section[0], "auto_login") == true:
		http.Redirect(w, r, elsewhere, http.StatusFound)
	case is:
		_, _ = fmt.Fprintf(w, "<a role=\"button\" href='%s'>Sign in with %s</a>\n", elsewhere, kubeapi.Text(h.values, "hub", "config", section[0], "login_service"))
	default:
		_, _ = io.WriteString(w, "<form method=\"post\"><input name=\"username\"><input type=\"password\" name=\"password\"></form>\n")
	}
}

func (h *hub) oauth(w http.ResponseWriter, r *http.Request) {
	section, is := sections[h.class()]
	if !is {
		http.NotFound(w, r)
		return
	}
	to := kubeapi.Text(h.values, "hub", "config", section[0], "authorize_url")
	if to == "" {
		to = section[1]
	}
	query := url.Values{
		"response_type": {"code"}, "redirect_uri": {kubeapi.Text(h.values, "hub", "config", section[0], "oauth_callback_url")}, "state": {world.Hex(16)},
	}
	if kubeapi.At(h.values, "hub", "extraEnv", "OAUTH_CLIENT_ID") != nil {
		query.Set("client_id", "sandbox")
	}
	http.Redirect(w, r, to+"?"+query.Encode(), http.StatusFound)
}

const certificateAnnotation = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert"

// certificateOf is what a browser is shown: the certificate that the proxy mounts, or one for the domain of ACM's at the load balancer, or for whatever name is
// asked for as Let's Encrypt would have given it. The last two are signed by nobody.
func certificateOf(ctx context.Context, tx *world.Tx, api kubeapi.API, service, proxy kubeapi.Object) (*tls.Config, error) {
	for _, v := range kubeapi.Items(proxy, "spec", "volumes") {
		name := kubeapi.Text(v, "secret", "secretName")
		if name == "" {
			continue
		}
		s, err := api.Get(ctx, kubeapi.Ref{APIVersion: "v1", Kind: "Secret", Namespace: kubeapi.Text(proxy, "metadata", "namespace"), Name: name})
		if err != nil || kubeapi.Text(s, "type") != "kubernetes.io/tls" {
			continue
		}
		cert, certErr := base64.StdEncoding.DecodeString(kubeapi.Text(s, "data", "tls.crt"))
		key, keyErr := base64.StdEncoding.DecodeString(kubeapi.Text(s, "data", "tls.key"))
		pair, err := tls.X509KeyPair(cert, key)
		if certErr != nil || keyErr != nil || err != nil {
			return nil, fmt.Errorf("the certificate in Secret %s: %w", name, err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
	}
	domain := ""
	if arn, _ := kubeapi.Map(service, "metadata", "annotations")[certificateAnnotation].(string); arn != "" {
		o := tx.Find("aws:acm/certificate:Certificate", func(o *world.Object) bool { return o.ID == arn || o.String("arn") == arn })
		if o == nil {
			return nil, fmt.Errorf("there is no certificate %s", arn)
		}
		domain = o.String("domainName")
	}
	now := time.Now() // certificates are of the machine's time, as those are that a person brings
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := domain
		if name == "" {
			name = hello.ServerName
		}
		return madeUp(name, now)
	}}, nil
}

// madeUp is a certificate for a name, signed by itself.
func madeUp(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"hubwright sandbox"}}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
