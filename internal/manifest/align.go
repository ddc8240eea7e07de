package manifest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

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
