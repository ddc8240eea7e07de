package imagehash

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"

	"github.com/hubwright/hubwright/internal/problem"
)

// node is a file, a link or a directory of the context. There may be very many: what only some have is behind a pointer.
type node struct {
	name   string
	record *record // of a file; before it was looked at, what the cache has under that name
	in     *tree   // of a directory
	target *string // of a link
	// match is where its match against the patterns is, counted from 1; 0 when they were not asked: see list.
	match uint32
	kind  kind
	// known means that the record has the file's sum; kept that it may be remembered: see stamp.trusted.
	known, kept bool
	// excluded means that the ignore file keeps it out. A directory counts all the same when something in it is taken back in.
	excluded bool
}

// tree is what is in a directory, sorted by name.
type tree struct {
	path  string // from the context, with slashes; "" is the context
	nodes []node
	// excluded means that only what is taken back in counts.
	excluded bool
}

// trees are a directory and those below it, each before those in it.
func (t *tree) trees() iter.Seq[*tree] {
	return func(yield func(*tree) bool) { t.each(yield) }
}

func (t *tree) each(yield func(*tree) bool) bool {
	if !yield(t) {
		return false
	}
	for i := range t.nodes {
		if in := t.nodes[i].in; in != nil && !in.each(yield) {
			return false
		}
	}
	return true
}

// join is path.Join of what is clean already.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// walker looks at the context, and then reads what is not known of it.
type walker struct {
	place
	fs         fileSystem
	ctx        context.Context
	patterns   []string
	digest     [sha256.Size]byte // of the patterns
	known      *snapshot
	scratches  sync.Pool
	work       queue
	dockerfile node
	// read is how many files of the context were read, fresh how many of them can be remembered.
	read, fresh int

	mu       sync.Mutex
	problems problem.Problems
}

func newWalker(ctx context.Context, fs fileSystem, p place, patterns []string, known *snapshot) *walker {
	return &walker{place: p, fs: fs, ctx: ctx, patterns: patterns, digest: digestOf(patterns), known: known}
}

// wrong notes a problem of a file of the context.
func (w *walker) wrong(rel, message, hint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, problem.Problem{File: w.name(rel), Message: message, Hint: hint})
}

// keepOut ends hints.
const keepOut = "keep it out of the build with a line in " + dockerignore

// walk looks at everything in the context that is not excluded.
func (w *walker) walk() (*tree, error) {
	t := &tree{}
	w.work.run(runtime.GOMAXPROCS(0), func() { w.directory(t, patternmatcher.MatchInfo{}) })
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	if err := w.problems.Err(); err != nil {
		return nil, err
	}
	t.drop()
	return t, nil
}

// drop drops excluded directories in which nothing was taken back in.
func (t *tree) drop() {
	t.nodes = slices.DeleteFunc(t.nodes, func(n node) bool {
		if n.in != nil {
			n.in.drop()
		}
		return n.excluded && (n.in == nil || len(n.in.nodes) == 0)
	})
}

// directory looks at what is in a directory and below it. parent is how the directory itself matched the patterns.
func (w *walker) directory(t *tree, parent patternmatcher.MatchInfo) {
	if w.ctx.Err() != nil {
		return
	}
	full := filepath.Join(w.context, filepath.FromSlash(t.path))
	fd, err := w.fs.open(full, unix.O_DIRECTORY)
	switch {
	case t.excluded && errors.Is(err, fs.ErrPermission):
		return // Docker does not look into it either
	case err != nil:
		w.unreadable(t.path, err)
		return
	}
	matches, err := w.list(t, fd, parent)
	if err != nil {
		_ = unix.Close(fd)
		w.unreadable(t.path, err)
		return
	}
	// A large directory is shared out. Whoever is done last goes on with what is below it.
	var left atomic.Int64
	left.Store(int64(len(t.nodes)/many + 1))
	look := func(nodes []node) {
		w.look(fd, t, nodes)
		if left.Add(-1) == 0 {
			_ = unix.Close(fd)
			w.below(t, parent, matches)
		}
	}
	nodes := t.nodes
	for len(nodes) >= many {
		part := nodes[:many]
		nodes = nodes[many:]
		w.work.add(func() { look(part) })
	}
	look(nodes)
}

// many is how many nodes of one directory are worth another core.
const many = 1000

// below goes on with the directories in a directory. parent is how it matched the patterns, matches how its nodes did.
func (w *walker) below(t *tree, parent patternmatcher.MatchInfo, matches []patternmatcher.MatchInfo) {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.kind != kindDir {
			continue
		}
		var info patternmatcher.MatchInfo
		if n.match > 0 {
			info = matches[n.match-1]
		} else if len(w.patterns) > 0 { // a file was there before
			var over bool
			var err error
			if info, over, err = w.match(t, n, parent); err != nil {
				w.unreadable(join(t.path, n.name), err)
			}
			if over || err != nil {
				continue
			}
		}
		n.in = &tree{path: join(t.path, n.name), excluded: n.excluded}
		w.work.add(func() { w.directory(n.in, info) })
	}
}

func (w *walker) unreadable(rel string, err error) {
	w.wrong(rel, "it cannot be read: "+reason(err), "make it readable, or "+keepOut)
}

// scratch is what one goroutine lists a directory with.
type scratch struct {
	buf     []byte
	names   []string
	matcher *matcher // nil without patterns
}

func (w *walker) newScratch() (*scratch, error) {
	if s, ok := w.scratches.Get().(*scratch); ok {
		return s, nil
	}
	s := &scratch{buf: make([]byte, 16<<10)}
	var err error
	if len(w.patterns) > 0 {
		s.matcher, err = newMatcher(w.patterns)
	}
	return s, err
}

// list fills a directory with the nodes that count or can have something in them that does, sorted by name, and gives how they matched the patterns.
func (w *walker) list(t *tree, fd int, parent patternmatcher.MatchInfo) ([]patternmatcher.MatchInfo, error) {
	s, err := w.newScratch()
	if err != nil {
		return nil, err
	}
	defer w.scratches.Put(s)
	s.names = s.names[:0]
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(fd, s.buf) })
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		_, _, s.names = unix.ParseDirent(s.buf[:n], -1, s.names)
	}
	slices.Sort(s.names)
	t.nodes = make([]node, 0, len(s.names))
	var matches []patternmatcher.MatchInfo
	known := w.known.in(t.path)
	for _, name := range s.names {
		n := node{name: name, record: known.seek(name)}
		// A file in the cache was not excluded, and as long as the patterns are the same, nothing under that name is.
		if s.matcher != nil && (n.record == nil || w.known.patterns != w.digest) {
			info, over, err := s.match(t, &n, parent)
			if err != nil {
				return nil, err
			}
			if over {
				continue
			}
			matches = append(matches, info)
			n.match = uint32(len(matches)) //nolint:gosec // a directory has no such number of files
		}
		t.nodes = append(t.nodes, n)
	}
	return matches, nil
}

// match finds whether a node is excluded, and whether it is passed over with all that may be in it.
func (s *scratch) match(t *tree, n *node, parent patternmatcher.MatchInfo) (info patternmatcher.MatchInfo, over bool, err error) {
	rel := join(t.path, n.name)
	n.excluded, info, err = s.matcher.MatchesUsingParentResults(rel, parent)
	if err != nil {
		return info, false, fmt.Errorf("matching %s against the ignore file: %w", rel, err)
	}
	return info, n.excluded && s.matcher.passedOver(rel), nil
}

func (w *walker) match(t *tree, n *node, parent patternmatcher.MatchInfo) (info patternmatcher.MatchInfo, over bool, err error) {
	s, err := w.newScratch()
	if err != nil {
		return info, false, err
	}
	defer w.scratches.Put(s)
	return s.match(t, n, parent)
}

// look looks at nodes of a directory.
func (w *walker) look(fd int, t *tree, nodes []node) {
	for i := range nodes {
		n := &nodes[i]
		before := n.record
		n.record = nil
		st, err := w.fs.lstat(fd, n.name)
		if err != nil {
			n.excluded = true
			if !errors.Is(err, unix.ENOENT) { // else it went away meanwhile
				w.unreadable(join(t.path, n.name), err)
			}
			continue
		}
		n.kind = st.kind()
		switch {
		case n.name == ".git" && !n.excluded:
			w.wrong(join(t.path, n.name), "no two clones have the same, so that the image would have another tag on every machine", keepOut+" that says **/.git")
			n.kind = kindOther // it is not looked into
		case n.kind == kindFile && !n.excluded:
			n.record = before
			if n.known = before != nil && before.stamp() == st; !n.known {
				n.record = newRecord(st)
			}
			n.kept = n.known
		case n.kind == kindLink && !n.excluded:
			target, err := os.Readlink(filepath.Join(w.context, filepath.FromSlash(join(t.path, n.name))))
			if err != nil {
				w.unreadable(join(t.path, n.name), err)
			}
			n.target = &target
		case n.kind == kindOther && !n.excluded:
			w.wrong(join(t.path, n.name), fmt.Sprintf("%s has no content that could be hashed", special(st)), "remove it, or "+keepOut)
		}
	}
}

// special is what a node is that is neither a file, a directory nor a link.
func special(s stamp) string {
	switch s.mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFIFO:
		return "a named pipe"
	default:
		return "a device"
	}
}
