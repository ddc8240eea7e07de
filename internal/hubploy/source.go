// Package hubploy reads a deployment of hubploy and jupyterhub-deploy, and turns it into one of hubwright whose values come to the same, leaf for leaf.
// What it reads is not changed. https://hubploy.readthedocs.io/
package hubploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/problem"
)

// Source is a deployment as it is found.
type Source struct {
	// Root is the checkout: the folder that holds deployments.
	Root string
	// Name is the deployment's name, that of its folder.
	Name string
	// Environments are its environments, sorted: those that have a file of values.
	Environments []string
	// Shared is the file of values of all deployments, Common that of this one; "" when there is none. Paths are relative to Root.
	Shared, Common string
	// Values and Secrets are an environment's files; Secrets low to high.
	Values  map[string]string
	Secrets map[string][]string
	// Manifests are an environment's page templates, ConfigMaps that were applied beside the chart.
	Manifests map[string][]string
	// Images are the images that are built here.
	Images []Image
	// Wrapper is the folder of a wrapper chart; "" when there is none.
	Wrapper string
	// Settings are what hubploy.yaml and the tfvars say.
	Settings Settings
	// Notes are what was found on the way.
	Notes []Note
}

// Image is an image that is built of a folder of the checkout.
type Image struct {
	Name, Folder string
	// Paths are where the values take it.
	Paths []string
}

// Settings are what is known of where the deployment runs.
type Settings struct {
	Account, Region, Cluster string
	// Roles are the roles that hubploy assumed.
	Roles []string
}

// Note is a line of the report.
type Note struct {
	// Kind is carried, changed or left.
	Kind string `json:"kind"`
	// What is the file, or the setting, of the source.
	What string `json:"what"`
	// Says is where it went, or why it did not.
	Says string `json:"says"`
}

// Kinds of Note.
const (
	Carried = "carried"
	Changed = "changed"
	Left    = "left"
)

func (s *Source) note(kind, what, format string, args ...any) {
	s.Notes = append(s.Notes, Note{kind, what, fmt.Sprintf(format, args...)})
}

// common is the folder of what all deployments share.
const common = "common"

// notValues are files beside the values that hold none.
var notValues = []string{"hubploy.yaml", "all.yaml", "common.yaml"}

// Read finds a deployment in a checkout. name may be empty when there is only one. The error is problem.Problems when the files are wrong.
func Read(root, name string) (*Source, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	name, err = choose(root, name)
	if err != nil {
		return nil, err
	}
	s := &Source{Root: root, Name: name, Values: map[string]string{}, Secrets: map[string][]string{}, Manifests: map[string][]string{}}
	base := path.Join("deployments", name)
	if err := s.layers(base); err != nil {
		return nil, err
	}
	if len(s.Environments) == 0 {
		return nil, fmt.Errorf("%s has no values for an environment: no file such as %s/config/staging.yaml", root, base)
	}
	var problems problem.Problems
	problems = append(problems, s.hubployFile(path.Join(base, "hubploy.yaml"))...)
	found, err := s.tfvars(base)
	if err != nil {
		return nil, err
	}
	problems = append(problems, found...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	s.chart()
	return s, s.rest(base)
}

// choose is the deployment's name.
func choose(root, name string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(root, "deployments"))
	if err != nil {
		return "", fmt.Errorf("%s is no checkout of a hubploy deployment: it has no folder deployments", root)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != common {
			names = append(names, e.Name())
		}
	}
	switch {
	case name != "" && slices.Contains(names, name):
		return name, nil
	case name != "":
		return "", fmt.Errorf("%s has no deployment %q; there are %s", root, name, strings.Join(names, ", "))
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", fmt.Errorf("%s has no deployment in its folder deployments", root)
	}
	return "", fmt.Errorf("%s has %d deployments: which one? (--deployment, of %s)", root, len(names), strings.Join(names, ", "))
}

// layers finds the files of values, secrets and page templates.
func (s *Source) layers(base string) error {
	for _, file := range []string{path.Join("deployments", common, "config", "all.yaml"), path.Join(base, "config", "all.yaml")} {
		if s.has(file) {
			s.Shared = file
		}
	}
	if file := path.Join(base, "config", "common.yaml"); s.has(file) {
		s.Common = file
	}
	files, err := s.list(path.Join(base, "config"))
	if err != nil {
		return err
	}
	var templates []string
	for _, file := range files {
		name, isYAML := strings.CutSuffix(path.Base(file), ".yaml")
		switch {
		case slices.Contains(notValues, path.Base(file)):
		case isYAML && strings.HasPrefix(name, "custom-ui-templates"):
			templates = append(templates, file)
		case isYAML:
			s.Environments = append(s.Environments, name)
			s.Values[name] = file
		}
	}
	slices.Sort(s.Environments)
	for _, env := range s.Environments {
		for _, file := range []string{path.Join(base, "secrets", env+".yaml"), path.Join("secrets", base, "secrets", env+".yaml")} {
			if s.has(file) {
				s.Secrets[env] = append(s.Secrets[env], file)
			}
		}
		for _, file := range templates {
			if strings.Contains("-"+strings.TrimSuffix(path.Base(file), ".yaml")+"-", "-"+env+"-") {
				s.Manifests[env] = append(s.Manifests[env], file)
			}
		}
	}
	for _, file := range templates {
		if !slices.ContainsFunc(s.Environments, func(env string) bool { return slices.Contains(s.Manifests[env], file) }) {
			s.note(Left, file, "names no environment of this deployment")
		}
	}
	return nil
}

// chart finds a wrapper chart: a folder at the top with a Chart.yaml.
func (s *Source) chart() {
	entries, err := os.ReadDir(s.Root)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !s.has(path.Join(e.Name(), "Chart.yaml")) {
			continue
		}
		if s.Wrapper != "" {
			s.note(Left, e.Name(), "is a second chart; %s is taken for the hub's", s.Wrapper)
			continue
		}
		s.Wrapper = e.Name()
	}
}

// rest notes what of the deployment nothing was made of.
func (s *Source) rest(base string) error {
	used := []string{s.Shared, s.Common, path.Join(base, "hubploy.yaml")}
	for _, env := range s.Environments {
		used = append(append(append(used, s.Values[env]), s.Secrets[env]...), s.Manifests[env]...)
	}
	return filepath.WalkDir(filepath.Join(s.Root, filepath.FromSlash(base)), func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.Root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case e.IsDir() && slices.ContainsFunc(s.Images, func(i Image) bool { return i.Folder == rel }):
			return fs.SkipDir
		case e.IsDir(), slices.Contains(used, rel), strings.HasSuffix(rel, ".tfvars"):
		case slices.ContainsFunc(s.Notes, func(n Note) bool { return n.What == rel }):
		default:
			s.note(Left, rel, "is nothing that hubploy reads")
		}
		return nil
	})
}

// has says whether there is a file at a path of the checkout. A link that leads out of it counts as none.
func (s *Source) has(file string) bool {
	_, err := s.read(file)
	return err == nil
}

// mostBytes is the most that a file of the checkout may hold, in bytes.
const mostBytes = 4 << 20

// read reads a file of the checkout, and nothing outside of it.
func (s *Source) read(file string) ([]byte, error) {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(filepath.FromSlash(file))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", file)
	}
	if info.Size() > mostBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", file, mostBytes)
	}
	return root.ReadFile(filepath.FromSlash(file))
}

// linked is the file that a file names, when all it holds is one line with the path of another beside it: what git makes of a symbolic link where
// core.symlinks is false (https://git-scm.com/docs/git-config#Documentation/git-config.txt-coresymlinks). Otherwise "". content
// is what that file holds.
func (s *Source) linked(file string, data []byte) (to string, content []byte) {
	name := strings.TrimSuffix(string(data), "\n")
	if name == "" || len(name) > 255 || strings.ContainsAny(name, "\n: ") || path.IsAbs(name) {
		return "", nil
	}
	to = path.Join(path.Dir(file), name)
	content, err := s.read(to)
	if to == file || err != nil {
		return "", nil
	}
	return to, content
}

// list are the files of a folder of the checkout; none when there is no such folder.
func (s *Source) list(folder string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.Root, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() {
			out = append(out, path.Join(folder, e.Name()))
		}
	}
	return out, nil
}
