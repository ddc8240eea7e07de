package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The engine writes into the files of a stack (its secrets provider's salt, secrets that are set). So that the user's own files are never
// touched, the sandbox runs on a mirror of them: the project with `main` pointing back to the real folder, and each stack's file without
// what belongs to the real secrets provider, with the sandbox's own keys behind it.

// ownKeys are the configuration keys that the sandbox keeps in its mirror of a stack's file when the user's file changes.
var ownKeys = []string{"hubwright:secrets", "hubwright:pins"}

// notMirrored are keys of Pulumi's files that only make sense with the real backend and secrets provider.
var notMirrored = []string{"backend", "secretsprovider", "encryptedkey", "encryptionsalt", "environment"}

// mirrorProject writes the mirror's Pulumi.yaml.
func mirrorProject(root, mirror string) error {
	doc, err := readYAML(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	m, err := mapping(doc, "Pulumi.yaml")
	if err != nil {
		return err
	}
	remove(m, notMirrored...)
	set(m, "main", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: root + string(filepath.Separator)})
	return writeYAML(filepath.Join(mirror, "Pulumi.yaml"), doc)
}

// mirrorStack writes the mirror of a stack's file. A user's value of one of the own keys is kept out when it is encrypted, since the sandbox
// cannot decrypt it, and overruled by the mirror's own.
func mirrorStack(root, mirror, env string) error {
	name := "Pulumi." + env + ".yaml"
	doc, err := readYAML(filepath.Join(root, name))
	if err != nil {
		return err
	}
	m, err := mapping(doc, name)
	if err != nil {
		return err
	}
	remove(m, notMirrored...)
	config := child(m, "config")
	if config != nil {
		dropEncrypted(config)
	}
	old, err := readYAML(filepath.Join(mirror, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil {
		om, err := mapping(old, name)
		if err != nil {
			return err
		}
		if salt := child(om, "encryptionsalt"); salt != nil {
			set(m, "encryptionsalt", salt)
		}
		for _, key := range ownKeys {
			if v := child(child(om, "config"), key); v != nil {
				if config == nil {
					config = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
					set(m, "config", config)
				}
				set(config, key, v)
			}
		}
	}
	return writeYAML(filepath.Join(mirror, name), doc)
}

// dropEncrypted removes every value {secure: …} below a node.
func dropEncrypted(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			dropEncrypted(c)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); {
		if v := n.Content[i+1]; v.Kind == yaml.MappingNode && len(v.Content) == 2 && v.Content[0].Value == "secure" {
			n.Content = slices.Delete(n.Content, i, i+2)
			continue
		}
		dropEncrypted(n.Content[i+1])
		i += 2
	}
}

func readYAML(path string) (*yaml.Node, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %s", filepath.Base(path), strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return &doc, nil
}

// writeYAML writes a file in one step, and only when it would differ.
func writeYAML(path string, doc *yaml.Node) error {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b.Bytes()) {
		return nil
	}
	if err := os.WriteFile(path+".new", b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// mapping returns the document's top-level mapping; an empty document gets one.
func mapping(doc *yaml.Node, name string) (*yaml.Node, error) {
	if doc.Kind == 0 {
		doc.Kind = yaml.DocumentNode
	}
	if len(doc.Content) == 0 {
		doc.Content = []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}
	}
	m := doc.Content[0]
	if m.Kind == yaml.ScalarNode && m.Tag == "!!null" {
		*m = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	if m.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: the file must hold a mapping", name)
	}
	return m, nil
}

func child(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func set(m *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content[i+1] = value
			return
		}
	}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

func remove(m *yaml.Node, keys ...string) {
	for i := 0; i+1 < len(m.Content); {
		if slices.Contains(keys, m.Content[i].Value) {
			m.Content = slices.Delete(m.Content, i, i+2)
			continue
		}
		i += 2
	}
}
