package dockersim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// build is what decides an image's content.
type build struct {
	context, dockerfile, target, platform string
	args                                  map[string]any
}

func buildOf(in map[string]any) build {
	b := build{
		context: kubeapi.Text(in, "context"), dockerfile: kubeapi.Text(in, "dockerfile"), target: kubeapi.Text(in, "target"),
		platform: kubeapi.Text(in, "platform"), args: kubeapi.Map(in, "args"),
	}
	if b.context == "" {
		b.context = "."
	}
	if b.dockerfile == "" {
		b.dockerfile = filepath.Join(b.context, "Dockerfile")
	}
	return b
}

// digest is over everything that goes into the image: the Dockerfile, the context without what its .dockerignore leaves out, and the options.
func (b build) digest(root string) (string, error) {
	within := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(root, p)
	}
	dir, file := within(b.context), within(b.dockerfile)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("the build context %q is no folder (looked for from the program's folder)", b.context)
	}
	dockerfile, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the Dockerfile %q cannot be read (looked for from the program's folder): %w", b.dockerfile, errors.Unwrap(err))
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "target %q platform %q dockerfile %d\n", b.target, b.platform, len(dockerfile))
	_, _ = h.Write(dockerfile)
	for _, k := range slices.Sorted(maps.Keys(b.args)) {
		_, _ = fmt.Fprintf(h, "arg %q %q\n", k, fmt.Sprint(b.args[k]))
	}
	if err := hashFolder(h, dir, file); err != nil {
		return "", fmt.Errorf("the build context %q: %w", b.context, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFolder(h hash.Hash, dir, dockerfile string) error {
	ignored, err := ignores(dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir || p == dockerfile {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		out, err := ignored.MatchesOrParentMatches(rel)
		if err != nil {
			return err
		}
		switch {
		case out && d.IsDir() && !ignored.Exclusions():
			return filepath.SkipDir
		case out || d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(h, "file %q %v %d\n", filepath.ToSlash(rel), info.Mode().Perm()&0o111 != 0, info.Size())
		if !info.Mode().IsRegular() {
			target, _ := os.Readlink(p)
			_, _ = fmt.Fprintf(h, "link %q\n", target)
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		_, err = io.Copy(h, f)
		return errors.Join(err, f.Close())
	})
}

func ignores(dir string) (*patternmatcher.PatternMatcher, error) {
	f, err := os.Open(filepath.Join(dir, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

// imageDigest is the digest that the image gets in the registry: the same for the same tag and content.
func imageDigest(tag, content string) string {
	sum := sha256.Sum256([]byte(tag + "\n" + content))
	return "sha256:" + hex.EncodeToString(sum[:])
}
