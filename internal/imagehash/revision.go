package imagehash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Revision is the commit that an image's content is of, for people and for labels. It never decides anything: Tag and Key do.
type Revision struct {
	// Commit is the last commit that changed the context, the Dockerfile or its ignore file, in full; empty when it cannot be told.
	Commit string
	// Reason says why there is no commit.
	Reason string
}

// shortCommit is how many digits of a commit a tag shows. Git's own short form has as many as the clone at hand needs, so it differs between clones.
const shortCommit = 12

// Alias is the tag with the commit before it, <commit>-h1-<hash>: a second name for people to read. It is the tag alone when there is no commit. It
// is no name to look an image up by, since the same content can be of several commits.
func (a *Address) Alias(r Revision) string {
	if len(r.Commit) < shortCommit {
		return a.Tag()
	}
	return r.Commit[:shortCommit] + "-" + a.Tag()
}

// Revision asks git for the commit. There is one only if a clone of that commit would give the same digest: everything that counts is committed as it
// is. What the ignore file keeps out does not matter. A shallow clone knows the commit only if its history reaches back to it. An error is one of
// running git; that there is no git, or no repository, is a Reason.
func (a *Address) Revision(ctx context.Context) (Revision, error) {
	g := git{ctx, a.place.root}
	top, err := g.run("rev-parse", "--show-prefix", "HEAD")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return Revision{Reason: "git is not installed"}, nil
	case ctx.Err() != nil:
		return Revision{}, ctx.Err()
	case err != nil:
		return Revision{Reason: "it is in no git repository that has a commit"}, nil //nolint:nilerr // git says no more than that
	}
	prefix, _, _ := strings.Cut(string(top), "\n")
	paths := a.gitPaths()
	if dirty, err := a.dirty(g, prefix, paths); err != nil || dirty != "" {
		return Revision{Reason: dirty}, err
	}
	out, err := g.run(append([]string{"log", "-1", "--format=%H", "--"}, paths...)...)
	if err != nil {
		return Revision{}, err
	}
	commit := strings.TrimSpace(string(out))
	shallow, err := g.run("rev-parse", "--git-path", "shallow")
	if err != nil {
		return Revision{}, err
	}
	file := strings.TrimSpace(string(shallow))
	if !filepath.IsAbs(file) {
		file = filepath.Join(g.dir, file)
	}
	if ends, err := os.ReadFile(file); err == nil && slices.Contains(strings.Fields(string(ends)), commit) {
		// Everything seems to have come with the commit at which the history is cut off.
		return Revision{Reason: "the clone is too shallow to tell: git fetch --unshallow"}, nil
	}
	return Revision{Commit: commit}, nil
}

// gitPaths are the paths that decide the digest, relative to the deployment directory.
func (a *Address) gitPaths() []string {
	var out []string
	for _, full := range []string{a.place.context, a.place.dockerfile, a.ignoreFile} {
		if rel, err := filepath.Rel(a.place.root, full); full != "" && err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// dirty says what is not committed as it is, of all that counts; "" if nothing.
func (a *Address) dirty(g git, prefix string, paths []string) (string, error) {
	out, err := g.run(append([]string{"ls-files", "-z", "--"}, paths...)...)
	if err != nil {
		return "", err
	}
	tracked := map[string]bool{}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		for dir := string(name); !tracked[dir] && dir != "."; dir = path.Dir(dir) {
			tracked[dir] = true
		}
	}
	context := paths[0]
	for d := range a.files.trees() {
		for _, n := range d.nodes {
			if name := path.Join(context, d.path, n.name); !tracked[name] {
				return name + " is not committed", nil
			}
		}
	}
	for _, name := range paths[1:] {
		if !tracked[name] {
			return name + " is not committed", nil
		}
	}
	m, err := newMatcher(a.patterns)
	if err != nil {
		return "", err
	}
	out, err = g.run(append([]string{"status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--"}, paths...)...)
	if err != nil {
		return "", err
	}
	for entry := range bytes.SplitSeq(out, []byte{0}) {
		if len(entry) < 4 { // XY, a space and the path from the top of the repository
			continue
		}
		name := strings.TrimPrefix(string(entry[3:]), prefix)
		if rel, err := filepath.Rel(context, name); err == nil && filepath.IsLocal(rel) {
			if out, err := m.MatchesOrParentMatches(rel); err != nil || out && !slices.Contains(paths[1:], name) {
				continue
			}
		}
		return name + " differs from what is committed", nil
	}
	return "", nil
}

// git runs git, which writes nothing: not even the index, which status refreshes otherwise.
type git struct {
	ctx context.Context
	dir string
}

func (g git) run(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(g.ctx, "git", append([]string{"-C", g.dir, "--no-optional-locks", "--literal-pathspecs"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
