package values

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, contents ...string) []string {
	t.Helper()
	dir := t.TempDir()
	files := make([]string, len(contents))
	for i, c := range contents {
		files[i] = filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(files[i], []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name   string
		layers []string
		want   map[string]any
	}{
		{"none", nil, map[string]any{}},
		{"an empty file", []string{"", "a: 1", "# nothing\n", "---\n"}, map[string]any{"a": 1}},
		{"objects merge", []string{"a: {b: 1, c: 2}", "a: {c: 3, d: 4}"}, map[string]any{"a": map[string]any{"b": 1, "c": 3, "d": 4}}},
		{"lists are replaced", []string{"a: [1, 2]", "a: [3]"}, map[string]any{"a": []any{3}}},
		{"null is kept for Helm", []string{"a: {b: 1}", "a: {b: null}"}, map[string]any{"a": map[string]any{"b": nil}}},
		{"null takes an object away", []string{"a: {b: 1}", "a:"}, map[string]any{"a": nil}},
		{"text replaces an object", []string{"a: {b: 1}", "a: x"}, map[string]any{"a": "x"}},
		{"an object replaces text", []string{"a: x", "a: {b: 1}"}, map[string]any{"a": map[string]any{"b": 1}}},
		{"the wrapper's key stays", []string{"jupyterhub: {hub: {}}"}, map[string]any{"jupyterhub": map[string]any{"hub": map[string]any{}}}},
		{"three layers", []string{"a: {b: 1}", "a: {b: 2}", "a: {b: 3}"}, map[string]any{"a": map[string]any{"b": 3}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Load(write(t, test.layers...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name   string
		layers []string
		want   string
	}{
		{"a key that is there twice", []string{"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"}, `a.yaml:5: mapping key "c" already defined at line 3`},
		{"bad YAML", []string{"a: 1", "a: [1\nb: 2\n"}, "b.yaml:2: did not find expected ',' or ']'"},
		{"a list", []string{"- a"}, "a.yaml:1: values are an object, not a list or plain text"},
		{"a second document", []string{"a: 1\n---\nb: 2\n"}, "a.yaml:2: values are one YAML document, but a second one begins here"},
		{"every file's problem", []string{"- a", "- b"}, "a.yaml:1: values are an object, not a list or plain text\nb.yaml:1: values are an object, not a list or plain text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := write(t, test.layers...)
			_, err := Load(files...)
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.ReplaceAll(err.Error(), filepath.ToSlash(filepath.Dir(files[0]))+"/", "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	if _, err := Load(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
}
