package gitsource_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
)

// A remote that takes the connection and never answers is given up when the caller gives up, and nothing of git is left.
func TestHangingRemote(t *testing.T) {
	apart(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := make(chan net.Conn, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken <- c
		}
	}()
	r := open(t, t.TempDir(), gitsource.Remote{URL: "http://" + l.Addr().String() + "/hanging-remote.git"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Head(ctx, "")
		ended <- err
	}()
	select {
	case <-taken:
	case err := <-ended:
		t.Fatalf("it ended before it began: %v", err)
	}
	if !strings.Contains(processes(t), "hanging-remote.git") {
		t.Error("git is not seen at work") // the control
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	for n := 0; strings.Contains(processes(t), "hanging-remote.git"); n++ {
		if n == 100 {
			t.Fatal("git is still there")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestUnreachable(t *testing.T) {
	apart(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/x.git"
	_ = l.Close()
	_, err = open(t, t.TempDir(), gitsource.Remote{URL: url}).Head(t.Context(), "")
	if kindOf(err) != gitsource.Unreachable || !strings.HasPrefix(err.Error(), url+": it cannot be reached (git: ") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err = open(t, t.TempDir(), gitsource.Remote{URL: url}).Head(t.Context(), ""); kindOf(err) != gitsource.NoGit {
		t.Errorf("without git: %v", err)
	}
}

// Several processes share a cache.
func TestSharedCache(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	commit := bare.Commit("main", map[string]string{"a.yaml": "1"})
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			r, err := (&gitsource.Cache{Dir: cache}).Repository(gitsource.Remote{URL: bare.URL()})
			if err != nil {
				t.Error(err)
				return
			}
			if err := r.Fetch(t.Context(), commit, "main"); err != nil {
				t.Error(err)
				return
			}
			if data, err := r.Read(t.Context(), commit, "a.yaml"); err != nil || string(data) != "1" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	wg.Wait()
}

// The user's settings, and what a hook has set, do not get in the way, and nothing of theirs is written.
func TestSurroundings(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	commit := bare.Commit("main", map[string]string{"a.yaml": "1"})
	url := bare.Serve(nil).URL + "/secrets.git"
	hooks, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
	for _, hook := range []string{"pre-push", "reference-transaction", "post-checkout"} {
		if err := os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\ntouch "+ran+"\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	global := filepath.Join(os.Getenv("HOME"), ".gitconfig")
	text := "[core]\n\thooksPath = " + hooks + "\n[safe]\n\tbareRepository = explicit\n[fetch]\n\tprune = true\n[init]\n\ttemplateDir = /nowhere\n[url \"ext::sh -c touch% " + ran + "\"]\n\tinsteadOf = http://evil.example\n"
	if err := os.WriteFile(global, []byte(text), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"} {
		t.Setenv(v, "/nowhere")
	}
	r := open(t, t.TempDir(), gitsource.Remote{URL: url})
	head, err := r.Head(t.Context(), "")
	if err == nil {
		err = r.FetchHistory(t.Context(), commit, "main")
	}
	if err == nil {
		_, err = r.Push(t.Context(), gitsource.Edit{Head: head, File: "a.yaml", Data: []byte("2"), Message: "two"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, t.TempDir(), gitsource.Remote{URL: "http://evil.example/x.git"}).Head(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "transport 'ext' not allowed") {
		t.Errorf("a program as transport: %v", err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook, or a program, of the user's was run")
	}
	if after, err := os.ReadFile(global); err != nil || string(after) != text {
		t.Errorf("the user's configuration has become %s, %v", after, err)
	}
	entries, _ := os.ReadDir(os.Getenv("HOME"))
	if len(entries) != 1 {
		t.Errorf("the user's home has got %v", entries)
	}
}

// A program in the place of ssh: the user's own settings name it, and what it says is heard.
func TestSSH(t *testing.T) {
	apart(t)
	bare := gittest.New(t)
	commit := bare.Commit("main", map[string]string{"a.yaml": "1"})
	ssh := filepath.Join(t.TempDir(), "ssh")
	script := func(text string) {
		if err := os.WriteFile(ssh, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_SSH_COMMAND", ssh)
	t.Setenv("GIT_SSH_VARIANT", "simple")
	remote := gitsource.Remote{URL: "git@git.example.org:" + strings.TrimPrefix(bare.Dir, "/")}

	script(`test "$1" = git@git.example.org && cd / && exec sh -c "$2"`)
	r := open(t, t.TempDir(), remote)
	if err := r.Fetch(t.Context(), commit, ""); err != nil {
		t.Fatal(err)
	}
	if data, err := r.Read(t.Context(), commit, "a.yaml"); err != nil || string(data) != "1" {
		t.Errorf("%q, %v", data, err)
	}
	for text, want := range map[string]struct {
		kind gitsource.Kind
		says string
	}{
		"echo 'git@git.example.org: Permission denied (publickey).' >&2; exit 255":              {gitsource.Denied, "it does not let us in (git: git@git.example.org: Permission denied (publickey).)"},
		"echo 'ssh: connect to host git.example.org port 22: Connection refused' >&2; exit 255": {gitsource.Unreachable, "it cannot be reached (git: ssh: connect to host"},
		"echo 'Host key verification failed.' >&2; exit 255":                                    {gitsource.Denied, "key is not known"},
		"echo 'ERROR: Repository not found.' >&2; exit 1":                                       {gitsource.NotFound, "no such repository"},
	} {
		script(text)
		if _, err := open(t, t.TempDir(), remote).Head(t.Context(), ""); kindOf(err) != want.kind || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
