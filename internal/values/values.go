// Package values reads a hub's layers of Helm values and merges them as Helm does.
package values

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads files of values, low to high, and merges them as `helm -f LOW -f HIGH` does: objects key by key, while anything else of a
// higher layer, a list too, replaces what a lower one has. An empty value (null) of a higher layer is kept, because Helm takes it as leave
// to drop the chart's default: https://helm.sh/docs/chart_template_guide/values_files/#deleting-a-default-key
//
// A file that is missing or malformed, or has a key twice, is an error that names the file and the line. All of them are reported.
func Load(files ...string) (map[string]any, error) {
	merged := map[string]any{}
	var problems []error
	for _, file := range files {
		layer, err := read(file)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		merge(merged, layer)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return merged, nil
}

// merge lays a layer over what is there already.
func merge(into, layer map[string]any) {
	for key, value := range layer {
		if over, ok := value.(map[string]any); ok {
			if under, ok := into[key].(map[string]any); ok {
				merge(under, over)
				continue
			}
		}
		into[key] = value
	}
}

// read reads one file of values.
func read(file string) (map[string]any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading values: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return map[string]any{}, nil
	} else if err != nil {
		return nil, located(file, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:%d: values are one YAML document, but a second one begins here", filepath.ToSlash(file), more.Line)
	}
	root := doc.Content[0]
	if root.ShortTag() == "!!null" {
		return map[string]any{}, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: values are an object, not a list or plain text", filepath.ToSlash(file), root.Line)
	}
	// The decoder finds a key that is there twice, in any depth.
	layer := map[string]any{}
	if err := root.Decode(&layer); err != nil {
		return nil, located(file, err)
	}
	return layer, nil
}

// located puts a file's name in front of the parser's complaints, which begin with the line.
func located(file string, err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		lines = several.Errors
	}
	var problems []error
	for _, line := range lines {
		number, message, ok := strings.Cut(strings.TrimPrefix(line, "line "), ": ")
		n, notNumber := strconv.Atoi(number)
		if !ok || notNumber != nil {
			problems = append(problems, fmt.Errorf("%s: %s", filepath.ToSlash(file), line))
			continue
		}
		if strings.HasPrefix(message, "did not find expected") {
			n++ // these the parser counts from 0, all others from 1
		}
		problems = append(problems, fmt.Errorf("%s:%d: %s", filepath.ToSlash(file), n, message))
	}
	return errors.Join(problems...)
}
