package config_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/reference"
)

// TestSchema holds the JSON schema in docs to the types and their comments. `go generate` writes it anew.
func TestSchema(t *testing.T) {
	r := &jsonschema.Reflector{RequiredFromJSONSchemaTags: true, Mapper: func(t reflect.Type) *jsonschema.Schema {
		switch t {
		case reflect.TypeFor[config.Zones]():
			return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
				{Type: "integer", Minimum: "2", Maximum: "4"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}},
			}}
		case reflect.TypeFor[config.File]():
			keys := jsonschema.NewProperties()
			keys.Set("file", &jsonschema.Schema{Type: "string"})
			keys.Set("optional", &jsonschema.Schema{Type: "boolean"})
			return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
				{Type: "string"}, {Type: "object", Properties: keys, Required: []string{"file"}, AdditionalProperties: jsonschema.FalseSchema},
			}}
		}
		return nil
	}}
	reference.Comments(t, r, ".")
	settings := r.Reflect(&config.Settings{})
	reference.HoldSchema(t, "config.schema.json", ofFiles(settings))
	reference.Hold(t, "configuration.md", page(settings))
	for name, definition := range settings.Definitions {
		if definition.Properties == nil {
			t.Errorf("%s has no keys", name)
			continue
		}
		for p := definition.Properties.Oldest(); p != nil; p = p.Next() {
			if p.Value.Description == "" {
				t.Errorf("%s.%s has no comment", name, p.Key)
			}
		}
	}
}

// ofFiles is the schema of the files that the settings are in: Pulumi.<env>.yaml has a setting itself, Pulumi.yaml has it as a default. Of what else
// is in them it says nothing.
func ofFiles(settings *jsonschema.Schema) *jsonschema.Schema {
	keys := jsonschema.NewProperties()
	for p := settings.Definitions["Settings"].Properties.Oldest(); p != nil; p = p.Next() {
		value := *p.Value
		value.Description = ""
		project := jsonschema.NewProperties()
		project.Set("type", &jsonschema.Schema{Type: "string"})
		project.Set("default", &value)
		project.Set("items", &jsonschema.Schema{Type: "object"})
		keys.Set("hubwright:"+p.Key, &jsonschema.Schema{
			Description: p.Value.Description,
			AnyOf:       []*jsonschema.Schema{&value, {Type: "object", Properties: project, Required: []string{"default"}, AdditionalProperties: jsonschema.FalseSchema}},
		})
	}
	file := jsonschema.NewProperties()
	file.Set("config", &jsonschema.Schema{Type: "object", Properties: keys})
	definitions := maps.Clone(settings.Definitions)
	delete(definitions, "Settings")
	return &jsonschema.Schema{
		Version: settings.Version, Title: "hubwright configuration", Type: "object", Properties: file, Definitions: definitions,
		Description: "Pulumi.yaml and Pulumi.<env>.yaml of a hubwright deployment, as far as they are hubwright's.",
	}
}

// page is the settings as a page for people: a section for each key, with a table for each object in it.
func page(settings *jsonschema.Schema) string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nGenerated from the types in `internal/config` by `go generate ./internal/config`. Each section is a key of `Pulumi.yaml` (under `default:`) or of\n" +
		"`Pulumi.<env>.yaml`; how the two are merged: [decision 5](../decisions/0005-configuration-merge.md). For editors: [config.schema.json](config.schema.json).\n")
	for p := settings.Definitions["Settings"].Properties.Oldest(); p != nil; p = p.Next() {
		fmt.Fprintf(&b, "\n## hubwright:%s\n\n%s\n", p.Key, sentence(p.Value.Description))
		table(&b, settings, p.Value, "")
	}
	return b.String()
}

// table writes the keys of an object, and those of the objects in it with the path before them.
func table(b *strings.Builder, settings *jsonschema.Schema, of *jsonschema.Schema, path string) {
	if of.Items != nil {
		of, path = of.Items, path+"[]"
	}
	object := settings.Definitions[strings.TrimPrefix(of.Ref, "#/$defs/")]
	if object == nil {
		return
	}
	if path == "" || path == "[]" {
		b.WriteString("\n| key | type | |\n|---|---|---|\n")
	}
	for p := object.Properties.Oldest(); p != nil; p = p.Next() {
		at := strings.TrimPrefix(path+"."+p.Key, ".")
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", at, typeOf(p.Value), sentence(p.Value.Description))
		table(b, settings, p.Value, at)
	}
}

// typeOf says a schema's type in words.
func typeOf(s *jsonschema.Schema) string {
	switch {
	case len(s.OneOf) > 0:
		var words []string
		for _, one := range s.OneOf {
			words = append(words, typeOf(one))
		}
		return strings.Join(words, " or ")
	case s.Items != nil && s.Items.Ref != "":
		return "list of objects"
	case s.Items != nil && len(s.Items.OneOf) > 0:
		return "list of " + typeOf(s.Items)
	case s.Items != nil:
		return "list of " + s.Items.Type + "s"
	case s.Ref != "":
		return "object"
	case s.AdditionalProperties != nil && s.AdditionalProperties.Type != "":
		return "object of " + s.AdditionalProperties.Type + "s"
	}
	return s.Type
}

// sentence is a field's comment without the field's Go name, which it begins with.
func sentence(comment string) string {
	_, rest, found := strings.Cut(comment, " ")
	if !found {
		return comment
	}
	for _, verb := range []string{"is ", "are "} {
		if after, ok := strings.CutPrefix(rest, verb); ok {
			rest = after // may begin with a value, so that its case counts
			break
		}
	}
	return strings.NewReplacer("<", "&lt;", "|", "\\|").Replace(rest)
}

// TestSchemaFitsTheShippedFiles holds the files of this repository to the schema, as an editor would, and shows that it finds what is wrong.
func TestSchemaFitsTheShippedFiles(t *testing.T) {
	schema, err := validator.NewCompiler().Compile(reference.Path("config.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, name := range []string{"Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := check(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=docs/reference/config.schema.json\n")) {
			t.Errorf("%s does not name its schema to editors", name)
		}
	}
	if check([]byte("config: {'hubwright:dns': {zome: example.org}}")) == nil || check([]byte("config: {'hubwright:dns': {type: object, default: {ttl: long}}}")) == nil {
		t.Error("the schema finds nothing wrong")
	}
}
