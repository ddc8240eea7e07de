package imagehash

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is archived is what was hashed, and another archive of it is hashed alike.
func TestArchive(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"c/Dockerfile": "FROM scratch\n", "c/a/run.sh": "#!/bin/sh\n", "c/a/b/keep.txt": "k", "c/left.log": "no", "c/.dockerignore": "*.log\na/b\n!a/b/keep.txt\nDockerfile\n", "elsewhere": "FROM scratch\n"} {
		full := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644)); err != nil { //nolint:gosec // a context as git checks it out
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(filepath.Join(root, "c/a/run.sh"), 0o755), os.Symlink("../nowhere", filepath.Join(root, "c/a/link")), os.Mkdir(filepath.Join(root, "c/empty"), 0o755)); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	a, err := Compute(t.Context(), Input{Root: root, Context: "c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := a.Dockerfile(); err != nil || file != "Dockerfile" {
		t.Errorf("the Dockerfile is %q, %v", file, err)
	}
	var b bytes.Buffer
	if err := a.Archive(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	unpacked := filepath.Join(t.TempDir(), "c")
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		full := filepath.Join(unpacked, h.Name) //nolint:gosec // an archive of our own
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			got[h.Name], err = "directory", os.MkdirAll(full, 0o755)
		case tar.TypeSymlink:
			got[h.Name], err = "-> "+h.Linkname, os.Symlink(h.Linkname, full)
		default:
			got[h.Name], err = string(data), os.WriteFile(full, data, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"./": "directory", ".dockerignore": "*.log\na/b\n!a/b/keep.txt\nDockerfile\n", "Dockerfile": "FROM scratch\n", "a/": "directory", "a/b/": "directory", "a/b/keep.txt": "k",
		"a/link": "-> ../nowhere", "a/run.sh": "#!/bin/sh\n", "empty/": "directory",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("archived (-want +got):\n%s", diff)
	}
	again, err := Compute(t.Context(), Input{Root: filepath.Dir(unpacked), Context: "c"}, nil)
	if err != nil || again.Digest != a.Digest {
		t.Errorf("unpacked it has the address %v, %v, not %s", again, err, a.Digest)
	}

	if err := os.WriteFile(filepath.Join(root, "c/a/run.sh"), []byte("longer than it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Archive(t.Context(), io.Discard); err == nil {
		t.Error("a file that was changed meanwhile is archived")
	}
	outside, err := Compute(t.Context(), Input{Root: root, Context: "c/a", Dockerfile: "elsewhere"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outside.Dockerfile(); err == nil {
		t.Error("a Dockerfile outside the context is in the archive")
	}
}
