package kubesim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/helmsim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const releaseToken = "kubernetes:helm.sh/v3:Release"

// uninstallTakes is how long Helm takes to see everything gone: an estimate.
const uninstallTakes = 30 * time.Second

func (k *kube) releaseKind() *provider.Kind {
	return &provider.Kind{
		Name: "name", ForceNew: []string{"name", "namespace"}, KeepNulls: true,
		Steps: &provider.Steps{
			Check: k.checkRelease, Preview: previewRelease,
			Create: k.createRelease, Read: k.readRelease, Update: k.updateRelease, Delete: k.deleteRelease,
		},
	}
}

// releaseDefaults are the options that the provider shows in every release, whether given or not (type Release in
// provider/pkg/provider/helm_release.go of pulumi-kubernetes).
var releaseDefaults = map[resource.PropertyKey]any{
	"allowNullValues": false, "atomic": false, "cleanupOnFail": false, "createNamespace": false, "dependencyUpdate": false, "description": "",
	"devel": false, "disableCRDHooks": false, "disableOpenapiValidation": false, "disableWebhooks": false, "forceUpdate": false, "keyring": "",
	"lint": false, "postrender": "", "recreatePods": false, "renderSubchartNotes": false, "replace": false, "resetValues": false, "reuseValues": false,
	"skipAwait": false, "skipCrds": false, "timeout": 300.0, "verify": false, "waitForJobs": false, "values": map[string]any{},
}

// checkRelease adds the provider's defaults, a name where there is none, and the exact version of the chart.
func (k *kube) checkRelease(c *provider.Call, olds, news resource.PropertyMap) (resource.PropertyMap, []string) {
	news = news.Copy()
	var problems []string
	for _, unsupported := range []resource.PropertyKey{"valueYamlFiles", "postrender"} {
		if v := news[unsupported]; v.HasValue() && !(v.IsString() && v.StringValue() == "") {
			problems = append(problems, string(unsupported)+": the sandbox does not simulate this option")
		}
	}
	if empty(news["name"]) {
		news["name"] = resource.NewProperty(c.Name + "-" + world.Hex(8))
		if old := olds["name"]; old.IsString() && old.StringValue() != "" {
			news["name"] = old
		}
	}
	if empty(news["namespace"]) {
		news["namespace"] = resource.NewProperty(sessionOf(c.Session).namespace)
	}
	for key, def := range releaseDefaults {
		if !news[key].HasValue() && !news[key].IsComputed() && !news[key].IsOutput() {
			news[key] = resource.NewPropertyValue(def)
		}
	}
	if news.ContainsUnknowns() {
		return news, problems
	}
	found, err := k.chart(context.Background(), c.In)
	if err != nil {
		return news, append(problems, fmt.Sprintf("chart: %v; check the chart name and repository configuration.", err))
	}
	news["version"] = resource.NewProperty(found.Metadata.Version)
	return news, problems
}

func empty(v resource.PropertyValue) bool {
	return !v.HasValue() && !v.IsComputed() && !v.IsOutput() || v.IsString() && v.StringValue() == ""
}

// previewRelease: what Helm answers is not known before it has run.
func previewRelease(promised resource.PropertyMap) resource.PropertyMap {
	out := promised.Copy()
	for _, key := range []resource.PropertyKey{"resourceNames", "status"} {
		out[key] = resource.MakeComputed(resource.NewProperty(""))
	}
	return out
}

func (k *kube) chart(ctx context.Context, in map[string]any) (*render.Found, error) {
	return k.charts.Chart(ctx, render.Request{
		Name: kubeapi.Text(in, "chart"), Version: kubeapi.Text(in, "version"), Repository: kubeapi.Text(in, "repositoryOpts", "repo"),
	})
}

// helm returns what a call of a release needs: its client, its chart and its options.
func (k *kube) helm(ctx context.Context, c *provider.Call, api kubeapi.World) (*helmsim.Client, *render.Found, helmsim.Options, error) {
	found, err := k.chart(ctx, c.In)
	if err != nil {
		return nil, nil, helmsim.Options{}, err
	}
	client := k.client(api)
	client.Origin = found.Origin
	flag := func(name string) bool { b, _ := c.In[name].(bool); return b }
	return client, found, helmsim.Options{
		Timeout: timeoutOf(c.In), NoWait: flag("skipAwait"), WaitForJobs: flag("waitForJobs"), DisableHooks: flag("disableWebhooks"), Atomic: flag("atomic"),
		CreateNamespace: flag("createNamespace"), Replace: flag("replace"), SkipCRDs: flag("skipCrds"), CleanupOnFail: flag("cleanupOnFail"),
		ResetValues: flag("resetValues"), ReuseValues: flag("reuseValues"), Description: kubeapi.Text(c.In, "description"),
		MaxHistory: kubeapi.Number(c.In, 0, "maxHistory"),
	}, nil
}

func (k *kube) client(api kubeapi.World) *helmsim.Client {
	var version string
	_ = k.world.View(func(tx *world.Tx) error {
		version = kubeapi.Version(tx, api.Cluster())
		return nil
	})
	return &helmsim.Client{API: api, Waiter: k.waiter(api), KubeVersion: version}
}

func timeoutOf(in map[string]any) time.Duration {
	if seconds := kubeapi.Number(in, 0, "timeout"); seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return 300 * time.Second
}

func values(in map[string]any) map[string]any {
	if v := kubeapi.Map(in, "values"); v != nil {
		return v
	}
	return map[string]any{}
}

func (k *kube) createRelease(ctx context.Context, c *provider.Call, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	api, err := k.connect(c)
	if err != nil {
		return "", nil, fmt.Errorf("can't create Helm Release with unreachable cluster: %w", err)
	}
	client, found, opts, err := k.helm(ctx, c, api)
	if err != nil {
		return "", nil, err
	}
	namespace, name := kubeapi.Text(c.In, "namespace"), kubeapi.Text(c.In, "name")
	id := namespace + "/" + name
	rel, err := client.Install(ctx, found.Chart, values(c.In), namespace, name, opts)
	if failed := new(helmsim.FailedError); errors.As(err, &failed) {
		err = provider.Unready(fmt.Errorf("Helm release %q was created, but failed to initialize completely. Use Helm CLI to investigate: %w", id, unavailable(id, failed))) //nolint:staticcheck // the provider's own words
	} else if err != nil {
		return "", nil, err
	}
	return id, releaseOutputs(in, rel, found.Origin), err
}

// unavailable words a failed revision as the provider does.
func unavailable(id string, failed *helmsim.FailedError) error {
	return fmt.Errorf("failed to become available within allocated timeout. Error: Helm Release %s: %w", id, failed.Err)
}

func (k *kube) updateRelease(ctx context.Context, c *provider.Call, in resource.PropertyMap) (resource.PropertyMap, error) {
	api, err := k.connect(c)
	if err != nil {
		return nil, fmt.Errorf("can't update Helm Release with unreachable cluster: %w", err)
	}
	client, found, opts, err := k.helm(ctx, c, api)
	if err != nil {
		return nil, err
	}
	rel, err := client.Upgrade(ctx, found.Chart, values(c.In), kubeapi.Text(c.In, "namespace"), kubeapi.Text(c.In, "name"), opts)
	if failed := new(helmsim.FailedError); errors.As(err, &failed) {
		err = provider.Unready(fmt.Errorf("Helm release %q failed to initialize completely. Use Helm CLI to investigate: %w", c.ID, unavailable(c.ID, failed))) //nolint:staticcheck // the provider's own words
	} else if err != nil {
		return nil, err
	}
	return releaseOutputs(in, rel, found.Origin), err
}

func (k *kube) readRelease(ctx context.Context, c *provider.Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error) {
	api, err := k.connect(c)
	if err != nil {
		if sessionOf(c.Session).deleteUnreachable {
			return nil, nil, nil
		}
		return nil, nil, errReadUnreachable
	}
	ref := objectKind{}.ref(c.ID)
	rel, err := k.client(api).Last(ctx, ref.Namespace, ref.Name)
	if err != nil || rel == nil {
		return nil, nil, err
	}
	inputs = in
	if len(in) == 0 { // an import: Helm knows neither the repository nor the options
		inputs = resource.PropertyMap{
			"name": resource.NewProperty(ref.Name), "namespace": resource.NewProperty(ref.Namespace),
			"chart": resource.NewProperty(rel.Chart.Name()), "version": resource.NewProperty(rel.Chart.Metadata.Version),
			"values": resource.MakeSecret(resource.NewProperty(resource.NewPropertyMapFromMap(rel.Config))),
		}
	}
	out = releaseOutputs(inputs, rel, rel.Chart.Metadata.Annotations[helmsim.OriginAnnotation])
	if !kubeapi.Same(provider.Plain(inputs)["values"], rel.Config) { // somebody else has changed it; which of it is secret is not known
		out["values"] = resource.MakeSecret(resource.NewProperty(resource.NewPropertyMapFromMap(rel.Config)))
	}
	return out, inputs, nil
}

func (k *kube) deleteRelease(ctx context.Context, c *provider.Call) error {
	api, err := k.connect(c)
	if err != nil {
		return fmt.Errorf("can't delete Helm Release with unreachable cluster. Reason: %q", err) //nolint:errorlint // the provider's own words quote the reason
	}
	ref := objectKind{}.ref(c.ID)
	if err := k.client(api).Uninstall(ctx, ref.Namespace, ref.Name, helmsim.Options{Timeout: timeoutOf(c.In)}); err != nil {
		return err
	}
	return k.world.Clock.Sleep(ctx, uninstallTakes)
}

// releaseOutputs are a release's inputs and what Helm says of it. sandboxChart says which chart was used, and is the sandbox's own.
func releaseOutputs(in resource.PropertyMap, rel *release.Release, origin string) resource.PropertyMap {
	out := in.Copy()
	meta := rel.Chart.Metadata
	out["version"] = resource.NewProperty(meta.Version)
	out["status"] = resource.NewPropertyValue(map[string]any{
		"appVersion": meta.AppVersion, "chart": meta.Name, "name": rel.Name, "namespace": rel.Namespace,
		"revision": float64(rel.Version), "status": rel.Info.Status.String(), "version": meta.Version,
	})
	out["resourceNames"] = resource.NewPropertyValue(resourceNames(rel.Manifest))
	if origin != "" {
		out["sandboxChart"] = resource.NewProperty(origin)
	}
	return out
}

// resourceNames lists a manifest's objects by kind and API version, as the provider has them ("Service/v1", "Deployment.apps/apps/v1").
func resourceNames(manifest string) map[string]any {
	out := map[string]any{}
	parsed, err := render.Parse("manifest", manifest)
	if err != nil {
		return out
	}
	for _, m := range parsed {
		ref := kubeapi.RefOf(m.Object)
		key := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind().String() + "/" + ref.APIVersion
		list, _ := out[key].([]any)
		out[key] = append(list, idOf(ref))
	}
	for _, list := range out {
		slices.SortFunc(list.([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	}
	return out
}
