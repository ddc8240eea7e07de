package hubploy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/problem"
)

// SourceError says that there is no deployment of hubploy to read, and what would be right.
type SourceError struct{ Message, Hint string }

func (e *SourceError) Error() string { return e.Message }

// looked is what is looked for in a checkout.
const looked = "deployments/<name>/hubploy.yaml and deployments/<name>/config/<env>.yaml"

// Read finds a deployment in a checkout. name may be empty when there is only one. The error is *SourceError when there is none, problem.Problems
// when the files are wrong.
func Read(root, name string) (*Source, error) {
	given := root
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	names, err := deployments(given, root)
	if err != nil {
		return nil, err
	}
	if name, err = choose(root, name, names); err != nil {
		return nil, err
	}
	s := &Source{Root: root, Name: name, Values: map[string]string{}, Secrets: map[string][]string{}, Manifests: map[string][]string{}}
	base := path.Join("deployments", name)
	if err := s.layers(base); err != nil {
		return nil, err
	}
	if len(s.Environments) == 0 {
		files, _ := s.list(path.Join(base, "config"))
		for i := range files {
			files[i] = path.Base(files[i])
		}
		return nil, &SourceError{
			fmt.Sprintf("%s has no values for an environment: looked for %s/config/<env>.yaml, such as staging.yaml; %s", root, base, having("that folder", files)),
			"each environment of hubploy is a file of that folder; all.yaml, common.yaml and hubploy.yaml are none",
		}
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

// addressForm is how the address of a repository begins.
var addressForm = lazyregexp.New(`^([a-z+]+://|[\w.-]+@[\w.-]+:)`)

// deployments are the names of a checkout's deployments. given is the checkout as a person wrote it.
func deployments(given, root string) ([]string, error) {
	const right = "give the folder that holds deployments: the top of a checkout of jupyterhub-deploy, or of one that is made after hubploy-template"
	if addressForm.MatchString(given) {
		return nil, &SourceError{fmt.Sprintf("%s is an address, and a folder is read", given), fmt.Sprintf("`git clone %s` makes one: give that", given)}
	}
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := right
		if near := beside(root); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return nil, &SourceError{root + " does not exist", hint}
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, &SourceError{root + " is a file, and a folder is read", right}
	}
	entries, err := os.ReadDir(filepath.Join(root, "deployments"))
	if err != nil {
		hint := right
		top, name := within(root)
		switch {
		case name != "":
			hint = fmt.Sprintf("it is part of the checkout %s: give that, with --deployment %s", top, name)
		case top != "":
			hint = fmt.Sprintf("the checkout is %s: give that", top)
		}
		return nil, &SourceError{fmt.Sprintf("%s is no checkout with deployments for hubploy: looked for %s; %s", root, looked, having("it", namesIn(root))), hint}
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != common {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, &SourceError{
			fmt.Sprintf("%s has no deployment in its folder deployments: looked for %s; %s", root, looked, having("that folder", namesIn(filepath.Join(root, "deployments")))),
			"a deployment is a folder of its own in deployments; common is what all of them share",
		}
	}
	return names, nil
}

// choose is the deployment's name.
func choose(root, name string, names []string) (string, error) {
	switch all := strings.Join(names, ", "); {
	case name != "" && slices.Contains(names, name):
		return name, nil
	case name != "":
		hint := "--deployment names one of them"
		if near := problem.Nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean --deployment %s?", near)
		}
		return "", &SourceError{fmt.Sprintf("%s has no deployment %q; there are %s", root, name, all), hint}
	case len(names) > 1:
		return "", &SourceError{fmt.Sprintf("%s has %d deployments: which one? (--deployment, of %s)", root, len(names), all), "each is imported by itself, into a directory of its own"}
	}
	return names[0], nil
}

// within finds the checkout that a folder is part of, and the deployment that it belongs to, or else a checkout in the folder; "" for what is not there.
func within(folder string) (top, name string) {
	for at := folder; at != filepath.Dir(at); at = filepath.Dir(at) {
		if filepath.Base(at) != "deployments" {
			continue
		}
		if rel, err := filepath.Rel(at, folder); err == nil && rel != "." {
			name, _, _ = strings.Cut(filepath.ToSlash(rel), "/")
		}
		if name == common {
			name = ""
		}
		return filepath.Dir(at), name
	}
	for _, inner := range namesIn(folder) {
		inner = strings.TrimSuffix(inner, "/")
		if info, err := os.Stat(filepath.Join(folder, inner, "deployments")); err == nil && info.IsDir() {
			return filepath.Join(folder, inner), ""
		}
	}
	return "", ""
}

// beside is a folder beside one that does not exist, with a name that is near; "" without one.
func beside(missing string) string {
	var folders []string
	for _, name := range namesIn(filepath.Dir(missing)) {
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			folders = append(folders, folder)
		}
	}
	if near := problem.Nearest(filepath.Base(missing), folders); near != "" {
		return filepath.Join(filepath.Dir(missing), near)
	}
	return ""
}

// namesIn are what is in a folder, folders with a slash behind; none when it cannot be read.
func namesIn(folder string) (out []string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		out = append(out, name)
	}
	return out
}

// mostNamed is how many names a message has.
const mostNamed = 8

// having says what a folder holds.
func having(folder string, names []string) string {
	more := ""
	if len(names) > mostNamed {
		names, more = names[:mostNamed], fmt.Sprintf(" and %d more", len(names)-mostNamed)
	}
	return fmt.Sprintf("%s holds %s%s", folder, cmp.Or(strings.Join(names, ", "), "nothing"), more)
}
