package manifest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// schemaOf is what the API's type for a kind says of its lists; nil for kinds that are not Kubernetes' own.
func schemaOf(id ID) strategicpatch.LookupPatchMeta {
	into, err := scheme.Scheme.New(schema.FromAPIVersionAndKind(id.APIVersion, id.Kind))
	if err != nil {
		return nil
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(into)
	if err != nil {
		return nil
	}
	return meta
}

// ordered are lists with a key whose order counts all the same.
var ordered = []string{"initContainers"}

// unordered are lists without a key whose order does not count.
var unordered = []string{
	"tolerations", "accessModes", "rules", "verbs", "resources", "apiGroups", "resourceNames", "subjects", "policyTypes", "ingress", "egress", "from", "to", "ports",
	"matchExpressions", "values", "nodeSelectorTerms", "preferredDuringSchedulingIgnoredDuringExecution", "requiredDuringSchedulingIgnoredDuringExecution",
	"drop", "add", "mountOptions", "finalizers", "imagePullSecrets",
}

// below is what is known of the list or object at a key: its own schema, and a list's key.
func below(meta strategicpatch.LookupPatchMeta, key string, list bool) (sub strategicpatch.LookupPatchMeta, mergeKey string) {
	if meta == nil {
		return nil, ""
	}
	if !list {
		sub, _, err := meta.LookupPatchMetadataForStruct(key)
		if err != nil {
			return nil, ""
		}
		return sub, ""
	}
	sub, patch, err := meta.LookupPatchMetadataForSlice(key)
	if err != nil {
		return nil, ""
	}
	return sub, patch.GetPatchMergeKey()
}

// fields are the values in which two objects differ, in order of their paths.
func fields(meta strategicpatch.LookupPatchMeta, path string, old, now map[string]any) []Field {
	var out []Field
	keys := slices.AppendSeq(slices.Collect(maps.Keys(old)), maps.Keys(now))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		o, n := old[key], now[key]
		if equal(o, n) {
			continue
		}
		at := join(path, key)
		switch n := n.(type) {
		case map[string]any:
			if o, ok := o.(map[string]any); ok {
				sub, _ := below(meta, key, false)
				out = append(out, fields(sub, at, o, n)...)
				continue
			}
		case []any:
			if o, ok := o.([]any); ok {
				sub, mergeKey := below(meta, key, true)
				out = append(out, entries(sub, at, mergeKey, o, n)...)
				continue
			}
		}
		out = append(out, Field{Path: at, Old: o, New: n})
	}
	return out
}

// entries are the values in which two lists differ: entry by entry where these have keys, or are as many.
func entries(sub strategicpatch.LookupPatchMeta, path, mergeKey string, old, now []any) []Field {
	keyed := mergeKey != "" && unique(old, mergeKey) && unique(now, mergeKey)
	if !keyed && len(old) != len(now) {
		return []Field{{Path: path, Old: old, New: now}}
	}
	var out []Field
	one := func(at string, o, n any) {
		om, was := o.(map[string]any)
		nm, is := n.(map[string]any)
		switch {
		case equal(o, n):
		case was && is:
			out = append(out, fields(sub, at, om, nm)...)
		default:
			out = append(out, Field{Path: at, Old: o, New: n})
		}
	}
	if !keyed {
		for i := range now {
			one(path+"["+strconv.Itoa(i)+"]", old[i], now[i])
		}
		return out
	}
	find := func(list []any, key string) any {
		if i := slices.IndexFunc(list, func(e any) bool { return keyOf(e, mergeKey) == key }); i >= 0 {
			return list[i]
		}
		return nil
	}
	for _, o := range old {
		key := keyOf(o, mergeKey)
		one(path+"["+key+"]", o, find(now, key))
	}
	for _, n := range now {
		if key := keyOf(n, mergeKey); find(old, key) == nil {
			one(path+"["+key+"]", nil, n)
		}
	}
	if len(out) == 0 {
		out = append(out, Field{Path: path, Old: old, New: now}) // the order, where it counts
	}
	return out
}

func unique(list []any, mergeKey string) bool {
	seen := map[string]bool{}
	for _, e := range list {
		key := keyOf(e, mergeKey)
		if key == "" || seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

func join(path, key string) string {
	if strings.ContainsAny(key, ".[/") {
		key = "[" + key + "]"
		return path + key
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
