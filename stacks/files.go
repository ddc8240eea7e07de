package stacks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/config"
)

// readTemplates reads a folder of page templates, by file name.
func readTemplates(dir, folder string) (map[string]string, error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		return nil, fmt.Errorf("reading the page templates: %w", err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, folder, e.Name()))
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

// readManifests reads the Kubernetes objects of files, each a YAML document.
func readManifests(dir string, files []config.File) ([]map[string]any, error) {
	var out []map[string]any
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.File)))
		if errors.Is(err, fs.ErrNotExist) && f.Optional {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the manifests: %w", err)
		}
		documents := yaml.NewDecoder(bytes.NewReader(data))
		for {
			var object map[string]any
			err := documents.Decode(&object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.File, err)
			}
			if len(object) > 0 {
				out = append(out, object)
			}
		}
	}
	return out, nil
}
