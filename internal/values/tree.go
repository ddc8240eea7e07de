package values

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/problem"
)

// node is a value with the place where it was written.
type node struct {
	Origin
	value  any              // of a leaf
	first  int              // the line of a leaf's own first line, where its lines are those of the file; else 0
	fields map[string]*node // of an object
	items  []*node          // of a list
}

// child is what stands under a key or at a position; nil without one.
func (n *node) child(key string) *node {
	if n.fields != nil {
		return n.fields[key]
	}
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.items) {
		return n.items[i]
	}
	return nil
}

// plain is the value without its places.
func (n *node) plain() any {
	switch {
	case n.fields != nil:
		out := make(map[string]any, len(n.fields))
		for key, f := range n.fields {
			out[key] = f.plain()
		}
		return out
	case n.items != nil:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.plain()
		}
		return out
	}
	return n.value
}

// lay puts a layer's tree over what is there, as loader.MergeMaps does with the values, and notes what is lost or said twice.
func (c *Computed) lay(layer *node) {
	c.root = c.over(c.root, layer, nil)
}

func (c *Computed) over(low, high *node, path Path) *node {
	if low.fields == nil || high.fields == nil {
		c.replaced(low, high, path)
		return high
	}
	out := &node{Origin: high.Origin, fields: maps.Clone(low.fields)}
	for key, h := range high.fields {
		if l := low.fields[key]; l != nil {
			out.fields[key] = c.over(l, h, path.with(key))
			continue
		}
		out.fields[key] = h
	}
	return out
}

// replaced notes what is worth knowing of a value that takes the place of another.
func (c *Computed) replaced(low, high *node, path Path) {
	was, is := low.plain(), high.plain()
	if reflect.DeepEqual(was, is) {
		if is != nil {
			c.note(high, path, fmt.Sprintf("repeats what %s (%s) says already", low.Origin, low.Layer), "take it out, unless it is meant to stay when that changes")
		}
		return
	}
	old, wasList := was.([]any)
	if !wasList || len(old) == 0 {
		return
	}
	items, _ := is.([]any)
	var lost []string
	for _, item := range old {
		if !slices.ContainsFunc(items, func(i any) bool { return reflect.DeepEqual(i, item) }) {
			lost = append(lost, c.brief(low, path, item))
		}
	}
	if len(lost) > 0 {
		c.note(high, path, fmt.Sprintf("replaces the list of %s (%s), of which %d of %d items are gone: %s", low.Origin, low.Layer, len(lost), len(old), strings.Join(lost, ", ")),
			"lists are not merged: repeat the items that are to stay")
	}
}

func (c *Computed) note(n *node, path Path, message, hint string) {
	c.Notes = append(c.Notes, problem.Problem{File: n.File, Line: n.Line, Path: path.String(), Message: message, Hint: hint})
}

// brief names an item of a list: by its name where it has one, else by its beginning. Of a secret it says nothing.
func (c *Computed) brief(list *node, path Path, item any) string {
	if list.secret(path) {
		return Masked
	}
	if m, ok := item.(map[string]any); ok {
		if name, ok := m["name"].(string); ok {
			return strconv.Quote(name)
		}
	}
	return Brief(item, 40)
}
