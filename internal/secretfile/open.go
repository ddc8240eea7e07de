package secretfile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/getsops/sops/v3"
	goyaml "go.yaml.in/yaml/v3"
)

// UnencryptedSuffix is how a key ends whose value sops leaves in plaintext, and all below it: https://getsops.io/docs/#encrypting-only-parts-of-a-file
const UnencryptedSuffix = sops.DefaultUnencryptedSuffix

// Unencrypted is the first key of a path that ends so, "" without one.
func Unencrypted(path []string) string {
	i := slices.IndexFunc(path, func(key string) bool { return strings.HasSuffix(key, UnencryptedSuffix) })
	if i < 0 {
		return ""
	}
	return path[i]
}

// Plaintext is a text that stands in plaintext in an encrypted file.
type Plaintext struct {
	// Path leads to it: keys, and positions in lists.
	Path []string
	// Line counts from 1.
	Line int
	Text string
}

// Plaintexts are the texts that an encrypted file has in plaintext, by a key's end or by rules in its own metadata, in their order. What is no YAML has none.
func Plaintexts(data []byte) (out []Plaintext) {
	var doc goyaml.Node
	if goyaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	var walk func(n *goyaml.Node, path []string)
	walk = func(n *goyaml.Node, path []string) {
		switch n.Kind {
		case goyaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if key := n.Content[i].Value; len(path) > 0 || key != "sops" {
					walk(n.Content[i+1], append(slices.Clip(path), key))
				}
			}
		case goyaml.SequenceNode:
			for i, item := range n.Content {
				walk(item, append(slices.Clip(path), strconv.Itoa(i)))
			}
		case goyaml.ScalarNode:
			if n.ShortTag() != "!!null" && n.Value != "" && !strings.HasPrefix(n.Value, "ENC[") {
				out = append(out, Plaintext{path, n.Line, n.Value})
			}
		}
	}
	walk(doc.Content[0], nil)
	return out
}
