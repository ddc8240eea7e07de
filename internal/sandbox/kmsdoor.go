package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// KMSEnv names the variable that tells a program in another process where the sandbox's Key Management Service is.
const KMSEnv = "HUBWRIGHT_SANDBOX_KMS"

// kmsDoor serves the Key Management Service of the world, in the protocol of the real one.
type kmsDoor struct {
	server *http.Server
	addr   string
}

func openKMSDoor(w *world.World) (*kmsDoor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox's KMS: %w", err)
	}
	d := &kmsDoor{server: &http.Server{Handler: awssim.KMS(w), ReadHeaderTimeout: 10 * time.Second}, addr: l.Addr().String()}
	go func() { _ = d.server.Serve(l) }() // ends when it is closed
	return d, nil
}

// KMSClient is an HTTP client for which every service of AWS is the simulated Key Management Service at an address.
func KMSClient(addr string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	return &http.Client{Transport: plainly{&http.Transport{DialContext: dial, DisableKeepAlives: true}}, Timeout: time.Minute}
}

// plainly sends requests for https without TLS: they do not leave the machine.
type plainly struct{ http.RoundTripper }

func (p plainly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil {
		return nil, errors.New("a request without a URL")
	}
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return p.RoundTripper.RoundTrip(r)
}
