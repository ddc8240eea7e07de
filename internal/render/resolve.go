package render

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// DependencyError says that a chart's Chart.yaml names a dependency that nothing can be made of, wherever it is read.
type DependencyError struct {
	// Chart is the chart's name, Dependency that of what it depends on.
	Chart, Dependency string
	// Reason says what is wrong with it, Hint what would be right.
	Reason, Hint string
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("chart %s: the dependency %s %s: %s", e.Chart, e.Dependency, e.Reason, e.Hint)
}

// resolved is a chart in a folder with the dependencies that it names and does not hold, as `helm dependency update` would put them into its charts/,
// but in memory, from other folders and out of the cache. Versions of those in repositories are exact, or fixed by Chart.lock. outlines are those that are
// stand-ins.
func (s *Source) resolved(ctx context.Context, ch *chart.Chart, folder string) (whole *chart.Chart, outlines []string, err error) {
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
		sub, err := s.dependency(ctx, ch, d, folder)
		if err != nil {
			return nil, nil, err
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

// dependency finds a chart that another depends on.
func (s *Source) dependency(ctx context.Context, ch *chart.Chart, d *chart.Dependency, folder string) (*Found, error) {
	wrong := func(hint, reason string, args ...any) error {
		return &DependencyError{ch.Name(), d.Name, fmt.Sprintf(reason, args...), hint}
	}
	kind, at, _ := strings.Cut(d.Repository, "://")
	switch {
	case kind == "file":
		return s.beside(ch, d, folder, at)
	case kind == "oci":
		return nil, fmt.Errorf("chart %s: the dependency %s is in %q, which is not fetched here: put it into the chart's charts/", ch.Name(), d.Name, d.Repository)
	case kind != "https" && kind != "http":
		return nil, wrong("put it into the chart's charts/, or name a repository by its https:// address, or its folder as file://../NAME", "is in %q, where nothing is fetched from", d.Repository)
	}
	version, exact := fixed(ch, d)
	if !exact {
		return nil, wrong("write an exact version", "is of version %q, which is not exact, and no Chart.lock fixes it", d.Version)
	}
	sub, _, err := s.find(ctx, Request{Name: d.Name, Version: version, Repository: d.Repository})
	if err != nil {
		return nil, fmt.Errorf("chart %s: its dependency %s: %w", ch.Name(), d.Name, err)
	}
	return sub, nil
}

// beside is a dependency in a folder, which is relative to that of the chart. As with Helm, its own version has to be one that the chart asks for:
// https://helm.sh/docs/helm/helm_dependency/
func (s *Source) beside(ch *chart.Chart, d *chart.Dependency, folder, at string) (*Found, error) {
	wrong := func(hint, reason string, args ...any) error {
		return &DependencyError{ch.Name(), d.Name, fmt.Sprintf(reason, args...), hint}
	}
	if !filepath.IsAbs(at) {
		at = filepath.Join(folder, at)
	}
	sub, err := s.local(Request{Name: at})
	var none *NotFoundError
	switch {
	case errors.As(err, &none):
		return nil, wrong("name the folder of its Chart.yaml, relative to that of the chart", "is in %s, which is not there", d.Repository)
	case err != nil:
		return nil, wrong("mend what is in that folder", "is in %s, which is no chart: %v", d.Repository, err)
	}
	if sub.Name() != d.Name {
		return nil, wrong("write that name", "is called %s in %s", sub.Name(), d.Repository)
	}
	wanted, err := semver.NewConstraint(d.Version)
	if err != nil {
		return nil, wrong("write it like "+sub.Metadata.Version, "is of version %q, which is none: %v", d.Version, err)
	}
	if v, err := semver.NewVersion(sub.Metadata.Version); err != nil || !wanted.Check(v) {
		return nil, wrong("write the one that it has", "is of version %s in %s, but %s is wanted", sub.Metadata.Version, d.Repository, d.Version)
	}
	return sub, nil
}

// fixed is the exact version of a dependency, if it has one.
func fixed(ch *chart.Chart, d *chart.Dependency) (version string, exact bool) {
	if ch.Lock != nil {
		for _, l := range ch.Lock.Dependencies {
			if l.Name == d.Name {
				return l.Version, true
			}
		}
	}
	_, err := semver.StrictNewVersion(strings.TrimPrefix(d.Version, "v"))
	return d.Version, err == nil
}
