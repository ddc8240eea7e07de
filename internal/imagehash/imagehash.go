// Package imagehash is the content address of an image that is built here: a digest of everything that decides what a build makes, and the tag that
// follows from it. Equal input has equal digests on every machine, whatever the times, the owners, the umask of the checkout or its place, and an
// edit of anything that can reach the image changes it. It needs neither Docker nor git.
//
// What counts of the context is what Docker would send of it:
//
//   - What .dockerignore excludes does not count, nor what <Dockerfile>.dockerignore does, which comes first where there is one. The patterns are
//     read and matched by Moby's own library, and directories passed over by BuildKit's rule.
//   - The Dockerfile and .dockerignore count even where they are excluded: Docker's command line takes both back in, since the builder needs them
//     (TrimBuildFilesFromExcludes: https://github.com/docker/cli/blob/v28.2.2/cli/command/image/build/dockerignore.go).
//   - Of a file count its path, its content, whether its owner may execute it, setuid and setgid; of a symbolic link its path and its target as it is
//     written, since a link is sent and not followed; of a directory its path, empty or not.
//   - A socket, a pipe or a device cannot be addressed by content and is an error, and so is a .git that is not excluded: no two clones have the same.
//
// The other permissions do not count, though Docker sends them: git keeps one bit of them, whether the owner may execute a file, and the rest is
// the umask of whoever checked the tree out. An image that needs others says so itself, with COPY --chmod. docs/decisions/0016-content-address.md
// has what was weighed.
package imagehash

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Input is everything that decides what a build makes.
type Input struct {
	// Root is the deployment directory. Context and Dockerfile are relative to it and do not lead out of it. Empty means the working directory.
	Root string
	// Context is the directory that the build may copy from.
	Context string
	// Dockerfile is the path of the Dockerfile; empty means Dockerfile in the context. It need not be in the context.
	Dockerfile string
	// Target is the stage that is built; empty means the last.
	Target string
	// Platforms are the platforms that are built for, such as linux/amd64, in any order.
	Platforms []string
	// Args are the build arguments.
	Args map[string]string
	// Secrets are the ids of the build secrets, in any order. What they hold does not count, as it does not in BuildKit's own cache: a token that is
	// made anew builds nothing anew.
	Secrets []string
	// Bases are what images that the build starts from or copies from are pinned to: by the reference as the Dockerfile has it, the digest of the
	// image, or the content address of one that is built here.
	Bases map[string]string
}

// Address is the content address of an image.
type Address struct {
	// Digest is the SHA-256 of the input in its canonical encoding, in hexadecimal.
	Digest string
	// Files and Bytes are the regular files that count, and what they hold together.
	Files int
	Bytes int64
	// Read is how many files were read. The others were known from before.
	Read int

	place      place
	patterns   []string
	ignoreFile string // absolute; "" without one
	files      *tree
}

// tagPrefix names the scheme in a tag, as go.sum names that of its hashes.
const tagPrefix = "h1-"

// tagDigits is how many hexadecimal digits of the digest a tag shows. 128 bits: two contents with the same tag are not found by chance, nor, in
// practice, by looking for them.
const tagDigits = 32

// tagForm is a tag of this package, alone or with a commit before it.
var tagForm = lazyregexp.New(`^([0-9a-f]{12}-)?` + tagPrefix + `[0-9a-f]{32}$`)

// Tag is the tag that names the content: h1- and 32 hexadecimal digits. It depends on the input alone, never on git, so that two machines that have
// the same content agree on it. It is a tag by the grammar of the OCI distribution specification, [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}:
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
func (a *Address) Tag() string { return tagPrefix + a.Digest[:tagDigits] }

// Key is the part of a tag that names the content: the tag without the commit that may stand before it. ok is false of a tag that is not of this
// package.
func Key(tag string) (key string, ok bool) {
	if !tagForm.MatchString(tag) {
		return "", false
	}
	return tag[strings.LastIndex(tag, tagPrefix):], true
}

// Compute reads the Dockerfile and the context and gives their content address. What is wrong with them is problem.Problems, all of it at once, with
// file names relative to the deployment directory. cache may be nil.
func Compute(ctx context.Context, in Input, cache *Cache) (*Address, error) {
	return compute(ctx, in, cache, system)
}

func compute(ctx context.Context, in Input, cache *Cache, fs fileSystem) (*Address, error) {
	if in.Context == "" {
		return nil, errors.New("no build context is given: name the directory to build from")
	}
	in.Dockerfile = cmp.Or(in.Dockerfile, filepath.Join(in.Context, "Dockerfile"))
	p, err := locate(in)
	if err != nil {
		return nil, err
	}
	patterns, ignoreFile, err := p.ignores()
	if err != nil {
		return nil, err
	}
	w := newWalker(ctx, fs, p, patterns, cache.load(p))
	t, err := w.walk()
	if err != nil {
		return nil, err
	}
	if err := w.readFiles(t); err != nil {
		return nil, err
	}
	if cache != nil && w.fresh > 0 {
		cache.store(p, w.digest, t)
	}

	h := sha256.New()
	e := encoder{to: h, buf: make([]byte, 0, flushAt+4096)}
	e.input(in, w.dockerfile.record, t)
	e.flush()
	a := &Address{Digest: hex.EncodeToString(h.Sum(nil)), Read: w.read, place: p, patterns: patterns, ignoreFile: ignoreFile, files: t}
	for d := range t.trees() {
		for i := range d.nodes {
			if n := &d.nodes[i]; n.kind == kindFile {
				a.Files++
				a.Bytes += n.record.stamp().size
			}
		}
	}
	return a, nil
}

// sorted are a map's entries by their names.
func sorted(m map[string]string) [][2]string {
	var out [][2]string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, [2]string{name, m[name]})
	}
	return out
}
