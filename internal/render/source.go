package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// Request names a chart.
type Request struct {
	// Name is the chart's name in the repository, or a path.
	Name string
	// Version is exact, a constraint, or empty for the newest.
	Version string
	// Repository is the repository's URL; empty for a path.
	Repository string
}

// Found is a chart and where it came from.
type Found struct {
	*chart.Chart
	// Digest is the sha256 of the archive, or of a folder's files, in hexadecimal; empty for a stand-in.
	Digest string
	// Origin says it for people: "sha256:…", or what a stand-in calls itself.
	Origin string
	// Outlines are the stand-ins in it, each as "name version": itself, or dependencies. They know little of the values that the real charts take.
	Outlines []string
}

// Source finds charts: a local path, a cache by digest, the repository, and at last a stand-in. It is safe for concurrent use; a chart is
// loaded once. The zero value finds local charts, relative to the working directory, and charts of repositories without keeping them.
type Source struct {
	// Dir is what relative paths are relative to.
	Dir string
	// Cache is the folder in which fetched charts are kept; empty: nowhere.
	Cache string
	// Offline keeps it from asking repositories.
	Offline bool
	// StandIn gives a chart to use where the real one cannot be had, and what it is called; nil when there is none of that name. Optional.
	StandIn func(name, version string) (ch *chart.Chart, origin string)

	mu       sync.Mutex
	loaded   map[Request]*Found
	failed   map[string]error // repositories that did not answer
	outlines []string         // of all charts that were found
}

// DefaultCache is the folder in which charts are kept unless another is named: hubwright/charts in the user's cache folder. "" without one.
func DefaultCache() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "hubwright", "charts")
}

// NotFoundError says that there is no such chart, as opposed to one that cannot be reached.
type NotFoundError struct{ Reason string }

func (e *NotFoundError) Error() string { return e.Reason }

// Chart finds a chart.
func (s *Source) Chart(ctx context.Context, req Request) (*Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.loaded[req]; f != nil {
		return f, nil
	}
	f, keep, err := s.find(ctx, req)
	if err != nil {
		return nil, err
	}
	s.outlines = append(s.outlines, f.Outlines...)
	if keep {
		if s.loaded == nil {
			s.loaded = map[Request]*Found{}
		}
		s.loaded[req] = f
	}
	return f, nil
}

// StandIns are the charts that were found so far and are not the real ones, each as "name version", sorted.
func (s *Source) StandIns() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.outlines)))
}

// find returns a chart, and whether it stays the same for the life of the process: a folder may be edited meanwhile.
func (s *Source) find(ctx context.Context, req Request) (f *Found, keep bool, err error) {
	if req.Name == "" {
		return nil, false, &NotFoundError{"no chart is named"}
	}
	if strings.HasPrefix(req.Name, "oci://") {
		return nil, false, &NotFoundError{fmt.Sprintf("chart %s: charts in OCI registries are not fetched here; download the chart and give its path", req.Name)}
	}
	if req.Repository == "" {
		f, err := s.local(req)
		if err != nil {
			return nil, false, err
		}
		folder := req.Name
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(s.Dir, folder)
		}
		if f.Chart, f.Outlines, err = s.resolved(ctx, f.Chart, folder); err != nil {
			return nil, false, err
		}
		return f, false, nil
	}
	if f, err := s.cached(req); f != nil || err != nil {
		return f, true, err
	}
	f, err = s.fetch(ctx, req)
	if err == nil {
		return f, true, nil
	}
	if wrong := new(NotFoundError); errors.As(err, &wrong) || s.StandIn == nil {
		return nil, false, err
	}
	ch, origin := s.StandIn(req.Name, req.Version)
	if ch == nil {
		return nil, false, err
	}
	return &Found{Chart: ch, Origin: origin, Outlines: []string{ch.Name() + " " + ch.Metadata.Version}}, true, nil
}

// local loads a chart from a folder or an archive. The messages are those of Helm's LocateChart.
func (s *Source) local(req Request) (*Found, error) {
	p := req.Name
	if !filepath.IsAbs(p) {
		p = filepath.Join(s.Dir, p)
	}
	info, err := os.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		if filepath.IsAbs(req.Name) || strings.HasPrefix(req.Name, ".") {
			return nil, &NotFoundError{fmt.Sprintf("path %q not found", req.Name)}
		}
		return nil, &NotFoundError{"non-absolute URLs should be in form of repo_name/path_to_chart, got: " + req.Name}
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() { // a pipe without a writer would never be opened
		return nil, fmt.Errorf("chart %s: is neither a folder nor an archive", req.Name)
	}
	ch, err := loader.Load(p)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", req.Name, err)
	}
	digest := digestOf(ch)
	if !info.IsDir() {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		digest = hex.EncodeToString(sum[:])
	}
	return &Found{Chart: ch, Digest: digest, Origin: "sha256:" + digest}, nil
}

// digestOf is over the names and contents of a chart's files.
func digestOf(ch *chart.Chart) string {
	h := sha256.New()
	for _, f := range ch.Raw {
		_, _ = fmt.Fprintf(h, "%s %d\n", f.Name, len(f.Data))
		_, _ = h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
