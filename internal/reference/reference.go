// Package reference holds the generated pages of docs/reference to what they are generated from. Only tests use it: run with -update, as
// `go generate` does, they write the pages anew.
package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// Update says that golden files and pages are to be written anew.
var Update = flag.Bool("update", false, "write the golden files and the reference anew")

// Path is where a page of the reference is.
func Path(name string) string { return filepath.Join(Root(), "docs", "reference", name) }

// Hold holds a page to the text that it should have, or writes it.
func Hold(t *testing.T, name, text string) {
	t.Helper()
	file := Path(name)
	if *Update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), text); diff != "" {
		t.Errorf("docs/reference/%s is not current: run go generate ./... (-file +code)\n%s", name, diff)
	}
}

// HoldSchema holds a JSON schema in the reference to what it should be.
func HoldSchema(t *testing.T, name string, schema *jsonschema.Schema) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	Hold(t, name, text.String())
}

// Fits holds a document that a verb printed to the JSON schema that its schema field names.
func Fits(t *testing.T, document []byte) {
	t.Helper()
	v, err := validator.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatalf("no JSON: %v\n%s", err, document)
	}
	fields, _ := v.(map[string]any)
	form, _ := fields["schema"].(string)
	schema, err := validator.NewCompiler().Compile(Path("results/" + path.Base(path.Dir(form)) + ".schema.json"))
	if err != nil {
		t.Fatalf("the document says that its form is %q: %v", form, err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("it is not of the form %s: %v\n%s", form, err, document)
	}
}

// Comments gives the reflector the comments of the types in folders beside the test's own (".", "../change"), each on one line.
func Comments(t *testing.T, r *jsonschema.Reflector, folders ...string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	in, err := filepath.Rel(Root(), here)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if err := r.AddGoComments(path.Join("github.com/hubwright/hubwright", filepath.ToSlash(in)), folder, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(text), " ") // where the source breaks lines means nothing
	}
}

// Root is the module's folder: the nearest one above the test's own that holds a go.mod.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	panic("no go.mod above the test")
}
