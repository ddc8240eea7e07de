package image_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/components/image"
)

// write makes files under a new directory: a path that ends in "/" is a directory, a text that begins with "-> " a link.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		case link:
			err = os.Symlink(target, full)
		default:
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func base() map[string]string {
	return map[string]string{
		"Dockerfile": "FROM scratch\nCOPY . /\n", "a/b.txt": "b", "a/c.txt": "c", "link": "-> a/b.txt", "notes.md": "notes", "keep/x.md": "x",
	}
}

func tag(t *testing.T, root string, change func(*image.Content)) string {
	t.Helper()
	c := image.Content{Context: root, Dockerfile: filepath.Join(root, "Dockerfile"), Platform: "linux/amd64", Args: map[string]string{"A": "1"}}
	if change != nil {
		change(&c)
	}
	got, err := c.Tag()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTagForm(t *testing.T) {
	if got := tag(t, write(t, base()), nil); !regexp.MustCompile(`^sha-[0-9a-f]{20}$`).MatchString(got) {
		t.Errorf("tag %q", got)
	}
}

func TestTagFollowsContent(t *testing.T) {
	set := func(kv ...string) func(map[string]string) {
		return func(m map[string]string) {
			for i := 0; i < len(kv); i += 2 {
				m[kv[i]] = kv[i+1]
			}
		}
	}
	tests := []struct {
		name   string
		files  func(map[string]string)
		change func(*image.Content)
		touch  func(root string) error
		same   bool
	}{
		{name: "nothing", same: true},
		{name: "contents", files: set("a/b.txt", "B")},
		{name: "another file", files: set("a/d.txt", "")},
		{name: "an empty directory", files: set("empty/", "")},
		{name: "contents moved between files", files: set("a/b.txt", "", "a/c.txt", "bc")},
		{name: "a link's target", files: set("link", "-> a/c.txt")},
		{name: "Dockerfile", files: set("Dockerfile", "FROM scratch\n")},
		{name: "build argument", change: func(c *image.Content) { c.Args = map[string]string{"A": "2"} }},
		{name: "build argument's name", change: func(c *image.Content) { c.Args = map[string]string{"A1": ""} }},
		{name: "target", change: func(c *image.Content) { c.Target = "test" }},
		{name: "platform", change: func(c *image.Content) { c.Platform = "linux/arm64" }},
		{name: "executable", touch: func(root string) error { return os.Chmod(filepath.Join(root, "a/b.txt"), 0o755) }},
		{name: "other permissions", touch: func(root string) error { return os.Chmod(filepath.Join(root, "a/b.txt"), 0o600) }, same: true},
		{name: "an absent target is no target", change: func(c *image.Content) { c.Target = "" }, same: true},
	}
	want := tag(t, write(t, base()), nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := base()
			if tt.files != nil {
				tt.files(files)
			}
			root := write(t, files)
			if tt.touch != nil {
				if err := tt.touch(root); err != nil {
					t.Fatal(err)
				}
			}
			if got := tag(t, root, tt.change); (got == want) != tt.same {
				t.Errorf("tag %s, before %s, want the same: %v", got, want, tt.same)
			}
		})
	}
}

func TestDockerignore(t *testing.T) {
	with := func(kv ...string) map[string]string {
		m := base()
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	tests := []struct {
		name          string
		before, after map[string]string
		same          bool
	}{
		{"an ignored file", with(".dockerignore", "*.md\n"), with(".dockerignore", "*.md\n", "notes.md", "changed"), true},
		{"a file below an ignored directory", with(".dockerignore", "keep\n"), with(".dockerignore", "keep\n", "keep/x.md", "changed"), true},
		{"a file that is not ignored", with(".dockerignore", "*.md\n"), with(".dockerignore", "*.md\n", "a/b.txt", "changed"), false},
		{"a file taken back in", with(".dockerignore", "keep\n!keep/x.md\n"), with(".dockerignore", "keep\n!keep/x.md\n", "keep/x.md", "changed"), false},
		{"the Dockerfile counts though ignored", with(".dockerignore", "Dockerfile\n"), with(".dockerignore", "Dockerfile\n", "Dockerfile", "FROM x\n"), false},
		{
			"the Dockerfile's own ignore file comes first",
			with(".dockerignore", "*.md\n", "Dockerfile.dockerignore", "a\n"), with(".dockerignore", "*.md\n", "Dockerfile.dockerignore", "a\n", "a/b.txt", "changed"), true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := tag(t, write(t, tt.before), nil), tag(t, write(t, tt.after), nil)
			if (before == after) != tt.same {
				t.Errorf("tags %s and %s, want the same: %v", before, after, tt.same)
			}
		})
	}
}

func TestTagOfWhatIsNotThere(t *testing.T) {
	root := write(t, base())
	tests := []struct {
		name    string
		content image.Content
		want    string
	}{
		{"Dockerfile", image.Content{Context: root, Dockerfile: filepath.Join(root, "Dockerfiel")}, "reading the Dockerfile"},
		{"context", image.Content{Context: filepath.Join(root, "nothing"), Dockerfile: filepath.Join(root, "Dockerfile")}, "reading the build context"},
		{"context is a file", image.Content{Context: filepath.Join(root, "notes.md"), Dockerfile: filepath.Join(root, "Dockerfile")}, "not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.content.Tag(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
