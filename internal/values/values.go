// Package values computes a hub's Helm values from layers of files, as Helm does, and knows of every value where it was written.
//
// Files are read, merged and set by Helm's own code: objects merge key by key, anything else of a higher layer replaces what a lower one has, a
// list too, and an empty value (null) takes a chart's default away:
// https://helm.sh/docs/chart_template_guide/values_files/#deleting-a-default-key
package values

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// Layer is one file of values.
type Layer struct {
	// Name is what people call the layer: chart defaults, common, staging.
	Name string
	// File is the file's path as messages have it; relative to Options.Files when it is to be read.
	File string
	// Data is the content, for what is no file of its own: a chart's defaults. nil reads File.
	Data []byte
	// Places is a text of the same shape as Data, from which lines are taken: the encrypted file of what Data is the plaintext of. Optional.
	Places []byte
	// Under is a path that all of it stands under: a subchart's name.
	Under []string
	// Optional makes a file that is not there an empty one. Otherwise it is a problem.
	Optional bool
	// Text makes the whole file, as text, the one value at that path, as --set-file does.
	Text Path
	// Secret makes secrets of all values of the layer.
	Secret bool
	// Placed are the layer's values when it is no file, each with an origin of its own.
	Placed []Placed
}

// Options say what values are computed from.
type Options struct {
	// Files are those of the deployment directory.
	Files deploydir.Dir
	// Layers are the files, low to high.
	Layers []Layer
	// Sets are set on top, in order of their kinds as Helm has it: json, text by type, text, files.
	Sets []Set
	// Over are values that count more than all of these.
	Over []Placed
}

// Origin is where a value was written.
type Origin struct {
	// Layer is the layer's name.
	Layer string `json:"layer"`
	// File is the file's path, or the flag for what was set on the command line.
	File string `json:"file"`
	// Line counts from 1; 0 when there is none.
	Line int `json:"line,omitempty"`
	// Secret says that it was written in a layer of secrets.
	Secret bool `json:"secret,omitempty"`
}

// String is the origin as compilers have it: file:line.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Computed is what layers come to.
type Computed struct {
	// Values are the values, in plain JSON types. Empty ones (null) are kept: Helm takes them as leave to drop a default.
	Values map[string]any
	// Notes are no errors, but worth knowing: a list that a higher layer replaced, a value that it repeats.
	Notes problem.Problems

	root *node
}

// Compute reads and merges the layers and sets what is to be set. The error is problem.Problems: all of them, with file, line and path.
func Compute(o Options) (*Computed, error) {
	c := &Computed{Values: map[string]any{}, root: &node{fields: map[string]*node{}}}
	var problems problem.Problems
	for _, l := range o.Layers {
		if l.Placed != nil {
			c.place(l.Placed)
			continue
		}
		plain, tree, found := l.read(o.Files)
		problems = append(problems, found...)
		if len(found) > 0 {
			continue
		}
		for _, key := range slices.Backward(l.Under) {
			plain = map[string]any{key: plain}
			tree = &node{Origin: tree.Origin, fields: map[string]*node{key: tree}}
		}
		c.Values = loader.MergeMaps(c.Values, plain)
		c.lay(tree)
	}
	problems = append(problems, c.set(o)...)
	c.place(o.Over)
	c.Notes = c.Notes.Sorted()
	return c, problems.Err()
}

// Leaf is a value that holds no others, or an empty object or list.
type Leaf struct {
	Path  Path
	Value any
	Origin
}

// Leaves are all leaves of the values below a path, in the order of their paths.
func (c *Computed) Leaves(below Path) []Leaf {
	v, ok := at(c.Values, below)
	if !ok {
		return nil
	}
	var out []Leaf
	c.leaves(v, below, &out)
	return out
}

func (c *Computed) leaves(v any, p Path, out *[]Leaf) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.leaves(v[key], p.with(key), out)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, item := range v {
			c.leaves(item, p.with(strconv.Itoa(i)), out)
		}
		if len(v) > 0 {
			return
		}
	}
	*out = append(*out, Leaf{p, v, c.OriginOf(p)})
}

// At is the value at a path; false when there is none.
func (c *Computed) At(p Path) (any, bool) { return at(c.Values, p) }

// OriginOf is where the value at a path was written, or what holds it when the value itself is not known.
func (c *Computed) OriginOf(p Path) Origin {
	n, origin := c.root, Origin{}
	for _, key := range p {
		if n = n.child(key); n == nil {
			break
		}
		origin = n.Origin
	}
	return origin
}

// Path leads to a value: keys of objects, and positions in lists.
type Path []string

// ParsePath reads a path as --set has it: keys with dots between, dots in a key behind a backslash, positions in brackets or as a key.
func ParsePath(text string) Path {
	var p Path
	var key strings.Builder
	end := func() {
		if key.Len() > 0 {
			p = append(p, key.String())
			key.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			key.WriteByte(text[i])
		case c == '.' || c == '[' || c == ']':
			end()
		default:
			key.WriteByte(c)
		}
	}
	end()
	return p
}

// String is the path as --set has it.
func (p Path) String() string {
	var b strings.Builder
	for i, key := range p {
		if _, err := strconv.Atoi(key); err == nil && i > 0 {
			b.WriteString("[" + key + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(escape.Replace(key))
	}
	return b.String()
}

var escape = strings.NewReplacer(`\`, `\\`, ".", `\.`, "[", `\[`, "]", `\]`)

func (p Path) with(key string) Path { return append(slices.Clip(p), key) }

// at is the value at a path.
func at(v any, p Path) (any, bool) {
	for _, key := range p {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// LayerName is what a layer is called after its file: hubs/hub/common.yaml is common.
func LayerName(file string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(file)), path.Ext(file))
}
