// Package gittest gives tests real repositories of git, on disk and behind HTTP.
package gittest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/needs"
)

// Bare is a bare repository on disk that has been given files in one commit after the other.
type Bare struct {
	t *testing.T
	// Dir is its folder, work the work tree from which it is filled.
	Dir, work string
}

// New makes an empty repository with the main branch main. Without git the test is skipped.
func New(t *testing.T) *Bare {
	t.Helper()
	needs.Command(t, "git", "git")
	root := t.TempDir()
	b := &Bare{t, filepath.Join(root, "secrets.git"), filepath.Join(root, "work")}
	Run(t, root, "init", "--quiet", "--bare", "--initial-branch=main", b.Dir)
	Run(t, root, "init", "--quiet", "--initial-branch=main", b.work)
	return b
}

// URL is the repository's by file://.
func (b *Bare) URL() string { return "file://" + b.Dir }

// Commit puts files on a branch of the repository and gives the commit. "" takes a file away.
func (b *Bare) Commit(branch string, files map[string]string) string {
	b.t.Helper()
	b.Git("config", "http.receivepack", "true")
	if _, err := exec.Command("git", "-C", b.work, "fetch", "--quiet", b.Dir, branch).CombinedOutput(); err == nil {
		Run(b.t, b.work, "checkout", "--quiet", "-B", branch, "FETCH_HEAD")
	} else {
		Run(b.t, b.work, "checkout", "--quiet", "-B", branch)
	}
	for name, text := range files {
		file := filepath.Join(b.work, name)
		if text == "" {
			Run(b.t, b.work, "rm", "--quiet", "--", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	Run(b.t, b.work, "add", "-A")
	Run(b.t, b.work, "commit", "--quiet", "--allow-empty", "-m", "by hand")
	Run(b.t, b.work, "push", "--quiet", b.Dir, "HEAD:refs/heads/"+branch)
	return Run(b.t, b.work, "rev-parse", "HEAD")
}

// Git runs git in the bare repository.
func (b *Bare) Git(args ...string) string {
	b.t.Helper()
	return Run(b.t, b.Dir, args...)
}

// Hook makes a hook of the repository, a script of sh.
func (b *Bare) Hook(name, script string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.Dir, "hooks", name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		b.t.Fatal(err)
	}
}

// Run runs git in a folder, with an author and without anybody's settings, and gives what it prints.
func Run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.org", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.org",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Serve serves the repository over HTTP, with git's own backend, to whoever login lets in; nil lets everybody in.
// https://git-scm.com/docs/git-http-backend
func (b *Bare) Serve(login func(username, password string) bool) *httptest.Server {
	b.t.Helper()
	backend := filepath.Join(Run(b.t, b.Dir, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		needs.Skip(b.t, "no git-http-backend (Debian's package git): %v", err)
	}
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(b.Dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}, Stderr: os.Stderr}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		username, password, given := r.BasicAuth()
		switch {
		case login == nil:
		case !given:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who is it?", http.StatusUnauthorized)
			return
		case !login(username, password):
			http.Error(w, "not you", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	b.t.Cleanup(server.Close)
	return server
}
