// Package gitsource reads files of git repositories at a commit, and commits to them, with the system's own git and without a work tree: what is fetched
// is kept in a cache that belongs to this user alone, and files are read from there into memory.
//
// The user's configuration of git counts, for proxies, certificates, keys and credentials, and is never written. What a remote is called cannot become an
// option or a program: https://git-scm.com/docs/git#Documentation/git.txt-codeGITALLOWPROTOCOLcode
package gitsource

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Remote is a repository somewhere else.
type Remote struct {
	// URL is where it is: see CheckURL.
	URL string
	// Login gives what to log in with over HTTP. nil leaves it to the user's git.
	Login func(ctx context.Context) (Login, error)
	// Hint says what helps whoever is not let in. Optional.
	Hint string
}

// Login is a name and a password for a repository.
type Login struct{ Username, Password string }

// Format keeps a password out of everything that is printed.
func (Login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// schemes are the protocols that are spoken. git's own is not among them, since nobody there is who they say.
var schemes = []string{"https", "ssh", "http", "file"}

var (
	// helper is how git is told to start a program as a transport: https://git-scm.com/docs/gitremote-helpers
	helper = lazyregexp.New(`^([A-Za-z0-9+.-]*)::`)
	// scp is ssh's short form, user@host:path.
	scp = lazyregexp.New(`^(?:[\w.~-]+@)?[A-Za-z0-9][\w.-]*:[^/:]`)
)

// CheckURL says what is wrong with a repository's URL, and what would be right; "" when nothing is. Neither holds a password.
func CheckURL(text string) (wrong, hint string) {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "has a blank in it", "write %20 for one that belongs there"
	}
	if strings.HasPrefix(text, "-") {
		return "begins with a hyphen, so that git would take it for an option", "write it like https://git.example.org/secrets.git"
	}
	if m := helper.FindStringSubmatch(text); m != nil {
		if m[1] == "codecommit" {
			return "is for git-remote-codecommit, which is not needed here", "write it like https://git-codecommit.us-east-1.amazonaws.com/v1/repos/NAME"
		}
		return "would make git start a program, " + m[1], "use one of " + strings.Join(schemes, ", ")
	}
	scheme, _, full := strings.Cut(text, "://")
	if !full {
		if scp.MatchString(text) {
			return "", ""
		}
		return "is a path of one machine", "write it like https://git.example.org/secrets.git, or file:///srv/git/secrets.git"
	}
	if !slices.Contains(schemes, scheme) {
		return "is of a kind that is not spoken here, " + scheme, "use one of " + strings.Join(schemes, ", ")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "is no URL", "write it like https://git.example.org/secrets.git"
	case u.RawQuery != "" || u.Fragment != "":
		return "has something behind ? or #, which git takes for a part of the path", "take it out"
	case scheme == "file" && (u.Host != "" || !path.IsAbs(u.Path)):
		return "names no path of this machine", "write it like file:///srv/git/secrets.git"
	case scheme == "file":
		return "", ""
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-"):
		return "names no host", "write it like https://git.example.org/secrets.git"
	case strings.Trim(u.Path, "/") == "":
		return "names a host and no repository on it", "write it like https://git.example.org/secrets.git"
	}
	if _, password := u.User.Password(); password || u.User != nil && scheme != "ssh" {
		return "has credentials in it, which everybody who reads the configuration then knows", "take them out, consider them known, and give new ones to git's credential helper: git-scm.com/docs/gitcredentials"
	}
	return "", ""
}

// branchForm are the names of branches, as far as anybody uses them: https://git-scm.com/docs/git-check-ref-format
var branchForm = lazyregexp.New(`^[\w][\w.+#-]*(/[\w][\w.+#-]*)*$`)

// CheckBranch says what is wrong with a branch's name; "" when nothing is.
func CheckBranch(name string) (wrong, hint string) {
	if !branchForm.MatchString(name) || strings.Contains(name, "..") || strings.HasSuffix(name, ".") || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasSuffix(part, ".lock") }) {
		return "is not the name of a branch", "write it like main, without refs/heads/"
	}
	if strings.HasPrefix(name, "refs/") {
		return "is the whole name of a ref", "write it like main, without refs/heads/"
	}
	return "", ""
}

// commitForm are the names of commits, in whole: https://git-scm.com/docs/hash-function-transition
var commitForm = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// CheckCommit says what is wrong with the name of a commit; "" when nothing is.
func CheckCommit(name string) (wrong, hint string) {
	if !commitForm.MatchString(name) {
		return "is not a commit's whole name", "write all its 40 hexadecimal digits in lower case, as git rev-parse prints them"
	}
	return "", ""
}

// Short is a commit's name as people read it.
func Short(commit string) string { return commit[:min(10, len(commit))] }

// name is what a repository is called, without where it is.
func (r *Remote) name() string {
	base := strings.TrimSuffix(strings.TrimRight(r.URL, "/"), ".git")
	base = base[strings.LastIndexAny(base, "/:")+1:]
	if plain, err := url.PathUnescape(base); err == nil && !strings.Contains(plain, "/") && !strings.ContainsFunc(plain, unicode.IsControl) {
		return plain
	}
	return base
}

// check holds a remote to the rules once more, where it is used.
func (r *Remote) check() error {
	if wrong, hint := CheckURL(r.URL); wrong != "" {
		return &Error{Kind: Failed, Remote: r.name(), Reason: "its URL " + wrong, Hint: hint}
	}
	return nil
}
