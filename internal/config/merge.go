package config

// mergedByName are the lists whose entries merge with those of the same name in a lower layer. Every other list of a higher layer
// replaces the lower one.
var mergedByName = map[string]bool{"cluster.nodeGroups": true, "images": true, "hubs": true}

// merge lays a higher layer over a lower one: objects merge key by key, an empty value (null) takes the lower one away, and anything else
// replaces it. Neither layer is changed.
func merge(path string, low, high *tree) *tree {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.kind == object && high.kind == object:
		merged := &tree{place: high.place, kind: object}
		merged.fields = append(merged.fields, low.fields...)
		for _, f := range high.fields {
			f.value = merge(join(path, f.key), low.field(f.key), f.value)
			merged.set(f)
		}
		return merged
	case low.kind == list && high.kind == list && mergedByName[path]:
		return mergeNamed(path, low, high)
	default:
		return high
	}
}

// mergeNamed merges two lists of entries with names: those of the lower layer in their order, then the new ones. An entry without a name,
// or with one that its own layer has already, stays as it is, for the checks to find.
func mergeNamed(path string, low, high *tree) *tree {
	merged := &tree{place: high.place, kind: list}
	taken := map[*tree]bool{}
	for _, item := range low.items {
		if over := firstNamed(high, nameOf(item)); over != nil && !taken[over] {
			taken[over] = true
			item = merge(path+"[]", item, over)
		}
		merged.items = append(merged.items, item)
	}
	for _, item := range high.items {
		if !taken[item] {
			merged.items = append(merged.items, item)
		}
	}
	return merged
}

// nameOf is an entry's name, "" without one.
func nameOf(item *tree) string {
	name := item.field("name")
	if name == nil || name.kind != text {
		return ""
	}
	return name.scalar
}

func firstNamed(l *tree, name string) *tree {
	if name == "" {
		return nil
	}
	for _, item := range l.items {
		if nameOf(item) == name {
			return item
		}
	}
	return nil
}
