package imagehash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/needs"
)

// repo is a git repository for a test, with a deployment in it.
type repo struct {
	*testing.T
	dir string
}

func (r repo) git(args ...string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "git", append([]string{"-C", r.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repo) commit(message string) string {
	r.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// address is that of the image of a deployment, and its commit.
func address(t *testing.T, root string) (*imagehash.Address, imagehash.Revision) {
	t.Helper()
	a, err := imagehash.Compute(t.Context(), imagehash.Input{Root: root, Context: "ctx"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

func newRepo(t *testing.T, folder string) (repo, string) {
	t.Helper()
	needs.Command(t, "git", "git")
	r := repo{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	root := filepath.Join(r.dir, folder)
	write(t, root, map[string]string{"ctx/Dockerfile": "FROM scratch\nCOPY . /\n", "ctx/run.sh": "#!/bin/sh\n", "ctx/.dockerignore": "*.pyc\nnotes.md\n", "ctx/notes.md": "notes", "other": "x"})
	return r, root
}

// Clones agree on the tag and, where their history tells, on the commit; a shallow one, and a copy without git, agree on the tag.
func TestClonesAgree(t *testing.T) {
	r, root := newRepo(t, "deployments/hub")
	want := r.commit("the image")
	if err := os.WriteFile(filepath.Join(root, "other"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.commit("something else")
	r.commit("nothing")
	a, rev := address(t, root)
	if rev.Commit != want {
		t.Fatalf("commit %+v, want %s, the last that touched the image", rev, want)
	}
	if alias := a.Alias(rev); alias != want[:12]+"-"+a.Tag() {
		t.Errorf("alias %s", alias)
	}
	clones := t.TempDir()
	for _, c := range []struct {
		name   string
		args   []string
		commit string
	}{
		{"whole", nil, want},
		{"shallow", []string{"--depth", "1"}, ""},
		{"deep enough", []string{"--depth", "4"}, want},
	} {
		dir := filepath.Join(clones, c.name)
		r.git(append(append([]string{"clone", "-q", "-c", "core.sharedRepository=0600"}, c.args...), "file://"+r.dir, dir)...)
		got, rev := address(t, filepath.Join(dir, "deployments/hub"))
		if got.Tag() != a.Tag() || rev.Commit != c.commit {
			t.Errorf("%s: tag %s, want %s; commit %+v, want %q", c.name, got.Tag(), a.Tag(), rev, c.commit)
		}
		if c.commit == "" && (rev.Reason == "" || got.Alias(rev) != a.Tag()) {
			t.Errorf("%s: %+v, alias %s", c.name, rev, got.Alias(rev))
		}
	}
	plain := filepath.Join(clones, "plain")
	if err := os.CopyFS(plain, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	if got, rev := address(t, plain); got.Tag() != a.Tag() || rev.Commit != "" || rev.Reason != "it is in no git repository that has a commit" {
		t.Errorf("no git: tag %s, want %s; %+v", got.Tag(), a.Tag(), rev)
	}
}

func TestCommitOnlyWhenClean(t *testing.T) {
	tests := []struct {
		name  string
		touch func(root string) error
		want  string // the reason, "" for a commit
	}{
		{"nothing", nil, ""},
		{"an edit", writeFile("ctx/run.sh", "#!/bin/bash\n"), "ctx/run.sh differs from what is committed"},
		{"an edit of the Dockerfile", writeFile("ctx/Dockerfile", "FROM scratch\n"), "ctx/Dockerfile differs from what is committed"},
		{"executable", func(root string) error { return os.Chmod(filepath.Join(root, "ctx/Dockerfile"), 0o755) }, "ctx/Dockerfile differs from what is committed"},
		{"another file", writeFile("ctx/new", ""), "ctx/new is not committed"},
		{"a file less", func(root string) error { return os.Remove(filepath.Join(root, "ctx/run.sh")) }, "ctx/run.sh differs from what is committed"},
		{"a file that git ignores and Docker does not", writeFile("ctx/.env", "x"), "ctx/.env is not committed"},
		{"an empty folder", func(root string) error { return os.Mkdir(filepath.Join(root, "ctx/empty"), 0o755) }, "ctx/empty is not committed"},
		{"a file that Docker ignores", writeFile("ctx/x.pyc", ""), ""},
		{"an edit that Docker ignores", writeFile("ctx/notes.md", "more"), ""},
		{"another file less that Docker ignores", func(root string) error { return os.Remove(filepath.Join(root, "ctx/notes.md")) }, ""},
		{"an edit elsewhere", writeFile("other", "y"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, root := newRepo(t, ".")
			write(t, root, map[string]string{".gitignore": ".env\n"})
			want := r.commit("the image")
			if tt.touch != nil {
				if err := tt.touch(root); err != nil {
					t.Fatal(err)
				}
			}
			if _, rev := address(t, root); rev.Reason != tt.want || (tt.want == "") != (rev.Commit == want) {
				t.Errorf("%+v, want the commit %s or the reason %q", rev, want, tt.want)
			}
		})
	}
}

func writeFile(name, text string) func(string) error {
	return func(root string) error {
		f, err := os.OpenFile(filepath.Join(root, name), os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, err = f.WriteString(text)
		return err
	}
}

func TestNoCommitYet(t *testing.T) {
	_, root := newRepo(t, ".")
	if _, rev := address(t, root); rev.Commit != "" || rev.Reason == "" {
		t.Errorf("%+v, want a reason", rev)
	}
}
