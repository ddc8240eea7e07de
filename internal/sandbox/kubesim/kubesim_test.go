package kubesim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/helmsim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const endpoint = "https://0123456789ABCDEF0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com"

type m = simtest.Map

// stage is a world with one cluster in it, and a provider configured for it.
type stage struct {
	*simtest.Conn
	t *testing.T
	w *world.World
}

func newStage(t *testing.T, config ...m) *stage {
	t.Helper()
	w := simtest.World(t)
	put(t, w,
		&world.Object{Kind: "aws:eks/cluster:Cluster", ID: "lab", Props: m{
			"name": "lab", "endpoint": endpoint, "version": "1.33", "vpcConfig": m{"vpcId": "vpc-1", "subnetIds": []any{"subnet-a", "subnet-b"}},
		}},
		&world.Object{Kind: "aws:ec2/subnet:Subnet", ID: "subnet-a", Props: m{"vpcId": "vpc-1", "availabilityZone": "us-east-1a", "mapPublicIpOnLaunch": true, "tags": m{"kubernetes.io/role/elb": "1"}}},
		&world.Object{Kind: "aws:ec2/subnet:Subnet", ID: "subnet-b", Props: m{"vpcId": "vpc-1", "availabilityZone": "us-east-1b", "mapPublicIpOnLaunch": true, "tags": m{"kubernetes.io/role/elb": "1"}}},
		node("core-1", m{"hub.jupyter.org/node-purpose": "core"}),
		&world.Object{Kind: "aws:eks/addon:Addon", ID: "lab:aws-ebs-csi-driver", Props: m{"clusterName": "lab", "addonName": "aws-ebs-csi-driver"}},
	)
	s := &stage{Conn: simtest.Client(t, New(w, &render.Source{Dir: t.TempDir(), Offline: true, StandIn: helmsim.Outline})), t: t, w: w}
	c := m{"kubeconfig": kubeconfig(endpoint)}
	for _, more := range config {
		for k, v := range more {
			c[k] = v
		}
	}
	if err := s.Configure(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func node(name string, labels m, taints ...any) *world.Object {
	return &world.Object{Kind: "k8s:v1/Node", ID: "lab/" + name, Props: m{"name": name, "cluster": "lab", "labels": labels, "taints": taints, "zone": "us-east-1a"}}
}

func kubeconfig(server string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","clusters":[{"name":"k","cluster":{"server":%q}}],"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"current-context":"c"}`, server)
}

func put(t *testing.T, w *world.World, objects ...*world.Object) {
	t.Helper()
	err := w.Update(func(tx *world.Tx) error {
		for _, o := range objects {
			o.Created = tx.Now()
			if err := tx.Put(o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) remove(kind, id string) {
	s.t.Helper()
	if err := s.w.Update(func(tx *world.Tx) error { return tx.Delete(kind, id) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) list(kind string) []*world.Object {
	s.t.Helper()
	var out []*world.Object
	if err := s.w.View(func(tx *world.Tx) error { out = tx.List(kind); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// notOnDisk fails the test when any file of the world holds one of the texts.
func (s *stage) notOnDisk(texts ...string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.w.Dir(), "world.journal"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, text := range texts {
		if bytes.Contains(data, []byte(text)) {
			s.t.Errorf("the world's journal holds %q in plaintext", text)
		}
	}
}

func (s *stage) namespace(name string) *simtest.Resource {
	s.t.Helper()
	return s.Must("kubernetes:core/v1:Namespace", name, m{"metadata": m{"name": name}})
}

// wants fails the test unless the error holds all of the texts.
func wants(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func took(s *stage, f func()) time.Duration {
	before := s.w.Clock.Now()
	f()
	return s.w.Clock.Now().Sub(before)
}

func TestObjectsAreRefusedAsByTheAPIServer(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	s.Must("kubernetes:core/v1:Secret", "taken", m{"metadata": m{"name": "taken", "namespace": "hub"}})
	tests := []struct {
		name, token string
		in          m
		want        string
	}{
		{"no namespace", "Secret", m{"metadata": m{"name": "a", "namespace": "nowhere"}}, `namespaces "nowhere" not found`},
		{"taken", "Secret", m{"metadata": m{"name": "taken", "namespace": "hub"}}, `secrets "taken" already exists`},
		{"taken namespace", "Namespace", m{"metadata": m{"name": "hub"}}, `namespaces "hub" already exists`},
		{"capital letters", "ConfigMap", m{"metadata": m{"name": "Not_A_Name", "namespace": "hub"}}, "a lowercase RFC 1123 subdomain must consist of"},
		{"long namespace", "Namespace", m{"metadata": m{"name": strings.Repeat("a", 64)}}, "must be no more than 63"},
		{"label", "ConfigMap", m{"metadata": m{"name": "c", "namespace": "hub", "labels": m{"a": "no spaces"}}}, "a valid label must be an empty string or consist of"},
		{"key of data", "ConfigMap", m{"metadata": m{"name": "c", "namespace": "hub"}, "data": m{"a/b": "x"}}, "a valid config key must consist of"},
		{"data too large", "ConfigMap", m{"metadata": m{"name": "c", "namespace": "hub"}, "data": m{"a": strings.Repeat("x", 1<<20+1)}}, "may not be more than 1048576 bytes"},
		{"not base64", "Secret", m{"metadata": m{"name": "c", "namespace": "hub"}, "data": m{"a": "%"}}, "illegal base64 data"},
		{"half a certificate", "Secret", m{"metadata": m{"name": "c", "namespace": "hub"}, "type": "kubernetes.io/tls", "stringData": m{"tls.crt": "x"}}, "data[tls.key]: Required value"},
		{"claim without size", "PersistentVolumeClaim", m{"metadata": m{"name": "c", "namespace": "hub"}, "spec": m{"accessModes": []any{"ReadWriteMany"}}}, "Required value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Create("kubernetes:core/v1:"+tt.token, "x", tt.in)
			wants(t, err, tt.want)
		})
	}
}

func TestObjectsGetNamesAndKeepThem(t *testing.T) {
	s := newStage(t)
	r := s.Must("kubernetes:core/v1:Namespace", "team", m{})
	if !strings.HasPrefix(r.ID, "team-") || len(r.ID) != len("team-")+8 {
		t.Errorf("id %q, want team- and 8 hexadecimal digits", r.ID)
	}
	if d := r.Diff(r.In); len(d.Changed) > 0 {
		t.Errorf("the same inputs differ: %v", d)
	}
	c := s.Must("kubernetes:core/v1:ConfigMap", "files", m{"metadata": m{"name": "files", "namespace": r.ID}, "data": m{"a": "1"}})
	if want := r.ID + "/files"; c.ID != want {
		t.Errorf("id %q, want %q", c.ID, want)
	}
	d := c.Diff(m{"metadata": m{"name": "files", "namespace": r.ID}, "data": m{"a": "2"}})
	if d.Changed["data.a"] != "update (replace)" || !d.DeleteFirst {
		t.Errorf("diff %+v: changed data replaces, and deletes first under a fixed name", d)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	const planted = "planted-secret-value"
	r := s.Must("kubernetes:core/v1:Secret", "tls", m{"metadata": m{"name": "tls", "namespace": "hub"}, "stringData": m{"key": planted}})
	if !r.Props["data"].IsSecret() {
		t.Error("the data that comes back is not marked secret")
	}
	if ok, err := r.Read(); !ok || err != nil {
		t.Fatalf("read: %v %v", ok, err)
	}
	if d := r.Diff(m{"metadata": m{"name": "tls", "namespace": "hub"}, "stringData": m{"key": planted}}); len(d.Changed) > 0 {
		t.Errorf("after a refresh it differs: %v", d)
	}
	s.notOnDisk(planted, base64.StdEncoding.EncodeToString([]byte(planted)))
}

func TestDeletedByHandIsGone(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must("kubernetes:core/v1:ServiceAccount", "sa", m{"metadata": m{"name": "sa", "namespace": "hub"}})
	s.remove("k8s:v1/ServiceAccount", "lab/hub/sa")
	if ok, err := r.Read(); ok || err != nil {
		t.Errorf("read: %v %v, want gone", ok, err)
	}
	if err := r.Delete(); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestImportFindsWhatWasAskedFor(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	in := m{"metadata": m{"name": "c", "namespace": "hub"}, "stringData": m{"k": "v"}, "type": "Opaque"}
	s.Must("kubernetes:core/v1:Secret", "c", in)
	r, err := s.Import("kubernetes:core/v1:Secret", "c", "hub/c")
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Diff(in); len(d.Changed) > 0 {
		t.Errorf("an imported object differs from its own inputs: %v", d)
	}
}

func TestNamespaceTakesEverythingWithIt(t *testing.T) {
	s := newStage(t)
	ns := s.namespace("hub")
	s.Must("kubernetes:core/v1:ConfigMap", "c", m{"metadata": m{"name": "c", "namespace": "hub"}})
	if err := ns.Delete(); err != nil {
		t.Fatal(err)
	}
	if left := s.list("k8s:v1/ConfigMap"); len(left) > 0 {
		t.Errorf("left behind: %v", left[0].ID)
	}
	_, err := s.Create("kubernetes:core/v1:ConfigMap", "c", m{"metadata": m{"name": "c", "namespace": "hub"}})
	wants(t, err, `namespaces "hub" not found`)
}

func TestUnreachable(t *testing.T) {
	s := newStage(t)
	ns := s.namespace("hub")
	elsewhere := s.Another()
	if err := elsewhere.Configure(m{"kubeconfig": kubeconfig("https://nobody.gr7.us-east-1.eks.amazonaws.com")}); err != nil {
		t.Fatal(err)
	}
	_, err := elsewhere.Create("kubernetes:core/v1:Namespace", "x", m{"metadata": m{"name": "x"}})
	wants(t, err, "configured Kubernetes cluster is unreachable", "no such host")
	none := s.Another()
	if err := none.Configure(m{}); err != nil {
		t.Fatal(err)
	}
	_, err = none.Create("kubernetes:core/v1:Namespace", "x", m{"metadata": m{"name": "x"}})
	wants(t, err, "no configuration has been provided")

	s.remove("aws:eks/cluster:Cluster", "lab")
	wants(t, ns.Delete(), "unreachable", "PULUMI_K8S_DELETE_UNREACHABLE")
	_, err = ns.Read()
	wants(t, err, "unreachable", "PULUMI_K8S_DELETE_UNREACHABLE")
	_, err = s.Create(releaseToken, "hub", hubRelease("hub", nil))
	wants(t, err, "can't create Helm Release with unreachable cluster")
}

func TestDeleteUnreachable(t *testing.T) {
	s := newStage(t, m{"deleteUnreachable": "true"})
	ns := s.namespace("hub")
	s.remove("aws:eks/cluster:Cluster", "lab")
	if ok, err := ns.Read(); ok || err != nil {
		t.Errorf("read: %v %v, want gone", ok, err)
	}
	if err := ns.Delete(); err != nil {
		t.Error(err)
	}
}

func TestNewClusterOfAnOldNameIsEmpty(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	s.w.Clock.Advance(time.Hour)
	const again = "https://FEDCBA9876543210FEDCBA9876543210.gr7.us-east-1.eks.amazonaws.com"
	put(t, s.w, &world.Object{Kind: "aws:eks/cluster:Cluster", ID: "lab", Props: m{"name": "lab", "endpoint": again}})
	next := s.Another()
	if err := next.Configure(m{"kubeconfig": kubeconfig(again)}); err != nil {
		t.Fatal(err)
	}
	next.Must("kubernetes:core/v1:Namespace", "hub", m{"metadata": m{"name": "hub"}})
}

func TestTwoClustersKeepTheirObjectsApart(t *testing.T) {
	s := newStage(t)
	const other = "https://AAAA.gr7.us-east-1.eks.amazonaws.com"
	put(t, s.w, &world.Object{Kind: "aws:eks/cluster:Cluster", ID: "prod", Props: m{"name": "prod", "endpoint": other}})
	second := s.Another()
	if err := second.Configure(m{"kubeconfig": kubeconfig(other)}); err != nil {
		t.Fatal(err)
	}
	class := m{"metadata": m{"name": "aws-efs"}, "provisioner": "efs.csi.aws.com"}
	s.Must("kubernetes:storage.k8s.io/v1:StorageClass", "c", class)
	r := second.Must("kubernetes:storage.k8s.io/v1:StorageClass", "c", class)
	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
	if _, err := kubeapi.Of(s.w, "lab").Get(t.Context(), kubeapi.Ref{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass", Name: "aws-efs"}); err != nil {
		t.Errorf("the first cluster lost its class: %v", err)
	}
}

func TestUpdateInPlace(t *testing.T) {
	s := newStage(t)
	ns := s.namespace("hub")
	in := m{"metadata": m{"name": "hub", "labels": m{"team": "a"}, "annotations": m{"note": "x"}}}
	if err := ns.Update(in); err != nil {
		t.Fatal(err)
	}
	if kubeapi.Text(ns.Out, "metadata", "labels", "team") != "a" || kubeapi.Text(ns.Out, "metadata", "labels", "kubernetes.io/metadata.name") != "hub" {
		t.Errorf("metadata %v", ns.Out["metadata"])
	}
	if err := ns.Update(m{"metadata": m{"name": "hub"}}); err != nil {
		t.Fatal(err)
	}
	if kubeapi.Map(ns.Out, "metadata", "annotations") != nil && len(kubeapi.Map(ns.Out, "metadata", "annotations")) > 0 || kubeapi.Text(ns.Out, "metadata", "labels", "team") != "" {
		t.Errorf("what is no longer asked for stays: %v", ns.Out["metadata"])
	}
	s.remove("k8s:v1/Namespace", "lab/hub")
	wants(t, ns.Update(in), `namespaces "hub" not found`)
}

func TestDriftIsSeen(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	in := m{"metadata": m{"name": "c", "namespace": "hub"}, "data": m{"a": "1"}}
	r := s.Must("kubernetes:core/v1:ConfigMap", "c", in)
	api := kubeapi.Of(s.w, "lab")
	live, err := api.Get(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "hub", Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	kubeapi.Set(live, "by hand", "data", "a")
	if _, err := api.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Read(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if d := r.Diff(in); d.Changed["data.a"] == "" {
		t.Errorf("a value changed by hand is not seen after a refresh: %+v", d)
	}
}
