package stacks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/values"
)

// Templates reads a hub's folder of page templates, by file name. The error is problem.Problems: all that cannot be read, and what the hub's component
// refuses of the others.
func Templates(stack *config.Stack, h *config.Hub) (map[string]string, error) {
	if h.Templates == "" {
		return nil, nil
	}
	files := stack.Files()
	entries, err := files.ReadDir(h.Templates)
	if err != nil {
		return nil, problem.Problems{values.Unread(h.Templates, err, "name a folder with page templates, or take templates out")}
	}
	out := map[string]string{}
	var problems problem.Problems
	for _, e := range entries {
		file := path.Join(h.Templates, e.Name())
		if info, err := files.Stat(file); err == nil && info.IsDir() {
			continue
		}
		data, err := files.ReadFile(file, maxObject)
		if err != nil {
			problems = append(problems, unreadTemplate(file, err))
			continue
		}
		out[e.Name()] = string(data)
	}
	if err := hub.CheckTemplates(out); err != nil {
		at, line := stack.Place("hubs[" + h.Name + "].templates")
		for text := range strings.Lines(err.Error()) {
			problems = append(problems, problem.Problem{File: at, Line: line, Path: "hubs[" + h.Name + "].templates", Message: strings.TrimSpace(text)})
		}
	}
	return out, problems.Err()
}

// unreadTemplate says why a page template was not read.
func unreadTemplate(file string, err error) problem.Problem {
	p := values.Unread(file, err, "it is a link to nothing: take it out, or put a page there")
	if errors.Is(err, deploydir.ErrTooBig) {
		p.Hint = "all templates of a hub have to fit into one ConfigMap: put what is large into an image or a volume"
	}
	return p
}

// dependency is a chart that another depends on, as its Chart.yaml has it.
type dependency struct {
	Name, Repository string
	line             int
}

// dependenciesOf reads the Chart.yaml of a hub's chart in a folder. The error is problem.Problems.
func dependenciesOf(stack *config.Stack, h *config.Hub) (file string, all []dependency, err error) {
	file = path.Join(h.Chart.Path, "Chart.yaml")
	data, err := stack.Files().ReadFile(file, maxObject)
	if err != nil {
		return file, nil, problem.Problems{values.Unread(file, err, "give a chart in a folder, relative to the deployment directory")}
	}
	var chart struct{ Dependencies []yaml.Node }
	var problems problem.Problems
	if err := yaml.Unmarshal(data, &chart); err != nil {
		problems = append(problems, problem.Problem{File: file, Message: strings.TrimPrefix(err.Error(), "yaml: ")})
	}
	for _, node := range chart.Dependencies {
		d := dependency{line: node.Line}
		if err := node.Decode(&d); err != nil {
			problems = append(problems, problem.Problem{File: file, Line: node.Line, Path: "dependencies", Message: strings.TrimPrefix(err.Error(), "yaml: ")})
			continue
		}
		all = append(all, d)
	}
	return file, all, problems.Err()
}

// DependencyAt is where the Chart.yaml of a hub's chart in a folder names a dependency, as the beginning of a problem.
func DependencyAt(stack *config.Stack, h *config.Hub, name string) problem.Problem {
	file, all, _ := dependenciesOf(stack, h)
	at := problem.Problem{File: file, Path: "dependencies[" + name + "]"}
	if i := slices.IndexFunc(all, func(d dependency) bool { return d.Name == name }); i >= 0 {
		at.Line = all[i].line
	}
	return at
}

// ChartDependencies reads which charts a hub's chart in a folder depends on and does not hold: fetches says that there are some, and folders are where
// those are that its Chart.yaml has in folders, by their paths in the deployment. The error is problem.Problems, when one of them is out of bounds.
func ChartDependencies(stack *config.Stack, h *config.Hub) (fetches bool, folders []string, err error) {
	if h.Chart.Path == "" {
		return false, nil, nil
	}
	_, all, err := dependenciesOf(stack, h)
	if err != nil {
		return false, nil, err
	}
	var problems problem.Problems
	for _, d := range all {
		if holds(filepath.Join(stack.Dir, h.Chart.Path), d.Name) {
			continue
		}
		fetches = true
		at, beside := strings.CutPrefix(d.Repository, "file://")
		if !beside {
			continue
		}
		wrong := DependencyAt(stack, h, d.Name)
		folder := path.Join(h.Chart.Path, at)
		_, err := stack.Files().Resolve(folder)
		switch {
		case filepath.IsAbs(at):
			wrong.Message, wrong.Hint = fmt.Sprintf("%q is absolute, so it holds on one machine only", d.Repository), "write it relative to the chart's folder, such as file://../"+d.Name
			problems = append(problems, wrong)
		case errors.Is(err, deploydir.ErrOutside):
			p := values.Unread(folder, err, "")
			wrong.Message, wrong.Hint = fmt.Sprintf("%q %s", d.Repository, p.Message), p.Hint
			problems = append(problems, wrong)
		default:
			folders = append(folders, folder)
		}
	}
	return fetches, folders, problems.Err()
}

// holds says whether a chart has another in its charts/.
func holds(dir, name string) bool {
	folder, _ := filepath.Glob(filepath.Join(dir, "charts", name))
	archive, _ := filepath.Glob(filepath.Join(dir, "charts", name+"-*.tgz"))
	return len(folder)+len(archive) > 0
}

// maxObject is the most that an object in a cluster may hold, in bytes: https://kubernetes.io/docs/concepts/configuration/configmap/#motivation
const maxObject = 1 << 20

// Manifests reads the further Kubernetes objects of a hub from its files, each a YAML document. The error is problem.Problems: all that the files and
// the hub's component refuse, with file and line.
func Manifests(stack *config.Stack, h *config.Hub) ([]map[string]any, error) {
	var out []map[string]any
	var problems problem.Problems
	for _, f := range h.Manifests {
		data, err := stack.Files().ReadFile(f.File, 0)
		if errors.Is(err, fs.ErrNotExist) && f.Optional {
			continue
		}
		if err != nil {
			problems = append(problems, values.Unread(f.File, err, "every manifest is needed, unless it is marked optional"))
			continue
		}
		objects, wrong := manifestsOf(f.File, data)
		out, problems = append(out, objects...), append(problems, wrong...)
	}
	if len(problems) == 0 {
		if err := hub.CheckManifests(out); err != nil { // what is wrong between the files
			problems = append(problems, problem.Problem{File: "hub " + h.Name, Path: "manifests", Message: err.Error()})
		}
	}
	return out, problems.Err()
}

// manifestsOf are the objects of a file.
func manifestsOf(file string, data []byte) (objects []map[string]any, wrong problem.Problems) {
	documents := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, wrong
		}
		if err != nil {
			return objects, append(wrong, problem.Problem{File: file, Message: strings.TrimPrefix(err.Error(), "yaml: ")})
		}
		var object map[string]any
		line, err := document.Content[0].Line, document.Decode(&object)
		if err == nil && len(object) > 0 {
			err = hub.CheckManifests([]map[string]any{object})
		}
		switch {
		case document.Content[0].Kind == yaml.SequenceNode:
			wrong = append(wrong, problem.Problem{File: file, Line: line, Message: "is a list", Hint: "write each object as a document of its own, with --- between"})
		case document.Content[0].Kind == yaml.ScalarNode && document.Content[0].Tag != "!!null":
			wrong = append(wrong, problem.Problem{
				File: file, Line: line, Message: fmt.Sprintf("is the text %.60q, not a Kubernetes object", document.Content[0].Value),
				Hint: "write apiVersion, kind and metadata; a file that names another is a link that a checkout made a text of: copy what it names",
			})
		case err != nil:
			wrong = append(wrong, problem.Problem{File: file, Line: line, Message: strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")})
		case len(object) > 0:
			objects = append(objects, object)
		}
	}
}
