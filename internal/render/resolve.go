package render

import (
	"context"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// resolved is a chart in a folder with the dependencies that it names and does not hold, as `helm dependency update` would put them into its charts/,
// but in memory and out of the cache. Its versions are exact, or fixed by Chart.lock. outlines are those that are stand-ins.
func (s *Source) resolved(ctx context.Context, ch *chart.Chart) (whole *chart.Chart, outlines []string, err error) {
	present := map[string]bool{}
	for _, d := range ch.Dependencies() {
		present[d.Name()] = true
	}
	files := make([]*archive.BufferedFile, 0, len(ch.Raw))
	for _, f := range ch.Raw {
		files = append(files, &archive.BufferedFile{Name: f.Name, Data: f.Data, ModTime: f.ModTime})
	}
	added := false
	for _, d := range ch.Metadata.Dependencies {
		if present[d.Name] {
			continue
		}
		version, err := fixed(ch, d)
		if err != nil {
			return nil, nil, err
		}
		if !strings.HasPrefix(d.Repository, "https://") && !strings.HasPrefix(d.Repository, "http://") {
			return nil, nil, fmt.Errorf("chart %s: the dependency %s is in %q, which is not fetched here: put it into the chart's charts/", ch.Name(), d.Name, d.Repository)
		}
		sub, _, err := s.find(ctx, Request{Name: d.Name, Version: version, Repository: d.Repository})
		if err != nil {
			return nil, nil, fmt.Errorf("chart %s: its dependency %s: %w", ch.Name(), d.Name, err)
		}
		outlines = append(outlines, sub.Outlines...)
		for _, f := range sub.Raw {
			files = append(files, &archive.BufferedFile{Name: "charts/" + d.Name + "/" + f.Name, Data: f.Data, ModTime: f.ModTime})
		}
		added = true
	}
	if !added {
		return ch, nil, nil
	}
	whole, err = loader.LoadFiles(files)
	return whole, outlines, err
}

// fixed is the exact version of a dependency.
func fixed(ch *chart.Chart, d *chart.Dependency) (string, error) {
	if ch.Lock != nil {
		for _, l := range ch.Lock.Dependencies {
			if l.Name == d.Name {
				return l.Version, nil
			}
		}
	}
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(d.Version, "v")); err != nil {
		return "", fmt.Errorf("chart %s: the dependency %s is of version %q, which is not exact, and no Chart.lock fixes it: write an exact version", ch.Name(), d.Name, d.Version)
	}
	return d.Version, nil
}
