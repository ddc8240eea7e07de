package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"github.com/hubwright/hubwright/internal/config"
)

// TestSchema holds the JSON schema in docs to the types and their comments. `go generate` writes it anew.
func TestSchema(t *testing.T) {
	r := &jsonschema.Reflector{RequiredFromJSONSchemaTags: true, Mapper: func(t reflect.Type) *jsonschema.Schema {
		if t != reflect.TypeFor[config.Zones]() {
			return nil
		}
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "2", Maximum: "4"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}},
		}}
	}}
	if err := r.AddGoComments("github.com/hubwright/hubwright/internal/config", ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	for name, text := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(text), " ") // where the source breaks lines means nothing
	}
	schema := r.Reflect(&config.Settings{})
	schema.ID = ""
	schema.Title = "hubwright configuration"
	schema.Description = "The values of the keys hubwright:<key> in Pulumi.yaml (under default:) and Pulumi.<env>.yaml."
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "reference", "config.schema.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s is not that of the types: run go generate ./internal/config\n%s", file, diff)
	}
	for name, definition := range schema.Definitions {
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
