package hubploy

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// twice is a key that was taken out because it is there again.
type twice struct {
	name string
	line int
}

// mend takes out keys that are there again below, of which Helm takes the last. A text that it cannot mend stays as it is.
func mend(data []byte) ([]byte, []twice) {
	was, err := loader.LoadValues(bytes.NewReader(data))
	if err != nil {
		return data, nil
	}
	var gone []twice
	text := data
	for range 100 {
		var doc yaml.Node
		if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
			return data, nil
		}
		key, end := firstTwice(doc.Content[0])
		if key == nil {
			break
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		if end == 0 || end > len(lines) {
			return data, nil
		}
		text = bytes.Join(slices.Delete(slices.Clone(lines), key.Line-1, end-1), nil)
		gone = append(gone, twice{key.Value, key.Line})
	}
	is, err := loader.LoadValues(bytes.NewReader(text))
	if err != nil || !reflect.DeepEqual(was, is) {
		return data, nil
	}
	return text, gone
}

// firstTwice is the first key of a block that is there again later, and the line that the next key of the block begins on.
func firstTwice(n *yaml.Node) (key *yaml.Node, end int) {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 {
		for i := 0; i+2 < len(n.Content); i += 2 {
			for j := i + 2; j < len(n.Content); j += 2 {
				if n.Content[i].Value == n.Content[j].Value {
					next := n.Content[i+2]
					above := 0
					if next.HeadComment != "" {
						above = strings.Count(next.HeadComment, "\n") + 1
					}
					return n.Content[i], next.Line - above
				}
			}
		}
	}
	for _, c := range n.Content {
		if key, end := firstTwice(c); key != nil {
			return key, end
		}
	}
	return nil, 0
}
