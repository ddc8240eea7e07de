// Package deploydir reads the files of a deployment directory, and no others but those below folders outside of it that are named. A path may neither
// lead out by "..", nor by a link.
package deploydir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Why a file is not read.
var (
	ErrOutside    = errors.New("leads out of the deployment directory")
	ErrNotRegular = errors.New("is no file")
	ErrTooBig     = errors.New("is too big")
)

// Dir is a deployment directory.
type Dir struct {
	// Path is the directory.
	Path string
	// Outside are folders outside of it whose files are read as well; relative ones are relative to it.
	Outside []string
	// Over are files that count in the place of those that are there, by their paths in the directory, with slashes; nil for one that is to count as missing.
	Over map[string][]byte
}

// over is what counts in the place of a file.
func (d Dir) over(name string) (data []byte, is bool) {
	data, is = d.Over[path.Clean(filepath.ToSlash(name))]
	return data, is
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

// real is where a path relative to the directory really is.
func (d Dir) real(name string) (string, error) {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.Path, path)
	}
	return Real(path)
}

// Real is an absolute path without links. Of what is not there it is where it would be, so that one outside is told of as such: behind a link to what is
// not there, too, since whoever writes to that makes it where the link leads.
func Real(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	for at := path; ; at = filepath.Dir(at) {
		rel, _ := filepath.Rel(at, path)
		if there, inner := filepath.EvalSymlinks(at); inner == nil {
			return filepath.Join(there, rel), nil
		}
		if link, inner := os.Readlink(at); inner == nil {
			if !filepath.IsAbs(link) {
				parent, err := filepath.EvalSymlinks(filepath.Dir(at)) // which its way up begins from
				if err != nil {
					return "", err
				}
				link = filepath.Join(parent, link)
			}
			return Real(filepath.Join(link, rel))
		}
		if at == filepath.Dir(at) {
			return "", err
		}
	}
}

// Stat describes a file or folder.
func (d Dir) Stat(name string) (fs.FileInfo, error) {
	where, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	if data, is := d.over(name); is {
		if data == nil {
			return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
		}
		return overInfo{path.Base(name), int64(len(data))}, nil
	}
	info, err := os.Stat(where)
	return info, relative(err, name)
}

// ReadDir lists a folder, sorted by name.
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	where, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(where)
	folder := path.Clean(filepath.ToSlash(name))
	for _, file := range slices.Sorted(maps.Keys(d.Over)) {
		if path.Dir(file) != folder {
			continue
		}
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(file) })
		if data := d.Over[file]; data != nil {
			entries, err = append(entries, fs.FileInfoToDirEntry(overInfo{path.Base(file), int64(len(data))})), nil
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, relative(err, name)
}

// overInfo describes a file of Dir.Over.
type overInfo struct {
	name string
	size int64
}

func (i overInfo) Name() string     { return i.name }
func (i overInfo) Size() int64      { return i.size }
func (overInfo) Mode() fs.FileMode  { return 0o444 }
func (overInfo) ModTime() time.Time { return time.Time{} }
func (overInfo) IsDir() bool        { return false }
func (overInfo) Sys() any           { return nil }

// ReadFile reads a file of at most so many bytes; 0 is any number.
func (d Dir) ReadFile(name string, most int64) ([]byte, error) {
	path, err := d.Resolve(name)
	if err != nil {
		return nil, err
	}
	if data, is := d.over(name); is {
		switch {
		case data == nil:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case most > 0 && int64(len(data)) > most:
			return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: more than %d bytes", ErrTooBig, most)}
		}
		return data, nil
	}
	data, err := Read(path, most)
	return data, relative(err, name)
}

// Read reads a file, wherever it is, of at most so many bytes; 0 is any number. A folder, a pipe, a socket or a device is ErrNotRegular: it may have no
// end, and one without a writer would never even be opened. A file that is bigger is ErrTooBig.
func Read(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w, but a %s", ErrNotRegular, kindOf(info.Mode()))}
	}
	if most == 0 {
		return io.ReadAll(f)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", ErrTooBig, most)}
	}
	return data, err
}

// kindOf is what a file that is not regular is called.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// relative has an error speak of a file by the path that a person gave.
func relative(err error, name string) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}
