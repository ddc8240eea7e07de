package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
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
// *OverwriteError before anything is written, unless overwrite permits it.
func (f *Files) Write(dir string, overwrite bool) (written int, err error) {
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
		path := filepath.Join(dir, filepath.FromSlash(name))
		mode := f.Modes[name]
		if mode == 0 {
			mode = 0o644
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Texts[name], mode)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// Inside is the first path that would be written in a folder, wherever links lead; "" when none would be.
func (f *Files) Inside(dir, folder string) (string, error) {
	root, err := os.Stat(folder)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Texts)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		at, err := deploydir.Real(path)
		if err != nil {
			return "", err
		}
		for ; ; at = filepath.Dir(at) {
			if info, err := os.Stat(at); err == nil && os.SameFile(info, root) {
				return path, nil
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return "", nil
}
