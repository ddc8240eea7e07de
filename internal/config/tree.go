package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// place is where a value was written.
type place struct {
	file string
	line int
}

// kind is the shape of a value.
type kind int

const (
	null kind = iota
	text
	integer
	number
	boolean
	list
	object
)

// kindNames says a kind in words.
var kindNames = map[kind]string{
	null: "empty", text: "text", integer: "a number", number: "a number", boolean: "true or false", list: "a list", object: "an object",
}

// tree is a value of a configuration file with the places it and its parts were written at.
type tree struct {
	place
	kind   kind
	scalar string
	items  []*tree
	fields []field // in the order they were written
}

// field is a key of an object. Its place is the key's own.
type field struct {
	place
	key   string
	value *tree
}

// field returns the value of a key, nil without one.
func (t *tree) field(key string) *tree {
	if t == nil {
		return nil
	}
	for i := range t.fields {
		if t.fields[i].key == key {
			return t.fields[i].value
		}
	}
	return nil
}

// keyPlace is where a key was written, or without it the object's file.
func (t *tree) keyPlace(key string) place {
	for _, f := range t.fields {
		if f.key == key {
			return f.place
		}
	}
	return place{file: t.file}
}

// set gives a key of an object another value.
func (t *tree) set(f field) {
	for i := range t.fields {
		if t.fields[i].key == f.key {
			t.fields[i] = f
			return
		}
	}
	t.fields = append(t.fields, f)
}

// plain is the value without its places, as encoding/json has values.
func (t *tree) plain() any {
	switch t.kind {
	case null:
		return nil
	case integer, number:
		f, err := strconv.ParseFloat(t.scalar, 64)
		if err != nil {
			return t.scalar
		}
		return f
	case boolean:
		return t.scalar == "true"
	case list:
		items := make([]any, len(t.items))
		for i, item := range t.items {
			items[i] = item.plain()
		}
		return items
	case object:
		fields := make(map[string]any, len(t.fields))
		for _, f := range t.fields {
			fields[f.key] = f.value.plain()
		}
		return fields
	default:
		return t.scalar
	}
}

// yamlLine finds the line in an error of the YAML parser, which has it in its text only.
var yamlLine = lazyregexp.New(`^yaml: line (\d+): (.*)$`)

// parseYAML reads one YAML document. A document that cannot be read at all is a problem; duplicate keys are problems too, and the rest
// is read all the same. An empty document is an empty object.
func parseYAML(file string, data []byte) (*tree, Problems) {
	p := &parser{file: file}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return &tree{place: place{file, 0}, kind: object}, nil
	}
	if err != nil {
		problem := Problem{File: file, Message: err.Error(), Hint: "the file is not readable as YAML"}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			problem.Line, _ = strconv.Atoi(m[1])
			problem.Message = m[2]
			if strings.HasPrefix(problem.Message, "did not find expected") {
				problem.Line++ // these the parser counts from 0, all others from 1
			}
		}
		return nil, Problems{problem}
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		p.add(more.Line, "", "the file holds a second YAML document", "keep one: Pulumi reads only the first")
	}
	return p.tree(doc.Content[0], "", nil), p.problems
}

// parser turns YAML nodes into trees.
type parser struct {
	file     string
	problems Problems
}

func (p *parser) add(line int, path, message, hint string) {
	p.problems = append(p.problems, Problem{File: p.file, Line: line, Path: path, Message: message, Hint: hint})
}

// tree converts a node; within are the anchors that it is part of.
func (p *parser) tree(n *yaml.Node, path string, within []*yaml.Node) *tree {
	t := &tree{place: place{p.file, n.Line}}
	switch n.Kind {
	case yaml.AliasNode:
		if slices.Contains(within, n.Alias) {
			p.add(n.Line, path, fmt.Sprintf("anchor %q contains itself", n.Value), "")
			return t
		}
		return p.tree(n.Alias, path, append(slices.Clone(within), n.Alias))
	case yaml.SequenceNode:
		t.kind = list
		for i, c := range n.Content {
			t.items = append(t.items, p.tree(c, fmt.Sprintf("%s[%d]", path, i), append(slices.Clone(within), n)))
		}
	case yaml.MappingNode:
		t.kind = object
		p.mapping(t, n, path, append(slices.Clone(within), n))
	default:
		t.scalar = n.Value
		switch n.ShortTag() {
		case "!!null":
			t.kind = null
		case "!!int":
			t.kind = integer
		case "!!float":
			t.kind = number
		case "!!bool":
			t.kind = boolean
		default:
			t.kind = text
		}
	}
	return t
}

// mapping converts the keys of a mapping. A key that is written twice is a problem, and its first value counts.
func (p *parser) mapping(t *tree, n *yaml.Node, path string, within []*yaml.Node) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			p.add(key.Line, path, "merge keys (<<) are not understood here", "write the keys out")
			continue
		}
		if key.Kind != yaml.ScalarNode {
			p.add(key.Line, path, "a key is not plain text", "")
			continue
		}
		at := join(path, key.Value)
		if line, twice := first[key.Value]; twice {
			p.add(key.Line, at, fmt.Sprintf("is written twice, on line %d and on line %d", line, key.Line), "keep one")
			continue
		}
		first[key.Value] = key.Line
		t.fields = append(t.fields, field{place{p.file, key.Line}, key.Value, p.tree(value, at, within)})
	}
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parseEngine reads a value as the engine hands it to a running program: JSON for objects and lists, bare text for anything else.
func parseEngine(at place, value string) *tree {
	decoder := json.NewDecoder(bytes.NewReader([]byte(value)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil || decoder.More() {
		return &tree{place: at, kind: text, scalar: value}
	}
	return fromPlain(at, v)
}

// fromPlain is a tree of a decoded JSON value, all of it at one place.
func fromPlain(at place, v any) *tree {
	t := &tree{place: at}
	switch v := v.(type) {
	case nil:
		t.kind = null
	case string:
		t.kind, t.scalar = text, v
	case bool:
		t.kind, t.scalar = boolean, strconv.FormatBool(v)
	case json.Number:
		t.kind, t.scalar = number, v.String()
		if _, err := v.Int64(); err == nil {
			t.kind = integer
		}
	case []any:
		t.kind = list
		for _, item := range v {
			t.items = append(t.items, fromPlain(at, item))
		}
	case map[string]any:
		t.kind = object
		for key, value := range v {
			t.fields = append(t.fields, field{at, key, fromPlain(at, value)})
		}
		slices.SortFunc(t.fields, func(a, b field) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	}
	return t
}
