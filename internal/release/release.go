// Package release reads Helm's records of a release in its cluster, finds an operation that was cut off, and frees the release from it. Helm
// keeps a record per revision, in Secrets of the release's namespace named "sh.helm.release.v1.NAME.vN"
// (https://helm.sh/docs/topics/advanced/#storage-backends), and refuses every operation while the newest one is pending.
package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience limits each request to a cluster's API server.
const patience = 30 * time.Second

// Connect gives access to the Secrets of the cluster that a kubeconfig (JSON or YAML) names, with the credentials that it says to use; neither
// ~/.kube nor KUBECONFIG is looked at. Nothing is sent before the first use.
func Connect(kubeconfig string) (typedv1.SecretsGetter, error) {
	cfg, err := Config(kubeconfig)
	if err != nil {
		return nil, err
	}
	return typedv1.NewForConfig(cfg)
}

// Config is how client-go reaches the cluster that a kubeconfig names, as Connect does.
func Config(kubeconfig string) (*rest.Config, error) {
	cfg, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	if err != nil {
		return nil, fmt.Errorf("the cluster's kubeconfig: %w", err)
	}
	cfg.Timeout = patience
	return cfg, nil
}

// Stuck is a release whose newest revision is an operation that has not ended.
type Stuck struct {
	Namespace, Name string
	// Status is what it is in the middle of: pending-install, pending-upgrade or pending-rollback.
	Status string
	// Revision is the pending one, Before the one before it; 0 when there is none.
	Revision, Before int

	records *storage.Storage
}

// Find looks for an operation on a release that has not ended; nil when there is none, or no such release. Whether its process is still at work
// cannot be seen from the records: that is for the caller to know, who holds the stack's lock.
func Find(cluster typedv1.SecretsGetter, namespace, name string) (*Stuck, error) {
	records, revisions, err := history(cluster, namespace, name)
	if err != nil || len(revisions) == 0 {
		return nil, err
	}
	newest := revisions[0]
	if !newest.Info.Status.IsPending() {
		return nil, nil
	}
	s := &Stuck{Namespace: namespace, Name: name, Status: string(newest.Info.Status), Revision: newest.Version, records: records}
	if len(revisions) > 1 {
		s.Before = revisions[1].Version
	}
	return s, nil
}

// Status is Helm's word for a release's newest revision: deployed, failed, pending-upgrade; "uninstalled" when there is none.
func Status(cluster typedv1.SecretsGetter, namespace, name string) (string, error) {
	_, revisions, err := history(cluster, namespace, name)
	if err != nil {
		return "", err
	}
	if len(revisions) == 0 {
		return string(common.StatusUninstalled), nil
	}
	return string(revisions[0].Info.Status), nil
}

// history is what Helm has recorded of a release, the newest revision first; none when there is no such release.
func history(cluster typedv1.SecretsGetter, namespace, name string) (*storage.Storage, []*release.Release, error) {
	records := storage.Init(driver.NewSecrets(cluster.Secrets(namespace)))
	found, err := records.History(name)
	if errors.Is(err, driver.ErrReleaseNotFound) || err == nil && len(found) == 0 {
		return records, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the records of release %s/%s: %w", namespace, name, err)
	}
	revisions := make([]*release.Release, 0, len(found))
	for _, f := range found {
		r, ok := f.(*release.Release)
		if !ok {
			return nil, nil, fmt.Errorf("release %s/%s: recorded in a form that is not known here (%T)", namespace, name, f)
		}
		revisions = append(revisions, r)
	}
	slices.SortFunc(revisions, func(a, b *release.Release) int { return b.Version - a.Version })
	return records, revisions, nil
}

// ErrNothingBefore says that a release has no earlier revision to go on from.
var ErrNothingBefore = errors.New("has no earlier revision to go on from: it must be uninstalled")

// Free takes the record of the operation away, after which the next upgrade goes on from the revision before it, be that one deployed or failed:
// Helm compares it and what is in the cluster with what is wanted, so what the operation had already changed is kept or mended. Nothing in the
// cluster but the record is touched.
func (s *Stuck) Free() error {
	if s.Before == 0 {
		return fmt.Errorf("release %s/%s %w", s.Namespace, s.Name, ErrNothingBefore)
	}
	if _, err := s.records.Delete(s.Name, s.Revision); err != nil {
		return fmt.Errorf("removing revision %d of release %s/%s: %w", s.Revision, s.Namespace, s.Name, err)
	}
	return nil
}

// Doing is the operation as a verb: installed, upgraded, rolled back.
func (s *Stuck) Doing() string {
	switch strings.TrimPrefix(s.Status, "pending-") {
	case "install":
		return "installed"
	case "rollback":
		return "rolled back"
	}
	return "upgraded"
}
