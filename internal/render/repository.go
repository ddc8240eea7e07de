package render

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"sigs.k8s.io/yaml"
)

const (
	connectTimeout = 3 * time.Second
	fetchTimeout   = time.Minute
	maxIndex       = 64 << 20
	maxArchive     = 20 << 20
	// forgetAfter is for how long a repository that did not answer is not asked again.
	forgetAfter = 10 * time.Minute
)

var client3s = &http.Client{
	Timeout: fetchTimeout,
	Transport: &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
	},
}

type index struct {
	Entries map[string][]entry `json:"entries"`
}

type entry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

// fetch gets a chart from its repository and keeps it in the cache. What the repository says about the archive's digest is checked.
func (s *Source) fetch(ctx context.Context, req Request) (*Found, error) {
	if s.Offline {
		return nil, fmt.Errorf("chart %s of %s is not in the cache, and repositories are not asked offline", req.Name, req.Repository)
	}
	if err := s.unreachable(req.Repository); err != nil {
		return nil, err
	}
	data, err := get(ctx, strings.TrimSuffix(req.Repository, "/")+"/index.yaml", maxIndex)
	if err != nil {
		err = fmt.Errorf("looks like %q is not a valid chart repository or cannot be reached: %w", req.Repository, err)
		if ctx.Err() == nil {
			s.markUnreachable(req.Repository, err)
		}
		return nil, err
	}
	var idx index
	if err := yaml.Unmarshal(data, &idx); err != nil {
		return nil, fmt.Errorf("the index of %s: %w", req.Repository, err)
	}
	e, err := idx.pick(req)
	if err != nil {
		return nil, err
	}
	address, err := resolve(req.Repository, e)
	if err != nil {
		return nil, err
	}
	archive, err := get(ctx, address, maxArchive)
	if err != nil {
		return nil, fmt.Errorf("fetching chart %s-%s: %w", req.Name, e.Version, err)
	}
	sum := sha256.Sum256(archive)
	digest := hex.EncodeToString(sum[:])
	if want := strings.TrimPrefix(e.Digest, "sha256:"); want != "" && !strings.EqualFold(want, digest) {
		return nil, &NotFoundError{fmt.Sprintf("chart %s-%s from %s has the digest %s, its repository says %s", req.Name, e.Version, address, digest, want)}
	}
	if err := s.keep(req, e.Version, digest, archive); err != nil {
		return nil, err
	}
	return open(req, digest, archive)
}

func open(req Request, digest string, archive []byte) (*Found, error) {
	ch, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", req.Name, err)
	}
	return &Found{Chart: ch, Digest: digest, Origin: "sha256:" + digest}, nil
}

// pick chooses a version as Helm does: the newest that satisfies what is asked, development versions only when asked for exactly.
func (i index) pick(req Request) (entry, error) {
	constraint, err := semver.NewConstraint(orAny(req.Version))
	var best entry
	var bestVersion *semver.Version
	for _, e := range i.Entries[req.Name] {
		v, verr := semver.NewVersion(e.Version)
		if e.Version == req.Version {
			return e, nil
		}
		if verr == nil && err == nil && constraint.Check(v) && (bestVersion == nil || v.GreaterThan(bestVersion)) {
			best, bestVersion = e, v
		}
	}
	if bestVersion == nil {
		return entry{}, &NotFoundError{fmt.Sprintf("chart %q version %q not found in %s repository", req.Name, req.Version, req.Repository)}
	}
	return best, nil
}

func orAny(version string) string {
	if version == "" {
		return "*"
	}
	return version
}

func resolve(repository string, e entry) (string, error) {
	if len(e.URLs) == 0 {
		return "", &NotFoundError{fmt.Sprintf("the index of %s names no address for version %s", repository, e.Version)}
	}
	base, err := url.Parse(strings.TrimSuffix(repository, "/") + "/")
	if err != nil {
		return "", err
	}
	ref, err := url.Parse(e.URLs[0])
	if err != nil {
		return "", err
	}
	return base.ResolveReference(ref).String(), nil
}

func get(ctx context.Context, address string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := client3s.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", address, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", address, limit)
	}
	return data, err
}

// reference is the file in the cache that says which digest a chart of a repository has in a version.
func (s *Source) reference(req Request, version string) string {
	sum := sha256.Sum256([]byte(strings.TrimSuffix(req.Repository, "/")))
	return filepath.Join(s.Cache, fmt.Sprintf("%s-%s-%s.digest", filepath.Base(req.Name), version, hex.EncodeToString(sum[:4])))
}

func (s *Source) archive(digest string) string { return filepath.Join(s.Cache, digest+".tgz") }

// cached loads a chart of an exact version from the cache; nil when it is not there. A damaged archive counts as absent.
func (s *Source) cached(req Request) (*Found, error) {
	_, notExact := semver.StrictNewVersion(strings.TrimPrefix(req.Version, "v"))
	if notExact != nil || s.Cache == "" {
		return nil, nil //nolint:nilerr // a range of versions is no error, it only cannot be in the cache
	}
	digest, err := os.ReadFile(s.reference(req, req.Version))
	if err != nil {
		return nil, nil //nolint:nilerr // not in the cache
	}
	data, err := os.ReadFile(s.archive(string(digest)))
	if err != nil {
		return nil, nil //nolint:nilerr // not in the cache
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != string(digest) {
		return nil, nil
	}
	return open(req, string(digest), data)
}

// keep writes a fetched chart into the cache, whole or not at all.
func (s *Source) keep(req Request, version, digest string, archive []byte) error {
	if s.Cache == "" {
		return nil
	}
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		return fmt.Errorf("making the cache of charts: %w", err)
	}
	return errors.Join(replace(s.archive(digest), archive), replace(s.reference(req, version), []byte(digest)))
}

func replace(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return os.Rename(tmp.Name(), path)
}

func (s *Source) mark(repository string) string {
	sum := sha256.Sum256([]byte(repository))
	return filepath.Join(s.Cache, "unreachable-"+hex.EncodeToString(sum[:4]))
}

// unreachable returns an error when the repository did not answer a moment ago, in this process or another.
func (s *Source) unreachable(repository string) error {
	if err := s.failed[repository]; err != nil {
		return err
	}
	if s.Cache == "" {
		return nil
	}
	info, err := os.Stat(s.mark(repository))
	if err != nil || time.Since(info.ModTime()) > forgetAfter {
		return nil //nolint:nilerr // nothing is known of it
	}
	return fmt.Errorf("%s did not answer at %s, and is not asked again for %s", repository, info.ModTime().Format(time.Kitchen), forgetAfter)
}

func (s *Source) markUnreachable(repository string, err error) {
	if s.failed == nil {
		s.failed = map[string]error{}
	}
	s.failed[repository] = err
	if s.Cache != "" && os.MkdirAll(s.Cache, 0o755) == nil {
		_ = replace(s.mark(repository), nil) // only saves time
	}
}
