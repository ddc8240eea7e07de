package oci_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hubwright/hubwright/internal/oci"
)

func TestParseECRHost(t *testing.T) {
	for host, want := range map[string]oci.ECRHost{
		"123456789012.dkr.ecr.us-east-1.amazonaws.com":                {Account: "123456789012", Region: "us-east-1"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            {Account: "123456789012", Region: "cn-north-1"},
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       {Account: "123456789012", Region: "us-gov-west-1", FIPS: true},
		"123456789012.dkr-ecr.eu-west-1.on.aws":                       {Account: "123456789012", Region: "eu-west-1"},
		"123456789012.dkr-ecr-fips.us-east-2.on.aws":                  {Account: "123456789012", Region: "us-east-2", FIPS: true},
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": {Account: "123456789012", Region: "cn-north-1"},
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu":            {Account: "123456789012", Region: "eusc-de-east-1"},
		"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov":               {Account: "123456789012", Region: "us-iso-east-1"},
		"123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov":           {Account: "123456789012", Region: "us-isob-east-1"},
		"123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk":          {Account: "123456789012", Region: "eu-isoe-west-1"},
		"123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov":         {Account: "123456789012", Region: "us-isof-south-1"},
		"12345678901.dkr.ecr.us-east-1.amazonaws.com":                 {},
		"123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example":   {},
		"123456789012.dkr.ecr.us-east-1.amazonaws.org":                {},
		"public.ecr.aws":       {},
		"registry.example.org": {},
		"evil.example/123456789012.dkr.ecr.us-east-1.amazonaws.com": {},
	} {
		got, ok := oci.ParseECRHost(host)
		if got != want || ok != (want.Account != "") {
			t.Errorf("%s: %+v, %v; want %+v", host, got, ok, want)
		}
	}
}

// ecrAPI is an endpoint of ECR's API (AWS JSON 1.1) that hands out tokens.
type ecrAPI struct {
	*httptest.Server
	mu     sync.Mutex
	life   time.Duration
	now    func() time.Time
	fail   func(w http.ResponseWriter) bool
	asked  []string // the access key and region of each request
	issued int
}

func newECRAPI(t *testing.T) *ecrAPI {
	a := &ecrAPI{life: 12 * time.Hour, now: time.Now}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *ecrAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if r.Header.Get("X-Amz-Target") != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	// Credential=KEY/DATE/REGION/ecr/aws4_request
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	part := strings.Split(scope, "/")
	a.asked = append(a.asked, part[0]+" "+part[2])
	if a.fail != nil && a.fail(w) {
		return
	}
	a.issued++
	_ = json.NewEncoder(w).Encode(map[string]any{"authorizationData": []any{map[string]any{
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte(a.password())),
		"expiresAt":          float64(a.now().Add(a.life).UnixMilli()) / 1000,
		"proxyEndpoint":      "https://123456789012.dkr.ecr.us-east-1.amazonaws.com",
	}}})
}

func (a *ecrAPI) password() string { return fmt.Sprintf("AWS:token:%d", a.issued) }

func (a *ecrAPI) config(_ context.Context, account string) (aws.Config, error) {
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(a.URL), Credentials: credentials.NewStaticCredentialsProvider("KEY-"+account, "secret", ""),
		RetryMaxAttempts: 1,
	}, nil
}

const ecrStaging, ecrProd = "111111111111.dkr.ecr.us-east-1.amazonaws.com", "222222222222.dkr.ecr.eu-west-1.amazonaws.com"

// newECR is a registry under both names that takes the API's current token, and the way to it.
func newECR(t *testing.T, a *ecrAPI) *http.Transport {
	t.Helper()
	inner := registry.New(registry.Logger(discard))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(a.password()))
		a.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != want {
			w.Header().Set("Www-Authenticate", `Basic realm="https://`+r.Host+`/",service="ecr.amazonaws.com"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	roots, dialer := x509.NewCertPool(), &net.Dialer{}
	roots.AddCert(server.Certificate())
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}, // which httptest's certificate names
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
}

func TestECR(t *testing.T) {
	a := newECRAPI(t)
	way := newECR(t, a)
	c := oci.New(oci.Options{Retry: quick, Transport: way, Credentials: oci.Credentials{ECR: a.config}})
	ctx := context.Background()
	_, err := c.Resolve(ctx, ecrStaging+"/hub/a:v1")
	wantKind(t, err, oci.NotFound)
	ref := push(t, ecrStaging+"/hub/a:v1", image(t, 1000, 2), remote.WithTransport(way), basic("AWS", "token:1"))
	for range 3 {
		if _, err := c.Inspect(ctx, ref); err != nil {
			t.Fatal(err)
		}
	}
	if want := "[KEY-111111111111 us-east-1]"; fmt.Sprint(a.asked) != want {
		t.Errorf("ECR was asked for tokens by %v, want %s", a.asked, want)
	}
}

// TestECRTokens follows a token through its life.
func TestECRTokens(t *testing.T) {
	a := newECRAPI(t)
	now := time.Now()
	a.now = func() time.Time { return now }
	keychain := oci.ECRKeychain(a.config, a.now)
	login := func(host string) (string, error) {
		registry, err := name.NewRegistry(host)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := authn.Resolve(context.Background(), keychain, registry)
		if err != nil {
			return "", err
		}
		config, err := authn.Authorization(context.Background(), auth)
		if err != nil {
			return "", err
		}
		return config.Username + ":" + config.Password, nil
	}
	want := func(host, login_ string, asked int) {
		t.Helper()
		got, err := login(host)
		if err != nil || got != login_ || len(a.asked) != asked {
			t.Errorf("%s: %q, %v after asking %d times; want %q after %d", host, got, err, len(a.asked), login_, asked)
		}
	}
	want(ecrStaging, "AWS:token:1", 1)
	want(ecrStaging, "AWS:token:1", 1)
	want(ecrProd, "AWS:token:2", 2)
	if a.asked[1] != "KEY-222222222222 eu-west-1" {
		t.Errorf("the token of the other account was asked for by %s", a.asked[1])
	}
	want("registry.example.org", ":", 2)
	now = now.Add(11 * time.Hour)
	want(ecrStaging, "AWS:token:1", 2)
	now = now.Add(31 * time.Minute) // shortly before its end
	a.fail = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }
	want(ecrStaging, "AWS:token:1", 3) // the old one is good yet
	a.fail = nil
	want(ecrStaging, "AWS:token:3", 4)
	now = now.Add(13 * time.Hour)
	a.fail = func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"AccessDeniedException","message":"User: arn:aws:iam::111111111111:user/ci is not authorized to perform: ecr:GetAuthorizationToken on resource: *"}`))
		return true
	}
	_, err := login(ecrStaging)
	wantKind(t, err, oci.Denied, "us-east-1", "111111111111", "not authorized to perform: ecr:GetAuthorizationToken", "AWS_PROFILE")
}

func TestECRNobody(t *testing.T) {
	c := oci.New(oci.Options{Retry: quick, Credentials: oci.Credentials{ECR: func(context.Context, string) (aws.Config, error) {
		return aws.Config{}, errors.New("the SSO session has expired")
	}}})
	_, err := c.Resolve(context.Background(), ecrStaging+"/hub/a:v1")
	wantKind(t, err, oci.NotSignedIn, "SSO session has expired", "aws sso login")
}
