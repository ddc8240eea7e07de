package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// AddKey adds a key to a project's or a stack's file, behind all that is there, which stays as it is to the byte. value is the key with its value, in
// YAML. A key that is there already is an error: nothing is replaced.
func AddKey(file, key, value string) error {
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	after, err := withKey(before, key, value)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return replaceFile(file, after, info.Mode().Perm())
}

func withKey(text []byte, key, value string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) > 0 {
		root := doc.Content[0]
		if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 {
			return nil, errors.New("it is not a block of lines, so nothing can be put into it without rewriting it")
		}
		if keyNode(root, key) != nil {
			return nil, fmt.Errorf("%s is there already; change it by hand", key)
		}
	}
	after := slices.Concat(withNewline(text), []byte(value), []byte("\n"))
	var check yaml.Node
	if err := yaml.Unmarshal(after, &check); err != nil || bytes.Contains(text, []byte("\n...")) || bytes.Contains(text, []byte("\n---")) {
		return nil, errors.New("nothing can be put behind what it holds")
	}
	return after, nil
}
