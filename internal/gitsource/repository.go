package gitsource

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Cache is where what was fetched is kept, a bare repository for each remote. It is safe for concurrent use, by several processes too. The zero value is
// the user's own cache.
type Cache struct {
	// Dir is its folder. Default: hubwright/git in the user's cache folder.
	Dir string

	mu    sync.Mutex
	repos map[string]*Repository
}

// Repository is a remote and what is known of it here. What the remote is asked it is asked once.
type Repository struct {
	Remote
	dir  string // its part of the cache
	down atomic.Pointer[Error]

	mu    sync.Mutex
	heads []Head
	asked bool
	there map[string]bool // commits that are in the cache
}

// Head is a branch and the commit that it is at.
type Head struct {
	Branch string
	// Commit is empty when there is no commit yet.
	Commit string
}

// Repository is a remote's. The same remote gives the same one.
func (c *Cache) Repository(remote Remote) (*Repository, error) {
	if err := remote.check(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.repos[remote.URL]; r != nil {
		return r, nil
	}
	if c.Dir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, &Error{Kind: Failed, Remote: remote.URL, Reason: "there is no place to keep what is fetched: " + err.Error(), Hint: "name a folder with XDG_CACHE_HOME"}
		}
		c.Dir = filepath.Join(dir, "hubwright", "git")
	}
	sum := sha256.Sum256([]byte(remote.URL))
	r := &Repository{Remote: remote, dir: filepath.Join(c.Dir, fmt.Sprintf("%s-%x", remote.name(), sum[:8])), there: map[string]bool{}}
	if c.repos == nil {
		c.repos = map[string]*Repository{}
	}
	c.repos[remote.URL] = r
	return r, nil
}

// Name is a file at a commit, as messages have it: repository@commit:path.
func (r *Repository) Name(commit, file string) string {
	if commit == "" {
		return r.name() + ":" + file
	}
	return r.name() + "@" + Short(commit) + ":" + file
}

// git starts git on the cached repository.
func (r *Repository) git(ctx context.Context, args ...string) ([]byte, error) {
	return r.start(ctx, command{args: args})
}

func (r *Repository) start(ctx context.Context, c command) ([]byte, error) {
	c.args = append([]string{"--git-dir=" + r.dir}, c.args...)
	return c.run(ctx)
}

// ask starts git for something that the remote has to answer, with what to log in with. One that was not to be reached is not waited for again.
func (r *Repository) ask(ctx context.Context, c command) ([]byte, error) {
	if down := r.down.Load(); down != nil {
		return nil, down
	}
	if r.Login != nil {
		login, err := r.Login(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, &Error{Kind: Denied, Remote: r.URL, Reason: err.Error(), Hint: r.Hint}
		}
		c.login = &login
	}
	out, err := r.start(ctx, c)
	if err = r.wrap(err); err != nil {
		var known *Error
		if errors.As(err, &known) && known.Kind == Unreachable {
			r.down.Store(known)
		}
		return out, err
	}
	return out, nil
}

// Head is a branch of the remote, by its name; "" is the one that the remote calls its own. A repository without any commit gives a Head without one,
// with the name that its first branch is to have.
func (r *Repository) Head(ctx context.Context, branch string) (Head, error) {
	if branch != "" {
		if wrong, hint := CheckBranch(branch); wrong != "" {
			return Head{}, &Error{Kind: NoBranch, Remote: r.URL, Reason: fmt.Sprintf("branch %q %s", branch, wrong), Hint: hint}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked {
		if err := r.listHeads(ctx); err != nil {
			return Head{}, err
		}
	}
	if len(r.heads) == 0 {
		if branch == "" {
			branch = "main"
		}
		return Head{Branch: branch}, nil
	}
	var names []string
	for _, h := range r.heads {
		if h.Branch == branch || branch == "" {
			return h, nil // the remote's own is first
		}
		names = append(names, h.Branch)
	}
	const few = 10
	if len(names) > few {
		names = append(names[:few], fmt.Sprintf("%d more", len(names)-few))
	}
	return Head{}, &Error{Kind: NoBranch, Remote: r.URL, Reason: fmt.Sprintf("it has no branch %s: there are %s", branch, strings.Join(names, ", ")), Hint: "name one of them"}
}

// listHeads asks the remote for its branches, its own first: https://git-scm.com/docs/git-ls-remote
func (r *Repository) listHeads(ctx context.Context) error {
	if err := r.make(ctx); err != nil {
		return err
	}
	out, err := r.ask(ctx, command{args: []string{"ls-remote", "--symref", "--", r.URL, "HEAD", "refs/heads/*"}, patience: answering})
	if err != nil {
		return err
	}
	own := ""
	r.heads = nil
	for line := range strings.Lines(string(out)) {
		what, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if target, symbolic := strings.CutPrefix(what, "ref: refs/heads/"); symbolic && ref == "HEAD" {
			own = target
		}
		branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
		if wrong, _ := CheckBranch(branch); !isBranch || wrong != "" || !commitForm.MatchString(what) {
			continue
		}
		h := Head{branch, what}
		if branch == own {
			r.heads = append([]Head{h}, r.heads...)
		} else {
			r.heads = append(r.heads, h)
		}
	}
	r.asked = true
	return nil
}

// make makes the cached repository, when there is none.
func (r *Repository) make(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); err == nil {
		return nil
	}
	return r.wrap(Init(ctx, r.dir))
}

// Init makes an empty bare repository in a folder that is this user's alone, with the branch main and none of the hooks that the user's templates may have.
func Init(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making a repository: %w", err)
	}
	_, err := command{args: []string{"init", "--quiet", "--bare", "--template=", "--initial-branch=main", "--", dir}}.run(ctx)
	return err
}

// lock lets one process at a time write to the cached repository.
func (r *Repository) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a place for what is fetched: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(r.dir, "hubwright.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a place for what is fetched: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", r.dir, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Fetch brings a commit into the cache, without those before it. One that is there needs no network. branch is where to look for it when the remote
// gives out branches only; "" looks in all of them.
func (r *Repository) Fetch(ctx context.Context, commit, branch string) error {
	return r.fetch(ctx, commit, branch, false)
}

// FetchHistory brings a commit and all those before it into the cache.
func (r *Repository) FetchHistory(ctx context.Context, commit, branch string) error {
	return r.fetch(ctx, commit, branch, true)
}

func (r *Repository) fetch(ctx context.Context, commit, branch string, history bool) error {
	if wrong, hint := CheckCommit(commit); wrong != "" {
		return &Error{Kind: NoCommit, Remote: r.URL, Reason: fmt.Sprintf("%q %s", commit, wrong), Hint: hint}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !history && r.has(ctx, commit) {
		return nil
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return r.wrap(err)
	}
	defer unlock()
	if err := r.make(ctx); err != nil {
		return err
	}
	shallow, err := r.shallow(ctx)
	if err != nil {
		return err
	}
	if r.has(ctx, commit) && (!history || !shallow) { // another process has fetched it meanwhile
		return nil
	}
	var depth []string
	switch _, err := r.git(ctx, "rev-parse", "--quiet", "--verify", "--end-of-options", "refs/hubwright/full"); {
	case history && shallow:
		depth = []string{"--unshallow"}
	case !history && err != nil: // a repository with its history keeps it
		depth = []string{"--depth=1"}
	}
	from := func(depth []string, refs ...string) error {
		args := append([]string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head"}, depth...)
		_, err := r.ask(ctx, command{args: append(append(args, "--", r.URL), refs...), patience: sending})
		return err
	}
	at := commit + ":refs/hubwright/" + commit
	if history {
		err = from(depth, at, "+"+commit+":refs/hubwright/full")
	} else {
		err = from(depth, at)
	}
	var known *Error
	if err == nil || !errors.As(err, &known) || known.Kind != Failed {
		return err
	}
	// A remote may give out only what its branches are at: uploadpack.allowAnySHA1InWant of https://git-scm.com/docs/git-config
	refs := "+refs/heads/*:refs/hubwright/heads/*"
	if branch != "" {
		refs = "+refs/heads/" + branch + ":refs/hubwright/heads/" + branch
	}
	if shallow {
		depth = []string{"--unshallow"}
	} else {
		depth = nil
	}
	if all := from(depth, refs); all != nil {
		return all
	}
	if _, err := r.git(ctx, "update-ref", "refs/hubwright/"+commit, commit); err != nil {
		return &Error{Kind: NoCommit, Remote: r.URL, Reason: "it has no commit " + commit, Hint: "look whether it was pushed, and whether the branch was rewritten since"}
	}
	_, err = r.git(ctx, "update-ref", "refs/hubwright/full", commit)
	return r.wrap(err)
}

// has says whether a commit is in the cache, whole.
func (r *Repository) has(ctx context.Context, commit string) bool {
	if !r.there[commit] {
		_, err := r.git(ctx, "rev-parse", "--quiet", "--verify", "--end-of-options", "refs/hubwright/"+commit)
		r.there[commit] = err == nil
	}
	return r.there[commit]
}

// shallow says whether history is missing from the cached repository.
func (r *Repository) shallow(ctx context.Context) (bool, error) {
	out, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return false, r.wrap(err)
	}
	return strings.TrimSpace(string(out)) == "true", nil
}

// maxFile is the most that a file may hold, in bytes. What is read are values, of which a release holds a MiB, and sops makes them longer.
const maxFile = 4 << 20

// Read is a file's content at a commit that was fetched. The error is fs.ErrNotExist when there is none.
func (r *Repository) Read(ctx context.Context, commit, file string) ([]byte, error) {
	clean := path.Clean(file)
	if !fs.ValidPath(clean) || strings.ContainsAny(clean, "\n\x00") {
		return nil, fmt.Errorf("%s: leads out of the repository", r.Name(commit, file))
	}
	out, err := r.start(ctx, command{args: []string{"cat-file", "--batch"}, in: []byte(commit + ":" + clean + "\n")})
	if err != nil {
		return nil, r.wrap(err)
	}
	head, rest, _ := bytes.Cut(out, []byte("\n"))
	words := strings.Fields(string(head))
	if len(words) != 3 || words[1] == "missing" || strings.HasSuffix(string(head), " missing") {
		return nil, fmt.Errorf("%s: %w", r.Name(commit, file), fs.ErrNotExist)
	}
	size, err := strconv.Atoi(words[2])
	switch {
	case words[1] != "blob":
		return nil, fmt.Errorf("%s: is a folder", r.Name(commit, file))
	case err != nil || size > maxFile || size > len(rest):
		return nil, fmt.Errorf("%s: has more than %d bytes", r.Name(commit, file), maxFile)
	}
	return rest[:size:size], nil
}

// History are the newest commits, up to most, in which a file was changed, of a commit that was fetched with its history.
func (r *Repository) History(ctx context.Context, commit, file string, most int) ([]string, error) {
	out, err := r.git(ctx, "log", "--format=%H", "-n", strconv.Itoa(most), "--end-of-options", commit, "--", path.Clean(file))
	if err != nil {
		return nil, r.wrap(err)
	}
	return strings.Fields(string(out)), nil
}
