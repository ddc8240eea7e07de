package registrytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// certificate signs itself, for 127.0.0.1 and localhost.
type certificate struct {
	cert, key []byte // PEM
	der       []byte
	parsed    *x509.Certificate
	private   *ecdsa.PrivateKey
}

func newCertificate() (*certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	c := &certificate{private: private}
	if c.der, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private); err != nil {
		return nil, err
	}
	if c.parsed, err = x509.ParseCertificate(c.der); err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	c.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der})
	c.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return c, nil
}

const (
	service = "registry of a test"
	issuer  = "token server of a test"
	// leeway is how long docker-registry takes a token after its end (registry/auth/token/token.go).
	leeway = time.Minute
)

// tokens is a token server: https://distribution.github.io/distribution/spec/auth/token/. A user may do all that is asked for.
type tokens struct {
	options     Options
	certificate *certificate
	server      *httptest.Server
	realm       string
	given       atomic.Int64
}

func startTokens(o Options, c *certificate) (*tokens, error) {
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	t := &tokens{options: o, certificate: c}
	t.server = httptest.NewUnstartedServer(t)
	t.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	t.server.StartTLS()
	_, port, err := net.SplitHostPort(t.server.Listener.Addr().String())
	// By name, because clients refuse realms at private addresses.
	t.realm = "https://" + net.JoinHostPort("localhost", port) + "/token"
	return t, err
}

func (t *tokens) count() int { return int(t.given.Load()) }

func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if want, known := t.options.Users[user]; !known || want != password {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`))
		return
	}
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	granted := []access{}
	for _, scopes := range r.URL.Query()["scope"] {
		for scope := range strings.FieldsSeq(scopes) {
			if part := strings.SplitN(scope, ":", 3); len(part) == 3 {
				granted = append(granted, access{part[0], part[1], strings.Split(part[2], ",")})
			}
		}
	}
	age := t.options.TokenAge
	if age == 0 {
		age = 5 * time.Minute
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": issuer, "sub": user, "aud": service, "exp": now.Add(age - leeway).Unix(), "nbf": now.Add(-2 * leeway).Unix(), "iat": now.Unix(), "jti": rand.Text(), "access": granted,
	})
	token.Header["x5c"] = []string{base64.StdEncoding.EncodeToString(t.certificate.der)}
	signed, err := token.SignedString(t.certificate.private)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	t.given.Add(1)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": signed, "expires_in": int(age.Seconds())})
}
