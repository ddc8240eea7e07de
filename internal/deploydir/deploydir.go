// Package deploydir reads the files of a deployment directory, and no others but those below folders outside of it that are named. A path may neither
// lead out by "..", nor by a link.
package deploydir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrOutside is why a file is not read that lies outside.
var ErrOutside = errors.New("leads out of the deployment directory")

// Dir is a deployment directory.
type Dir struct {
	// Path is the directory.
	Path string
	// Outside are folders outside of it whose files are read as well; relative ones are relative to it.
	Outside []string
}

// Resolve is where a file or folder really is, by its path relative to the directory. The error is ErrOutside when that is neither in the directory nor
// below one of the folders that are named.
func (d Dir) Resolve(name string) (string, error) {
	real, err := d.real(name)
	if err != nil {
		return "", err
	}
	for _, folder := range append([]string{"."}, d.Outside...) {
		root, err := d.real(folder)
		if err != nil {
			continue // a folder that is not there holds nothing
		}
		if rel, err := filepath.Rel(root, real); err == nil && filepath.IsLocal(rel) {
			return real, nil
		}
	}
	return "", &fs.PathError{Op: "open", Path: name, Err: ErrOutside}
}

// real is an absolute path without links. Of a file that is not there it is where it would be, so that one outside is told of as such.
func (d Dir) real(name string) (string, error) {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.Path, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	for at := filepath.Dir(path); ; at = filepath.Dir(at) {
		parent, inner := filepath.EvalSymlinks(at)
		if inner == nil {
			rel, _ := filepath.Rel(at, path)
			return filepath.Join(parent, rel), nil
		}
		if at == filepath.Dir(at) {
			return "", err
		}
	}
}

// Stat describes a file or folder.
func (d Dir) Stat(name string) (fs.FileInfo, error) {
	path, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	return info, relative(err, name)
}

// ReadDir lists a folder, sorted by name.
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	path, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	return entries, relative(err, name)
}

// ReadFile reads a file of at most so many bytes; 0 is any number.
func (d Dir) ReadFile(name string, most int64) ([]byte, error) {
	path, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, relative(err, name)
	}
	defer func() { _ = f.Close() }()
	if most == 0 {
		data, err := io.ReadAll(f)
		return data, relative(err, name)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("has more than %d bytes", most)}
	}
	return data, relative(err, name)
}

// relative has an error speak of a file by the path that a person gave.
func relative(err error, name string) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}
