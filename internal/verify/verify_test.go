package verify_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/verify"
)

// names is a resolver of fixed answers.
type names map[string][]string

func (n names) LookupHost(_ context.Context, host string) ([]string, error) {
	if a := n[host]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n names) LookupCNAME(_ context.Context, host string) (string, error) { return host + ".", nil }

// The checks that need no cluster, each when all is well and when it is not.
func TestFromOutside(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"/hub/health": func(http.ResponseWriter, *http.Request) {},
		"/hub/api":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version": "5.4.0"}`)) },
		"/hub/login":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Sign in")) },
	}
	broken := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	}
	for name, tc := range map[string]struct {
		check  string
		path   string
		answer http.HandlerFunc // in the place of the usual one
		hosts  names
		domain string
		result string
		says   string
	}{
		"healthy":             {check: verify.Health, result: verify.Passed, says: "says it is well"},
		"proxy without a hub": {check: verify.Health, path: "/hub/health", answer: broken, result: verify.Failed, says: "/hub/health answers 503"},
		"version":             {check: verify.Version, result: verify.Passed, says: "JupyterHub 5.4.0"},
		"another page":        {check: verify.Version, path: "/hub/api", answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, result: verify.Failed, says: "does not say its version"},
		"login":               {check: verify.Login, result: verify.Passed, says: "login page is there"},
		"login without a hub": {check: verify.Login, path: "/hub/login", answer: broken, result: verify.Failed, says: "answers 503"},
		"name":                {check: verify.DNS, hosts: names{"hub.example.org": {"192.0.2.1"}}, domain: "hub.example.org", result: verify.Passed, says: "resolves to 192.0.2.1"},
		"no name":             {check: verify.DNS, hosts: names{}, domain: "hub.example.org", result: verify.Failed, says: "there is no such name"},
		"no domain":           {check: verify.DNS, result: verify.Skipped, says: "no domain"},
		"another's name":      {check: verify.TLS, domain: "hub.example.org", result: verify.Failed, says: "not for hub.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				act := answers[r.URL.Path]
				if r.URL.Path == tc.path {
					act = tc.answer
				}
				if act == nil {
					act = http.NotFound
				}
				act(w, r)
			}))
			defer server.Close()
			ways := verify.Ways{Resolver: tc.hosts, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}}
			hub := verify.Hub{Name: "hub", Namespace: "ns", Release: "hub", Domain: tc.domain, URL: "https://hub.invalid/"}
			rep, err := verify.Of(t.Context(), hub, ways, verify.Options{Checks: []string{tc.check}})
			if err != nil {
				t.Fatal(err)
			}
			c := rep.Checks[0]
			if len(rep.Checks) != 1 || c.Result != tc.result || !strings.Contains(c.Seen, tc.says) || rep.Healthy == (tc.result == verify.Failed) {
				t.Errorf("seen %+v", rep)
			}
		})
	}
}

// Without a way to the cluster its checks fail and say why; a hub that is not there fails once.
func TestWithoutACluster(t *testing.T) {
	cluster := []string{verify.Release, verify.Pods, verify.Images, verify.Claims, verify.Nodes, verify.LoadBalancer}
	rep, err := verify.Of(t.Context(), verify.Hub{Name: "hub"}, verify.Ways{}, verify.Options{Checks: cluster})
	if err != nil || rep.Healthy {
		t.Fatal(rep, err)
	}
	for _, c := range rep.Checks {
		if c.Result != verify.Failed || !strings.Contains(c.Problems[0].What, "no way to the cluster") {
			t.Errorf("%+v", c)
		}
	}
	rep, err = verify.Of(t.Context(), verify.Hub{Name: "hub", Absent: "the hub was destroyed"}, verify.Ways{}, verify.Options{})
	if err != nil || rep.Healthy || rep.Checks[0].Result != verify.Failed || rep.Checks[1].Result != verify.Skipped {
		t.Errorf("%+v, %v", rep, err)
	}
}
