package oci_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// TestSilence has registries that take a connection and say nothing, or fall silent in the middle.
func TestSilence(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	ref, layer := big(t, r.Host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	silent := func(method, path string) string {
		return r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != method || !strings.Contains(req.URL.Path, path) {
				return false
			}
			if method == http.MethodGet {
				w.Header().Set("Content-Length", "4194304")
				_, _ = w.Write(make([]byte, 1000))
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.Copy(io.Discard, req.Body) // the server sees the client go only when the body is read
			<-req.Context().Done()
			return true
		})
	}
	c := oci.New(oci.Options{Silence: 150 * time.Millisecond, Retry: oci.Retry{Tries: 2, First: time.Millisecond}})
	path := strings.TrimPrefix(ref, r.Host)
	for name, tt := range map[string]struct{ from, to string }{
		"nobody answers":     {listener.Addr().String() + path, r.Host + "/hub/b:v1"},
		"a layer stops":      {silent(http.MethodGet, fmt.Sprintf("/blobs/sha256:%x", sha256.Sum256(layer))) + path, r.Host + "/hub/c:v1"},
		"an upload stops":    {ref, silent(http.MethodPatch, "/uploads/") + "/hub/d:v1"},
		"its end is silent":  {ref, silent(http.MethodPut, "/uploads/") + "/hub/e:v1"},
		"the tag is not put": {ref, silent(http.MethodPut, "/manifests/v1") + "/hub/f:v1"},
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, err := c.Copy(context.Background(), tt.from, tt.to, oci.CopyOptions{})
			wantKind(t, err, oci.Silent, "does not answer", "150ms")
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestCancel interrupts a copy in the middle of a layer, and in a wait.
func TestCancel(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	from := registrytest.New(t, registrytest.Options{})
	ref, _ := big(t, from.Host)
	slow := oci.Retry{Tries: 5, First: time.Minute, Longest: time.Minute}
	for name, host := range map[string]string{
		"in a layer": r.Host,
		"in a wait": r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != http.MethodPatch {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var at time.Time
			var once sync.Once
			to := "/hub/" + strings.ReplaceAll(name, " ", "-") + ":v1"
			_, err := oci.New(oci.Options{Retry: slow}).Copy(ctx, ref, host+to, oci.CopyOptions{Progress: func(int64, int64) {
				once.Do(func() { time.AfterFunc(20*time.Millisecond, func() { at = time.Now(); cancel() }) })
				time.Sleep(time.Millisecond)
			}})
			wantKind(t, err, oci.Interrupted, "interrupted", "same command again")
			if took := time.Since(at); took > time.Second {
				t.Errorf("it ended %s after the interrupt", took)
			}
			untagged(t, r.Host, to)
		})
	}
}

// TestDamaged has a source whose bytes are not those of their digest.
func TestDamaged(t *testing.T) {
	r := registrytest.New(t, registrytest.Options{})
	to := registrytest.New(t, registrytest.Options{})
	ref, layer := big(t, r.Host)
	host := r.Behind(t, func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/sha256:") {
			return false
		}
		resp, err := http.Get("http://" + r.Host + req.URL.Path)
		if err != nil {
			t.Error(err)
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		data, _ := io.ReadAll(resp.Body)
		if len(data) == len(layer) {
			data[1000]++
		}
		_, _ = w.Write(data)
		return true
	})
	_, err := oci.New(oci.Options{Retry: quick}).Copy(context.Background(), host+strings.TrimPrefix(ref, r.Host), to.Host+"/hub/b:v1", oci.CopyOptions{})
	wantKind(t, err, oci.Corrupt, "digest")
	untagged(t, to.Host, "/hub/b:v1")
}

// TestNotThere has addresses where nothing is, and a certificate that nobody trusts.
func TestNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	c, ctx := oci.New(oci.Options{Retry: quick}), context.Background()
	_, err = c.Resolve(ctx, closed+"/hub/a:v1")
	wantKind(t, err, oci.Unavailable, "refused", closed)
	_, err = c.Resolve(ctx, "no-such-host.invalid/hub/a:v1")
	wantKind(t, err, oci.Unavailable, "no-such-host.invalid")
	tls := registrytest.New(t, registrytest.Options{TLS: true})
	_, err = c.Resolve(ctx, tls.Host+"/hub/a:v1")
	wantKind(t, err, oci.Untrusted, "SSL_CERT_FILE")
}

// TestNoTLS has credentials go nowhere without TLS but to this machine, and to what is named.
func TestNoTLS(t *testing.T) {
	dialer := &net.Dialer{}
	host := inMemory(t, nil)
	way := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, host)
	}}
	ref := push(t, host+"/hub/a:v1", image(t, 10, 1))
	other := "10.1.2.3:5000" + strings.TrimPrefix(ref, host)
	_, err := oci.New(oci.Options{Retry: quick, Transport: way}).Resolve(context.Background(), other)
	wantKind(t, err, oci.Untrusted, "TLS")
	if _, err := oci.New(oci.Options{Retry: quick, Transport: way, Insecure: []string{"10.1.2.3:5000"}}).Resolve(context.Background(), other); err != nil {
		t.Error(err)
	}
}
