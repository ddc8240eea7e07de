package image

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// scheme begins what is hashed, so that a change of the scheme changes every tag.
const scheme = "hubwright image content 1"

// tagDigits is how many hexadecimal digits of the hash a tag shows: 80 bits.
const tagDigits = 20

// dockerignore is the file that keeps files out of a build:
// https://docs.docker.com/build/concepts/context/#dockerignore-files
const dockerignore = ".dockerignore"

// Content is everything that decides what a build makes.
type Content struct {
	// Context is the directory that the build may copy from.
	Context string
	// Dockerfile is the path of the Dockerfile.
	Dockerfile string
	// Target is the stage that is built; empty means the last.
	Target string
	// Platform is the platform that is built for.
	Platform string
	// Args are the build arguments.
	Args map[string]string
}

// Tag is a tag that names the content: equal content has equal tags on every machine, and an edit of anything that could reach the
// image changes it. Of a file count its path, its contents, whether it is executable and where a link leads; times and owners do
// not. What .dockerignore (or <Dockerfile>.dockerignore, which comes first) excludes does not count.
func (c Content) Tag() (string, error) {
	h := &hasher{sha256.New()}
	h.text(scheme)
	h.text("platform", c.Platform, "target", c.Target)
	for _, name := range slices.Sorted(maps.Keys(c.Args)) {
		h.text("arg", name, c.Args[name])
	}
	h.text("dockerfile")
	if err := h.file(c.Dockerfile); err != nil {
		return "", fmt.Errorf("reading the Dockerfile: %w", err)
	}
	excluded, err := c.excluded()
	if err != nil {
		return "", err
	}
	if err := h.tree(c.Context, excluded); err != nil {
		return "", fmt.Errorf("reading the build context %s: %w", c.Context, err)
	}
	return "sha-" + hex.EncodeToString(h.Sum(nil))[:tagDigits], nil
}

// excluded reads the patterns of what stays out of the build.
func (c Content) excluded() (*patternmatcher.PatternMatcher, error) {
	var patterns []string
	for _, name := range []string{c.Dockerfile + dockerignore, filepath.Join(c.Context, dockerignore)} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		patterns, err = ignorefile.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		break
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("the ignore file of %s: %w", c.Context, err)
	}
	return m, nil
}

// hasher hashes texts and files so that no two sequences of them run together.
type hasher struct{ hash.Hash }

// text adds texts, each with its length before it.
func (h *hasher) text(texts ...string) {
	for _, t := range texts {
		h.size(int64(len(t)))
		_, _ = io.WriteString(h, t) // a hash never fails to write
	}
}

func (h *hasher) size(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // sizes are not negative
	_, _ = h.Write(b[:])
}

// file adds a file's contents with their length before them.
func (h *hasher) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.size(info.Size())
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if n != info.Size() {
		return fmt.Errorf("%s changed while it was read", name)
	}
	return nil
}

// tree adds what is in a directory, in the order of the paths.
func (h *hasher) tree(root string, excluded *patternmatcher.PatternMatcher) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if rel == "." {
			if !d.IsDir() {
				return errors.New("it is not a directory")
			}
			return nil
		}
		rel = filepath.ToSlash(rel)
		out, err := excluded.MatchesOrParentMatches(rel)
		if err != nil {
			return fmt.Errorf("matching %s: %w", rel, err)
		}
		if out {
			// A pattern that begins with "!" may bring something inside back in; without one there is nothing to look for.
			if d.IsDir() && !excluded.Exclusions() {
				return fs.SkipDir
			}
			return nil
		}
		return h.entry(name, rel, d)
	})
}

// entry adds one directory, link or file.
func (h *hasher) entry(name, rel string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		h.text("dir", rel)
		return nil
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		h.text("link", rel, path.Clean(filepath.ToSlash(to)))
		return nil
	case !d.Type().IsRegular():
		return fmt.Errorf("%s is neither a file, a directory nor a link: keep it out with %s", rel, dockerignore)
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	kind := "file"
	if info.Mode().Perm()&0o111 != 0 {
		kind = "executable"
	}
	h.text(kind, rel)
	return h.file(name)
}
