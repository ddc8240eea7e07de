// Package registrytest runs real registries for tests: Debian's docker-registry, a process of its own on loopback, with TLS and token authentication where
// asked for.
package registrytest

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/needs"
)

// Options say what a registry is like. The zero value is one without TLS that everybody may use.
type Options struct {
	// TLS gives it a certificate for 127.0.0.1 and localhost, Registry.Certificate.
	TLS bool
	// Users are names and passwords. With any, the registry takes only tokens, which a server of its own hands out to them. It implies TLS.
	Users map[string]string
	// TokenAge is how long a token is taken; 0 is five minutes.
	TokenAge time.Duration
}

// Registry is one that runs.
type Registry struct {
	// Host is its address, 127.0.0.1:PORT, as the names of its images begin.
	Host string
	// Certificate is its own, and its token server's; it signs itself. It is nil without TLS.
	Certificate *x509.Certificate
	// Tokens counts the tokens that it handed out.
	Tokens func() int

	cmd   *exec.Cmd
	alive io.Closer // it runs until this is closed
	close []func()
}

// program is what Debian's package docker-registry installs.
const program = "docker-registry"

// New starts a registry for a test and stops it at the test's end. Without the program the test skips.
func New(t testing.TB, o Options) *Registry {
	t.Helper()
	needs.Command(t, program, program)
	r, err := Start(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// Start starts a registry that keeps its files in a folder.
func Start(dir string, o Options) (*Registry, error) {
	r := &Registry{Tokens: func() int { return 0 }}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	type object = map[string]any
	server := object{"addr": "127.0.0.1:0", "secret": fmt.Sprintf("%x", secret)}
	config := object{
		"version": "0.1", "log": object{"level": "info"}, "http": server,
		"storage": object{"filesystem": object{"rootdirectory": filepath.Join(dir, "storage")}, "delete": object{"enabled": true}},
	}
	if o.TLS || o.Users != nil {
		certificate, err := newCertificate()
		if err != nil {
			return nil, err
		}
		r.Certificate = certificate.parsed
		cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		if err := errors.Join(os.WriteFile(cert, certificate.cert, 0o600), os.WriteFile(key, certificate.key, 0o600)); err != nil {
			return nil, err
		}
		server["tls"] = object{"certificate": cert, "key": key}
		if o.Users != nil {
			tokens, err := startTokens(o, certificate)
			if err != nil {
				return nil, err
			}
			r.close = append(r.close, tokens.server.Close)
			r.Tokens = tokens.count
			config["auth"] = object{"token": object{"realm": tokens.realm, "service": service, "issuer": issuer, "rootcertbundle": cert}}
		}
	}
	text, err := json.Marshal(config) // which is YAML, too
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	// The shell ends the registry when its standard input does, which happens also when the test is killed.
	r.cmd = exec.Command("sh", "-c", `"$0" serve "$1" </dev/null & pid=$!; exec 2>/dev/null; read -r _; kill -9 "$pid"; wait "$pid"`, program, file)
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // variables named REGISTRY_… would change the configuration
	log, err := r.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if r.alive, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	said := []string{}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		said = append(said, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			r.Host = m[1]
			break
		}
	}
	go func() {
		for lines.Scan() { // so that it never waits for its log to be read
		}
	}()
	if r.Host == "" {
		r.Stop()
		return nil, fmt.Errorf("%s ended: %s", program, strings.Join(said, "\n"))
	}
	return r, nil
}

// Stop ends the registry.
func (r *Registry) Stop() {
	_ = r.alive.Close()
	_ = r.cmd.Wait()
	for _, end := range r.close {
		end()
	}
}

// Client is the way to registries for one that trusts their certificates.
func Client(registries ...*Registry) *http.Transport {
	roots := x509.NewCertPool()
	for _, r := range registries {
		if r.Certificate != nil {
			roots.AddCert(r.Certificate)
		}
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
}
