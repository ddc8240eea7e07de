package values

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Values that no file has are layers like others: under the files, and over everything.
func TestPlaced(t *testing.T) {
	by := func(layer string, line int, secret bool) Origin {
		return Origin{Layer: layer, File: "Pulumi.yaml", Line: line, Secret: secret}
	}
	c, err := Compute(Options{
		Layers: []Layer{
			{Name: "ours", Placed: []Placed{{Path: Path{"a", "b.c"}, Value: "low", Origin: by("ours", 1, false)}, {Path: Path{"a", "d"}, Value: 1.0, Origin: by("ours", 1, false)}}},
			{Name: "common", File: "common.yaml", Data: []byte("a: {b.c: high}\nlist: [{name: x}]\nclass: github\n")},
		},
		Sets: []Set{{Kind: SetTyped, Text: "class=set"}},
		Over: []Placed{
			{Path: Path{"class"}, Value: "mast", Origin: by("ours", 7, false)},
			{Path: Path{"list", "1"}, Value: map[string]any{"name": "y"}, Origin: by("ours", 8, false)},
			{Path: Path{"list", "0", "path"}, Value: "/x", Origin: by("ours", 8, false)},
			{Path: Path{"new", "token"}, Value: Unknown, Origin: by("ours", 9, true)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, leaf := range c.Leaves(nil) {
		shown, _ := c.Shown(leaf.Path)
		got = append(got, fmt.Sprintf("%s=%v %s %s", leaf.Path, shown, leaf.Origin, leaf.Layer))
	}
	want := []string{
		`a.b\.c=high common.yaml:1 common`, "a.d=1 Pulumi.yaml:1 ours", "class=mast Pulumi.yaml:7 ours", "list[0].name=x common.yaml:2 common",
		"list[0].path=/x Pulumi.yaml:8 ours", "list[1].name=y Pulumi.yaml:8 ours", "new.token=[secret] Pulumi.yaml:9 ours",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
