package values

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// Set is a value that is set by its path, as Helm's flags do: https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set
type Set struct {
	// Kind is one of the constants below.
	Kind string
	// Text is PATH=VALUE, or for SetJSON an object.
	Text string
	// Layer is what people call where it stands; empty means the command line.
	Layer string
	// File is where it stands; empty means the flag. Line counts from 1; 0 when there is none.
	File string
	Line int
}

// Kinds of Set.
const (
	SetJSON   = "set-json"   // JSON
	SetTyped  = "set"        // a number, true, false, null or text, by its look
	SetString = "set-string" // text
	SetFile   = "set-file"   // the content of a file of the deployment directory
)

// SetKinds are the kinds of Set, in the order in which Helm applies them.
var SetKinds = []string{SetJSON, SetTyped, SetString, SetFile}

// CommandLine is the layer of what was set by flags.
const CommandLine = "command line"

// set applies the options' sets.
func (c *Computed) set(o Options) (problems problem.Problems) {
	for _, kind := range SetKinds {
		for _, s := range o.Sets {
			if s.Kind != kind {
				continue
			}
			before := c.Values
			after := deepCopy(before).(map[string]any)
			name, _, _ := strings.Cut(s.Text, "=")
			after, err := s.apply(after, o.Files)
			if err != nil {
				p := Unread("--"+kind, err, "give it as PATH=VALUE")
				if kind == SetFile && p.Message == Missing {
					_, file, _ := strings.Cut(s.Text, "=")
					p.Message = fmt.Sprintf("%q %s", file, Missing)
					p.Hint = "give it as PATH=FILE, the file relative to the deployment directory"
				}
				p.Path = strings.TrimSpace(name)
				problems = append(problems, p)
				continue
			}
			c.Values = after
			c.root = marked(c.root, before, after, Origin{Layer: cmp.Or(s.Layer, CommandLine), File: cmp.Or(s.File, "--"+kind), Line: s.Line})
		}
	}
	return problems
}

// apply sets one value in place, by Helm's own parser.
func (s Set) apply(into map[string]any, files deploydir.Dir) (map[string]any, error) {
	switch s.Kind {
	case SetJSON:
		if strings.HasPrefix(strings.TrimSpace(s.Text), "{") {
			var object map[string]any
			if err := json.Unmarshal([]byte(s.Text), &object); err != nil {
				return nil, err
			}
			return loader.MergeMaps(into, object), nil
		}
		return into, strvals.ParseJSON(s.Text, into)
	case SetString:
		return into, strvals.ParseIntoString(s.Text, into)
	case SetFile:
		return into, strvals.ParseIntoFile(s.Text, into, func(file []rune) (any, error) {
			data, err := files.ReadFile(string(file), maxFile)
			return string(data), err
		})
	}
	return into, strvals.ParseInto(s.Text, into)
}

// marked is the tree with the origin at all that is not as it was before.
func marked(n *node, before, after any, origin Origin) *node {
	if n == nil || !sameShape(before, after) {
		return fresh(after, origin)
	}
	if reflect.DeepEqual(before, after) {
		return n
	}
	out := *n
	switch after := after.(type) {
	case map[string]any:
		was := before.(map[string]any) //nolint:forcetypeassert // the same shape
		out.fields = maps.Clone(n.fields)
		for key, v := range after {
			old, had := was[key]
			if !had {
				out.fields[key] = fresh(v, origin)
				continue
			}
			out.fields[key] = marked(n.child(key), old, v, origin)
		}
	case []any:
		was := before.([]any) //nolint:forcetypeassert // the same shape
		out.items = slices.Clone(n.items)
		for i, v := range after {
			switch {
			case i >= len(was) || i >= len(out.items):
				out.items = append(out.items, fresh(v, origin))
			default:
				out.items[i] = marked(n.child(strconv.Itoa(i)), was[i], v, origin)
			}
		}
	default:
		return fresh(after, origin)
	}
	return &out
}

// sameShape says whether both are objects, or both lists, or both neither.
func sameShape(a, b any) bool {
	_, mapA := a.(map[string]any)
	_, mapB := b.(map[string]any)
	_, listA := a.([]any)
	_, listB := b.([]any)
	return mapA == mapB && listA == listB
}

// fresh is a tree of one origin.
func fresh(v any, origin Origin) *node {
	n := &node{Origin: origin}
	switch v := v.(type) {
	case map[string]any:
		n.fields = make(map[string]*node, len(v))
		for key, e := range v {
			n.fields[key] = fresh(e, origin)
		}
	case []any:
		n.items = make([]*node, len(v))
		for i, e := range v {
			n.items[i] = fresh(e, origin)
		}
	default:
		n.value = v
	}
	return n
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
	}
	return v
}
