package stacks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/values"
)

// readTemplates reads a folder of page templates, by file name.
func readTemplates(files deploydir.Dir, folder string) (map[string]string, error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the page templates: %w", err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := files.ReadFile(path.Join(folder, e.Name()), maxObject)
		if err != nil {
			return nil, fmt.Errorf("reading the page templates: %w", err)
		}
		out[e.Name()] = string(data)
	}
	return out, nil
}

// fetchesDependencies says whether a chart in a folder depends on charts that are not in it.
func fetchesDependencies(dir string) (bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return false, err
	}
	var chart struct{ Dependencies []struct{ Name string } }
	if err := yaml.Unmarshal(data, &chart); err != nil {
		return false, fmt.Errorf("its Chart.yaml: %w", err)
	}
	for _, d := range chart.Dependencies {
		folder, _ := filepath.Glob(filepath.Join(dir, "charts", d.Name))
		archive, _ := filepath.Glob(filepath.Join(dir, "charts", d.Name+"-*.tgz"))
		if len(folder)+len(archive) == 0 {
			return true, nil
		}
	}
	return false, nil
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
