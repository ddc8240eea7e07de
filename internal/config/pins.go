package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pinsKey is where a promotion writes what it brought.
const pinsKey = "hubwright:pins"

// SplitRef takes an image reference apart at its digest: "<repository>@sha256:…".
func SplitRef(ref string) (repository, digest string) {
	repository, digest, _ = strings.Cut(ref, "@")
	return repository, digest
}

// Lines are the pins for a person, one each, sorted.
func (p Pins) Lines() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Images)) {
		out = append(out, fmt.Sprintf("image %s: %s", name, p.Images[name]))
	}
	for _, hub := range slices.Sorted(maps.Keys(p.Charts)) {
		out = append(out, fmt.Sprintf("chart of %s: %s", hub, p.Charts[hub]))
	}
	return out
}

// ReadPins are the pins in a stack's file; none when it has none.
func ReadPins(file string) (Pins, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Pins{}, fmt.Errorf("reading what is pinned: %w", err)
	}
	var stack struct {
		Config map[string]yaml.Node `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		return Pins{}, fmt.Errorf("reading what is pinned in %s: %w", filepath.Base(file), err)
	}
	var pins Pins
	node, there := stack.Config[pinsKey]
	if !there {
		return pins, nil
	}
	if err := node.Decode(&pins); err != nil {
		return pins, fmt.Errorf("reading what is pinned in %s: %w", filepath.Base(file), err)
	}
	return pins, nil
}

// WritePins sets the pins in a stack's file; everything else in it stays as it is, comments and order included. undo puts the file back.
func WritePins(file string, pins Pins) (undo func() error, err error) {
	before, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("pinning: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("pinning: %w", err)
	}
	after, err := withPins(before, pins)
	if err != nil {
		return nil, fmt.Errorf("pinning in %s: %w", filepath.Base(file), err)
	}
	if err := replaceFile(file, after, info.Mode().Perm()); err != nil {
		return nil, fmt.Errorf("pinning: %w", err)
	}
	return func() error { return replaceFile(file, before, info.Mode().Perm()) }, nil
}

// replaceFile writes a file in one step.
func replaceFile(file string, data []byte, mode os.FileMode) error {
	tmp := file + ".new"
	err := os.WriteFile(tmp, data, mode)
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return nil
}

// withPins replaces the lines of the pins, or adds them at the end of config, so that every other byte of the file stays.
func withPins(text []byte, pins Pins) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a stack's file")
	}
	root := doc.Content[0]
	config := valueOf(root, "config")
	if config == nil {
		block, err := pinsBlock(pins, 2)
		if err != nil {
			return nil, err
		}
		return append(withNewline(text), append([]byte("config:\n"), block...)...), nil
	}
	if config.Kind != yaml.MappingNode || config.Style&yaml.FlowStyle != 0 || len(config.Content) == 0 {
		return nil, errors.New("its config is not a block of lines, so nothing can be put into it without rewriting it")
	}
	indent := config.Content[0].Column - 1
	block, err := pinsBlock(pins, indent)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(withNewline(text), []byte("\n"))
	from := endOf(lines, config, indent)
	to := from
	if key := keyNode(config, pinsKey); key != nil {
		from = key.Line - 1
		to = from + 1
		for to < len(lines) && indented(lines[to], indent) {
			to++
		}
	}
	return slices.Concat(bytes.Join(lines[:from], nil), block, bytes.Join(lines[to:], nil)), nil
}

func pinsBlock(pins Pins, indent int) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	value := map[string]any{}
	if len(pins.Images) > 0 {
		value["images"] = pins.Images
	}
	if len(pins.Charts) > 0 {
		value["charts"] = pins.Charts
	}
	if len(pins.Files) > 0 {
		value["files"] = pins.Files
	}
	if pins.From != "" {
		value["from"] = pins.From
	}
	if pins.Bundle != "" {
		value["bundle"] = pins.Bundle
	}
	if err := errors.Join(enc.Encode(map[string]any{pinsKey: value}), enc.Close()); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for line := range bytes.Lines(b.Bytes()) {
		out.WriteString(strings.Repeat(" ", indent))
		out.Write(line)
	}
	return out.Bytes(), nil
}

// endOf is the number of the line behind the last one of a block whose keys are indented that far.
func endOf(lines [][]byte, block *yaml.Node, indent int) int {
	at := block.Content[0].Line
	end := at
	for i := at; i < len(lines); i++ {
		trimmed := bytes.TrimSpace(lines[i])
		if len(trimmed) == 0 || trimmed[0] == '#' {
			continue // belongs to what follows, unless more of the block does
		}
		if !indented(lines[i], indent-1) {
			break
		}
		end = i + 1
	}
	return end
}

// indented reports whether a line that holds something is indented further than n columns.
func indented(line []byte, n int) bool {
	trimmed := bytes.TrimLeft(line, " ")
	return len(bytes.TrimSpace(trimmed)) > 0 && len(line)-len(trimmed) > n
}

func withNewline(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(slices.Clone(text), '\n')
	}
	return text
}

func keyNode(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i]
		}
	}
	return nil
}

func valueOf(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}
