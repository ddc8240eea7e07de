package values

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// maxFile is the most that a file of values may hold, in bytes: all values of a release have to fit into one Secret, which holds a MiB.
// https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size
const maxFile = 1 << 20

// read reads a layer: its values as Helm reads them, and the same with their places.
func (l *Layer) read(files deploydir.Dir) (map[string]any, *node, problem.Problems) {
	data := l.Data
	if data == nil {
		var err error
		if data, err = files.ReadFile(l.File, maxFile); errors.Is(err, fs.ErrNotExist) && l.Optional {
			data = []byte{}
		} else if err != nil {
			return nil, nil, problem.Problems{Unread(l.File, err, "every layer is needed, unless it is marked optional")}
		}
	}
	r := reader{layer: l}
	if l.Text != nil {
		return r.text(data)
	}
	doc := r.parse(data)
	if len(r.problems) > 0 {
		return nil, nil, r.problems
	}
	plain, err := loader.LoadValues(bytes.NewReader(data))
	if err != nil {
		r.add(0, "", strings.TrimPrefix(err.Error(), "cannot unmarshal yaml document: "), "")
		return nil, nil, r.problems
	}
	if l.Places != nil {
		doc = (&reader{layer: l}).parse(l.Places)
	}
	return plain, r.node(plain, doc, 0), nil
}

// Missing is the message of a file that is not there.
const Missing = "does not exist"

// NotThere says that a problem is of a file that does not exist, or is out of bounds.
func NotThere(p problem.Problem) bool {
	return p.Message == Missing || p.Message == deploydir.ErrOutside.Error()
}

// Unread says why a file of the deployment was not read. hint is what helps when it is not there.
func Unread(file string, err error, hint string) problem.Problem {
	p := problem.Problem{File: file, Message: err.Error(), Hint: hint}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		p.Message, p.Hint = pathError.Err.Error(), "make it a file that can be read" // the path stands before it anyway
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Message, p.Hint = Missing, hint
	case errors.Is(err, deploydir.ErrOutside):
		p.Message, p.Hint = deploydir.ErrOutside.Error(), "move it in, or name its folder at deployment.outside"
	case errors.Is(err, deploydir.ErrTooBig):
		p.Hint = "all values of a release have to fit into one Secret of Kubernetes: take out what the hub does not need, or put it into an image or a volume"
	case errors.Is(err, deploydir.ErrNotRegular):
		p.Hint = "name a file with the values"
	}
	return p
}

// text makes a whole file the one value at the layer's path.
func (r *reader) text(data []byte) (map[string]any, *node, problem.Problems) {
	if !utf8.Valid(data) {
		r.add(lineOf(data, firstInvalid(data)), r.layer.Text.String(), "is not UTF-8", "only text can be a value")
		return nil, nil, r.problems
	}
	var plain any = string(data)
	tree := &node{Origin: r.origin(1), value: plain, first: 1}
	for _, key := range slices.Backward(r.layer.Text) {
		plain = map[string]any{key: plain}
		tree = &node{Origin: r.origin(1), fields: map[string]*node{key: tree}}
	}
	return plain.(map[string]any), tree, nil //nolint:forcetypeassert // a path has a key at least
}

// origin is a line of the layer.
func (r *reader) origin(line int) Origin {
	return Origin{Layer: r.layer.Name, File: filepath.ToSlash(r.layer.File), Line: line, Secret: r.layer.Secret}
}

// reader turns a document into nodes.
type reader struct {
	layer    *Layer
	problems problem.Problems
}

func (r *reader) add(line int, path, message, hint string) {
	r.problems = append(r.problems, problem.Problem{File: filepath.ToSlash(r.layer.File), Line: line, Path: path, Message: message, Hint: hint})
}

// parse parses the file for its places, and finds what Helm would pass over or word without a line. nil is an empty document.
func (r *reader) parse(data []byte) *yaml.Node {
	if !utf8.Valid(data) {
		r.add(lineOf(data, firstInvalid(data)), "", "is not UTF-8", "save the file in that encoding")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		r.malformed(data, err)
		r.second(data)
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		r.another(max(more.Line, 1))
	}
	root := doc.Content[0]
	if root.ShortTag() == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		r.add(root.Line, "", "values are an object, not a list or plain text", "")
		return nil
	}
	r.duplicates(root, nil)
	return root
}

// second finds a second document in a text that the parser does not get that far in: a line of --- after the first that holds something.
func (r *reader) second(data []byte) {
	begun := false
	for i, line := range bytes.Split(data, []byte("\n")) {
		text := bytes.TrimRight(line, " \t\r")
		switch marks := bytes.Equal(text, []byte("---")) || bytes.HasPrefix(line, []byte("--- ")); {
		case marks && begun:
			r.another(i + 1)
			return
		case len(text) > 0 && text[0] != '#' && text[0] != '%' && !marks:
			begun = true
		}
	}
}

func (r *reader) another(line int) {
	r.add(line, "", "a second YAML document begins here", "values are one document: put the rest into a file and a layer of its own")
}

// malformed words what the YAML parser says, with the line in front.
func (r *reader) malformed(data []byte, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	number, rest, ok := strings.Cut(strings.TrimPrefix(message, "line "), ": ")
	line, notNumber := strconv.Atoi(number)
	if !ok || notNumber != nil {
		line, hint := 0, ""
		if name := strings.TrimSuffix(strings.TrimPrefix(message, "unknown anchor '"), "' referenced"); name != message { // said without a line
			if at := bytes.Index(data, []byte("*"+name)); at >= 0 {
				line = lineOf(data, at)
			}
			hint = fmt.Sprintf("mark the value that it stands for with &%s, in this file", name)
		}
		r.add(line, "", message, hint)
		return
	}
	if strings.HasPrefix(rest, "did not find expected") {
		line++ // these the parser counts from 0, all others from 1
	}
	if lines := bytes.Split(data, []byte("\n")); line >= 1 && line <= len(lines) {
		indent := lines[line-1][:len(lines[line-1])-len(bytes.TrimLeft(lines[line-1], " \t"))]
		if bytes.ContainsRune(indent, '\t') {
			r.add(line, "", "is indented with a tab", "YAML wants spaces")
			return
		}
	}
	r.add(line, "", rest, "")
}

// duplicates finds keys that are there twice, of which Helm silently takes the last.
func (r *reader) duplicates(n *yaml.Node, path Path) {
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			r.duplicates(item, path.with(strconv.Itoa(i)))
		}
	case yaml.MappingNode:
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			at := path.with(key.Value)
			if line, twice := first[key.Value]; twice && key.ShortTag() != "!!merge" {
				r.add(key.Line, at.String(), fmt.Sprintf("is there twice, on line %d and on line %d", line, key.Line), "Helm takes the last and drops the first: keep one, with the keys of both")
			}
			first[key.Value] = key.Line
			r.duplicates(n.Content[i+1], at)
		}
	}
}

// node gives a value, as Helm has read it, the places of its parts. What has none of its own gets that of what holds it.
func (r *reader) node(v any, n *yaml.Node, line int) *node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n != nil && line == 0 {
		line = n.Line
	}
	out := &node{Origin: r.origin(line)}
	switch v := v.(type) {
	case map[string]any:
		fields := fieldsOf(n, 0)
		out.fields = make(map[string]*node, len(v))
		for key, value := range v {
			f := fields[key]
			if f.key == nil {
				out.fields[key] = r.node(value, nil, line)
				continue
			}
			out.fields[key] = r.node(value, f.value, f.key.Line)
		}
	case []any:
		out.items = make([]*node, len(v))
		for i, item := range v {
			if n != nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
				out.items[i] = r.node(item, n.Content[i], n.Content[i].Line)
				continue
			}
			out.items[i] = r.node(item, nil, line)
		}
	default:
		out.value = v
		if n != nil && n.Style == yaml.LiteralStyle {
			out.first = n.Line + 1
		}
	}
	return out
}

// field is a key of a YAML object and its value.
type field struct{ key, value *yaml.Node }

// maxMerges is how deep merge keys (<<) are followed for places.
const maxMerges = 10

// fieldsOf are the fields of an object by the names that Helm gives them, those of merge keys included.
func fieldsOf(n *yaml.Node, depth int) map[string]field {
	out := map[string]field{}
	if n == nil || n.Kind != yaml.MappingNode || depth > maxMerges {
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() != "!!merge" {
			out[nameOf(key)] = field{key, value}
			continue
		}
		merged := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			merged = value.Content
		}
		for _, m := range merged {
			if m.Kind == yaml.AliasNode {
				m = m.Alias
			}
			for name, f := range fieldsOf(m, depth+1) {
				if _, own := out[name]; !own {
					out[name] = f
				}
			}
		}
	}
	return out
}

// nameOf is a key as Helm reads it: by YAML 1.1 a bare yes is true, and true is the key "true".
func nameOf(key *yaml.Node) string {
	if key.Style == 0 {
		switch lower := strings.ToLower(key.Value); {
		case slices.Contains([]string{"y", "yes", "on", "true"}, lower):
			return "true"
		case slices.Contains([]string{"n", "no", "off", "false"}, lower):
			return "false"
		}
	}
	return key.Value
}

// firstInvalid is where text ceases to be UTF-8.
func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

func lineOf(data []byte, offset int) int { return 1 + bytes.Count(data[:offset], []byte("\n")) }
