package touched

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// BaseError says that nothing can be compared: there is no git, no repository, or no such commit in it.
type BaseError struct {
	// Reason is what is wrong, Hint what helps.
	Reason, Hint string
}

func (e *BaseError) Error() string { return e.Reason }

// repository is the git repository that a deployment directory is in.
type repository struct {
	ctx context.Context
	// top is its topmost folder, and prefix the deployment directory in it, with slashes: "" or "hubs-of-physics/".
	top, prefix string
}

// open finds the repository of a folder.
func open(ctx context.Context, dir string) (*repository, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, &BaseError{"there is no git on PATH, with which the base is read", "install git"}
	}
	r := &repository{ctx: ctx, top: dir}
	out, err := r.run("rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !strings.Contains(err.Error(), "not a git repository") { // such as that it belongs to somebody else
			return nil, &BaseError{fmt.Sprintf("%s: %v", dir, err), ""}
		}
		return nil, &BaseError{dir + " is in no git repository, so there is nothing to compare it with", "`git init` it, or name the clone with -C"}
	}
	top, prefix, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	r.top, r.prefix = filepath.FromSlash(top), prefix
	return r, nil
}

// commit is the commit that a name stands for, in full.
func (r *repository) commit(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "-") {
		return "", &BaseError{fmt.Sprintf("%q names no commit", name), "a commit, a branch, or HEAD^1"}
	}
	out, err := r.run("rev-parse", "--verify", "--quiet", name+"^{commit}")
	if err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	if r.ctx.Err() != nil {
		return "", r.ctx.Err()
	}
	if shallow, err := r.run("rev-parse", "--is-shallow-repository"); err == nil && strings.TrimSpace(string(shallow)) == "true" {
		return "", &BaseError{fmt.Sprintf("there is no commit %q in this clone, which is a shallow one", name), "clone more of it: fetch-depth of actions/checkout, GIT_DEPTH of GitLab, or `git fetch --unshallow`"}
	}
	if _, err := r.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		return "", &BaseError{"the repository has no commit yet, so there is nothing to compare with", "commit the deployment first"}
	}
	return "", &BaseError{fmt.Sprintf("there is no commit %q in the repository", name), "`git fetch origin` brings what others have pushed"}
}

// changed are the paths, from the top, of all files that differ between a commit and the working tree, sorted. Those that git does not know yet are among
// them, those that it ignores are not.
func (r *repository) changed(commit string) ([]string, error) {
	known, err := r.run("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", commit, "--")
	if err != nil {
		return nil, err
	}
	others, err := r.run("ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	out := append(list(known), list(others)...)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// files are the paths, from the top, of the files of a commit below the deployment directory.
func (r *repository) files(commit string) ([]string, error) {
	args := []string{"ls-tree", "-r", "-z", "--name-only", "--full-tree", commit}
	if r.prefix != "" {
		args = append(args, "--", r.prefix)
	}
	out, err := r.run(args...)
	return list(out), err
}

// text is a file as a commit has it.
func (r *repository) text(commit, name string) ([]byte, error) {
	return r.run("cat-file", "blob", commit+":"+name)
}

func list(zeroes []byte) []string {
	var out []string
	for name := range bytes.SplitSeq(zeroes, []byte{0}) {
		if len(name) > 0 {
			out = append(out, string(name))
		}
	}
	return out
}

// run runs git at the top. It writes nothing: not even the index, which diff refreshes otherwise.
func (r *repository) run(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(r.ctx, "git", append([]string{"-C", r.top, "--no-optional-locks", "--literal-pathspecs"}, args...)...) //nolint:gosec // names of commits are checked, and paths stand behind --
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if errors.Is(r.ctx.Err(), context.Canceled) {
			return nil, context.Cause(r.ctx)
		}
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
