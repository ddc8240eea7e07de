package hubploy

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
)

// OverwriteError says that files of the deployment directory are there already and are others.
type OverwriteError struct {
	Dir   string
	Files []string
}

func (e *OverwriteError) Error() string {
	return fmt.Sprintf("%s has files that differ from what would be written: %s; nothing was changed", e.Dir, strings.Join(e.Files, ", "))
}

// Write writes the plan's files into a directory and returns how many were new. What is there and the same stays; what is there and differs is an
// *OverwriteError before anything is written, unless overwrite permits it.
func (p *Plan) Write(dir string, overwrite bool) (written int, err error) {
	var differ, missing []string
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		old, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return 0, err
		case !bytes.Equal(old, p.Files[name]):
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 && !overwrite {
		return 0, &OverwriteError{dir, differ}
	}
	for _, name := range append(missing, differ...) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		mode := p.Modes[name]
		if mode == 0 {
			mode = 0o644
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, p.Files[name], mode)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}
