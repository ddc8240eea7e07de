package imagehash

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/needs"
)

// What counts is what the docker command sends, which a daemon of the test's own receives.
func TestAsDockerSends(t *testing.T) {
	docker := needs.Command(t, "docker", "docker.io") // no daemon is needed
	files := []string{
		"Dockerfile", "a/b.txt", "a/c.md", "a/deep/d.md", "keep/x.md", "keep/y.txt", "notes.md", "node_modules/m/index.js", "src/node_modules/n.js", "src/main.py", "build/Dockerfile",
	}
	tests := []struct{ name, ignore, dockerfile string }{
		{"nothing", "", "Dockerfile"},
		{"a pattern", "*.md\n", "Dockerfile"},
		{"a pattern at any depth", "**/*.md\n", "Dockerfile"},
		{"a directory", "a\nnode_modules\n", "Dockerfile"},
		{"a directory with a slash", "/a/\n", "Dockerfile"},
		{"a directory at any depth", "**/node_modules\n", "Dockerfile"},
		{"one taken back in", "keep\n!keep/x.md\n", "Dockerfile"},
		{"taken back in and out again", "*.md\n!notes.md\nnotes*\n", "Dockerfile"},
		{"everything but", "*\n!src\n!a/deep\n", "Dockerfile"},
		{"the Dockerfile", "Dockerfile\n", "Dockerfile"},
		{"the ignore file", ".dockerignore\n", "Dockerfile"},
		{"everything", "**\n", "Dockerfile"},
		{"the folder of the Dockerfile", "build\n", "build/Dockerfile"},
		{"comments and spaces", "# *\n  *.md  \n\n", "Dockerfile"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			ctx := filepath.Join(root, "ctx")
			for _, name := range append(files, ".dockerignore") {
				text := "FROM scratch\n"
				if name == ".dockerignore" {
					text = tt.ignore
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(ctx, name)), 0o755), os.WriteFile(filepath.Join(ctx, name), []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(os.Symlink("nowhere", filepath.Join(ctx, "src/link")), os.Chmod(filepath.Join(ctx, "src/main.py"), 0o755), os.Mkdir(filepath.Join(ctx, "empty"), 0o755)); err != nil {
				t.Fatal(err)
			}
			a, err := Compute(t.Context(), Input{Root: root, Context: "ctx", Dockerfile: filepath.Join("ctx", tt.dockerfile)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for d := range a.files.trees() {
				for _, n := range d.nodes {
					line := join(d.path, n.name)
					switch n.kind {
					case kindDir:
						line += "/"
					case kindLink:
						line += " -> " + *n.target
					default:
						line += fmt.Sprintf(" %d executable=%v", n.record.stamp().size, n.record.stamp().bits() == 1)
					}
					got = append(got, line)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(sent(t, docker, ctx, tt.dockerfile), got); diff != "" {
				t.Errorf("docker sends (-), counted is (+):\n%s", diff)
			}
		})
	}
}

// sent lists what docker sends of a context.
func sent(t *testing.T, docker, dir, dockerfile string) []string {
	t.Helper()
	home := t.TempDir()
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(home, "s"))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Ostype", "linux")
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/build") {
			_, _ = io.WriteString(w, "OK")
			return
		}
		for archive := tar.NewReader(r.Body); ; {
			h, err := archive.Next()
			if err != nil {
				_, _ = io.WriteString(w, `{"stream":"done"}`)
				return
			}
			// An excluded directory is not sent with what is taken back in of it, but is there all the same.
			for name := strings.TrimSuffix(h.Name, "/"); name != "."; name = filepath.Dir(name) {
				switch {
				case name != strings.TrimSuffix(h.Name, "/") || h.Typeflag == tar.TypeDir:
					lines[name+"/"] = true
				case h.Typeflag == tar.TypeSymlink:
					lines[name+" -> "+h.Linkname] = true
				default:
					lines[fmt.Sprintf("%s %d executable=%v", name, h.Size, fs.FileMode(h.Mode)&0o100 != 0)] = true
				}
			}
		}
	})}
	go func() { _ = server.Serve(socket) }()
	defer func() { _ = server.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), docker, "build", "-q", "-f", filepath.Join(dir, dockerfile), dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DOCKER_CONFIG=" + home, "DOCKER_BUILDKIT=0", "DOCKER_HOST=unix://" + socket.Addr().String()}
	if out, err := cmd.CombinedOutput(); err != nil && len(lines) == 0 {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	var out []string
	for line := range lines {
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}
