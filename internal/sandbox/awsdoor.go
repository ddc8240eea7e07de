package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// AWSEnv names the variable that tells a program in another process where the sandbox's services of AWS are.
const AWSEnv = "HUBWRIGHT_SANDBOX_AWS"

// awsDoor serves the APIs of the world's services, in the protocols of the real ones, to programs that call them without the engine.
type awsDoor struct {
	server *http.Server
	addr   string
}

func openAWSDoor(w *world.World) (*awsDoor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox's AWS: %w", err)
	}
	d := &awsDoor{server: &http.Server{Handler: admissionsDoor{w, awssim.API(w)}, ReadHeaderTimeout: 10 * time.Second}, addr: l.Addr().String()}
	go func() { _ = d.server.Serve(l) }() // ends when it is closed
	return d, nil
}

// AWSClient is an HTTP client for which every service of AWS is the simulated one at an address.
func AWSClient(addr string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	return &http.Client{
		Transport: plainly{&http.Transport{DialContext: dial, DisableKeepAlives: true}}, Timeout: time.Minute,
		// A redirect is an answer of S3's, as it is for the SDK's own client: aws/transport/http of github.com/aws/aws-sdk-go-v2.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// AWSCredentials are credentials that the simulated services take.
var AWSCredentials = credentials.NewStaticCredentialsProvider("sandbox", "sandbox", "")

// AWSConfig leads a program that uses AWS's SDK to the simulated services at an address.
func AWSConfig(addr, region string) aws.Config {
	return aws.Config{Region: region, Credentials: AWSCredentials, HTTPClient: AWSClient(addr), RetryMaxAttempts: 1}
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
