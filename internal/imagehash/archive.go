package imagehash

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hubwright/hubwright/internal/problem"
)

// Archive writes what was hashed as a tar, for a builder: of the context what counts, with owner root and the permissions and times that the files have here,
// as Docker's command line sends them; times are whole
// seconds.
func (a *Address) Archive(ctx context.Context, to io.Writer) error {
	w := tar.NewWriter(to)
	// BuildKit tells an archive from a Dockerfile by its first header, which has to be a plain one: a long name has another before it.
	if err := w.WriteHeader(&tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	for d := range a.files.trees() {
		for i := range d.nodes {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			n := &d.nodes[i]
			if err := a.archive(w, n, join(d.path, n.name)); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// Dockerfile is the Dockerfile's path in the archive. One that is not in the context cannot be in it without being part of what the build may copy.
func (a *Address) Dockerfile() (string, error) {
	if rel := a.place.inContext(); rel != "" {
		return rel, nil
	}
	return "", problem.Problems{{File: a.place.dockerfileName, Message: "the Dockerfile is not in the build context, " + a.place.contextName, Hint: "move it there; a line in " + dockerignore + " keeps it from being copied"}}
}

func (a *Address) archive(w *tar.Writer, n *node, rel string) error {
	full := filepath.Join(a.place.context, filepath.FromSlash(rel))
	changed := func() error {
		return problem.Problems{{File: a.place.name(rel), Message: "it was changed while the build's files were read", Hint: "build again"}}
	}
	info, err := os.Lstat(full)
	if err != nil {
		return changed()
	}
	h := &tar.Header{Name: rel, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime().Truncate(time.Second)}
	for bit, is := range map[int64]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if info.Mode()&is != 0 {
			h.Mode |= bit
		}
	}
	switch n.kind {
	case kindDir:
		h.Typeflag, h.Name = tar.TypeDir, rel+"/"
		return w.WriteHeader(h)
	case kindLink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, *n.target
		return w.WriteHeader(h)
	}
	if h.Typeflag, h.Size = tar.TypeReg, n.record.stamp().size; info.Size() != h.Size || !info.Mode().IsRegular() {
		return changed()
	}
	f, err := os.Open(full)
	if err != nil {
		return changed()
	}
	defer func() { _ = f.Close() }()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if got, err := io.Copy(w, io.LimitReader(f, h.Size)); err != nil || got != h.Size {
		if err != nil {
			return fmt.Errorf("sending %s: %w", a.place.name(rel), err)
		}
		return changed()
	}
	return nil
}
