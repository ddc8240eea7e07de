package release_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/release/common"
	helm "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/client-go/kubernetes/fake"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/hubwright/hubwright/internal/release"
)

// cluster holds a release "hub" in namespace "ns" with a revision per status.
func cluster(t *testing.T, statuses ...common.Status) typedv1.SecretsGetter {
	t.Helper()
	api := fake.NewClientset().CoreV1()
	records := storage.Init(driver.NewSecrets(api.Secrets("ns")))
	for i, status := range statuses {
		r := &helm.Release{Name: "hub", Namespace: "ns", Version: i + 1, Info: &helm.Info{Status: status}}
		if err := records.Create(r); err != nil {
			t.Fatal(err)
		}
	}
	return api
}

func TestFind(t *testing.T) {
	const deployed, superseded, failed = common.StatusDeployed, common.StatusSuperseded, common.StatusFailed
	for name, tc := range map[string]struct {
		statuses         []common.Status
		revision, before int // 0: not stuck
		doing            string
	}{
		"no release":                 {},
		"deployed":                   {statuses: []common.Status{superseded, deployed}},
		"failed":                     {statuses: []common.Status{deployed, failed}},
		"an old pending one is past": {statuses: []common.Status{common.StatusPendingUpgrade, deployed}},
		"cut off in an install":      {statuses: []common.Status{common.StatusPendingInstall}, revision: 1, doing: "installed"},
		"cut off in an upgrade":      {statuses: []common.Status{superseded, deployed, common.StatusPendingUpgrade}, revision: 3, before: 2, doing: "upgraded"},
		"cut off in a rollback":      {statuses: []common.Status{deployed, failed, common.StatusPendingRollback}, revision: 3, before: 2, doing: "rolled back"},
		"after a failed install":     {statuses: []common.Status{failed, common.StatusPendingUpgrade}, revision: 2, before: 1, doing: "upgraded"},
	} {
		t.Run(name, func(t *testing.T) {
			api := cluster(t, tc.statuses...)
			s, err := release.Find(api, "ns", "hub")
			if err != nil {
				t.Fatal(err)
			}
			if tc.revision == 0 {
				if s != nil {
					t.Fatalf("found %+v", s)
				}
				return
			}
			if s == nil || s.Revision != tc.revision || s.Before != tc.before || s.Doing() != tc.doing {
				t.Fatalf("found %+v", s)
			}
			err = s.Free()
			if tc.before == 0 {
				if !errors.Is(err, release.ErrNothingBefore) {
					t.Fatalf("freeing: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s, err = release.Find(api, "ns", "hub"); err != nil || s != nil {
				t.Errorf("after freeing: %+v, %v", s, err)
			}
		})
	}
}

// A cluster that refuses is an error that names the release, with the server's own words.
func TestConnectSpeaksToTheServerOfTheKubeconfig(t *testing.T) {
	var asked string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + " " + r.Header.Get("Authorization")
		http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"not yours","code":403}`, http.StatusForbidden)
	}))
	defer server.Close()
	api, err := release.Connect(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"k","cluster":{"server":"` + server.URL + `","insecure-skip-tls-verify":true}}],
		"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"users":[{"name":"u","user":{"token":"t"}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = release.Find(api, "ns", "hub")
	if err == nil || !strings.Contains(err.Error(), "ns/hub") {
		t.Errorf("the error is %v", err)
	}
	if asked != "/api/v1/namespaces/ns/secrets Bearer t" {
		t.Errorf("asked for %q", asked)
	}
	if _, err := release.Connect("{"); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("a broken kubeconfig gives %v", err)
	}
}
