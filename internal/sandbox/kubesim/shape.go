package kubesim

import (
	"encoding/base64"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

// manager is the field manager under which the provider keeps what it has set.
const manager = "pulumi-kubernetes"

// own notes in an object which fields were asked for, as the API server's managed fields do.
func own(obj kubeapi.Object, in map[string]any) {
	kubeapi.Set(obj, []any{map[string]any{"manager": manager, "fields": skeleton(in)}}, "metadata", "managedFields")
}

// skeleton is a value's shape, with true for its leaves.
func skeleton(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return true
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = skeleton(e)
	}
	return out
}

// inputsOf returns what was asked for of a live object, with its present values: all of it but what the server adds when nobody noted it.
func inputsOf(live kubeapi.Object) map[string]any {
	for _, m := range kubeapi.Items(live, "metadata", "managedFields") {
		if m["manager"] == manager {
			return prune(live, kubeapi.Map(m, "fields"))
		}
	}
	out := kubeapi.Clone(live)
	delete(out, "status")
	for _, key := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"} {
		delete(kubeapi.Map(out, "metadata"), key)
	}
	return out
}

// prune returns of a live object what is in shape. The stringData that a Secret was made with is read from its data.
func prune(live kubeapi.Object, shape map[string]any) map[string]any {
	out, _ := pruned(live, shape).(map[string]any)
	if text := kubeapi.Map(shape, "stringData"); text != nil {
		shown := map[string]any{}
		for key := range text {
			if s, ok := kubeapi.Map(live, "data")[key].(string); ok {
				data, err := base64.StdEncoding.DecodeString(s)
				if err == nil {
					shown[key] = string(data)
				}
			}
		}
		out["stringData"] = shown
	}
	return out
}

func pruned(live, shape any) any {
	l, ok := live.(map[string]any)
	s, shaped := shape.(map[string]any)
	if !ok || !shaped {
		return live
	}
	out := map[string]any{}
	for k, e := range s {
		if v, has := l[k]; has {
			out[k] = pruned(v, e)
		}
	}
	return out
}

// outputs are an object as its resource shows it. Secrets' data is secret whether or not it came in as such.
func (o objectKind) outputs(live kubeapi.Object, in resource.PropertyMap) resource.PropertyMap {
	shown := kubeapi.Clone(live)
	for _, key := range []string{"managedFields", "resourceVersion"} {
		delete(kubeapi.Map(shown, "metadata"), key)
	}
	return o.secret(provider.Marked(shown, in))
}

func (o objectKind) secret(props resource.PropertyMap) resource.PropertyMap {
	if o.kind != "Secret" {
		return props
	}
	for _, key := range []resource.PropertyKey{"data", "stringData"} {
		if v, ok := props[key]; ok && !v.IsSecret() {
			props[key] = resource.MakeSecret(v)
		}
	}
	return props
}
