package kubeapi

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// clusterKind is the kind under which awssim keeps EKS clusters, id the cluster's name.
const clusterKind = "aws:eks/cluster:Cluster"

// markKind remembers for each cluster name which endpoint its objects belong to: a new cluster of an old name begins empty.
const markKind = "k8s:cluster"

// UnreachableError says why a cluster does not answer.
type UnreachableError struct{ Reason string }

func (e *UnreachableError) Error() string { return e.Reason }

type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Clusters       []struct {
		Name    string
		Cluster struct{ Server string }
	}
	Contexts []struct {
		Name    string
		Context struct{ Cluster, User string }
	}
}

// Server reads the API server's address out of a kubeconfig (JSON or YAML): that of the current context, else of the first cluster.
func Server(config string) (string, error) {
	var k kubeconfig
	if err := yaml.Unmarshal([]byte(config), &k); err != nil {
		return "", errors.New("failed to parse kubeconfig data in `kubernetes:config:kubeconfig`: it is neither JSON nor YAML of a kubeconfig")
	}
	if len(k.Clusters) == 0 {
		return "", errors.New("invalid configuration: no configuration has been provided, the kubeconfig has no clusters")
	}
	want := k.Clusters[0].Name
	for _, c := range k.Contexts {
		if c.Name == k.CurrentContext {
			want = c.Context.Cluster
		}
	}
	for _, c := range k.Clusters {
		if c.Name == want {
			return c.Cluster.Server, nil
		}
	}
	return "", fmt.Errorf("invalid configuration: cluster %q was not found in the kubeconfig", want)
}

// Connect finds the cluster behind an endpoint and returns its name. An *UnreachableError says that there is none, or not any more.
func Connect(w *world.World, server string) (cluster string, err error) {
	server = strings.ToLower(strings.TrimSuffix(server, "/"))
	stale := false
	err = w.View(func(tx *world.Tx) error {
		o := tx.Find(clusterKind, func(o *world.Object) bool {
			return strings.EqualFold(strings.TrimSuffix(o.String("endpoint"), "/"), server) && server != ""
		})
		if o == nil {
			host := strings.TrimPrefix(server, "https://")
			return &UnreachableError{fmt.Sprintf("unable to load schema information from the API server: Get %q: dial tcp: lookup %s: no such host", server+"/openapi/v2?timeout=32s", host)}
		}
		cluster = clusterName(o)
		mark := tx.Get(markKind, cluster)
		stale = mark == nil || mark.String("endpoint") != server
		return nil
	})
	if err != nil || !stale {
		return cluster, err
	}
	return cluster, w.Update(func(tx *world.Tx) error { return adopt(tx, cluster, server) })
}

func clusterName(o *world.Object) string {
	if name := o.String("name"); name != "" {
		return name
	}
	return o.ID
}

// Version is the Kubernetes version of a cluster, "" when it does not say.
func Version(tx *world.Tx, cluster string) string {
	if o := tx.Find(clusterKind, func(o *world.Object) bool { return clusterName(o) == cluster }); o != nil {
		return o.String("version")
	}
	return ""
}

// adopt begins a cluster: what an earlier one of the same name held is gone, and the objects every EKS cluster has are there.
func adopt(tx *world.Tx, cluster, server string) error {
	born := tx.Now()
	if o := tx.Find(clusterKind, func(o *world.Object) bool { return clusterName(o) == cluster }); o != nil {
		born = o.Created
	}
	if err := drop(tx, cluster, func(o *world.Object) bool { return o.Created.Before(born) }); err != nil {
		return err
	}
	if err := tx.Put(&world.Object{Kind: markKind, ID: cluster, Props: map[string]any{"endpoint": server}, Created: tx.Now(), Ready: tx.Now()}); err != nil {
		return err
	}
	// The class EKS makes in every cluster; not the default one since 1.30
	// (https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions-standard.html).
	gp2 := Object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata":    map[string]any{"name": "gp2", "uid": uid(), "resourceVersion": "1"},
		"provisioner": "kubernetes.io/aws-ebs", "parameters": map[string]any{"type": "gp2", "fsType": "ext4"},
		"reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
	}
	return tx.Put(&world.Object{Kind: WorldKind("storage.k8s.io/v1", "StorageClass"), ID: cluster + "/gp2", Props: gp2, Created: tx.Now(), Ready: tx.Now()})
}

// Drop removes everything that lives in a cluster, as deleting the cluster does. Load balancers and their network interfaces stay behind,
// as they do at AWS.
func Drop(tx *world.Tx, cluster string) error {
	if err := drop(tx, cluster, func(*world.Object) bool { return true }); err != nil {
		return err
	}
	return tx.Delete(markKind, cluster)
}

func drop(tx *world.Tx, cluster string, match func(*world.Object) bool) error {
	for _, kindName := range tx.Kinds() {
		if !strings.HasPrefix(kindName, "k8s:") || kindName == markKind {
			continue
		}
		for _, o := range tx.List(kindName) {
			if (World{cluster: cluster}).owns(o) && match(o) {
				if err := tx.Delete(o.Kind, o.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
