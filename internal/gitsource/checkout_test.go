package gitsource_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
)

// TestCheckout has a folder in a clone: the commit that it is of, whether it was edited, and files as they were.
func TestCheckout(t *testing.T) {
	ctx := context.Background()
	bare := gittest.New(t)
	first := bare.Commit("main", map[string]string{"deploy/a.yaml": "one\n", "other.txt": "x\n"})
	second := bare.Commit("main", map[string]string{"deploy/a.yaml": "two\n"})
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "--quiet", "--branch", "main", bare.URL(), clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := filepath.Join(clone, "deploy")
	if commit, dirty := gitsource.CheckedOut(ctx, dir); commit != second || dirty {
		t.Errorf("a clean folder is of %s, edited: %v", commit, dirty)
	}
	if err := os.WriteFile(filepath.Join(clone, "other.txt"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, dirty := gitsource.CheckedOut(ctx, dir); dirty {
		t.Error("an edit outside of the folder counts")
	}
	if err := os.WriteFile(filepath.Join(dir, "new.yaml"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, dirty := gitsource.CheckedOut(ctx, dir); !dirty {
		t.Error("a new file does not count")
	}
	for commit, want := range map[string]string{first: "one\n", second: "two\n"} {
		if got, err := gitsource.FileAt(ctx, dir, commit, "a.yaml"); err != nil || string(got) != want {
			t.Errorf("at %s: %q, %v", commit, got, err)
		}
	}
	for name, commit := range map[string]string{"none.yaml": first, "a.yaml": strings.Repeat("0", 40), "../other.txt": "main"} {
		var wrong *gitsource.Error
		if got, err := gitsource.FileAt(ctx, dir, commit, name); !errors.As(err, &wrong) || wrong.Hint == "" {
			t.Errorf("%s at %s: %q, %v", name, commit, got, err)
		}
	}
	if commit, dirty := gitsource.CheckedOut(ctx, t.TempDir()); commit != "" || dirty {
		t.Errorf("a folder in no repository is of %q, edited: %v", commit, dirty)
	}
}
