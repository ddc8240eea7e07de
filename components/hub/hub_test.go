package hub_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/components/internal/helm"
	"github.com/hubwright/hubwright/components/internal/recorder"
)

const (
	namespaceType = "kubernetes:core/v1:Namespace"
	secretType    = "kubernetes:core/v1:Secret"
	configMapType = "kubernetes:core/v1:ConfigMap"
	claimType     = "kubernetes:core/v1:PersistentVolumeClaim"
	serviceType   = "kubernetes:core/v1:Service"

	release  = "roman-sit-staging"
	domain   = "roman-sit.example.org"
	balancer = "a1b2-123.us-east-1.elb.amazonaws.com"
)

var digits = strings.Repeat("ab", 32)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{Outputs: map[string]func(string, resource.PropertyMap) resource.PropertyMap{
		helm.ReleaseType: func(_ string, in resource.PropertyMap) resource.PropertyMap {
			return resource.PropertyMap{"status": resource.NewObjectProperty(resource.PropertyMap{
				"namespace": in["namespace"], "status": resource.NewStringProperty("deployed"),
			})}
		},
		serviceType: func(string, resource.PropertyMap) resource.PropertyMap {
			return resource.NewPropertyMapFromMap(map[string]any{"status": map[string]any{
				"loadBalancer": map[string]any{"ingress": []any{map[string]any{"hostname": balancer}}},
			}})
		},
	}}
}

// dummy is the least that is accepted.
func dummy() *hub.Args {
	return &hub.Args{
		Release: release, Domain: domain, Chart: hub.Chart{Version: "4.2.0"},
		Auth: hub.Auth{Type: hub.AuthDummy, Password: pulumi.String("planted-password")},
	}
}

// mast is a hub like the seed's.
func mast() *hub.Args {
	a := dummy()
	a.Auth = hub.Auth{
		Type: hub.AuthMAST, ClientID: pulumi.String("planted-client"), ClientSecret: pulumi.String("planted-secret"),
		AuthorizeURL: "https://auth.example.org/authorize", TokenURL: "https://auth.example.org/token", UserdataURL: "https://auth.example.org/user",
		Scopes: []string{"mast:user:info"}, UsernameClaim: "attrib.email", LoginService: "MAST", AllowAll: true, AdminUsers: []string{"dmd"},
	}
	a.HTTPS = hub.HTTPS{Type: hub.HTTPSManual, Certificate: pulumi.String("planted-certificate"), Key: pulumi.String("planted-key")}
	a.Secrets = hub.Secrets{ProxyToken: pulumi.String("planted-token"), CookieSecret: pulumi.String("planted-cookie"), CryptKey: pulumi.String("planted-crypt")}
	return a
}

func run(t *testing.T, args *hub.Args) (*recorder.Recorder, *hub.Hub) {
	t.Helper()
	rec := newRecorder()
	var h *hub.Hub
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		h, err = hub.New(ctx, "hub", args)
		return err
	})
	return rec, h
}

// value is what the release was given at a path of its values.
func value(t *testing.T, rec *recorder.Recorder, path string) any {
	t.Helper()
	return rec.One(t, helm.ReleaseType, "hub-release").Input("values." + path)
}

func TestRelease(t *testing.T) {
	rec, h := run(t, dummy())
	res := rec.One(t, helm.ReleaseType, "hub-release")
	for path, want := range map[string]any{
		"name": release, "namespace": release, "chart": "jupyterhub", "version": "4.2.0", "timeout": 900.0, "maxHistory": 10.0,
		"repositoryOpts.repo": "https://hub.jupyter.org/helm-chart/", "cleanupOnFail": true, "skipAwait": nil, "createNamespace": nil, "atomic": nil,
	} {
		if got := res.Input(path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	for _, child := range rec.All() {
		if child.Type != hub.Type && !strings.HasSuffix(child.Parent, hub.Type+"::hub") {
			t.Errorf("%s has parent %q", child.Name, child.Parent)
		}
	}
	service := rec.One(t, serviceType, "hub-proxy-public")
	if !service.Read || service.ID != release+"/proxy-public" {
		t.Errorf("service read %v with id %q", service.Read, service.ID)
	}
	got, err := recorder.Values(h.Namespace, h.ReleaseName, h.ReleaseStatus, h.ChartVersion, h.LoadBalancerHostname, h.URL, h.CallbackURL)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{release, release, "deployed", "4.2.0", balancer, "http://" + domain + "/", "https://" + domain + "/hub/oauth_callback"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestLocalChart(t *testing.T) {
	args := dummy()
	args.Chart = hub.Chart{Path: "charts/hub", Digest: "1234"}
	args.Namespace, args.TimeoutSeconds, args.Atomic = "hubs", 60, true
	rec, _ := run(t, args)
	res := rec.One(t, helm.ReleaseType, "hub-release")
	for path, want := range map[string]any{
		"chart": "charts/hub", "version": nil, "repositoryOpts": nil, "namespace": "hubs", "timeout": 60.0, "atomic": true,
		"values.custom.chartDigest": "1234",
	} {
		if got := res.Input(path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}

func TestNamespace(t *testing.T) {
	args := dummy()
	args.Protect = true
	args.Tags = map[string]string{"deployment": "roman-sit", "owner": "dmd@example.org", "cost center": "a b"}
	rec, _ := run(t, args)
	ns := rec.One(t, namespaceType, "hub-namespace")
	want := map[string]any{
		"name":        release,
		"labels":      map[string]any{"app.kubernetes.io/managed-by": "hubwright", "deployment": "roman-sit"},
		"annotations": map[string]any{"owner": "dmd@example.org", "cost-center": "a b"},
	}
	if diff := cmp.Diff(want, ns.Input("metadata")); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if !ns.Protect {
		t.Error("not protected")
	}
	args.ExistingNamespace, args.Namespace = true, "shared"
	rec, _ = run(t, args)
	if n := len(rec.OfType(namespaceType)); n != 0 {
		t.Errorf("%d namespaces made although one exists", n)
	}
}

func TestSecretsAndWhatWaitsForThem(t *testing.T) {
	args := mast()
	args.Templates = map[string]string{"login.html": "<h1>Roman</h1>"}
	claim := func(ctx *pulumi.Context, namespace string, opts ...pulumi.ResourceOption) (pulumi.StringInput, []pulumi.Resource, error) {
		res := &pulumi.CustomResourceState{}
		err := ctx.RegisterResource(claimType, "users", pulumi.Map{"metadata": pulumi.Map{"namespace": pulumi.String(namespace)}}, res, opts...)
		return pulumi.String("users-jh-pvc"), []pulumi.Resource{res}, err
	}
	args.Homes = &hub.Homes{Claim: claim}
	rec, _ := run(t, args)

	tls := rec.One(t, secretType, "hub-tls")
	want := map[string]any{"tls.crt": "planted-certificate", "tls.key": "planted-key"}
	if diff := cmp.Diff(want, tls.Input("stringData")); diff != "" {
		t.Errorf("TLS secret (-want +got):\n%s", diff)
	}
	if tls.Input("type") != "kubernetes.io/tls" || tls.Input("metadata.name") != release+"-tls" || tls.Input("metadata.namespace") != release {
		t.Errorf("TLS secret is %v", tls.Inputs)
	}
	oauth := rec.One(t, secretType, "hub-oauth")
	want = map[string]any{"client-id": "planted-client", "client-secret": "planted-secret"}
	if diff := cmp.Diff(want, oauth.Input("stringData")); diff != "" {
		t.Errorf("OAuth secret (-want +got):\n%s", diff)
	}
	for _, res := range rec.All() {
		if leak := planted(resource.NewObjectProperty(res.Inputs)); leak != "" {
			t.Errorf("%s holds %q in the clear", res.Name, leak)
		}
	}

	waits := rec.One(t, helm.ReleaseType, "hub-release").DependsOn
	for _, needed := range []string{"::hub-namespace", "::hub-tls", "::hub-oauth", "::hub-templates", "::users"} {
		if !slices.ContainsFunc(waits, func(urn string) bool { return strings.HasSuffix(urn, needed) }) {
			t.Errorf("the release does not wait for %s; it waits for %q", needed, waits)
		}
	}
	for _, child := range []recorder.Resource{tls, oauth, rec.One(t, configMapType, "hub-templates"), rec.One(t, claimType, "users")} {
		if !slices.ContainsFunc(child.DependsOn, func(urn string) bool { return strings.HasSuffix(urn, "::hub-namespace") }) {
			t.Errorf("%s does not wait for the namespace", child.Name)
		}
	}
	storage := map[string]any{"type": "static", "static": map[string]any{"pvcName": "users-jh-pvc", "subPath": "{username}"}}
	if diff := cmp.Diff(storage, value(t, rec, "singleuser.storage")); diff != "" {
		t.Errorf("storage (-want +got):\n%s", diff)
	}
}

// planted finds a planted secret that is not marked as one.
func planted(v resource.PropertyValue) string {
	switch {
	case v.IsString() && strings.HasPrefix(v.StringValue(), "planted-"):
		return v.StringValue()
	case v.IsObject():
		for _, e := range v.ObjectValue() {
			if s := planted(e); s != "" {
				return s
			}
		}
	case v.IsArray():
		for _, e := range v.ArrayValue() {
			if s := planted(e); s != "" {
				return s
			}
		}
	}
	return ""
}

func TestTemplates(t *testing.T) {
	args := dummy()
	args.Templates = map[string]string{"login.html": "<h1>Roman</h1>"}
	args.Values = map[string]any{"hub": map[string]any{
		"extraVolumes":      []any{map[string]any{"name": "quota"}},
		"extraVolumeMounts": []any{map[string]any{"name": "quota", "mountPath": "/quota"}},
		"templatePaths":     []any{"/quota/templates"},
	}}
	rec, _ := run(t, args)
	cm := rec.One(t, configMapType, "hub-templates")
	if diff := cmp.Diff(map[string]any{"login.html": "<h1>Roman</h1>"}, cm.Input("data")); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	want := map[string]any{
		"extraVolumes":      []any{map[string]any{"name": "quota"}, map[string]any{"name": "hub-templates", "configMap": map[string]any{"name": "hub-templates"}}},
		"extraVolumeMounts": []any{map[string]any{"name": "quota", "mountPath": "/quota"}, map[string]any{"name": "hub-templates", "mountPath": "/etc/jupyterhub/templates"}},
		"templatePaths":     []any{"/quota/templates", "/etc/jupyterhub/templates"},
	}
	for key, w := range want {
		if diff := cmp.Diff(w, value(t, rec, "hub."+key)); diff != "" {
			t.Errorf("hub.%s (-want +got):\n%s", key, diff)
		}
	}
	if n := len(args.Values["hub"].(map[string]any)["extraVolumes"].([]any)); n != 1 {
		t.Error("the caller's values were changed")
	}
	before := value(t, rec, `hub.annotations["checksum/templates"]`)
	args.Templates["login.html"] = "<h1>TIKE</h1>"
	rec, _ = run(t, args)
	if after := value(t, rec, `hub.annotations["checksum/templates"]`); before == nil || after == before {
		t.Errorf("checksums %v and %v, want different ones", before, after)
	}
}

func TestOAuthClientChangesRestartTheHub(t *testing.T) {
	args := mast()
	rec, _ := run(t, args)
	before := value(t, rec, `hub.annotations["checksum/oauth"]`)
	annotations := rec.One(t, helm.ReleaseType, "hub-release").Inputs["values"].ObjectValue()["hub"].ObjectValue()["annotations"].ObjectValue()
	if !annotations["checksum/oauth"].IsSecret() {
		t.Error("a checksum of a secret is recorded in the clear")
	}
	args.Auth.ClientSecret = pulumi.String("planted-other")
	rec, _ = run(t, args)
	if after := value(t, rec, `hub.annotations["checksum/oauth"]`); before == nil || after == before {
		t.Errorf("checksums %v and %v, want different ones", before, after)
	}
}

func TestTwoHubsOnAStack(t *testing.T) {
	rec := newRecorder()
	rec.MustRun(t, func(ctx *pulumi.Context) error {
		for _, name := range []string{"hub", "teaching"} {
			args := mast()
			args.Release = "roman-sit-" + name
			if _, err := hub.New(ctx, name, args); err != nil {
				return err
			}
		}
		return nil
	})
	names := map[string]bool{}
	for _, res := range rec.All() {
		if key := res.Type + res.Name; names[key] {
			t.Errorf("two resources are called %s %s", res.Type, res.Name)
		} else {
			names[key] = true
		}
	}
	if got := slices.Sorted(maps.Keys(names)); len(got) != 12 {
		t.Errorf("%d resources, want 6 for each hub: %q", len(got), got)
	}
}

func TestPreviewOfANewHub(t *testing.T) {
	rec := newRecorder()
	rec.Outputs, rec.Preview = nil, true
	var h *hub.Hub
	rec.MustRun(t, func(ctx *pulumi.Context) (err error) {
		h, err = hub.New(ctx, "hub", mast())
		return err
	})
	got, err := recorder.Await(h.URL)
	if err != nil || !got.Known || got.Value != "https://"+domain+"/" {
		t.Errorf("URL %+v, %v: a domain is known before anything is made", got, err)
	}
}

func TestManifests(t *testing.T) {
	args := dummy()
	args.Protect = true
	args.Manifests = []map[string]any{
		{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "quota"}, "spec": map[string]any{"accessModes": []any{"ReadWriteMany"}}},
		{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db", "namespace": "other"}, "stringData": map[string]any{"password": "planted-db"}},
		{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": map[string]any{"name": "hub"}, "spec": map[string]any{"minAvailable": 1.0}},
	}
	rec, _ := run(t, args)
	claim := rec.One(t, claimType, "hub-persistentvolumeclaim-quota")
	if claim.Input("metadata.namespace") != release || !claim.Protect || claim.Input("spec.accessModes") == nil {
		t.Errorf("the claim is %+v", claim)
	}
	db := rec.One(t, secretType, "hub-secret-db")
	if db.Input("metadata.namespace") != "other" || !db.Inputs["stringData"].ObjectValue()["password"].IsSecret() || db.Protect {
		t.Errorf("the secret is %+v", db)
	}
	rec.One(t, "kubernetes:policy/v1:PodDisruptionBudget", "hub-poddisruptionbudget-hub")
	if !rec.One(t, helm.ReleaseType, "hub-release").WaitsFor("hub-persistentvolumeclaim-quota") {
		t.Error("the release does not wait for the claim")
	}

	for want, object := range map[string]map[string]any{
		"it has no metadata.name": {"apiVersion": "v1", "kind": "ConfigMap"},
		"it is a List":            {"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"name": "x"}, "items": []any{}},
		"spec is null":            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x"}, "spec": nil},
	} {
		args := dummy()
		args.Manifests = []map[string]any{object}
		err := newRecorder().Run("staging", func(ctx *pulumi.Context) error {
			_, err := hub.New(ctx, "hub", args)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
