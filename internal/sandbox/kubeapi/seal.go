package kubeapi

import (
	"encoding/json"
	"hash/fnv"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// templateKey is where a stored workload has a digest of its pods' template, which cannot be taken from what is sealed.
const templateKey = "$template"

// TemplateHash tells one version of a workload's pods from another.
func TemplateHash(o *world.Object) string { return o.String(templateKey) }

// keep turns an object into what the world stores. Sealed are the data of Secrets and ConfigMaps and the values of containers' environment
// variables: whatever secret a chart's values hold ends up in one of them.
func keep(w *world.World, obj Object) (map[string]any, error) {
	props := resource.NewPropertyMapFromMap(obj)
	switch Text(obj, "kind") {
	case "Secret", "ConfigMap":
		for _, key := range []resource.PropertyKey{"data", "binaryData"} {
			if v, ok := props[key]; ok {
				props[key] = resource.MakeSecret(v)
			}
		}
	case "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod":
		props["spec"] = hideEnvironment(props["spec"])
	}
	kept, err := provider.Keep(w, props)
	if template := At(obj, "spec", "template"); template != nil {
		data, _ := json.Marshal(template) // plain JSON types always marshal
		h := fnv.New64a()
		_, _ = h.Write(data)
		kept[templateKey] = strconv.FormatUint(h.Sum64(), 16)
	}
	return kept, err
}

// hideEnvironment marks the values of environment variables as secret, wherever below v they are.
func hideEnvironment(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsArray():
		out := make([]resource.PropertyValue, len(v.ArrayValue()))
		for i, e := range v.ArrayValue() {
			out[i] = hideEnvironment(e)
		}
		return resource.NewProperty(out)
	case v.IsObject():
		out := resource.PropertyMap{}
		for k, e := range v.ObjectValue() {
			out[k] = hideEnvironment(e)
			if k != "env" || !e.IsArray() {
				continue
			}
			for _, variable := range out[k].ArrayValue() {
				if value, ok := variable.V.(resource.PropertyMap); ok && value["value"].IsString() {
					value["value"] = resource.MakeSecret(value["value"])
				}
			}
		}
		return resource.NewProperty(out)
	}
	return v
}

// unseal is the reverse of keep.
func unseal(w *world.World, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["$sealed"]; ok && len(v) == 1 {
			opened, err := provider.Open(w, map[string]any{"it": v})
			return opened["it"], err
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			if k == templateKey {
				continue
			}
			opened, err := unseal(w, e)
			if err != nil {
				return nil, err
			}
			out[k] = opened
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			opened, err := unseal(w, e)
			if err != nil {
				return nil, err
			}
			out[i] = opened
		}
		return out, nil
	}
	return clone(v), nil
}
