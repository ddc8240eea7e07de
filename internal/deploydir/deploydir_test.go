package deploydir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hubwright/hubwright/internal/deploydir"
)

func TestDir(t *testing.T) {
	base := t.TempDir()
	write := func(name string) {
		t.Helper()
		file := filepath.Join(base, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(base, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("deployment/hubs/common.yaml")
	write("shared/all.yaml")
	write("shared-not/all.yaml")
	write("secret.yaml")
	link("../../secret.yaml", "deployment/hubs/link.yaml")
	link("../../shared/all.yaml", "deployment/hubs/shared.yaml")
	link("common.yaml", "deployment/hubs/near.yaml")
	link("../..", "deployment/hubs/up")
	link("hubs", "deployment/through")
	link("../../gone.yaml", "deployment/hubs/gone.yaml")
	link("../../shared/gone/deeper", "deployment/hubs/goneTo")
	if err := os.MkdirAll(filepath.Join(base, "deployment/a/b"), 0o700); err != nil {
		t.Fatal(err)
	}
	link("../../hubs", "deployment/a/b/through")
	link("later.yaml", "deployment/hubs/later")
	link("round.yaml", "deployment/hubs/round.yaml")
	for _, test := range []struct {
		name    string
		outside []string
		want    error // nil: it is read
	}{
		{"hubs/common.yaml", nil, nil},
		{"hubs/../hubs/common.yaml", nil, nil},
		{"hubs/near.yaml", nil, nil},
		{"through/common.yaml", nil, nil},
		{"hubs/none.yaml", nil, fs.ErrNotExist},
		{"none/none.yaml", nil, fs.ErrNotExist},
		{"hubs/link.yaml", nil, deploydir.ErrOutside},
		{"hubs/up/secret.yaml", nil, deploydir.ErrOutside},
		{"hubs/up/deployment/hubs/common.yaml", nil, nil},
		{"hubs/gone.yaml", nil, deploydir.ErrOutside},
		{"a/b/through/gone.yaml", nil, deploydir.ErrOutside},
		{"a/b/through/later", nil, fs.ErrNotExist},
		{"hubs/goneTo/a.yaml", nil, deploydir.ErrOutside},
		{"hubs/goneTo/a.yaml", []string{"../shared"}, fs.ErrNotExist},
		{"hubs/later", nil, fs.ErrNotExist},
		{"../secret.yaml", nil, deploydir.ErrOutside},
		{"../none.yaml", nil, deploydir.ErrOutside},
		{"/etc/passwd", nil, deploydir.ErrOutside},
		{"../shared/all.yaml", nil, deploydir.ErrOutside},
		{"../shared/all.yaml", []string{"../shared"}, nil},
		{"hubs/shared.yaml", []string{"../shared"}, nil},
		{"../shared-not/all.yaml", []string{"../shared"}, deploydir.ErrOutside},
		{"../secret.yaml", []string{"../shared", "../none"}, deploydir.ErrOutside},
	} {
		d := deploydir.Dir{Path: filepath.Join(base, "deployment"), Outside: test.outside}
		_, err := d.ReadFile(test.name, 0)
		if !errors.Is(err, test.want) || test.want != nil && err == nil {
			t.Errorf("%s with %v: %v, want %v", test.name, test.outside, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), base) {
			t.Errorf("%s: the error names this machine's path: %v", test.name, err)
		}
	}
	d := deploydir.Dir{Path: filepath.Join(base, "deployment")}
	if _, err := d.ReadFile("hubs/round.yaml", 0); err == nil || !strings.Contains(err.Error(), "too many links") {
		t.Errorf("a link to itself: %v", err)
	}
	if _, err := d.ReadFile("hubs/common.yaml", 3); err == nil || !strings.Contains(err.Error(), "more than 3 bytes") {
		t.Errorf("a file over the size: %v", err)
	}
	if err := syscall.Mkfifo(filepath.Join(base, "deployment", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"pipe": "named pipe", "hubs": "folder"} {
		if _, err := d.ReadFile(name, 3); !errors.Is(err, deploydir.ErrNotRegular) || !strings.Contains(err.Error(), kind) {
			t.Errorf("a %s: %v", kind, err)
		}
	}
	if entries, err := d.ReadDir("through"); err != nil || len(entries) != 9 {
		t.Errorf("a folder: %v, %v", entries, err)
	}
}

// TestOver has files that count in the place of those that are there, one that is not there, and one that counts as missing.
func TestOver(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml", "gone.yaml"} {
		if err := os.WriteFile(filepath.Join(base, name), []byte("there"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := deploydir.Dir{Path: base, Over: map[string][]byte{"a.yaml": []byte("over"), "gone.yaml": nil, "new/c.yaml": []byte("new")}}
	for name, want := range map[string]string{"a.yaml": "over", "./a.yaml": "over", "b.yaml": "there", "new/c.yaml": "new"} {
		got, err := d.ReadFile(name, 0)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if info, err := d.Stat(name); err != nil || info.IsDir() || info.Size() != int64(len(want)) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := d.ReadFile("gone.yaml", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that counts as missing: %v", err)
	}
	if _, err := d.Stat("gone.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that counts as missing: %v", err)
	}
	if _, err := d.ReadFile("a.yaml", 3); !errors.Is(err, deploydir.ErrTooBig) {
		t.Errorf("a file over the size: %v", err)
	}
	for folder, want := range map[string]string{".": "a.yaml b.yaml", "new": "c.yaml"} {
		entries, err := d.ReadDir(folder)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s has %s, %v", folder, got, err)
		}
	}
}
