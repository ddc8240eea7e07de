package bundle

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var one = Bundle{
	Images: map[string]Image{"user": {Tag: "h1-a", Ref: "one.example/user@sha256:aa"}, "other": {Tag: "h1-b"}},
	Charts: map[string]Chart{"hub": {Version: "4.4.0"}, "own": {Digest: "h1:x"}},
	Files:  map[string]string{"common.yaml": "12", "gone.yaml": "34"},
}

func TestCompare(t *testing.T) {
	two := Bundle{
		Images: map[string]Image{"user": {Ref: "two.example/user@sha256:aa"}, "other": {Tag: "h1-c"}}, // the same image in another registry
		Charts: map[string]Chart{"hub": {Version: "4.4.1"}, "own": {Digest: "h1:x"}},
		Files:  map[string]string{"common.yaml": "12", "new.yaml": "56"},
	}
	want := []string{
		"image other: h1-b → h1-c", "chart hub: 4.4.0 → 4.4.1", "file gone.yaml: no longer there, was 34", "file new.yaml: 56, which was not there",
	}
	var got []string
	for _, d := range Compare(one, two) {
		got = append(got, d.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d := Compare(one, one); len(d) != 0 {
		t.Errorf("a bundle differs from itself: %v", d)
	}
}

func TestRead(t *testing.T) {
	outputs := map[string]any{Output: map[string]any{"charts": map[string]any{"hub": map[string]any{"version": "4.4.0"}}, "files": map[string]any{"a": "b"}}}
	b, ok := Read(outputs)
	if diff := cmp.Diff(Bundle{Charts: map[string]Chart{"hub": {Version: "4.4.0"}}, Files: map[string]string{"a": "b"}}, b); diff != "" || !ok {
		t.Error(diff, ok)
	}
	for _, none := range []map[string]any{nil, {}, {Output: "text"}, {Output: nil}} {
		if b, ok := Read(none); ok || !b.Empty() {
			t.Errorf("%v reads as %v", none, b)
		}
	}
}

func TestID(t *testing.T) {
	if id := one.ID(); len(id) != 12 || id != one.ID() {
		t.Errorf("id %q", id)
	}
	if (Bundle{}).ID() != "" {
		t.Error("an empty bundle has a name")
	}
	other := Bundle{Charts: one.Charts}
	if other.ID() == one.ID() {
		t.Error("two bundles have one name")
	}
}

func TestMessage(t *testing.T) {
	r := Record{Verb: "rollback", By: "octo", Bundle: one, Commit: strings.Repeat("a", 40), Dirty: true, Program: "1", From: "#3", Overridden: map[string]string{"data-loss": "said \"so\"\nand more"}}
	message, err := r.Message()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(message, "hubwright rollback: bundle "+one.ID()+" from #3, commit aaaaaaaaaaaa and edits\n\n") {
		t.Errorf("message:\n%s", message)
	}
	got, ok := ParseMessage(message)
	if diff := cmp.Diff(r, got); diff != "" || !ok {
		t.Error(diff, ok)
	}
	for _, other := range []string{"", "Fix a typo", mark, mark + "{}", mark + "nothing"} {
		if _, ok := ParseMessage(other); ok {
			t.Errorf("%q is taken for a record", other)
		}
	}
}

func TestFileDigest(t *testing.T) {
	doc := []any{map[string]any{"a": 1, "b": 2}}
	if FileDigest(doc, []byte("a: 1\nb: 2\n")) != FileDigest(doc, []byte("# said\nb: 2\na: 1\n")) {
		t.Error("the layout of a document counts")
	}
	if FileDigest(nil, []byte("a")) == FileDigest(nil, []byte("b")) {
		t.Error("two texts have one digest")
	}
	odd := []any{map[any]any{1: 2}}
	if FileDigest(odd, []byte("a")) != FileDigest(nil, []byte("a")) {
		t.Error("a document that JSON has none of is not its text")
	}
}

func TestFilled(t *testing.T) {
	bare := Bundle{Images: map[string]Image{"user": {Tag: "h1-a"}, "other": {Tag: "h1-z"}, "own": {Tag: "h1-q", Ref: "r@sha256:qq"}}}
	got := bare.Filled(Bundle{}, one, Bundle{Images: map[string]Image{"own": {Tag: "h1-q", Ref: "r@sha256:zz"}}})
	want := map[string]Image{"user": {Tag: "h1-a", Ref: "one.example/user@sha256:aa"}, "other": {Tag: "h1-z"}, "own": {Tag: "h1-q", Ref: "r@sha256:qq"}}
	if diff := cmp.Diff(want, got.Images); diff != "" {
		t.Error(diff)
	}
	if bare.Images["user"].Ref != "" {
		t.Error("what is filled from has changed")
	}
}
