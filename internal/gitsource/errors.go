package gitsource

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says in what way a repository could not be used.
type Kind int

// Kinds of an Error.
const (
	Failed      Kind = iota // anything else
	NoGit                   // git is not on this machine
	Unreachable             // the remote does not answer
	Denied                  // it does not let us in
	NotFound                // there is no such repository
	NoBranch                // it has no such branch
	NoCommit                // it has no such commit
	Moved                   // somebody else has changed the branch meanwhile
	Refused                 // it takes no such commit: a protected branch, a hook
)

// Error says why a repository could not be used.
type Error struct {
	Kind   Kind
	Remote string // the repository, as people know it
	Reason string
	Hint   string // what helps; may be empty

	said string // what git and the remote have printed
}

// Error is the reason with the repository before it.
func (e *Error) Error() string {
	if e.Remote == "" {
		return e.Reason
	}
	return e.Remote + ": " + e.Reason
}

// offline is what helps without a network.
const offline = "look at the network and the proxy (HTTPS_PROXY, http.proxy). A commit that is pinned and was read on this machine before needs no network"

// signs are what git and its remotes say, with LC_ALL=C, of each kind of failure: transport.c, remote-curl.c, connect.c, send-pack.c of
// https://github.com/git/git, and OpenSSH's.
var signs = []struct {
	kind   Kind
	texts  []string
	reason string
	hint   string
}{
	{NotFound, []string{"not found", "does not exist", "does not appear to be a git repository", "no such repository", "the requested url returned error: 404"}, "there is no such repository, or it is not shown to us", "look at its URL, and whether you may read it"},
	{Denied, []string{"authentication failed", "could not read username", "could not read password", "permission denied", "the requested url returned error: 401", "the requested url returned error: 403", "access denied", "terminal prompts disabled"}, "it does not let us in", "log in where git finds it by itself: a credential helper for https (git-scm.com/docs/gitcredentials), a key in ssh-agent for ssh"},
	{Denied, []string{"host key verification failed"}, "its host's key is not known to ssh", "connect once by hand and compare the key: ssh -T HOST"},
	{Unreachable, []string{"could not resolve host", "failed to connect", "couldn't connect", "connection refused", "connection timed out", "network is unreachable", "no route to host", "operation timed out", "operation too slow", "connection reset", "could not connect", "ssl", "certificate", "returned error: 5", "connection closed by", "name or service not known", "temporary failure in name resolution", "empty reply"}, "it cannot be reached", offline},
}

// wrap words a failure of git that is about a remote.
func (r *Remote) wrap(err error) error {
	var known *Error
	if errors.As(err, &known) {
		if known.Remote == "" {
			known.Remote = r.URL
		}
		if known.Kind == Unreachable && known.Hint == "" {
			known.Hint = offline
		}
		return err
	}
	var failed *failure
	if !errors.As(err, &failed) {
		return err
	}
	said := strings.ToLower(failed.said)
	for _, s := range signs {
		for _, text := range s.texts {
			if !strings.Contains(said, text) {
				continue
			}
			e := &Error{Kind: s.kind, Remote: r.URL, Reason: fmt.Sprintf("%s (git: %s)", s.reason, lastWords(failed.said)), Hint: s.hint, said: failed.said}
			if s.kind == Denied && r.Hint != "" {
				e.Hint = r.Hint
			}
			return e
		}
	}
	return &Error{Kind: Failed, Remote: r.URL, Reason: "git failed: " + lastWords(failed.said), said: failed.said}
}

// farewell is how git ends when ssh has failed, which has said why before.
const farewell = "Could not read from remote repository"

// lastWords are what git says of its failure: the line that begins with fatal or error, else the first.
func lastWords(said string) string {
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, farewell) {
			lines = append(lines, line)
		}
	}
	for _, begin := range []string{"fatal: ", "error: ", "remote: "} {
		for _, line := range lines {
			if text, ok := strings.CutPrefix(line, begin); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	if len(lines) == 0 {
		return "it does not say why"
	}
	return lines[0]
}
