package result_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

//go:generate go test . -run ^TestResultSchemas$ -update

// forms are the results by the name in their schema field.
var forms = map[string]any{
	"admission": admission.Record{}, "admissions": result.Admissions{}, "bootstrap": result.Bootstrap{}, "change": change.Change{}, "diff": result.Diff{}, "doctor": result.Doctor{}, "history": result.History{},
	"image-builds": result.ImageBuilds{}, "image-tag": result.ImageTag{}, "images": result.Images{}, "import": result.Import{}, "import-check": result.ImportCheck{}, "faults": result.Faults{}, "fleet": result.Fleet{}, "outputs": result.Outputs{}, "pruning": result.Pruning{}, "recovery": result.Recovery{}, "sandbox": result.Sandbox{},
	"status": result.Status{}, "touched": result.Touched{}, "url": result.URLs{}, "validation": result.Validation{}, "values": result.Values{}, "verification": result.Verification{},
}

// TestResultSchemas holds the JSON schemas of what -o json prints to the types, and the types to being described.
func TestResultSchemas(t *testing.T) {
	r := &jsonschema.Reflector{ExpandedStruct: true}
	reference.Comments(t, r, ".", "../admission", "../bootstrap", "../bundle", "../change", "../doctor", "../driver", "../hubploy", "../imagebuild", "../imagestore", "../problem", "../sandbox/world", "../values", "../verify")
	for name, form := range forms {
		schema := r.Reflect(form)
		schema.ID = ""
		schema.Title = "hubwright " + name
		if schema.Description == "" {
			schema.Description = r.CommentMap[reflect.TypeOf(form).PkgPath()+"."+reflect.TypeOf(form).Name()]
		}
		id, ok := schema.Properties.Get("schema")
		if !ok {
			t.Fatalf("%s has no schema field", name)
		}
		id.Const = result.Schema(name)
		reference.HoldSchema(t, "results/"+name+".schema.json", schema)
		described(t, name, schema)
		for n, d := range schema.Definitions {
			described(t, n, d)
		}
	}
	files, err := filepath.Glob(reference.Path("results/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".schema.json"); forms[name] == nil {
			t.Errorf("%s is of no result", f)
		}
	}
}

func described(t *testing.T, name string, s *jsonschema.Schema) {
	t.Helper()
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.Description == "" && p.Value.Ref == "" {
			t.Errorf("%s.%s has no comment", name, p.Key)
		}
	}
}

// TestEveryFormHasASchema finds forms that the command line prints and this test does not know.
func TestEveryFormHasASchema(t *testing.T) {
	files, err := filepath.Glob("../cli/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{`result.Of("`, `result.Schema("`} {
			for _, after := range strings.Split(string(text), call)[1:] {
				name, _, _ := strings.Cut(after, `"`)
				if strings.HasSuffix(f, "_test.go") {
					continue
				}
				if forms[name] == nil {
					t.Errorf("%s prints the form %q, which has no schema", f, name)
				}
			}
		}
	}
	if change.Schema != result.Schema("change") {
		t.Errorf("a change says it is %s", change.Schema)
	}
	if admission.Schema != result.Schema("admission") {
		t.Errorf("an admission says it is %s", admission.Schema)
	}
}
