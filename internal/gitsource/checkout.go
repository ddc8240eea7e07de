package gitsource

import (
	"context"
	"strings"
)

// CheckedOut is the commit that a folder's files are of, in full, and whether some of them are not as they are there, or not in it at all. "" when the folder is in
// no repository, the repository has no commit yet, or there is no git.
func CheckedOut(ctx context.Context, dir string) (commit string, dirty bool) {
	out, err := command{args: []string{"-C", dir, "rev-parse", "--verify", "--quiet", "HEAD"}}.run(ctx)
	if err != nil {
		return "", false
	}
	commit = strings.TrimSpace(string(out))
	out, err = command{args: []string{"-C", dir, "--no-optional-locks", "status", "--porcelain", "--", "."}}.run(ctx)
	return commit, err != nil || len(out) > 0
}

// FileAt is a file of a folder as it is in a commit; name is relative to the folder, with slashes. The error is *Error.
func FileAt(ctx context.Context, dir, commit, name string) ([]byte, error) {
	if wrong, hint := CheckCommit(commit); wrong != "" {
		return nil, &Error{Kind: NoCommit, Reason: commit + " " + wrong, Hint: hint}
	}
	out, err := command{args: []string{"-C", dir, "show", commit + ":./" + name}}.run(ctx)
	if err != nil {
		return nil, &Error{Kind: NoCommit, Reason: name + " is not to be had from commit " + Short(commit) + ": " + err.Error(), Hint: "fetch the repository's history: `git fetch --unshallow`, `git fetch --all`"}
	}
	return out, nil
}
