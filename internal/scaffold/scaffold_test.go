package scaffold

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// What new deployments get is what the shipped one has: cluster, network, versions.
func TestProjectIsLikeTheShippedOne(t *testing.T) {
	d := Deployment{Name: "a", Account: "162808325377", Owner: "o: x", CredsMode: "ambient", Hubs: []Hub{{
		Name: "hub", ChartVersion: "4.4.0", HTTPS: "manual", Auth: "mast", Values: []File{{"a.yaml", true}, {"b.yaml", false}}, ValuesFromFiles: map[string]string{"a.b": "c"},
	}}}
	text, err := d.Project()
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("../../Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := func(text []byte) map[string]any {
		var v struct {
			Config map[string]struct{ Default any }
		}
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		out := map[string]any{}
		for key, c := range v.Config {
			out[key] = c.Default
		}
		return out
	}
	got, want := read(text), read(shipped)
	for _, key := range []string{"hubwright:cluster", "hubwright:network"} {
		if diff := cmp.Diff(want[key], got[key]); diff != "" {
			t.Errorf("%s (-shipped +new):\n%s", key, diff)
		}
	}
	if owner := got["hubwright:deployment"].(map[string]any)["owner"]; owner != "o: x" {
		t.Errorf("the owner reads %q", owner)
	}
	hub := got["hubwright:hubs"].([]any)[0].(map[string]any)
	if diff := cmp.Diff([]any{map[string]any{"file": "a.yaml", "optional": true}, "b.yaml"}, hub["values"]); diff != "" {
		t.Error(diff)
	}
}
