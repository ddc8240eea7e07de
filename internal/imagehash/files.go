package imagehash

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"hash"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/hubwright/hubwright/internal/problem"
)

// file is a file that is to be read.
type file struct {
	dir  *tree // nil for the Dockerfile
	node *node
	err  error
}

// full is where a file is.
func (w *walker) full(f *file) string {
	if f.dir == nil {
		return w.place.dockerfile
	}
	return filepath.Join(w.context, filepath.FromSlash(f.dir.path), f.node.name)
}

// errChanged says that a file is not what it was when it was looked at.
var errChanged = errors.New("it changes while it is hashed")

// pauses are how long to wait before files that changed are read again, each time.
var pauses = []time.Duration{100 * time.Millisecond, 400 * time.Millisecond}

// readFiles hashes the Dockerfile and the files of the context that are not known. Those that change meanwhile are looked at and read again.
func (w *walker) readFiles(t *tree) error {
	w.dockerfile.record = new(record)
	files := []file{{node: &w.dockerfile}}
	w.lookAgain(files)
	for d := range t.trees() {
		for i := range d.nodes {
			if n := &d.nodes[i]; n.kind == kindFile && !n.known {
				files = append(files, file{dir: d, node: n})
			}
		}
	}
	w.read = len(files) - 1
	changed, err := w.readAll(files)
	for i := 0; i < len(pauses) && len(changed) > 0 && err == nil; i++ {
		select {
		case <-w.ctx.Done():
		case <-time.After(pauses[i]):
		}
		w.lookAgain(changed)
		changed, err = w.readAll(changed)
	}
	if err != nil {
		return err
	}
	for _, f := range changed {
		w.fails(&f, f.err.Error(), "let what writes it come to an end")
	}
	return w.problems.Err()
}

// fails notes a problem of a file that is read.
func (w *walker) fails(f *file, message, hint string) {
	name := w.dockerfileName
	if f.dir != nil { // the Dockerfile cannot be kept out
		name = w.name(join(f.dir.path, f.node.name))
		hint += ", or " + keepOut
	}
	w.problems = append(w.problems, problem.Problem{File: name, Message: message, Hint: hint})
}

// lookAgain takes the stamps of files as they are now. Reading tells of a file that went away.
func (w *walker) lookAgain(files []file) {
	for i := range files {
		st, _ := w.fs.lstat(unix.AT_FDCWD, w.full(&files[i]))
		*files[i].node.record = *newRecord(st)
	}
}

// readAll hashes files on all cores and gives those that changed meanwhile. Small ones are shared out whole, of large ones the blocks.
func (w *walker) readAll(files []file) (changed []file, err error) {
	since := w.fs.now()
	large := func(f *file) bool { return f.node.record.stamp().size > 2*blockSize }
	w.share(len(files), func(i int, r *reader) {
		if f := &files[i]; !large(f) {
			f.err = w.readFile(f, r, nil)
		}
	})
	for i := range files {
		if f := &files[i]; large(f) {
			f.err = w.readFile(f, nil, w.share)
		}
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	for i := range files {
		f := &files[i]
		switch {
		case f.err == nil:
			f.node.known, f.node.kept = true, f.node.record.stamp().trusted(since)
			if f.node.kept && f.dir != nil {
				w.fresh++
			}
		case errors.Is(f.err, errChanged):
			changed = append(changed, *f)
		default:
			w.fails(f, "it cannot be read: "+reason(f.err), "make it readable")
		}
	}
	return changed, nil
}

// share does something n times, on all cores, each with a reader of its own.
func (w *walker) share(n int, do func(i int, r *reader)) {
	var next atomic.Int64
	var workers errgroup.Group
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() error {
			r := newReader()
			for i := int(next.Add(1)) - 1; i < n && w.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i, r)
			}
			return nil
		})
	}
	_ = workers.Wait() // they give no error
}

// readFile hashes a file, which was looked at before and is looked at again after.
func (w *walker) readFile(f *file, r *reader, share func(int, func(int, *reader))) error {
	// Something else may be there by now: a link is not followed, a pipe not waited for.
	fd, err := w.fs.open(w.full(f), unix.O_NONBLOCK)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return errChanged
	case err != nil:
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	was := f.node.record.stamp()
	size := was.size
	blocks := make([][sha256.Size]byte, (size+blockSize-1)/blockSize)
	errs := make([]error, len(blocks))
	one := func(i int, r *reader) {
		from := int64(i) * blockSize
		blocks[i], errs[i] = r.block(fd, from, min(from+blockSize, size))
	}
	if share != nil {
		share(len(blocks), one)
	} else {
		for i := range blocks {
			one(i, r)
		}
	}
	// What it was when it was looked at, it must be still. That it was read wrongly may come of that it is not.
	if st, err := w.fs.fstat(fd); err != nil || st != was {
		return cmp.Or(err, errChanged)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	h := sha256.New()
	for i := range blocks {
		_, _ = h.Write(blocks[i][:])
	}
	h.Sum(f.node.record.sum()[:0])
	return nil
}

// reader is what one goroutine reads with.
type reader struct {
	buf []byte
	h   hash.Hash
}

func newReader() *reader { return &reader{make([]byte, 128<<10), sha256.New()} }

// block hashes a part of a file.
func (r *reader) block(fd int, from, to int64) (s [sha256.Size]byte, err error) {
	r.h.Reset()
	for from < to {
		n, err := retry(func() (int, error) { return unix.Pread(fd, r.buf[:min(int64(len(r.buf)), to-from)], from) })
		if err != nil {
			return s, err
		}
		if n == 0 {
			return s, errChanged // it became shorter
		}
		_, _ = r.h.Write(r.buf[:n]) // a hash never fails to write
		from += int64(n)
	}
	r.h.Sum(s[:0])
	return s, nil
}
