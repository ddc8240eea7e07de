package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// A file that would be written in a folder is found, by whatever links it gets there.
func TestInside(t *testing.T) {
	root, folder := t.TempDir(), t.TempDir()
	other := folder + "-beside"
	if err := errors.Join(
		os.MkdirAll(filepath.Join(folder, "sub"), 0o755), os.Mkdir(other, 0o755), os.Mkdir(filepath.Join(root, "part"), 0o755),
		os.Symlink(folder, filepath.Join(root, "link")), os.Symlink(filepath.Join(folder, "sub"), filepath.Join(root, "part", "hubs")),
		os.Symlink(filepath.Join(folder, "not-yet"), filepath.Join(root, "dangling")),
	); err != nil {
		t.Fatal(err)
	}
	files := NewFiles()
	files.Texts["Pulumi.yaml"], files.Texts["hubs/all.yaml"] = nil, nil
	for dir, want := range map[string]string{
		folder:                                  filepath.Join(folder, "Pulumi.yaml"),
		filepath.Join(folder, "new", "deeper"):  filepath.Join(folder, "new", "deeper", "Pulumi.yaml"),
		filepath.Join(root, "link", "sub", "x"): filepath.Join(root, "link", "sub", "x", "Pulumi.yaml"),
		filepath.Join(root, "part"):             filepath.Join(root, "part", "hubs", "all.yaml"),
		filepath.Join(root, "dangling"):         filepath.Join(root, "dangling", "Pulumi.yaml"),
		filepath.Join(root, "new"):              "",
		filepath.Dir(folder):                    "",
		other:                                   "",
	} {
		if got, err := files.Inside(dir, folder); err != nil || got != want {
			t.Errorf("in %s it finds %q, %v, want %q", dir, got, err, want)
		}
	}
}

// What is in the way of the files is told of all at once, and nothing is written, neither there nor by a link elsewhere.
func TestWriteIsBlocked(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "hubs"), nil, 0o600), os.Mkdir(filepath.Join(dir, "Pulumi.yaml"), 0o700), os.Symlink(elsewhere, filepath.Join(dir, "images")),
		os.Symlink(filepath.Join(elsewhere, "new.yaml"), filepath.Join(dir, "Pulumi.prod.yaml")), os.Mkdir(filepath.Join(dir, "real"), 0o700), os.Symlink("real", filepath.Join(dir, "inner")),
	); err != nil {
		t.Fatal(err)
	}
	files := NewFiles()
	for _, name := range []string{"Pulumi.yaml", "Pulumi.prod.yaml", "hubs/hub/common.yaml", "hubs/hub/prod.yaml", "images/user-image/Dockerfile", "inner/a.yaml"} {
		files.Texts[name] = []byte("x")
	}
	_, err := files.Write(dir, true)
	want := dir + " cannot be written into: Pulumi.prod.yaml leads out of it by a link, to " + filepath.Join(elsewhere, "new.yaml") +
		"; Pulumi.yaml is a folder, but a file of that name belongs there; hubs is no folder, but hubs/hub/common.yaml belongs into it; hubs is no folder, but hubs/hub/prod.yaml belongs into it" +
		"; images/user-image/Dockerfile leads out of it by a link, to " + filepath.Join(elsewhere, "user-image/Dockerfile") + "; nothing was changed"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, folder := range []string{elsewhere, filepath.Join(dir, "real")} {
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%s has %v, %v", folder, entries, err)
		}
	}
	if _, err := files.Write(filepath.Join(dir, "hubs"), true); err == nil || !strings.Contains(err.Error(), "it is no folder") {
		t.Errorf("into a file: %v", err)
	}
	files = NewFiles()
	files.Texts["inner/a.yaml"] = []byte("x")
	if n, err := files.Write(dir, false); n != 1 || err != nil {
		t.Errorf("by a link that stays inside: %d, %v", n, err)
	}
}
