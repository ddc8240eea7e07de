package values

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// write makes a.yaml, b.yaml, … and returns their folder and layers.
func write(t testing.TB, contents ...string) (string, []Layer) {
	t.Helper()
	dir := t.TempDir()
	var layers []Layer
	for i, c := range contents {
		file := string(rune('a'+i)) + ".yaml"
		if err := os.WriteFile(filepath.Join(dir, file), []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		layers = append(layers, Layer{Name: LayerName(file), File: file})
	}
	return dir, layers
}

func TestCompute(t *testing.T) {
	tests := []struct {
		name   string
		layers []string
		want   map[string]any
	}{
		{"none", nil, map[string]any{}},
		{"an empty file", []string{"", "a: 1", "# nothing\n", "---\n"}, map[string]any{"a": 1.0}},
		{"objects merge", []string{"a: {b: 1, c: 2}", "a: {c: 3, d: 4}"}, map[string]any{"a": map[string]any{"b": 1.0, "c": 3.0, "d": 4.0}}},
		{"lists are replaced", []string{"a: [1, 2]", "a: [3]"}, map[string]any{"a": []any{3.0}}},
		{"null is kept for Helm", []string{"a: {b: 1}", "a: {b: null}"}, map[string]any{"a": map[string]any{"b": nil}}},
		{"null takes an object away", []string{"a: {b: 1}", "a:"}, map[string]any{"a": nil}},
		{"text replaces an object", []string{"a: {b: 1}", "a: x"}, map[string]any{"a": "x"}},
		{"an object replaces text", []string{"a: x", "a: {b: 1}"}, map[string]any{"a": map[string]any{"b": 1.0}}},
		{"the wrapper's key stays", []string{"jupyterhub: {hub: {}}"}, map[string]any{"jupyterhub": map[string]any{"hub": map[string]any{}}}},
		{"anchors and merge keys", []string{"x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3\n"}, map[string]any{"x": map[string]any{"a": 1.0, "b": 2.0}, "z": map[string]any{"a": 1.0, "b": 3.0}}},
		{"YAML 1.1 as Helm has it", []string{"a: yes\nb: off\nc: 010\ny: 1\n"}, map[string]any{"a": true, "b": false, "c": 8.0, "true": 1.0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, layers := write(t, test.layers...)
			got, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Values); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name   string
		layers []string
		want   string
	}{
		{"a key that is there twice", []string{"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"}, "a.yaml:5: b.c: is there twice, on line 3 and on line 5; Helm takes the last and drops the first: keep one, with the keys of both"},
		{"bad YAML", []string{"a: 1", "a: [1\nb: 2\n"}, "b.yaml:2: did not find expected ',' or ']'"},
		{"a tab", []string{"a:\n\tb: 1\n"}, "a.yaml:2: is indented with a tab; YAML wants spaces"},
		{"a list", []string{"- a"}, "a.yaml:1: values are an object, not a list or plain text"},
		{"a second document", []string{"a: 1\n---\nb: 2\n"}, "a.yaml:2: a second YAML document begins here; values are one document: put the rest into a file and a layer of its own"},
		{"an anchor that is nowhere, and a second document", []string{"---\na: 1\nb: *none\n---\nb: 2\n"}, "a.yaml:3: unknown anchor 'none' referenced; mark the value that it stands for with &none, in this file\n" +
			"a.yaml:4: a second YAML document begins here; values are one document: put the rest into a file and a layer of its own"},
		{"another encoding", []string{"a: 1\nb: \xe9\n"}, "a.yaml:2: is not UTF-8; save the file in that encoding"},
		{"too much", []string{"a: " + strings.Repeat("x", maxFile)}, "a.yaml: is too big: more than 1048576 bytes; all values of a release have to fit into one Secret of Kubernetes: take out what the hub does not need, or put it into an image or a volume"},
		{"every file's problem", []string{"- a", "- b"}, "a.yaml:1: values are an object, not a list or plain text\nb.yaml:1: values are an object, not a list or plain text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, layers := write(t, test.layers...)
			_, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	dir, layers := write(t, "a: 1")
	layers = append(layers, Layer{Name: "missing", File: "missing.yaml"})
	_, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers})
	if err == nil || err.Error() != "missing.yaml: does not exist; every layer is needed, unless it is marked optional" {
		t.Errorf("a missing file: %v", err)
	}
	layers[1].Optional = true
	if c, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers}); err != nil || c.Values["a"] != 1.0 {
		t.Errorf("an optional file: %v", err)
	}

	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := errors.Join(os.WriteFile(outside, []byte("a: 1"), 0o600), os.Symlink(outside, filepath.Join(dir, "link.yaml"))); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../" + filepath.Base(filepath.Dir(outside)) + "/secret.yaml", "link.yaml"} {
		_, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: []Layer{{Name: "a", File: file}}})
		if err == nil || !strings.Contains(err.Error(), "leads out of the deployment directory") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestOrigins(t *testing.T) {
	dir, layers := write(t,
		"hub:\n  config:\n    a: 1 # 3\n    b: 2\nlist:\n  - name: x\n    size: 1\n  - name: w\n",
		"hub:\n  config:\n    b: 3 # 3\nbase: &base\n  deep: true # 5\ncopy: *base\n",
	)
	layers = append([]Layer{{Name: "chart defaults", File: "chart/values.yaml", Data: []byte("sub: 1\nother: {}\n"), Under: []string{"hub"}}}, layers...)
	c, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers, Sets: []Set{
		{Kind: SetTyped, Text: "list[0].size=2"}, {Kind: SetString, Text: "hub.tag=1"}, {Kind: SetFile, Text: "hub.file=a.yaml"}, {Kind: SetJSON, Text: `hub.json={"k": [1]}`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range c.Leaves(nil) {
		value := fmt.Sprint(l.Value)
		if len(value) > 9 {
			value = value[:9]
		}
		got = append(got, fmt.Sprintf("%s = %s (%s, %s)", l.Path, value, l.Origin, l.Layer))
	}
	want := []string{
		"base.deep = true (b.yaml:5, b)",
		"copy.deep = true (b.yaml:5, b)",
		"hub.config.a = 1 (a.yaml:3, a)",
		"hub.config.b = 3 (b.yaml:3, b)",
		"hub.file = hub:\n  co (--set-file, command line)",
		"hub.json.k[0] = 1 (--set-json, command line)",
		"hub.other = map[] (chart/values.yaml:2, chart defaults)",
		"hub.sub = 1 (chart/values.yaml:1, chart defaults)",
		"hub.tag = 1 (--set-string, command line)",
		"list[0].name = x (a.yaml:6, a)",
		"list[0].size = 2 (--set, command line)",
		"list[1].name = w (a.yaml:8, a)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if below := c.Leaves(ParsePath("hub.config")); len(below) != 2 || below[1].Path.String() != "hub.config.b" {
		t.Errorf("below hub.config there are %v", below)
	}
}

func TestNotes(t *testing.T) {
	dir, layers := write(t, "volumes:\n  - name: homes\n  - {name: data}\n  - 3\nsame: 1\nother: [1]\n", "volumes:\n  - {name: data}\nsame: 1\nother: [1, 2]\n")
	c, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	want := problem.Problems{
		{File: "b.yaml", Line: 1, Path: "volumes", Message: `replaces the list of a.yaml:1 (a), of which 2 of 3 items are gone: "homes", 3`, Hint: "lists are not merged: repeat the items that are to stay"},
		{File: "b.yaml", Line: 3, Path: "same", Message: "repeats what a.yaml:5 (a) says already", Hint: "take it out, unless it is meant to stay when that changes"},
	}
	if diff := cmp.Diff(want, c.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestPath(t *testing.T) {
	for text, want := range map[string]Path{
		"a.b[0].c":      {"a", "b", "0", "c"},
		`a.b\.c/d.e`:    {"a", "b.c/d", "e"},
		"":              nil,
		"hub.config.0x": {"hub", "config", "0x"},
	} {
		p := ParsePath(text)
		if !reflect.DeepEqual(p, want) || p.String() != text {
			t.Errorf("%q is %q, and back %q", text, p, p.String())
		}
	}
}

// Whatever the layers are: the places are kept for just the values that Helm's code comes to, and each leaf has the value that stands where it is
// said to come from.
func TestPlacesFitHelmsValues(t *testing.T) {
	rnd, computed := rand.New(rand.NewPCG(1, 2)), 0
	for range 300 {
		var contents []string
		for range 1 + rnd.IntN(5) {
			contents = append(contents, document(rnd, 3, ""))
		}
		dir, layers := write(t, contents...)
		got, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers, Sets: []Set{
			{Kind: SetTyped, Text: "k1=7"}, {Kind: SetTyped, Text: "k9[1].k=x"}, {Kind: SetString, Text: "k2=8"},
		}})
		if err != nil {
			continue // a path leads through what is no object
		}
		computed++
		if diff := cmp.Diff(any(got.Values), got.root.plain()); diff != "" {
			t.Fatalf("the places are of other values than helm's:\n%s\nof\n%s", diff, strings.Join(contents, "---\n"))
		}
		for _, l := range got.Leaves(nil) {
			if l.Line == 0 {
				continue
			}
			line := strings.Split(contents[l.File[0]-'a'], "\n")[l.Line-1]
			if text := fmt.Sprint(l.Value); l.Value != nil && !strings.Contains(text, "[") && !strings.HasSuffix(line, " "+text) {
				t.Fatalf("%s = %v is said to come from %s, where there is %q", l.Path, l.Value, l.Origin, line)
			}
		}
	}
	if computed < 100 {
		t.Errorf("only %d of 300 could be computed", computed)
	}
}

// document makes up a YAML object.
func document(rnd *rand.Rand, depth int, indent string) string {
	var b strings.Builder
	for k := range 4 {
		if rnd.IntN(2) == 0 {
			continue
		}
		switch n := rnd.IntN(6); {
		case n < 2 && depth > 0:
			if below := document(rnd, depth-1, indent+"  "); below != "" {
				fmt.Fprintf(&b, "%sk%d:\n%s", indent, k, below)
			}
		case n == 2:
			fmt.Fprintf(&b, "%sk%d:\n%s  - %d\n%s  - %d\n", indent, k, indent, rnd.IntN(100), indent, rnd.IntN(100))
		case n == 3:
			fmt.Fprintf(&b, "%sk%d: null\n", indent, k)
		default:
			fmt.Fprintf(&b, "%sk%d: %d\n", indent, k, rnd.IntN(100))
		}
	}
	return b.String()
}

func BenchmarkTenLayersOfThousandLeaves(b *testing.B) {
	var contents []string
	for layer := range 10 {
		var doc strings.Builder
		for i := range 100 {
			fmt.Fprintf(&doc, "group%d:\n", i)
			for k := range 10 {
				fmt.Fprintf(&doc, "  key%d: value %d of layer %d\n", k, i, layer)
			}
		}
		contents = append(contents, doc.String())
	}
	dir, layers := write(b, contents...)
	b.Run("read and merge", func(b *testing.B) {
		for b.Loop() {
			if _, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: layers}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("merge with origins", func(b *testing.B) {
		var trees []*node
		for i := range layers {
			_, tree, _ := layers[i].read(deploydir.Dir{Path: dir})
			trees = append(trees, tree)
		}
		for b.Loop() {
			c := &Computed{root: &node{fields: map[string]*node{}}}
			for _, tree := range trees {
				c.lay(tree)
			}
		}
	})
}

func FuzzCompute(f *testing.F) {
	f.Add([]byte("a: &a {b: [1, *a]}\n"), "a.b[0]=1")
	f.Add([]byte("a:\n\tb"), "a[9999999]=1")
	f.Add([]byte("? [x]\n: y\n<<: {a: 1}\n"), `a\.b={1,2}`)
	f.Fuzz(func(t *testing.T, data []byte, set string) {
		c, err := Compute(Options{Files: deploydir.Dir{Path: t.TempDir()}, Layers: []Layer{{Name: "fuzz", File: "fuzz.yaml", Data: data}}, Sets: []Set{{Kind: SetTyped, Text: set}}})
		if err == nil {
			c.Leaves(nil)
		}
	})
}
