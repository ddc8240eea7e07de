package gitsource_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
)

// apart keeps a test from the user's own configuration of git.
func apart(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_AUTHOR_NAME", "Bob")
	t.Setenv("GIT_AUTHOR_EMAIL", "bob@example.org")
	t.Setenv("GIT_COMMITTER_NAME", "Bob")
	t.Setenv("GIT_COMMITTER_EMAIL", "bob@example.org")
}

func open(t *testing.T, cache string, remote gitsource.Remote) *gitsource.Repository {
	t.Helper()
	r, err := (&gitsource.Cache{Dir: cache}).Repository(remote)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kindOf(err error) gitsource.Kind {
	var known *gitsource.Error
	if errors.As(err, &known) {
		return known.Kind
	}
	return -1
}

// A branch's head is resolved, brought into the cache and read; afterwards its commit needs no remote any more.
func TestReadAtACommit(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	first := bare.Commit("main", map[string]string{"hubs/hub/a.yaml": "one: 1\n", "big": "x"})
	second := bare.Commit("main", map[string]string{"hubs/hub/a.yaml": "one: 2\n"})
	other := bare.Commit("feature/x", map[string]string{"b.yaml": "b"})
	cache := filepath.Join(t.TempDir(), "git")

	r := open(t, cache, gitsource.Remote{URL: bare.URL()})
	for branch, want := range map[string]gitsource.Head{"": {"main", second}, "main": {"main", second}, "feature/x": {"feature/x", other}} {
		if head, err := r.Head(t.Context(), branch); err != nil || head != want {
			t.Errorf("the head of %q is %v, %v", branch, head, err)
		}
	}
	if _, err := r.Head(t.Context(), "nope"); kindOf(err) != gitsource.NoBranch || !strings.Contains(err.Error(), "it has no branch nope: there are main, feature/x") {
		t.Errorf("a branch that is not there: %v", err)
	}
	for _, commit := range []string{second, first} {
		if err := r.Fetch(t.Context(), commit, "main"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(bare.Dir, bare.Dir+".gone"); err != nil {
		t.Fatal(err)
	}
	r = open(t, cache, gitsource.Remote{URL: bare.URL()}) // as another process would
	for commit, want := range map[string]string{first: "one: 1\n", second: "one: 2\n"} {
		if err := r.Fetch(t.Context(), commit, "main"); err != nil {
			t.Errorf("a commit that is in the cache wants the remote: %v", err)
		}
		if data, err := r.Read(t.Context(), commit, "hubs/hub/a.yaml"); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", commit, data, err)
		}
	}
	if _, err := r.Read(t.Context(), second, "hubs/none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, file := range []string{"../x", "/etc/passwd", "hubs", "a\nb"} {
		if data, err := r.Read(t.Context(), second, file); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q reads as %q, %v", file, data, err)
		}
	}
	if _, err := r.Head(t.Context(), "main"); kindOf(err) != gitsource.NotFound {
		t.Errorf("a remote that is gone: %v", err)
	}
	if err := r.Fetch(t.Context(), strings.Repeat("1", 40), "main"); err == nil {
		t.Error("a commit of nowhere is fetched")
	}
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache is open to others: %v, %v", info.Mode(), err)
	}
}

// What is asked for is fetched alone; its history only when that is asked for, and then it is all there.
func TestHistory(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	var commits []string
	for n := range 5 {
		commits = append(commits, bare.Commit("main", map[string]string{"a.yaml": fmt.Sprint("n: ", n)}))
	}
	bare.Commit("main", map[string]string{"b.yaml": "b"})
	r := open(t, t.TempDir(), gitsource.Remote{URL: bare.URL()})
	if err := r.Fetch(t.Context(), commits[4], ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), commits[0], "a.yaml"); err == nil {
		t.Error("the whole history was fetched")
	}
	for range 2 {
		if err := r.FetchHistory(t.Context(), commits[4], "main"); err != nil {
			t.Fatal(err)
		}
		got, err := r.History(t.Context(), commits[4], "a.yaml", 10)
		if err != nil || len(got) != 5 || got[4] != commits[0] {
			t.Errorf("the history is %v, %v", got, err)
		}
	}
	if data, err := r.Read(t.Context(), commits[0], "a.yaml"); err != nil || string(data) != "n: 0" {
		t.Errorf("the first is %q, %v", data, err)
	}
}

// A remote that gives out nothing but its branches gives a commit of one all the same.
func TestCommitOfABranch(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	first := bare.Commit("main", map[string]string{"a.yaml": "1"})
	bare.Commit("main", map[string]string{"a.yaml": "2"})
	server := bare.Serve(nil)
	t.Setenv("GIT_CONFIG_COUNT", "1") // as old servers speak
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.version")
	t.Setenv("GIT_CONFIG_VALUE_0", "0")
	r := open(t, t.TempDir(), gitsource.Remote{URL: server.URL + "/secrets.git"})
	if err := r.Fetch(t.Context(), first, "main"); err != nil {
		t.Fatal(err)
	}
	if data, err := r.Read(t.Context(), first, "a.yaml"); err != nil || string(data) != "1" {
		t.Errorf("%q, %v", data, err)
	}
	if err := r.Fetch(t.Context(), strings.Repeat("1", 40), "main"); kindOf(err) != gitsource.NoCommit {
		t.Errorf("a commit of nowhere: %v", err)
	}
}

// Credentials are handed to git so that they are neither in its arguments nor in its environment, and to nobody else's helper.
func TestLogin(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	commit := bare.Commit("main", map[string]string{"a.yaml": "1"})
	const user, password = "AKIDEXAMPLE%planted-token", "planted-signature=="
	seen := ""
	server := bare.Serve(func(u, p string) bool {
		seen += processes(t)
		return u == user && p == password
	})
	stored := filepath.Join(t.TempDir(), "stored")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "credential.helper")
	t.Setenv("GIT_CONFIG_VALUE_0", "store --file="+stored)
	login := func(password string) func(context.Context) (gitsource.Login, error) {
		return func(context.Context) (gitsource.Login, error) {
			return gitsource.Login{Username: user, Password: password}, nil
		}
	}
	url := server.URL + "/secrets.git"
	r := open(t, t.TempDir(), gitsource.Remote{URL: url, Login: login(password)})
	head, err := r.Head(t.Context(), "")
	if err != nil || head.Commit != commit {
		t.Fatalf("%v, %v", head, err)
	}
	if err := r.FetchHistory(t.Context(), commit, "main"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), gitsource.Edit{Head: head, File: "a.yaml", Data: []byte("2"), Message: "two"}); err != nil {
		t.Fatal(err)
	}
	if bare.Git("show", "main:a.yaml") != "2" {
		t.Error("it was not pushed")
	}
	if !strings.Contains(seen, "ls-remote") || !strings.Contains(seen, "GIT_ALLOW_PROTOCOL") {
		t.Fatalf("git's processes were not looked at:\n%s", seen)
	}
	if strings.Contains(seen, "planted") {
		t.Error("credentials are in the arguments or the environment of a process")
	}
	if _, err := os.Stat(stored); err == nil {
		t.Error("a helper of the user's has stored them")
	}
	if text := fmt.Sprintf("%v %+v %s", gitsource.Login{Password: password}, &gitsource.Login{Password: password}, gitsource.Login{Password: password}); strings.Contains(text, "planted") {
		t.Errorf("a login prints as %s", text)
	}

	for name, wrong := range map[string]gitsource.Remote{
		"a wrong password": {URL: url, Login: login("wrong"), Hint: "use the role"},
		"none":             {URL: url + "/"},
		"no credentials":   {URL: url, Login: func(context.Context) (gitsource.Login, error) { return gitsource.Login{}, errors.New("no role") }},
	} {
		_, err := open(t, t.TempDir(), wrong).Head(t.Context(), "")
		if kindOf(err) != gitsource.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// processes are the arguments and environments of all git's processes that this one has started.
func processes(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.Contains(string(args), "git") || filepath.Base(dir) == fmt.Sprint(os.Getpid()) {
			continue
		}
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		fmt.Fprintf(&all, "%s\n%s\n", args, env)
	}
	return all.String()
}

// What others push meanwhile is kept: an edit goes on top of it, or, when they have changed the same file, nowhere.
func TestPush(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	r := open(t, t.TempDir(), gitsource.Remote{URL: bare.URL()})
	head, err := r.Head(t.Context(), "")
	if err != nil || head != (gitsource.Head{Branch: "main"}) {
		t.Fatalf("an empty repository's head is %v, %v", head, err)
	}
	edit := func(head gitsource.Head, file, text string) (string, error) {
		return r.Push(t.Context(), gitsource.Edit{Head: head, File: file, Data: []byte(text), Message: "new " + file})
	}
	first, err := edit(head, "hubs/a.yaml", "1")
	if err != nil {
		t.Fatal(err)
	}
	if head, err = r.Head(t.Context(), ""); err != nil || head.Commit != first {
		t.Fatalf("the head is %v, %v", head, err)
	}
	bare.Commit("main", map[string]string{"b.yaml": "theirs"})
	if _, err := edit(head, "hubs/a.yaml", "2"); err != nil {
		t.Fatal(err)
	}
	if a, b, log := bare.Git("show", "main:hubs/a.yaml"), bare.Git("show", "main:b.yaml"), bare.Git("log", "--format=%an %s", "main"); a != "2" || b != "theirs" || log != "Bob new hubs/a.yaml\nAnn by hand\nBob new hubs/a.yaml" {
		t.Errorf("the branch has %q, %q and\n%s", a, b, log)
	}

	if head, err = r.Head(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	bare.Commit("main", map[string]string{"hubs/a.yaml": "theirs"})
	if _, err := edit(head, "hubs/a.yaml", "3"); kindOf(err) != gitsource.Moved {
		t.Errorf("over another's change: %v", err)
	}
	if got := bare.Git("show", "main:hubs/a.yaml"); got != "theirs" {
		t.Errorf("theirs became %q", got)
	}

	bare.Hook("pre-receive", "printf 'signed commits only\\033[31m\\n' >&2; exit 1")
	if head, err = r.Head(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := r.FetchHistory(t.Context(), head.Commit, ""); err != nil {
		t.Fatal(err)
	}
	_, err = edit(head, "hubs/a.yaml", "4")
	if kindOf(err) != gitsource.Refused || !strings.Contains(err.Error(), "signed commits only") || strings.Contains(err.Error(), "\033") {
		t.Errorf("a hook's refusal: %q", err)
	}
	if _, err := edit(head, "../a.yaml", "4"); err == nil {
		t.Error("a file outside is pushed")
	}
}
