package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/deploydir"
)

// OverwriteError says that files of the deployment directory are there already and are others.
type OverwriteError struct {
	Dir   string
	Files []string
}

func (e *OverwriteError) Error() string {
	return fmt.Sprintf("%s has files that differ from what would be written: %s; nothing was changed", e.Dir, strings.Join(e.Files, ", "))
}

// BlockedError says what keeps files from being written into a deployment directory: what is in their way, and links that lead out of it.
type BlockedError struct {
	Dir     string
	Reasons []string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s cannot be written into: %s; nothing was changed", e.Dir, strings.Join(e.Reasons, "; "))
}

// Files are the files of a deployment directory.
type Files struct {
	// Texts are their contents by their paths.
	Texts map[string][]byte
	// Modes are the permissions of those that are not 0644.
	Modes map[string]fs.FileMode
}

// NewFiles returns no files yet.
func NewFiles() Files { return Files{Texts: map[string][]byte{}, Modes: map[string]fs.FileMode{}} }

// Write writes the files into a directory and returns how many were new. What is there and the same stays; what is there and differs is an
// *OverwriteError before anything is written, unless overwrite permits it. What cannot be written, or not there, is a *BlockedError.
func (f *Files) Write(dir string, overwrite bool) (written int, err error) {
	if err := f.blocked(dir); err != nil {
		return 0, err
	}
	var differ, missing []string
	for _, name := range slices.Sorted(maps.Keys(f.Texts)) {
		old, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return 0, err
		case !bytes.Equal(old, f.Texts[name]):
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 && !overwrite {
		return 0, &OverwriteError{dir, differ}
	}
	for _, name := range append(missing, differ...) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		mode := f.Modes[name]
		if mode == 0 {
			mode = 0o644
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, f.Texts[name], mode)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// blocked looks for what is in the way of the files, and for links that lead out of the directory.
func (f *Files) blocked(dir string) error {
	root, err := deploydir.Real(dir)
	if err != nil {
		return err
	}
	var reasons []string
	add := func(reason string, args ...any) {
		if text := fmt.Sprintf(reason, args...); !slices.Contains(reasons, text) {
			reasons = append(reasons, text)
		}
	}
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		return &BlockedError{dir, []string{"it is no folder"}}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Texts)) {
		at, err := deploydir.Real(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			if at, inTheWay := f.inTheWay(dir, name); inTheWay {
				add("%s is no folder, but %s belongs into it", at, name)
				continue
			}
			return err
		}
		rel, err := filepath.Rel(root, at)
		info, statErr := os.Stat(at)
		folder, inTheWay := f.inTheWay(dir, name)
		switch {
		case err != nil || !filepath.IsLocal(rel):
			add("%s leads out of it by a link, to %s", name, at)
		case inTheWay:
			add("%s is no folder, but %s belongs into it", folder, name)
		case statErr == nil && info.IsDir():
			add("%s is a folder, but a file of that name belongs there", name)
		}
	}
	if len(reasons) > 0 {
		return &BlockedError{dir, reasons}
	}
	return nil
}

// inTheWay is what stands where a file's folder belongs and is none.
func (f *Files) inTheWay(dir, name string) (string, bool) {
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(folder))); err == nil && !info.IsDir() {
			return folder, true
		}
	}
	return "", false
}

// Inside is the first path that would be written in a folder, wherever links lead; "" when none would be.
func (f *Files) Inside(dir, folder string) (string, error) {
	root, err := os.Stat(folder)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Texts)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		at, err := deploydir.Real(file)
		if err != nil {
			return "", err
		}
		for ; ; at = filepath.Dir(at) {
			if info, err := os.Stat(at); err == nil && os.SameFile(info, root) {
				return file, nil
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return "", nil
}
