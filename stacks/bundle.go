package stacks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/config"
)

// tellBundle gives what runs in the environment as an output, so that it can be promoted, compared and gone back to: see internal/bundle.
func (d *deployment) tellBundle() error {
	files, err := BundleFiles(d.Stack)
	if err != nil {
		return err
	}
	images, charts := pulumi.Map{}, pulumi.Map{}
	for name, img := range d.images {
		of := pulumi.Map{"ref": img.Ref}
		if tag := d.tags[name]; tag != "" {
			of["tag"] = pulumi.String(tag)
		}
		images[name] = of
	}
	for i := range d.Hubs {
		h := &d.Hubs[i]
		chart, err := d.chart(h)
		if err != nil {
			return fmt.Errorf("hub %s: %w", h.Name, err)
		}
		of := pulumi.Map{}
		if chart.Version != "" {
			of["version"] = pulumi.String(chart.Version)
		}
		if chart.Digest != "" {
			of["digest"] = pulumi.String(chart.Digest)
		}
		charts[h.Name] = of
	}
	d.ctx.Export(bundle.Output, pulumi.Map{"images": images, "charts": charts, "files": pulumi.ToStringMap(files)})
	return nil
}

// BundleFiles are the digests of what the files say that the hubs' values come from, as a bundle has them: see bundle.Bundle.
func BundleFiles(stack *config.Stack) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range HubFiles(stack) {
		text, err := stack.Files().ReadFile(name, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // what is needed and missing was told of before
		}
		if err != nil {
			return nil, fmt.Errorf("reading what the hubs run: %w", err)
		}
		out[name] = FileDigest(name, text)
	}
	return out, nil
}

// HubFiles are the names of the files that the hubs' values come from, sorted; secrets' and charts' are none of them.
func HubFiles(stack *config.Stack) []string {
	names := map[string]bool{}
	for i := range stack.Hubs {
		h := &stack.Hubs[i]
		for _, f := range slices.Concat(h.Values, h.Manifests) {
			names[f.File] = true
		}
		for _, file := range h.ValuesFromFiles {
			names[file] = true
		}
		if h.Templates == "" {
			continue
		}
		entries, _ := stack.Files().ReadDir(h.Templates) // a folder that cannot be read was told of before
		for _, e := range entries {
			if !e.IsDir() {
				names[path.Join(h.Templates, e.Name())] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// ChartDigests are the digests of the hubs' charts that are in folders, by hub.
func ChartDigests(stack *config.Stack) (map[string]string, error) {
	out := map[string]string{}
	for i := range stack.Hubs {
		h := &stack.Hubs[i]
		if h.Chart.Path == "" {
			continue
		}
		digest, err := dirhash.HashDir(filepath.Join(stack.Dir, h.Chart.Path), "", dirhash.Hash1)
		if err != nil {
			return nil, fmt.Errorf("reading the chart of hub %s: %w", h.Name, err)
		}
		out[h.Name] = digest
	}
	return out, nil
}

// FileDigest is the digest of what a file says, as a bundle has it.
func FileDigest(name string, text []byte) string {
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
		return bundle.FileDigest(nil, text)
	}
	var docs []any
	for in := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc any
		err := in.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // whoever needs it says so, with its line
			return bundle.FileDigest(nil, text)
		}
		docs = append(docs, doc)
	}
	return bundle.FileDigest(docs, text)
}
