package cli

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/stacks"
)

// chartFile is what a chart in a folder is called among the files of a promotion.
func chartFile(h *config.Hub) string { return strings.TrimSuffix(h.Chart.Path, "/") + "/" }

// pinsID is the name of what pins pin, wherever the images are.
func pinsID(p config.Pins) string {
	b := bundle.Bundle{Images: map[string]bundle.Image{}, Charts: map[string]bundle.Chart{}, Files: p.Files}
	for name, ref := range p.Images {
		_, digest := config.SplitRef(ref)
		b.Images[name] = bundle.Image{Ref: digest}
	}
	for hub, version := range p.Charts {
		b.Charts[hub] = bundle.Chart{Version: version}
	}
	return b.ID()
}

// pinsFile is where what is pinned is written: the stack's file, in the sandbox that of the sandbox, since the user's own files are never touched from there.
func (s *session) pinsFile() string {
	dir := s.stack.Dir
	if s.sandbox != nil {
		dir = s.sandbox.Mirror()
	}
	return filepath.Join(dir, "Pulumi."+s.env+".yaml")
}

// filesHere are the digests of the environment's files, charts in folders among them, as a promotion has them.
func (s *session) filesHere() (map[string]string, error) {
	files, err := stacks.BundleFiles(s.stack)
	if err != nil {
		return nil, err
	}
	charts, err := stacks.ChartDigests(s.stack)
	if err != nil {
		return nil, err
	}
	for hub, digest := range charts {
		files[chartFile(s.stack.Hub(hub))] = digest
	}
	return files, nil
}

// untested says in what an environment that was promoted to would not run what was tested.
func (s *session) untested() ([]string, error) {
	pins, err := config.ReadPins(s.pinsFile())
	if err != nil || !pins.Promoted() {
		return nil, err
	}
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if pins.Bundle != pinsID(pins) {
		add("the pins in %s are not those that the promotion from %s wrote: they were edited by hand", filepath.Base(s.pinsFile()), pins.From)
	}
	now, err := s.filesHere()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if digest, tested := pins.Files[name]; tested && digest != now[name] {
			add("%s says something else than what was tested on %s", name, pins.From)
		}
	}
	for _, img := range s.stack.Images {
		if pins.Images[img.Name] == "" {
			add("image %s is pinned to nothing that was tested on %s", img.Name, pins.From)
		}
	}
	for _, h := range s.stack.Hubs {
		if h.Chart.Path == "" && pins.Charts[h.Name] == "" {
			add("the chart of hub %s is pinned to nothing that was tested on %s", h.Name, pins.From)
		}
	}
	return out, nil
}
