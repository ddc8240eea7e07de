package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/hubwright/hubwright/internal/secretname"
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

// align makes the new object like the old one where they mean the same: quantities in other spellings, lists in another order.
func align(meta strategicpatch.LookupPatchMeta, old, now map[string]any) {
	for key, n := range now {
		o, was := old[key]
		if !was {
			continue
		}
		switch n := n.(type) {
		case map[string]any:
			if o, ok := o.(map[string]any); ok {
				sub, _ := below(meta, key, false)
				if sub == nil && isQuantities(key) {
					alignQuantities(o, n)
				}
				align(sub, o, n)
			}
		case []any:
			if o, ok := o.([]any); ok {
				sub, mergeKey := below(meta, key, true)
				now[key] = alignList(meta != nil, key, sub, mergeKey, o, n)
			}
		case string:
			if text, ok := o.(string); ok && isQuantities(key) && sameQuantity(text, n) {
				now[key] = text
			}
		}
	}
}

// isQuantities tells the fields that are a quantity or hold some by name.
func isQuantities(key string) bool {
	return slices.Contains([]string{"limits", "requests", "capacity", "hard", "overhead", "sizeLimit", "default", "defaultRequest", "min", "max"}, key)
}

func alignQuantities(old, now map[string]any) {
	for key, n := range now {
		text, isText := n.(string)
		was, wasText := old[key].(string)
		if isText && wasText && sameQuantity(was, text) {
			now[key] = was
		}
	}
}

func sameQuantity(a, b string) bool {
	x, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(b)
	return err == nil && x.Cmp(y) == 0
}

// alignList puts a list into the order of the old one where the order does not count, and aligns the entries that belong together.
func alignList(api bool, name string, sub strategicpatch.LookupPatchMeta, mergeKey string, old, now []any) []any {
	out := now
	if mergeKey != "" && !slices.Contains(ordered, name) && !refers(now) {
		out = likeBefore(old, now, func(o, n any) bool { return keyOf(o, mergeKey) == keyOf(n, mergeKey) && keyOf(o, mergeKey) != "" })
	} else if api && mergeKey == "" && slices.Contains(unordered, name) {
		out = likeBefore(old, now, equal)
	}
	for i, n := range out {
		n, ok := n.(map[string]any)
		if !ok {
			continue
		}
		if j := partner(old, i, n, mergeKey); j >= 0 {
			if o, ok := old[j].(map[string]any); ok {
				align(sub, o, n)
			}
		}
	}
	return out
}

// partner is the place in the old list of the entry that belongs with the i-th of the new one; -1 for none.
func partner(old []any, i int, n map[string]any, mergeKey string) int {
	if mergeKey == "" {
		if i < len(old) {
			return i
		}
		return -1
	}
	return slices.IndexFunc(old, func(o any) bool { return keyOf(o, mergeKey) == keyOf(n, mergeKey) })
}

// refers says whether an environment's variables refer to others, which must stand before them.
func refers(list []any) bool {
	return slices.ContainsFunc(list, func(e any) bool {
		m, _ := e.(map[string]any)
		text, _ := m["value"].(string)
		return strings.Contains(text, "$(")
	})
}

// likeBefore puts the entries that were there before into the order that they had; those that are new come after, in their own.
func likeBefore(old, now []any, same func(o, n any) bool) []any {
	var out []any
	rest := slices.Clone(now)
	for _, o := range old {
		if i := slices.IndexFunc(rest, func(n any) bool { return same(o, n) }); i >= 0 {
			out, rest = append(out, rest[i]), slices.Delete(rest, i, i+1)
		}
	}
	return append(out, rest...)
}

// keyOf is what an entry of a list is known by; of ports, which have a key of two parts in truth, the protocol is the second.
func keyOf(entry any, mergeKey string) string {
	m, ok := entry.(map[string]any)
	if !ok || m[mergeKey] == nil {
		return ""
	}
	key := fmt.Sprint(m[mergeKey])
	if protocol, ok := m["protocol"].(string); ok {
		key += "/" + protocol
	}
	return key
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

// settle makes the new object like the old one where it is another each time that it is rendered.
func settle(old, now, again map[string]any) {
	for key, n := range now {
		o, was := old[key]
		if !was || equal(n, again[key]) {
			continue
		}
		now[key] = settled(o, n, again[key])
	}
}

func settled(old, now, again any) any {
	switch now := now.(type) {
	case map[string]any:
		o, was := old.(map[string]any)
		a, is := again.(map[string]any)
		if was && is {
			settle(o, now, a)
			return now
		}
	case []any:
		o, was := old.([]any)
		a, is := again.([]any)
		if was && is && len(o) == len(now) && len(a) == len(now) {
			for i := range now {
				if !equal(now[i], a[i]) {
					now[i] = settled(o[i], now[i], a[i])
				}
			}
			return now
		}
	}
	return old
}

// hide puts a mask in the place of what a Secret holds, but for documents, of which only what is a secret by its name is masked, and for what is masked
// already. A value that differs from before is said to.
func hide(id ID, old, now Object) {
	if id.Kind != "Secret" {
		return
	}
	before, _ := old["data"].(map[string]any)
	after, _ := now["data"].(map[string]any)
	hideIn(before, after, true)
}

func hideIn(old, now map[string]any, top bool) {
	for key := range both(old, now) {
		o, was := old[key]
		n, is := now[key]
		om, wasMap := o.(map[string]any)
		nm, isMap := n.(map[string]any)
		if (wasMap || !was) && (isMap || !is) {
			hideIn(om, nm, false)
			continue
		}
		if !top && !secretname.Is(key) {
			continue
		}
		changed := was && is && !equal(o, n)
		if was && !masked(o) {
			old[key] = Secret
		}
		if is && !masked(n) {
			now[key] = Secret
			if changed {
				now[key] = Changed
			}
		}
	}
}

func masked(v any) bool { return v == nil || v == Secret || v == Changed }

func both(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	for key := range a {
		out[key] = true
	}
	for key := range b {
		out[key] = true
	}
	return out
}

// restarts says whether the pods of a workload are made anew.
func restarts(id ID, changed []Field, oldSums, sums map[string]any) bool {
	switch id.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return false
	}
	for _, f := range changed {
		if strings.HasPrefix(f.Path, "spec.template.") {
			return true
		}
	}
	return !equal(oldSums, sums)
}

// checksums are the annotations of a workload's pods that stand for what they read.
func checksums(o Object) map[string]any {
	out := map[string]any{}
	for key, v := range nested(o, "spec", "template", "metadata", "annotations") {
		if isChecksum(key) {
			out[key] = v
		}
	}
	return out
}

// nested is the object at a path; nil for none.
func nested(o Object, path ...string) map[string]any {
	for _, key := range path {
		o, _ = o[key].(map[string]any)
	}
	return o
}

func isLatest(image string) bool {
	if strings.Contains(image, "@") {
		return false
	}
	_, tag, found := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return !found || tag == "latest"
}
