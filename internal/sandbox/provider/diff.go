package provider

import (
	"sort"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// diff compares old and new inputs leaf by leaf, as the real providers report it.
func (k *Kind) diff(olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse {
	detailed := map[string]*rpc.PropertyDiff{}
	compare("", resource.NewObjectProperty(olds), resource.NewObjectProperty(news), func(path string, kind rpc.PropertyDiff_Kind) {
		for _, skip := range append(ignore, k.Ignore...) {
			if within(path, skip) {
				return
			}
		}
		if k.forcesNew(path) {
			kind++ // each kind is followed by its replacing form: ADD, ADD_REPLACE, …
		}
		detailed[path] = &rpc.PropertyDiff{Kind: kind, InputDiff: true}
	})
	res := &rpc.DiffResponse{Changes: rpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true, DetailedDiff: detailed, DeleteBeforeReplace: k.DeleteFirst}
	top, replaces := map[string]bool{}, map[string]bool{}
	for path, d := range detailed {
		res.Changes = rpc.DiffResponse_DIFF_SOME
		first, _, _ := strings.Cut(path, ".")
		first, _, _ = strings.Cut(first, "[")
		top[first] = true
		switch d.Kind {
		case rpc.PropertyDiff_ADD_REPLACE, rpc.PropertyDiff_DELETE_REPLACE, rpc.PropertyDiff_UPDATE_REPLACE:
			replaces[first] = true
		}
	}
	res.Diffs, res.Replaces = keys(top), keys(replaces)
	return res
}

func (k *Kind) forcesNew(path string) bool {
	for _, f := range k.ForceNew {
		if f == "*" || within(path, f) {
			return true
		}
	}
	return false
}

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// compare calls found for each leaf in which old and new differ. Secretness does not count; an unknown new value counts as changed.
func compare(path string, old, now resource.PropertyValue, found func(string, rpc.PropertyDiff_Kind)) {
	old, now = unwrap(old), unwrap(now)
	switch {
	case now.IsComputed() || now.IsOutput():
		found(path, rpc.PropertyDiff_UPDATE)
	case old.IsObject() && now.IsObject():
		for _, k := range union(old.ObjectValue(), now.ObjectValue()) {
			o, had := old.ObjectValue()[k]
			n, has := now.ObjectValue()[k]
			sub := join(path, string(k))
			switch {
			case !had || unwrap(o).IsNull():
				if has && !unwrap(n).IsNull() {
					found(sub, rpc.PropertyDiff_ADD)
				}
			case !has || unwrap(n).IsNull():
				found(sub, rpc.PropertyDiff_DELETE)
			default:
				compare(sub, o, n, found)
			}
		}
	case old.IsArray() && now.IsArray() && len(old.ArrayValue()) == len(now.ArrayValue()):
		for i, o := range old.ArrayValue() {
			compare(index(path, i), o, now.ArrayValue()[i], found)
		}
	case !old.DeepEquals(now):
		found(path, rpc.PropertyDiff_UPDATE)
	}
}

func union(a, b resource.PropertyMap) []resource.PropertyKey {
	all := resource.PropertyMap{}
	for k := range a {
		all[k] = resource.PropertyValue{}
	}
	for k := range b {
		all[k] = resource.PropertyValue{}
	}
	return all.StableKeys()
}

func unwrap(v resource.PropertyValue) resource.PropertyValue {
	for {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case v.IsOutput() && v.OutputValue().Known:
			v = v.OutputValue().Element
		default:
			return v
		}
	}
}

// join and index extend a property path the way the engine parses it.
func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, ".[]\""):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
