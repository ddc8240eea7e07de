// Package bundle is exactly what runs in an environment: images by digest, charts by version, and what the files of values say. It is what is tested, promoted
// and gone back to.
package bundle

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Bundle is what runs in an environment. It says the same of the same thing, whenever and wherever it is made.
type Bundle struct {
	// Images are the images by their names in the configuration.
	Images map[string]Image `json:"images,omitempty"`
	// Charts are the hubs' charts.
	Charts map[string]Chart `json:"charts,omitempty"`
	// Files are the digests of what the hubs' files say, by their names in the deployment's directory: values, what is put into values from files, page
	// templates and manifests. Comments, order and layout of values do not count. Files of secrets are none of them.
	Files map[string]string `json:"files,omitempty"`
}

// Output is the stack's output that holds its bundle.
const Output = "bundle"

// Image is an image of a bundle.
type Image struct {
	// Tag is the tag that its content has.
	Tag string `json:"tag,omitempty"`
	// Ref is the image by its digest: <repository>@sha256:…; "" while it is not built.
	Ref string `json:"ref,omitempty"`
}

// Chart is a hub's chart.
type Chart struct {
	// Version is the exact version; "" for a chart in a folder.
	Version string `json:"version,omitempty"`
	// Digest is of the files of a chart in a folder.
	Digest string `json:"digest,omitempty"`
}

// ID is a name of the bundle's content: the first twelve digits of the sha256 of its JSON form. "" for an empty one.
func (b Bundle) ID() string {
	if b.Empty() {
		return ""
	}
	data, err := json.Marshal(b) // maps are sorted
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:12]
}

// Empty says whether nothing is known of it.
func (b Bundle) Empty() bool { return len(b.Images)+len(b.Charts)+len(b.Files) == 0 }

// Read takes a bundle from a stack's outputs; false when there is none, because nothing is deployed, or by a program that did not say.
func Read(outputs map[string]any) (Bundle, bool) {
	var b Bundle
	data, err := json.Marshal(outputs[Output])
	if err != nil || outputs[Output] == nil || json.Unmarshal(data, &b) != nil {
		return Bundle{}, false
	}
	return b, true
}

// Filled has the digests of images that it knows by their tags alone, as one that was recorded before its images were built does, from other bundles that
// know them: a tag is of one content for ever.
func (b Bundle) Filled(others ...Bundle) Bundle {
	b.Images = maps.Clone(b.Images)
	for name, image := range b.Images {
		for _, other := range others {
			if o := other.Images[name]; image.Ref == "" && image.Tag != "" && o.Tag == image.Tag {
				image.Ref = o.Ref
			}
		}
		b.Images[name] = image
	}
	return b
}

// Difference is something in which two bundles differ.
type Difference struct {
	// What is image, chart or file.
	What string `json:"what"`
	// Name is the image's, the hub's, or the file's.
	Name string `json:"name"`
	// From is what it is in the first; "" where there is none.
	From string `json:"from,omitempty"`
	// To is what it is in the second.
	To string `json:"to,omitempty"`
}

// String is the difference for people.
func (d Difference) String() string {
	switch {
	case d.From == "":
		return fmt.Sprintf("%s %s: %s, which was not there", d.What, d.Name, d.To)
	case d.To == "":
		return fmt.Sprintf("%s %s: no longer there, was %s", d.What, d.Name, d.From)
	}
	return fmt.Sprintf("%s %s: %s → %s", d.What, d.Name, d.From, d.To)
}

// Compare finds in what two bundles differ, images first, then charts and files, in order of their names. An image is the same when its digest is, in whatever
// repository.
func Compare(from, to Bundle) []Difference {
	var out []Difference
	out = append(out, differences("image", from.Images, to.Images, Image.text)...)
	out = append(out, differences("chart", from.Charts, to.Charts, func(c Chart) string { return cmp.Or(c.Version, c.Digest) })...)
	return append(out, differences("file", from.Files, to.Files, func(s string) string { return s })...)
}

func differences[T any](what string, from, to map[string]T, text func(T) string) []Difference {
	names := slices.AppendSeq(slices.Collect(maps.Keys(from)), maps.Keys(to))
	slices.Sort(names)
	var out []Difference
	for _, name := range slices.Compact(names) {
		d := Difference{What: what, Name: name}
		if v, ok := from[name]; ok {
			d.From = text(v)
		}
		if v, ok := to[name]; ok {
			d.To = text(v)
		}
		if d.From != d.To {
			out = append(out, d)
		}
	}
	return out
}

// text is the image's digest, or its tag while there is none.
func (i Image) text() string {
	for at := range len(i.Ref) {
		if i.Ref[at] == '@' {
			return i.Ref[at+1:]
		}
	}
	return cmp.Or(i.Ref, i.Tag)
}

// FileDigest is the digest of what a file says. docs are what it says where it has documents, such as YAML's, of which the layout does not count; nil for any
// other file. text is the file itself, which counts where documents cannot be written as JSON.
func FileDigest(docs []any, text []byte) string {
	if docs != nil {
		if data, err := json.Marshal(docs); err == nil {
			text = data
		}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:16]
}
