package manifest

import (
	"encoding/base64"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// bookkeeping are labels and annotations by which Helm says what made an object: they change with each version of a chart and mean nothing in the cluster
// (https://helm.sh/docs/chart_best_practices/labels/).
var bookkeeping = []string{"helm.sh/chart", "chart", "heritage", "app.kubernetes.io/version"}

// canonical is an object without what does not count: its status, fields at the API's defaults, empty lists and objects, Helm's bookkeeping, checksums.
// Quantities are spelled in one way, and the documents in a ConfigMap or Secret are taken apart.
func canonical(o Object) Object {
	out := typed(o)
	delete(out, "status")
	forget(out)
	dropDefaults(out)
	prune(out)
	documents(out)
	return out
}

// typed takes the object through the API's own type, which spells quantities in one way. One of a kind that is not Kubernetes' own, or with a field of
// another type than the API has, is left as it is.
func typed(o Object) Object {
	plain := deepCopy(o).(Object) //nolint:forcetypeassert // the copy of an object is one
	into := emptyOf(o)
	if into == nil {
		return plain
	}
	convert := runtime.DefaultUnstructuredConverter
	if err := convert.FromUnstructuredWithValidation(plain, into, true); err != nil {
		return plain
	}
	out, err := convert.ToUnstructured(into)
	if err != nil {
		return plain
	}
	return out
}

// emptyOf is a value of the API's type for an object's kind; nil for kinds that are not Kubernetes' own.
func emptyOf(o Object) runtime.Object {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	into, err := scheme.Scheme.New(schema.FromAPIVersionAndKind(version, kind))
	if err != nil {
		return nil
	}
	return into
}

// documents takes apart the texts of a ConfigMap or Secret that are YAML or JSON documents, after base64 where that is how they are written.
func documents(o Object) {
	switch o["kind"] {
	case "ConfigMap":
		if data, ok := o["data"].(Object); ok {
			open(data)
		}
	case "Secret":
		data, _ := o["data"].(Object)
		for key, v := range data {
			coded, _ := v.(string)
			if clear, err := base64.StdEncoding.DecodeString(coded); err == nil && utf8.Valid(clear) {
				data[key] = string(clear)
			}
		}
		if plain, ok := o["stringData"].(Object); ok { // which the API server writes into data
			if data == nil {
				data = Object{}
				o["data"] = data
			}
			maps.Copy(data, plain)
			delete(o, "stringData")
		}
		open(data)
	}
}

func open(data Object) {
	for key, v := range data {
		text, ok := v.(string)
		if !ok || !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(key)) {
			continue
		}
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			continue
		}
		switch doc.(type) {
		case map[string]any, []any:
			data[key] = deepCopy(doc)
		}
	}
}

// forget takes out labels and annotations that do not count.
func forget(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range []string{"labels", "annotations"} {
			m, ok := v[name].(map[string]any)
			if !ok {
				continue
			}
			maps.DeleteFunc(m, func(key string, _ any) bool {
				return slices.Contains(bookkeeping, key) || isChecksum(key)
			})
		}
		for _, e := range v {
			forget(e)
		}
	case []any:
		for _, e := range v {
			forget(e)
		}
	}
}

// isChecksum tells the annotations by which charts have pods made anew when what they read has changed:
// https://helm.sh/docs/howto/charts_tips_and_tricks/#automatically-roll-deployments
func isChecksum(key string) bool { return strings.HasPrefix(key, "checksum/") }

// prune takes out what is empty: null, an object or a list without entries. In the API they are the same as nothing, but for selectors and rules, where an
// empty one means all; there it stays.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			prune(e)
			if isEmpty(e) && !slices.Contains(meaningful, key) {
				delete(v, key)
			}
		}
	case []any:
		for _, e := range v {
			prune(e)
		}
	}
}

// meaningful are fields that say something when they are empty: the kinds of volumes, selectors and rules of a NetworkPolicy.
var meaningful = []string{"emptyDir", "podSelector", "namespaceSelector", "selector", "ingress", "egress", "policyTypes"}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = deepCopy(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = deepCopy(e)
		}
		return out
	case float64: // a whole number, as the API's types have it
		if v == float64(int64(v)) {
			return int64(v)
		}
	case int:
		return int64(v)
	}
	return v
}

// equal compares plain data; numbers are whole ones where they can be.
func equal(a, b any) bool { return reflect.DeepEqual(deepCopy(a), deepCopy(b)) }
