package kubesim

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox/helmsim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const chartRepo = "https://hub.jupyter.org/helm-chart/"

// hubRelease are the inputs of a release of a hub in the namespace of its name, with values over those that make it render.
func hubRelease(name string, values m) m {
	base := m{"hub": m{"db": m{"type": "sqlite-memory"}}}
	for k, v := range values {
		base[k] = v
	}
	return m{"name": name, "namespace": name, "chart": "jupyterhub", "version": "4.2.0", "repositoryOpts": m{"repo": chartRepo}, "timeout": 600.0, "values": base}
}

// pods are the pods' names with their creation times.
func (s *stage) pods() (out []string) {
	s.t.Helper()
	for _, o := range s.list("k8s:v1/Pod") {
		out = append(out, o.ID+" "+o.Created.String())
	}
	return out
}

// interrupt begins an upgrade and cuts it off, as killing the process does.
func (s *stage) interrupt(name string, in m) {
	s.t.Helper()
	k := &kube{world: s.w}
	api := kubeapi.Of(s.w, "lab")
	client := k.client(api)
	ctx, cancel := context.WithCancel(s.t.Context())
	client.Sleep = func(context.Context, time.Time) error { cancel(); return ctx.Err() }
	ch, _ := helmsim.Outline("jupyterhub", "4.2.0")
	_, err := client.Upgrade(ctx, ch, values(in), name, name, helmsim.Options{Timeout: time.Minute})
	if !errors.Is(err, context.Canceled) {
		s.t.Fatalf("the interrupted upgrade: %v", err)
	}
}

func status(r *simtest.Resource) m { return kubeapi.Map(r.Out, "status") }

func TestReleaseBecomesAHub(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	var r *simtest.Resource
	spent := took(s, func() {
		r = s.Must(releaseToken, "hub", hubRelease("hub", m{"hub": m{"db": m{"pvc": m{"storageClassName": "gp2"}}}}))
	})
	want := m{"appVersion": "outline", "chart": "jupyterhub", "name": "hub", "namespace": "hub", "revision": 1.0, "status": "deployed", "version": "4.2.0"}
	if diff := cmp.Diff(want, status(r)); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if r.ID != "hub/hub" || r.Out["sandboxChart"] != helmsim.OutlineOrigin {
		t.Errorf("id %q, chart %q", r.ID, r.Out["sandboxChart"])
	}
	names := kubeapi.Map(r.Out, "resourceNames")
	if diff := cmp.Diff([]any{"hub", "proxy", "user-scheduler"}, names["Deployment.apps/apps/v1"]); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
	if spent < 2*time.Minute || spent > 4*time.Minute {
		t.Errorf("it took %s, a load balancer takes two to three minutes", spent)
	}

	svc, err := s.Import("kubernetes:core/v1:Service", "proxy-public", "hub/proxy-public")
	if err != nil {
		t.Fatal(err)
	}
	hostname := kubeapi.Text(kubeapi.Items(svc.Out, "status", "loadBalancer", "ingress")[0], "hostname")
	if !regexp.MustCompile(`^a[0-9a-f]{31,32}-\d{10}\.us-east-1\.elb\.amazonaws\.com$`).MatchString(hostname) {
		t.Errorf("hostname %q", hostname)
	}
	elbs := s.list("aws:elb")
	if len(elbs) != 1 || elbs[0].String("dnsName") != hostname || elbs[0].String("zoneId") != "Z35SXDOTRQ7X7K" || len(s.list("aws:eni")) != 2 {
		t.Errorf("load balancers %+v, interfaces %d", elbs, len(s.list("aws:eni")))
	}
	hub, err := kubeapi.Of(s.w, "lab").Get(t.Context(), kubeapi.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "hub", Name: "hub"})
	if err != nil {
		t.Fatal(err)
	}
	if got := kubeapi.Text(hub, "metadata", "annotations", helmsim.OriginAnnotation); got != helmsim.OutlineOrigin {
		t.Errorf("annotation %q", got)
	}

	if err := r.Delete(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"aws:elb", "aws:eni", "k8s:v1/Pod", "k8s:apps/v1/Deployment", "k8s:v1/Secret", "k8s:v1/PersistentVolumeClaim", "k8s:v1/PersistentVolume"} {
		if left := s.list(kind); len(left) > 0 {
			t.Errorf("left behind: %s %s", kind, left[0].ID)
		}
	}
}

func TestNetworkLoadBalancer(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	s.Must(releaseToken, "hub", hubRelease("hub", m{"proxy": m{"service": m{"annotations": m{"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}}}}))
	if dns := s.list("aws:elb")[0].String("dnsName"); !regexp.MustCompile(`^a[0-9a-f]{31,32}-[0-9a-f]{16}\.elb\.us-east-1\.amazonaws\.com$`).MatchString(dns) {
		t.Errorf("name %q", dns)
	}
}

func TestReleaseDefaults(t *testing.T) {
	s := newStage(t)
	in, problems := s.Check(releaseToken, "hub", m{"chart": "jupyterhub", "repositoryOpts": m{"repo": chartRepo}, "compat": "true"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if name, _ := in["name"].(string); !strings.HasPrefix(name, "hub-") || len(name) != len("hub-")+8 {
		t.Errorf("name %q", name)
	}
	want := m{"namespace": "default", "timeout": 300.0, "atomic": false, "createNamespace": false, "version": "4.2.0", "compat": "true"}
	for k, v := range want {
		if in[k] != v {
			t.Errorf("%s is %v, want %v", k, in[k], v)
		}
	}
}

func TestReleaseDiff(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must(releaseToken, "hub", hubRelease("hub", m{"singleuser": m{"memory": m{"limit": "15G"}}}))
	if d := r.Diff(hubRelease("hub", m{"singleuser": m{"memory": m{"limit": "15G"}}})); len(d.Changed) > 0 {
		t.Errorf("the same release differs: %v", d.Changed)
	}
	d := r.Diff(hubRelease("hub", m{"singleuser": m{"memory": m{"limit": "16G"}}}))
	if diff := cmp.Diff(map[string]string{"values.singleuser.memory.limit": "update"}, d.Changed); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
	if d := r.Diff(hubRelease("other", m{"singleuser": m{"memory": m{"limit": "15G"}}})); d.Changed["name"] != "update (replace)" || d.Changed["namespace"] != "update (replace)" {
		t.Errorf("another name: %v", d.Changed)
	}
}

func TestReleaseRefusals(t *testing.T) {
	tests := []struct {
		name string
		in   m
		want []string
	}{
		{"unknown top-level key", hubRelease("hub", m{"jupyterhub": m{}}), []string{"values don't meet the specifications of the schema(s) in the following chart(s):", "jupyterhub:", "additional properties 'jupyterhub' not allowed"}},
		{"wrong type", hubRelease("hub", m{"cull": m{"timeout": "an hour"}}), []string{"values don't meet the specifications of the schema(s)", "/cull/timeout"}},
		{"file without content place", hubRelease("hub", m{"hub": m{"extraFiles": m{"a": m{"stringData": "x"}}}}), []string{"values don't meet the specifications", "mountPath"}},
		{"manual TLS without key", hubRelease("hub", m{"proxy": m{"https": m{"enabled": true, "type": "manual", "manual": m{"cert": "x"}}}}), []string{"Required configuration missing: proxy.https.manual.key"}},
		{"no such chart", m{"name": "hub", "namespace": "hub", "chart": "nosuch", "repositoryOpts": m{"repo": chartRepo}}, []string{"check the chart name and repository configuration"}},
		{"no such path", m{"name": "hub", "namespace": "hub", "chart": "nosuch"}, []string{"non-absolute URLs should be in form of repo_name/path_to_chart"}},
		{"no such relative path", m{"name": "hub", "namespace": "hub", "chart": "./nosuch"}, []string{`path "./nosuch" not found`}},
		{"no namespace", hubRelease("nowhere", nil), []string{`namespaces "nowhere" not found`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.namespace("hub")
			_, err := s.Create(releaseToken, "hub", tt.in)
			wants(t, err, tt.want...)
			if simtest.InitFailed(err) {
				t.Error("nothing was made, but the resource is recorded")
			}
			if left := s.list("k8s:v1/Secret"); len(left) > 0 {
				t.Errorf("Helm recorded a revision: %s", left[0].ID)
			}
		})
	}
}

func TestReleaseNameInUse(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	s.Must(releaseToken, "hub", hubRelease("hub", nil))
	_, err := s.Create(releaseToken, "again", hubRelease("hub", nil))
	wants(t, err, "cannot re-use a name that is still in use")
}

func TestReleaseTakesOverNothingOfOthers(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	s.Must("kubernetes:core/v1:ConfigMap", "hub", m{"metadata": m{"name": "hub", "namespace": "hub"}})
	_, err := s.Create(releaseToken, "hub", hubRelease("hub", nil))
	wants(t, err, `ConfigMap "hub" in namespace "hub" exists and cannot be imported into the current release: invalid ownership metadata`, `must be set to "Helm"`)
}

// TestFailedReleaseIsMended: after a time-out the next update upgrades, and can succeed.
func TestFailedReleaseIsMended(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	in := hubRelease("hub", m{"hub": m{"db": m{"type": "sqlite-memory"}, "extraVolumes": []any{m{"name": "t", "configMap": m{"name": "templates"}}}}})
	r, err := s.Create(releaseToken, "hub", in)
	wants(t, err, "context deadline exceeded")
	s.Must("kubernetes:core/v1:ConfigMap", "templates", m{"metadata": m{"name": "templates", "namespace": "hub"}, "data": m{"a": "b"}})
	if err := r.Update(in); err != nil {
		t.Fatal(err)
	}
	if got := status(r); got["status"] != "deployed" || got["revision"] != 2.0 {
		t.Errorf("status %v", got)
	}
}

func TestUpgradeThatTimesOut(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must(releaseToken, "hub", hubRelease("hub", nil))
	err := r.Update(hubRelease("hub", m{"hub": m{"db": m{"type": "sqlite-memory"}, "extraVolumes": []any{m{"name": "t", "configMap": m{"name": "templates"}}}}}))
	wants(t, err, `Helm release "hub/hub" failed to initialize completely. Use Helm CLI to investigate: failed to become available within allocated timeout. Error: Helm Release hub/hub: context deadline exceeded`)
	if !simtest.InitFailed(err) || len(kubeapi.Items(r.In, "values", "hub", "extraVolumes")) != 1 {
		t.Error("the new inputs are recorded, with the error as their initialisation error")
	}
	if err := r.Update(hubRelease("hub", nil)); err != nil { // going back is an update with the old values
		t.Fatal(err)
	}
	if got := status(r); got["status"] != "deployed" || got["revision"] != 3.0 {
		t.Errorf("status %v", got)
	}
}

func TestUpgradeChangesAndRemoves(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must(releaseToken, "hub", hubRelease("hub", nil))
	uid := kubeapi.Text(s.list("k8s:v1/Service")[2].Props, "metadata", "uid")
	if err := r.Update(hubRelease("hub", m{"prePuller": m{"continuous": m{"enabled": false}}, "proxy": m{"service": m{"labels": m{"team": "a"}}}})); err != nil {
		t.Fatal(err)
	}
	if left := s.list("k8s:apps/v1/DaemonSet"); len(left) > 0 {
		t.Errorf("no longer wanted, but there: %s", left[0].ID)
	}
	public := s.list("k8s:v1/Service")[2]
	if kubeapi.Text(public.Props, "metadata", "labels", "team") != "a" || kubeapi.Text(public.Props, "metadata", "uid") != uid || len(s.list("aws:elb")) != 1 {
		t.Errorf("the service was not changed in place: %v", public.Props["metadata"])
	}
}

// TestPendingUpgrade: an update that was killed leaves a pending revision, which blocks the next one until it is removed.
func TestPendingUpgrade(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must(releaseToken, "hub", hubRelease("hub", nil))
	s.interrupt("hub", hubRelease("hub", m{"cull": m{"timeout": 60.0}}))
	in := hubRelease("hub", m{"cull": m{"timeout": 60.0}})
	wants(t, r.Update(in), "another operation (install/upgrade/rollback) is in progress")
	s.remove("k8s:v1/Secret", "lab/hub/sh.helm.release.v1.hub.v2")
	if err := r.Update(in); err != nil {
		t.Fatal(err)
	}
	if got := status(r); got["revision"] != 2.0 {
		t.Errorf("status %v", got)
	}
}

func TestHistoryIsLimited(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	in := hubRelease("hub", nil)
	in["maxHistory"] = 2.0
	r := s.Must(releaseToken, "hub", in)
	for range 3 {
		if err := r.Update(in); err != nil {
			t.Fatal(err)
		}
	}
	var kept []string
	for _, o := range s.list("k8s:v1/Secret") {
		if strings.Contains(o.ID, "sh.helm.release") {
			kept = append(kept, o.ID)
		}
	}
	if diff := cmp.Diff([]string{"lab/hub/sh.helm.release.v1.hub.v3", "lab/hub/sh.helm.release.v1.hub.v4"}, kept); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

func TestReleaseKeepsSecrets(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	const planted = "planted-oauth-client-secret"
	in := hubRelease("hub", m{"proxy": m{"secretToken": simtest.Secret(planted)}})
	r := s.Must(releaseToken, "hub", in)
	proxy := r.Props["values"].ObjectValue()["proxy"].ObjectValue()
	if !proxy["secretToken"].IsSecret() {
		t.Error("the output lost the mark of the secret value")
	}
	if ok, err := r.Read(); !ok || err != nil || !r.Props["values"].ObjectValue()["proxy"].ObjectValue()["secretToken"].IsSecret() {
		t.Errorf("a refresh lost it: %v %v", ok, err)
	}
	s.notOnDisk(planted, base64.StdEncoding.EncodeToString([]byte(planted)))
}

func TestReleasePreview(t *testing.T) {
	s := newStage(t)
	out, err := s.Preview(releaseToken, "hub", hubRelease("hub", nil))
	if err != nil {
		t.Fatal(err)
	}
	if !out["status"].IsComputed() || !out["resourceNames"].IsComputed() {
		t.Errorf("status %v: a preview does not know what Helm will say", out["status"])
	}
}

func TestReleaseGoneIsSeen(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	r := s.Must(releaseToken, "hub", hubRelease("hub", nil))
	s.remove("k8s:v1/Secret", "lab/hub/sh.helm.release.v1.hub.v1")
	wants(t, r.Delete(), "uninstall: Release not loaded: hub: release: not found")
	if ok, err := r.Read(); ok || err != nil {
		t.Errorf("read: %v %v, want gone", ok, err)
	}
}

func TestImagesByDigest(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	const url, digest = "000000000000.dkr.ecr.us-east-1.amazonaws.com/user-image", "1111111111111111111111111111111111111111111111111111111111111111"
	put(t, s.w,
		&world.Object{Kind: "aws:ecr/repository:Repository", ID: "user-image", Props: m{"repositoryUrl": url}},
		&world.Object{Kind: "aws:ecr:image", ID: url + ":t", Props: m{"repository": "user-image", "repositoryUrl": url, "tag": "t", "digest": "sha256:" + digest}})
	s.Must(releaseToken, "hub", hubRelease("hub", m{"singleuser": m{"image": m{"name": url + "@sha256", "tag": digest}}}))
}

func TestAutoscalerOutline(t *testing.T) {
	s := newStage(t)
	in := func(values m) m {
		return m{"name": "cluster-autoscaler", "namespace": "kube-system", "chart": "cluster-autoscaler", "version": "9.46.6", "repositoryOpts": m{"repo": "https://kubernetes.github.io/autoscaler"}, "values": values}
	}
	_, err := s.Create(releaseToken, "as", in(m{}))
	wants(t, err, "neither autoDiscovery.clusterName nor autoscalingGroups is set")
	r := s.Must(releaseToken, "as", in(m{"autoDiscovery": m{"clusterName": "lab"}, "awsRegion": "us-east-1", "rbac": m{"serviceAccount": m{"name": "cluster-autoscaler", "annotations": m{"eks.amazonaws.com/role-arn": "arn:aws:iam::000000000000:role/a"}}}}))
	if status(r)["version"] != "9.46.6" {
		t.Errorf("status %v", status(r))
	}
	if sa := s.list("k8s:v1/ServiceAccount"); len(sa) != 1 || sa[0].ID != "lab/kube-system/cluster-autoscaler" {
		t.Errorf("service accounts %+v", sa)
	}
}

// TestSecretsInEnvironmentAndConfig: values that end up outside of Secrets are not on disk in plaintext either.
func TestSecretsInEnvironmentAndConfig(t *testing.T) {
	s := newStage(t)
	s.namespace("hub")
	const planted = "planted-in-the-environment"
	in := hubRelease("hub", m{"hub": m{"db": m{"type": "sqlite-memory"}, "extraEnv": m{"TOKEN": simtest.Secret(planted)}}})
	r := s.Must(releaseToken, "hub", in)
	hub, err := kubeapi.Of(s.w, "lab").Get(t.Context(), kubeapi.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "hub", Name: "hub"})
	if err != nil {
		t.Fatal(err)
	}
	env := kubeapi.Items(kubeapi.Items(hub, "spec", "template", "spec", "containers")[0], "env")
	if last := env[len(env)-1]; last["name"] != "TOKEN" || last["value"] != planted {
		t.Errorf("environment %v", env)
	}
	pods := s.pods()
	if err := r.Update(in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pods, s.pods()); diff != "" {
		t.Errorf("an upgrade without a change made pods anew (-before +after):\n%s", diff)
	}
	s.notOnDisk(planted)
}
