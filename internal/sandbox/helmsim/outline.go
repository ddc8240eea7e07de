package helmsim

import (
	"embed"
	"io/fs"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// outlines are small charts of ours, in place of real ones that cannot be reached: the same objects by name and kind, as far as a
// deployment depends on them.
//
//go:embed all:outline
var outlines embed.FS

// OutlineOrigin is what a release says in place of a digest when its chart was the outline.
const OutlineOrigin = "built-in outline"

var loaded sync.Map // name → func() *chart.Chart

// Outline returns the built-in outline of a chart, in the version that is asked for when that is an exact one, and what it is called; nil
// for a chart of which there is none. It fits render.Source.
func Outline(name, version string) (*chart.Chart, string) {
	load, _ := loaded.LoadOrStore(name, sync.OnceValue(func() *chart.Chart { return readOutline(name) }))
	ch := load.(func() *chart.Chart)()
	if ch == nil {
		return nil, ""
	}
	out, meta := *ch, *ch.Metadata
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil {
		meta.Version = version
	}
	out.Metadata = &meta
	return &out, OutlineOrigin
}

// readOutline loads an outline; nil when there is none. That the ones there are load is pinned by a test.
func readOutline(name string) *chart.Chart {
	root := "outline/" + name
	var files []*archive.BufferedFile
	err := fs.WalkDir(outlines, root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := outlines.ReadFile(path)
		files = append(files, &archive.BufferedFile{Name: strings.TrimPrefix(path, root+"/"), Data: data})
		return err
	})
	if err != nil || strings.ContainsAny(name, "./") {
		return nil
	}
	ch, err := loader.LoadFiles(files)
	if err != nil {
		return nil
	}
	return ch
}
