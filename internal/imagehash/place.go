package imagehash

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hubwright/hubwright/internal/problem"
)

// place is where the input lies. All paths but the names are absolute and hold no link.
type place struct {
	root, context, dockerfile string
	// contextName and dockerfileName are as they were given, with slashes.
	contextName, dockerfileName string
}

// locate finds the context and the Dockerfile.
func locate(in Input) (place, error) {
	root, err := filepath.Abs(in.Root)
	if err != nil {
		return place{}, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return place{}, fmt.Errorf("finding the deployment directory: %w", err)
	}
	p := place{root: root, contextName: slash(in.Context), dockerfileName: slash(in.Dockerfile)}
	var problems problem.Problems
	p.context, problems = p.find(p.contextName, true, "the build context", "the image's context")
	if len(problems) > 0 {
		return p, problems // without a context the Dockerfile, which usually is in it, is no news
	}
	p.dockerfile, problems = p.find(p.dockerfileName, false, "the Dockerfile", "the image's dockerfile")
	return p, problems.Err()
}

func slash(name string) string { return path.Clean(filepath.ToSlash(name)) }

// find is where a name of the deployment directory leads: a directory or a file inside it.
func (p place) find(name string, directory bool, what, setting string) (string, problem.Problems) {
	wrong := func(message, hint string) (string, problem.Problems) {
		return "", problem.Problems{{File: name, Message: message, Hint: hint}}
	}
	full, err := filepath.EvalSymlinks(filepath.Join(p.root, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := "make it, or name another in " + setting
		if near := nearby(filepath.Join(p.root, filepath.FromSlash(name))); near != "" {
			hint = fmt.Sprintf("did you mean %s? Otherwise %s", path.Join(path.Dir(name), near), hint)
		}
		return wrong(what+" is not there", hint)
	case err != nil:
		return wrong(fmt.Sprintf("%s cannot be reached: %s", what, reason(err)), "make it accessible, or name another in "+setting)
	case filepath.IsAbs(name) || !within(p.root, full):
		return wrong(fmt.Sprintf("%s leads out of the deployment directory, to %s", what, full), "bring it into the deployment directory: other machines have nothing else")
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return wrong(fmt.Sprintf("%s cannot be read: %s", what, reason(err)), "make it accessible, or name another in "+setting)
	case directory && !info.IsDir():
		return wrong(what+" is not a directory", "name the directory that holds the image's files in "+setting)
	case !directory && !info.Mode().IsRegular():
		return wrong(what+" is not a file", "name a file in "+setting)
	}
	return full, nil
}

// nearby is the name beside a missing one that it most likely stands for, "" without any.
func nearby(full string) string {
	entries, _ := os.ReadDir(filepath.Dir(full))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return problem.Nearest(filepath.Base(full), names)
}

// within reports whether a path is a directory or in it.
func within(dir, full string) bool {
	rel, err := filepath.Rel(dir, full)
	return err == nil && filepath.IsLocal(rel)
}

// reason is an error of the operating system without the path, which the problem names already.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return err.Error()
}

// inContext is the Dockerfile's path from the context, "" when it is not in it.
func (p place) inContext() string {
	rel, err := filepath.Rel(p.context, p.dockerfile)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// name is what a file of the context is called in messages.
func (p place) name(rel string) string {
	return strings.TrimPrefix(path.Join(p.contextName, rel), "./")
}
