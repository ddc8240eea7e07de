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
	// Images are the images that hubploy.yaml names.
	Images []Image
	// Wrapper is the folder of a wrapper chart; "" when there is none.
	Wrapper string
	// Settings are what hubploy.yaml and the tfvars say.
	Settings Settings
	// Notes are what was found on the way.
	Notes []Note

	unbuilt []string // folders of images without a Dockerfile
}

// Settings are what is known of where the deployment runs.
type Settings struct {
	Account, Region, Cluster string
	// ClusterAt is where the cluster's name stands, file:line.
	ClusterAt string
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
		for _, folder := range secretFolders(base) {
			for _, file := range []string{path.Join(folder, common+".yaml"), path.Join(folder, env+".yaml")} {
				if s.has(file) {
					s.Secrets[env] = append(s.Secrets[env], file)
				}
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

// secretFolders are where hubploy looks for files of secrets, low to high: in the checkout, and in a repository of their own inside it. In each it
// takes common.yaml, if there is one, and then the environment's: hubploy/helm.py of https://github.com/yuvipanda/hubploy
func secretFolders(base string) []string {
	return []string{path.Join(base, "secrets"), path.Join("secrets", base, "secrets")}
}

// chart finds a wrapper chart: a folder at the top with a Chart.yaml, hub before others.
func (s *Source) chart() {
	entries, err := os.ReadDir(s.Root)
	if err != nil {
		return
	}
	var charts []string
	for _, e := range entries {
		if e.IsDir() && s.has(path.Join(e.Name(), "Chart.yaml")) {
			charts = append(charts, e.Name())
		}
	}
	if len(charts) == 0 {
		return
	}
	s.Wrapper = charts[0]
	if slices.Contains(charts, HubName) {
		s.Wrapper = HubName
	}
	for _, name := range charts {
		if name != s.Wrapper {
			s.note(Left, name, "is another chart; %s is taken for the hub's", s.Wrapper)
		}
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
		case e.IsDir() && (slices.Contains(s.unbuilt, rel) || slices.ContainsFunc(s.Images, func(i Image) bool { return i.Folder == rel })):
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

// isFolder says whether there is a folder at a path of the checkout.
func (s *Source) isFolder(name string) bool {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(filepath.FromSlash(name))
	return err == nil && info.IsDir()
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
