// Package touched says which environments of a deployment a change touches: those of whose files one differs between a commit and the working tree.
//
// An environment's files are those that its configuration names, as it is in the commit and as it is now: Pulumi's two files, the hubs' layers of values,
// encrypted ones too, texts taken into values, further manifests, page templates, charts in folders, and the contexts of images that are built and not
// pinned. What all environments are made with is each one's: the program, where the deployment directory holds its source, and the files that say which
// version of it is run. It looks at files, not at what they come to: a new comment touches, and the preview then says that nothing changes.
package touched

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/deploydir"
)

// Report is what a change touches.
type Report struct {
	// Base is the commit that the working tree is compared with, in full.
	Base string
	// Environments are those that are touched, by name.
	Environments []Environment
	// Removed are environments that the base has and the working tree has not.
	Removed []string
}

// Environment is an environment that is touched.
type Environment struct {
	Name string
	// Account and Region are its AWS account and region; "" where its configuration does not say.
	Account, Region string
	// Added says that the base does not have it.
	Added bool
	// Files are its files that differ, relative to the deployment directory.
	Files []string
}

// Place is where a deployment directory is: the topmost folder of its repository, and its path from there, "" or "hubs-of-physics/". The error is
// *BaseError where it is in no repository.
func Place(ctx context.Context, dir string) (top, prefix string, err error) {
	r, err := open(ctx, dir)
	if err != nil {
		return "", "", err
	}
	return r.top, r.prefix, nil
}

// Find compares the deployment in dir with a commit of its repository. versions are paths from the top of the repository, of files that say which version
// of the program is run. The error is *BaseError when there is nothing to compare with.
func Find(ctx context.Context, dir, base string, versions ...string) (*Report, error) {
	r, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	commit, err := r.commit(base)
	if err != nil {
		return nil, err
	}
	changed, err := r.changed(commit)
	if err != nil {
		return nil, err
	}
	before, err := r.export(commit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(before) }()
	was := environments(before)
	envs, err := config.Environments(dir)
	if err != nil {
		return nil, err
	}
	report := &Report{Base: commit}
	sets := map[string]*set{}
	now := map[string]*config.Stack{}
	everybodys := &set{}
	for _, env := range envs {
		sets[env] = &set{prefix: r.prefix, match: func(name string) bool { // also where nothing can be read of it
			return strings.HasPrefix(name, r.prefix) && strings.TrimSuffix(path.Base(name), path.Ext(name)) == "Pulumi."+env
		}}
		if now[env], err = load(dir, env); err != nil {
			return nil, err
		}
		sets[env].of(now[env], dir)
	}
	for _, env := range was {
		if sets[env] == nil {
			report.Removed = append(report.Removed, env)
			continue
		}
		old, err := load(before, env)
		if err != nil {
			return nil, err
		}
		sets[env].of(old, dir)
	}
	if err := everybodys.program(dir, r.prefix, sets); err != nil {
		return nil, err
	}
	for _, env := range envs {
		e := Environment{Name: env, Added: !slices.Contains(was, env)}
		if s := now[env]; s != nil {
			e.Account, e.Region = s.Deployment.AccountID, s.Region()
		}
		for _, name := range changed {
			if sets[env].has(name) || everybodys.has(name) || slices.Contains(versions, name) {
				e.Files = append(e.Files, relative(r.prefix, name))
			}
		}
		if len(e.Files) > 0 {
			report.Environments = append(report.Environments, e)
		}
	}
	return report, nil
}

// export writes Pulumi's files as a commit has them into a folder of their own, as if that were the deployment directory.
func (r *repository) export(commit string) (string, error) {
	names, err := r.files(commit)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "hubwright-base-")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if !strings.HasPrefix(path.Base(name), "Pulumi.") {
			continue
		}
		text, err := r.text(commit, name)
		if err == nil {
			to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, r.prefix)))
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600))
		}
		if err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// environments are those of a base; none where it has no deployment, or none that can be read.
func environments(dir string) []string {
	envs, err := config.Environments(dir)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil
	}
	return envs
}

// load reads an environment's configuration, as far as it can be: what is wrong with it is told by whoever previews it. nil is one of which nothing can be
// read.
func load(dir, env string) (*config.Stack, error) {
	s, err := config.Load(dir, env, nil, config.Options{Sandbox: true, Partial: true})
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	return s, nil
}

// set is a set of paths from the top of the repository.
type set struct {
	prefix  string
	files   map[string]bool
	folders []string
	match   func(name string) bool
}

func (s *set) has(name string) bool {
	return s.files[name] || slices.ContainsFunc(s.folders, func(f string) bool { return f == "." || strings.HasPrefix(name, f+"/") }) || s.match != nil && s.match(name)
}

// of adds the files that a configuration names. dir is the deployment directory in which links among them are followed.
func (s *set) of(stack *config.Stack, dir string) {
	if stack == nil {
		return
	}
	project, own := stack.ConfigFiles()
	s.file(dir, project)
	s.file(dir, own)
	for i := range stack.Hubs {
		h := &stack.Hubs[i]
		layers := slices.Concat(h.Values, h.Manifests)
		if !stack.SecretStore.Files.Remote() {
			layers = append(layers, h.SecretFiles...)
		}
		for _, f := range layers {
			s.file(dir, f.File)
		}
		for _, f := range h.ValuesFromFiles {
			s.file(dir, f)
		}
		s.folder(dir, h.Templates)
		s.folder(dir, h.Chart.Path)
	}
	for _, i := range stack.Images {
		if stack.Pins.Images[i.Name] == "" {
			s.folder(dir, i.Context)
		}
	}
}

// file adds a file by its path in the deployment directory, and the one that it is a link to.
func (s *set) file(dir, name string) {
	for _, at := range s.places(dir, name) {
		if s.files == nil {
			s.files = map[string]bool{}
		}
		s.files[at] = true
	}
}

// folder adds all files of a folder.
func (s *set) folder(dir, name string) { s.folders = append(s.folders, s.places(dir, name)...) }

// places are the paths from the top of the repository of what is named in the deployment directory: as it is named, and where that really is.
func (s *set) places(dir, name string) []string {
	if name == "" || path.IsAbs(filepath.ToSlash(name)) {
		return nil
	}
	out := []string{path.Join(s.prefix, filepath.ToSlash(name))}
	real, err := deploydir.Real(filepath.Join(dir, name))
	if err != nil {
		return out
	}
	root, err := deploydir.Real(dir)
	if err != nil {
		return out
	}
	if rel, err := filepath.Rel(root, real); err == nil {
		out = append(out, path.Join(s.prefix, filepath.ToSlash(rel)))
	}
	return slices.DeleteFunc(out, func(p string) bool { return p == ".." || strings.HasPrefix(p, "../") })
}

// program adds the source that the program is built of, where the deployment directory holds it: go.mod and go.sum, files of Go but for tests, and what lies
// beside or below them, since it may be embedded. What is in a module of its own is not, nor what is an image's.
func (s *set) program(dir, prefix string, sets map[string]*set) error {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	source := map[string]bool{} // folders with files of Go
	holds := func(folder string) bool {
		found, known := source[folder]
		if !known {
			names, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(folder), "*.go"))
			found = slices.ContainsFunc(names, func(n string) bool { return !strings.HasSuffix(n, "_test.go") })
			source[folder] = found
		}
		return found
	}
	s.match = func(name string) bool {
		rel, below := strings.CutPrefix(name, prefix)
		if !below || strings.HasSuffix(rel, "_test.go") || slices.Contains(strings.Split(rel, "/"), "testdata") {
			return false
		}
		for _, of := range sets {
			if slices.ContainsFunc(of.folders, func(f string) bool { return strings.HasPrefix(name, f+"/") }) {
				return false
			}
		}
		if rel == "go.mod" || rel == "go.sum" || !strings.Contains(rel, "/") && strings.HasSuffix(rel, ".go") {
			return true
		}
		within := strings.HasSuffix(rel, ".go")
		for folder := path.Dir(rel); folder != "."; folder = path.Dir(folder) {
			if base := path.Base(folder); base[0] == '.' || base[0] == '_' { // which the go command does not look into
				return false
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(folder), "go.mod")); err == nil {
				return false
			}
			within = within || holds(folder)
		}
		return within
	}
	return nil
}

// relative is a path from the top of the repository, relative to the deployment directory.
func relative(prefix, name string) string {
	rel, err := filepath.Rel(filepath.FromSlash("/"+prefix), filepath.FromSlash("/"+name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}
