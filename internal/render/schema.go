package render

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// Violation is a value that a chart's JSON schema refuses.
type Violation struct {
	// Path leads to the value, from the top of the values.
	Path []string
	// Message says what the schema wants of it.
	Message string
	// Unknown says that the schema knows no such key. Known are those that there may be in its place.
	Unknown bool
	Known   []string
}

// Violations are all values that the schemas of a chart and its dependencies refuse, one by one. Helm's own check, which Render makes, says them in
// one text.
func Violations(ch *chart.Chart, values map[string]any) ([]Violation, error) {
	var out []Violation
	if ch.Schema != nil {
		found, err := violations(ch, values)
		if err != nil {
			return nil, fmt.Errorf("the schema of chart %s: %w", ch.Name(), err)
		}
		out = append(out, found...)
	}
	for _, dep := range ch.Dependencies() {
		below, ok := values[dep.Name()].(map[string]any)
		if !ok {
			continue
		}
		found, err := Violations(dep, below)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			v.Path = append([]string{dep.Name()}, v.Path...)
			out = append(out, v)
		}
	}
	return out, nil
}

// compiled are the schemas of charts, by the digests of their texts: many hubs have one chart, and to compile its schema takes longer than to apply it.
var compiled sync.Map

// compiledSchema is a schema, and the same as plain data.
type compiledSchema struct {
	schema *jsonschema.Schema
	doc    any
}

func compile(text []byte) (*compiledSchema, error) {
	sum := sha256.Sum256(text)
	if known, ok := compiled.Load(sum); ok {
		return known.(*compiledSchema), nil //nolint:forcetypeassert // nothing else is stored
	}
	const name = "values.schema.json"
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler() // which loads nothing from elsewhere
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, err
	}
	c := &compiledSchema{schema, doc}
	compiled.Store(sum, c)
	return c, nil
}

func violations(ch *chart.Chart, values map[string]any) ([]Violation, error) {
	s, err := compile(ch.Schema)
	if err != nil {
		return nil, err
	}
	var wrong *jsonschema.ValidationError
	if !errors.As(s.schema.Validate(values), &wrong) {
		return nil, nil
	}
	c := collector{words: message.NewPrinter(language.English), schema: s.doc}
	c.collect(wrong)
	return c.found, nil
}

// collector gathers the causes at the ends of a validation error.
type collector struct {
	words  *message.Printer
	schema any
	found  []Violation
}

func (c *collector) collect(e *jsonschema.ValidationError) {
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		if c.alternatives(e) {
			return
		}
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			c.collect(cause)
		}
		return
	}
	if _, never := e.ErrorKind.(*kind.FalseSchema); never && len(e.InstanceLocation) > 0 { // a key whose schema is false may have no value at all
		path := slices.Clone(e.InstanceLocation)
		c.found = append(c.found, Violation{Path: path, Message: "is no key that the chart takes", Unknown: true, Known: c.known(path[:len(path)-1])})
		return
	}
	extra, ok := e.ErrorKind.(*kind.AdditionalProperties)
	if !ok {
		c.found = append(c.found, Violation{Path: slices.Clone(e.InstanceLocation), Message: e.ErrorKind.LocalizedString(c.words)})
		return
	}
	for _, key := range extra.Properties {
		c.found = append(c.found, Violation{
			Path: append(slices.Clone(e.InstanceLocation), key), Message: "is no key that the chart knows", Unknown: true, Known: c.known(e.InstanceLocation),
		})
	}
}

// alternatives says in one sentence what would each have been enough. It reports false when they are about different values.
func (c *collector) alternatives(e *jsonschema.ValidationError) bool {
	below := collector{words: c.words, schema: c.schema}
	var said []string
	for _, cause := range e.Causes {
		below.collect(cause)
	}
	for _, v := range below.found {
		if !slices.Equal(v.Path, e.InstanceLocation) {
			return false
		}
		if !slices.Contains(said, v.Message) {
			said = append(said, v.Message)
		}
	}
	if len(said) == 0 {
		return false
	}
	c.found = append(c.found, Violation{Path: slices.Clone(e.InstanceLocation), Message: strings.Join(said, ", or ")})
	return true
}

// known are the keys that the schema names for the object at a path, as far as it is written without references.
func (c *collector) known(path []string) []string {
	at, _ := c.schema.(map[string]any)
	for _, key := range path {
		properties, _ := at["properties"].(map[string]any)
		next, _ := properties[key].(map[string]any)
		if next == nil {
			next, _ = at["items"].(map[string]any)
		}
		at = next
	}
	properties, _ := at["properties"].(map[string]any)
	return TakenKeys(properties)
}

// TakenKeys are the names of a schema's properties, sorted, but for those that may have no value, since their schema is false.
func TakenKeys(properties map[string]any) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(properties)), func(key string) bool { return properties[key] == false })
}
