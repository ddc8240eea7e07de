package hubploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// Old are an environment's values as hubploy's script comes to them: its layers merged by Helm, low to high, a file that is missing skipped; the image that
// it gives to Helm on its command line; and the texts of files, as far as the checkout has them. open gives the plaintext of an encrypted file; what it
// cannot open is left out, with its name in skipped. Without open all files of secrets are left out.
func (s *Source) Old(env string, open func(file string, data []byte) ([]byte, error)) (old *values.Computed, skipped []string, err error) {
	o := values.Options{Sets: s.sets(env)}
	for _, file := range []string{s.Shared, s.Common, s.Values[env]} {
		if file == "" {
			continue
		}
		layer, err := s.layer(file, nil)
		if err != nil {
			return nil, nil, err
		}
		o.Layers = append(o.Layers, layer)
	}
	for _, file := range s.Secrets[env] {
		if open == nil {
			break
		}
		layer, err := s.layer(file, open)
		if layer.Data == nil && err == nil {
			skipped = append(skipped, file)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		layer.Secret = true
		o.Layers = append(o.Layers, layer)
	}
	if old, err = values.Compute(o); err != nil {
		return nil, nil, err
	}
	texts := textLeaves(old)
	for _, at := range slices.Sorted(maps.Keys(texts)) {
		file := s.find(texts[at])
		if file == "" {
			continue
		}
		data, err := s.read(file)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		o.Layers = append(o.Layers, values.Layer{Name: "file", File: file, Data: data, Text: values.ParsePath(at)})
	}
	old, err = values.Compute(o)
	return old, skipped, err
}

// layer reads a layer as Helm does, which takes the last of a key that is there twice. It has no data when it is encrypted and open cannot open it.
func (s *Source) layer(file string, open func(file string, data []byte) ([]byte, error)) (values.Layer, error) {
	l := values.Layer{Name: values.LayerName(file), File: file}
	data, err := s.read(file)
	if err != nil {
		return l, fmt.Errorf("%s: %w", file, err)
	}
	l.Places = data
	if open != nil && secretfile.Encrypted(data) {
		if data, err = open(file, data); err != nil {
			return l, nil //nolint:nilerr // who asks tells of it
		}
	}
	plain, err := loader.LoadValues(bytes.NewReader(data))
	if err != nil {
		return l, problem.Problems{{File: file, Message: err.Error()}}
	}
	l.Data, err = json.Marshal(plain)
	return l, err
}

// Difference is a value that is another here than in the checkout.
type Difference struct {
	// Path names the value, as --set has it.
	Path string `json:"path"`
	// Kind is changed, gone or new.
	Kind string `json:"kind"`
	// Old is the value in the checkout; "[secret]" stands for a secret. Without one, kind is new.
	Old any `json:"old,omitempty"`
	// Now is the value here; "[secret]" stands for a secret. Without one, kind is gone.
	Now any `json:"now,omitempty"`
	// OldAt is where the value of the checkout is written, file:line, relative to the checkout.
	OldAt string `json:"oldAt,omitempty"`
	// NowAt is where the value here is written, file:line, relative to the deployment directory.
	NowAt string `json:"nowAt,omitempty"`
	// Intended is why it is so on purpose; "" when nothing declares it.
	Intended string `json:"intended,omitempty"`
	// Remedy says how to undo it.
	Remedy string `json:"remedy,omitempty"`
}

// Kinds of Difference.
const (
	IsAnother = "changed"
	IsGone    = "gone"
	IsNew     = "new"
)

// Intent declares that the value at a path, and all below it, is another on purpose.
type Intent struct {
	At  values.Path
	Why string
}

// Compare says of which values two sets differ, in the order of their paths, and how many are the same.
func (s *Source) Compare(env string, old, now *values.Computed, intents []Intent) (differ []Difference, same int) {
	before, after := byPath(old), byPath(now)
	paths := maps.Clone(before)
	maps.Copy(paths, after)
	for _, text := range slices.Sorted(maps.Keys(paths)) {
		was, had := before[text]
		is, has := after[text]
		if had && has && reflect.DeepEqual(was.Value, is.Value) {
			same++
			continue
		}
		p := paths[text].Path
		hidden := hides(old, p) || hides(now, p)
		d := Difference{Path: text, Kind: IsAnother}
		if had {
			d.Old, d.OldAt = shown(was, hidden), was.String()
		}
		if has {
			d.Now, d.NowAt = shown(is, hidden), is.String()
		}
		switch {
		case !had:
			d.Kind = IsNew
		case !has:
			d.Kind = IsGone
		}
		for _, i := range intents {
			if len(p) >= len(i.At) && slices.Equal(p[:len(i.At)], i.At) {
				d.Intended = i.Why
			}
		}
		if d.Intended == "" && s.pinned(env, text, was.Value, is.Value) {
			d.Intended = "the tag is pinned to a digest"
		}
		if d.Intended == "" {
			d.Remedy = s.remedy(env, &d, was.File, is.Secret || was.Secret)
		}
		differ = append(differ, d)
	}
	return differ, same
}

// pinned says whether a value is the tag that the script gives to Helm for an image, with its digest.
func (s *Source) pinned(env, at string, was, is any) bool {
	old, _ := was.(string)
	tag, _ := is.(string)
	return slices.ContainsFunc(s.Images, func(i Image) bool {
		return at == i.Path+".tag" && old == i.tag(env) && strings.HasPrefix(tag, old+"@sha256:")
	})
}

// remedy says how the value becomes again what it is in the checkout. from is the file there that has it.
func (s *Source) remedy(env string, d *Difference, from string, secret bool) string {
	meant := "if it is not meant, "
	switch old, err := json.Marshal(d.Old); {
	case secret:
		return fmt.Sprintf("%s`hubwright secrets edit %s` shows and changes it", meant, env)
	case d.Kind == IsNew:
		return fmt.Sprintf("%stake it out at %s", meant, d.NowAt)
	case d.Kind == IsGone:
		return fmt.Sprintf("%swrite it into %s", meant, s.destination(env, from))
	case err != nil || d.Old == values.Masked || len(old) > mostShown:
		return fmt.Sprintf("%swrite the value of %s at %s", meant, d.OldAt, d.NowAt)
	default:
		return fmt.Sprintf("%swrite %s at %s", meant, old, d.NowAt)
	}
}

// mostShown is how long a value may be that a remedy repeats, in bytes.
const mostShown = 60

// destination is the file of the deployment directory that one of the checkout's became.
func (s *Source) destination(env, from string) string {
	switch from {
	case s.Shared:
		return sharedLayer
	case s.Common:
		return commonLayer
	case s.Values[env]:
		return hubFolder + "/" + env + ".yaml"
	}
	for i := range s.Images {
		if img := &s.Images[i]; img.File == from && !img.inList() {
			return strings.ReplaceAll(imageLayer, "${env}", env)
		} else if img.File == from {
			return hubFolder + "/" + env + ".yaml"
		}
	}
	return hubFolder + "/files/" + path.Base(from)
}

// byPath are the leaves of values by their paths.
func byPath(c *values.Computed) map[string]values.Leaf {
	out := map[string]values.Leaf{}
	for _, leaf := range c.Leaves(nil) {
		if len(leaf.Path) > 0 {
			out[leaf.Path.String()] = leaf
		}
	}
	return out
}

// hides says whether values have a secret at a path, or a secret text where the path leads further.
func hides(c *values.Computed, p values.Path) bool {
	for n := len(p); n > 0; n-- {
		switch v, ok := c.At(p[:n]); v.(type) {
		case map[string]any, []any:
			return n == len(p) && c.Secret(p)
		default:
			if ok {
				return c.Secret(p[:n])
			}
		}
	}
	return false
}

func shown(leaf values.Leaf, hidden bool) any {
	if hidden && leaf.Value != nil {
		return values.Masked
	}
	return leaf.Value
}
