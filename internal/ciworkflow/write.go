package ciworkflow

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// State is what there is of a file that would be written.
type State string

// The states.
const (
	New      State = "new"
	Same     State = "same"
	Outdated State = "outdated" // written by this package, and since then by nobody
	Changed  State = "edited"   // edited, or somebody else's
	Foreign  State = "foreign"  // the project's own .gitlab-ci.yml, which includes what is written or has yet to
)

// File is a file that would be written.
type File struct {
	// Path is its path from the top of the repository.
	Path  string
	State State
	// Text is what would be written, Diff how that differs from what is there, as a unified diff.
	Text []byte
	Diff string
}

// include is GitLab's file that is the project's own, whoever else includes something in it.
const include = ".gitlab-ci.yml"

// Compare holds files to what there is below the top of the repository.
func Compare(top string, files map[string][]byte) ([]File, error) {
	var out []File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := File{Path: name, State: New, Text: files[name]}
		old, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, f)
			continue
		case err != nil:
			return nil, err
		case bytes.Equal(bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n")), f.Text):
			f.State = Same
		case name == include && Edited(old):
			f.State = Foreign
		case Edited(old):
			f.State = Changed
		default:
			f.State = Outdated
		}
		if f.State != Same {
			f.Diff = udiff.Unified("a/"+name, "b/"+name, string(old), string(f.Text))
		}
		out = append(out, f)
	}
	return out, nil
}

// Left are files of an earlier time, as they were written, which would not be written any more.
func Left(top, prefix string, files map[string][]byte, forge string) ([]string, error) {
	var out []string
	for _, name := range (&Deployment{Prefix: prefix}).paths(forge) {
		if files[name] != nil {
			continue
		}
		old, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !Edited(old) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Includes says whether a project's own .gitlab-ci.yml names the file with the jobs.
func Includes(top, prefix string) bool {
	text, err := os.ReadFile(filepath.Join(top, include))
	return err == nil && strings.Contains(string(text), (&Deployment{Prefix: prefix}).paths(GitLab)["hubwright.yml"])
}
