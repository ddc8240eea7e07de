// Package kubesim stands in for the Pulumi Kubernetes provider: the objects that a hub's graph has, and Helm releases, in simulated
// clusters. Behaviour and messages follow pulumi-kubernetes 4.30.0 (https://github.com/pulumi/pulumi-kubernetes).
package kubesim

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/controllers"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Version is the plugin version that it stands in for.
const Version = "4.30.0"

// New returns the provider over a world. Its releases' charts come from the source.
func New(w *world.World, charts *render.Source) *provider.Provider {
	k := &kube{world: w, charts: charts}
	p := &provider.Provider{
		Package: "kubernetes", Version: Version, World: w,
		Kinds:     map[string]*provider.Kind{releaseToken: k.releaseKind()},
		Functions: map[string]provider.Function{},
		Configure: configure,
	}
	for token, o := range objectKinds {
		p.Kinds[token] = k.objectKind(o)
	}
	return p
}

// kube is what the kinds share.
type kube struct {
	world  *world.World
	charts *render.Source
}

// session is what one provider instance was configured with.
type session struct {
	server            string
	unreachable       error // a kubeconfig that leads nowhere
	namespace         string
	deleteUnreachable bool
	skipUnreachable   bool
	mutableConfigMaps bool
	mutableSecrets    bool
	upsert            bool
}

func configure(_ context.Context, s *provider.Session) error {
	flag := func(name string) bool { return s.Config[name] == "true" || s.Config[name] == true }
	own := &session{
		namespace: "default", deleteUnreachable: flag("deleteUnreachable"), skipUnreachable: flag("skipUpdateUnreachable"),
		mutableConfigMaps: flag("enableConfigMapMutable"), mutableSecrets: flag("enableSecretMutable"), upsert: flag("upsertExistingObjects"),
	}
	if ns, ok := s.Config["namespace"].(string); ok && ns != "" {
		own.namespace = ns
	}
	text, _ := s.Config["kubeconfig"].(string)
	if text == "" {
		own.unreachable = errors.New("invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable")
	} else {
		own.server, own.unreachable = kubeapi.Server(text)
	}
	s.Value = own
	return nil
}

func sessionOf(s *provider.Session) *session {
	if own, ok := s.Value.(*session); ok {
		return own
	}
	return &session{namespace: "default", unreachable: errors.New("the provider was not configured")}
}

// connect finds the cluster of a call. The error is the reason why it cannot be reached.
func (k *kube) connect(c *provider.Call) (kubeapi.World, error) {
	s := sessionOf(c.Session)
	if s.unreachable != nil {
		return kubeapi.World{}, s.unreachable
	}
	name, err := kubeapi.Connect(k.world, s.server)
	return kubeapi.Of(k.world, name), err
}

func unreachable(reason error) error {
	return fmt.Errorf("configured Kubernetes cluster is unreachable: %w", reason)
}

// Messages of reads and deletes of what lived in a cluster that is gone.
var (
	errReadUnreachable = errors.New("failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from Pulumi state " +
		"by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to \"true\"")
	errDeleteUnreachable = errors.New("configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from Pulumi state " +
		"by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to \"true\"")
)

func (k *kube) waiter(api kubeapi.World) kubeapi.Waiter {
	return controllers.Waiter(k.world, api.Cluster())
}
