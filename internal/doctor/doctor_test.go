package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func holds(t *testing.T, r Row, state, seen string) {
	t.Helper()
	if r.State != state || !strings.Contains(r.Seen, seen) || (r.State == Fail) && r.Remedy == "" {
		t.Errorf("%s: %s, %q with remedy %q; want %s, %q", r.Check, r.State, r.Seen, r.Remedy, state, seen)
	}
}

func TestDocker(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		w.WriteHeader(status)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	m := Machine{DockerSockets: []string{socket}}
	holds(t, m.Docker(t.Context()), OK, "API 1.47")
	status = http.StatusInternalServerError
	holds(t, m.Docker(t.Context()), Warning, "500")
	holds(t, Machine{DockerSockets: []string{socket + "x"}}.Docker(t.Context()), Warning, "no answer")
	status = http.StatusOK
	holds(t, Machine{DockerSockets: []string{socket + "x", socket}}.Docker(t.Context()), OK, "at "+socket)
}

func TestAWSCLI(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	holds(t, Machine{}.AWSCLI(t.Context()), Fail, "no aws on PATH")
	for says, want := range map[string][2]string{
		"aws-cli/2.15.0 Python/3.11": {OK, "2.15.0"}, "aws-cli/2.6.9 Python/3.9": {Fail, "2.6.9"}, "aws-cli/1.24.0 Python/3.9": {OK, "1.24.0"},
		"aws-cli/1.22.0 Python/3.9": {Fail, "1.22.0"}, "hello": {Fail, "does not say its version"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\necho "+says+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		holds(t, Machine{}.AWSCLI(t.Context()), want[0], want[1])
	}
}

// answers is a machine whose AWS gives one answer.
func answers(t *testing.T, status int, contentType, body string) Machine {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return Machine{AWS: func(_ context.Context, region string) (aws.Config, error) {
		return aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1}, nil
	}}
}

func TestIdentity(t *testing.T) {
	const me = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::162808325377:user/gough</Arn><Account>162808325377</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	m := answers(t, 200, "text/xml", me)
	holds(t, m.Identity(t.Context(), "162808325377", "us-east-1"), OK, "user/gough")
	holds(t, m.Identity(t.Context(), "999999999999", "us-east-1"), Fail, "but the deployment is of account 999999999999")
	m = answers(t, 403, "text/xml", `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>`)
	holds(t, m.Identity(t.Context(), "162808325377", "us-east-1"), Fail, "ExpiredToken: The security token")
}

type names map[string]error

func (n names) LookupNS(_ context.Context, name string) ([]*net.NS, error) {
	if err := n[name]; err != nil {
		return nil, err
	}
	return []*net.NS{{Host: "ns-1.awsdns-01.org."}}, nil
}

func TestDelegation(t *testing.T) {
	m := Machine{Resolver: names{
		"none.example.org.": &net.DNSError{IsNotFound: true}, "slow.example.org.": &net.DNSError{Err: "i/o timeout", IsTimeout: true},
	}}
	holds(t, m.Delegation(t.Context(), "example.org"), OK, "example.org is at ns-1.awsdns-01.org")
	holds(t, m.Delegation(t.Context(), "none.example.org."), Fail, "is delegated to nobody")
	holds(t, m.Delegation(t.Context(), "slow.example.org"), Warning, "i/o timeout")
}

func TestReserved(t *testing.T) {
	for domain, want := range map[string]bool{"hub.invalid": true, "a.example.org": true, "localhost": true, "hub.science.stsci.edu": false, "myexample.org": false, "test.org": false} {
		if Reserved(domain) != want {
			t.Errorf("%s: %t", domain, !want)
		}
	}
}
