package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// archiveOf packs a chart as a repository serves it.
func archiveOf(t *testing.T, name, version string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	text := fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)
	if err := w.WriteHeader(&tar.Header{Name: name + "/Chart.yaml", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// repository serves the versions of a chart named hub and counts the requests. wrong is a version whose digest in the index is not right.
func repository(t *testing.T, wrong string, versions ...string) (url string, requests *int) {
	t.Helper()
	requests = new(int)
	archives := map[string][]byte{}
	index := "apiVersion: v1\nentries:\n  hub:\n"
	for _, v := range versions {
		data := archiveOf(t, "hub", v)
		archives["/hub-"+v+".tgz"] = data
		sum := sha256.Sum256(data)
		if v == wrong {
			sum[0]++
		}
		index += fmt.Sprintf("  - {version: %s, urls: [hub-%s.tgz], digest: %s}\n", v, v, hex.EncodeToString(sum[:]))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		if r.URL.Path == "/index.yaml" {
			_, _ = w.Write([]byte(index))
			return
		}
		data, ok := archives[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func TestSourceRepository(t *testing.T) {
	url, _ := repository(t, "", "1.0.0", "1.2.0", "2.0.0-rc.1", "1.10.0")
	tests := []struct{ version, want string }{
		{"1.2.0", "1.2.0"}, {"", "1.10.0"}, {">=1.0.0 <1.5.0", "1.2.0"}, {"2.0.0-rc.1", "2.0.0-rc.1"}, {"~1.0", "1.0.0"},
	}
	for _, tt := range tests {
		s := &Source{Cache: t.TempDir()}
		f, err := s.Chart(t.Context(), Request{"hub", tt.version, url})
		if err != nil {
			t.Errorf("%q: %v", tt.version, err)
			continue
		}
		if f.Metadata.Version != tt.want || f.Origin != "sha256:"+f.Digest || len(f.Digest) != 64 {
			t.Errorf("%q gives %s from %s, want %s", tt.version, f.Metadata.Version, f.Origin, tt.want)
		}
	}
	for _, req := range []Request{{"hub", "3.0.0", url}, {"other", "1.0.0", url}, {"hub", "not a version", url}} {
		_, err := (&Source{}).Chart(t.Context(), req)
		if want := fmt.Sprintf("chart %q version %q not found in %s repository", req.Name, req.Version, url); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestSourceCache(t *testing.T) {
	url, requests := repository(t, "", "1.0.0")
	dir := t.TempDir()
	req := Request{"hub", "1.0.0", url}
	first := &Source{Cache: dir}
	for range 2 {
		if _, err := first.Chart(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (&Source{Cache: dir, Offline: true}).Chart(t.Context(), req); err != nil {
		t.Errorf("offline, but in the cache: %v", err)
	}
	if *requests != 2 {
		t.Errorf("%d requests, want one for the index and one for the chart", *requests)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("cache holds %v, %v", archives, err)
	}
	if err := os.WriteFile(archives[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Source{Cache: dir}).Chart(t.Context(), req); err != nil || *requests != 4 {
		t.Errorf("a damaged archive is fetched again: %v, %d requests", err, *requests)
	}
}

func TestSourceChecksDigests(t *testing.T) {
	url, _ := repository(t, "1.0.0", "1.0.0")
	standIn := func(string, string) (*chart.Chart, string) {
		return &chart.Chart{Metadata: &chart.Metadata{}}, "stand-in"
	}
	_, err := (&Source{Cache: t.TempDir(), StandIn: standIn}).Chart(t.Context(), Request{"hub", "1.0.0", url})
	if err == nil || !strings.Contains(err.Error(), "its repository says") {
		t.Errorf("error %v: a chart that is not what its repository says is no reason for a stand-in", err)
	}
}

func TestSourceStandsIn(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	standIn := func(name, version string) (*chart.Chart, string) {
		if name != "hub" {
			return nil, ""
		}
		return &chart.Chart{Metadata: &chart.Metadata{Name: name, Version: version}}, "stand-in"
	}
	dir := t.TempDir()
	for _, offline := range []bool{true, false} {
		s := &Source{Cache: dir, Offline: offline, StandIn: standIn}
		f, err := s.Chart(t.Context(), Request{"hub", "1.0.0", dead.URL})
		if err != nil || f.Origin != "stand-in" || f.Digest != "" {
			t.Errorf("offline %v: %+v, %v", offline, f, err)
		}
		s.Dir = write(t, map[string]string{"wrapper/Chart.yaml": "apiVersion: v2\nname: wrapper\nversion: 0.1.0\ndependencies: [{name: hub, version: 1.0.0, repository: " + dead.URL + "}]\n"})
		wrapper, err := s.Chart(t.Context(), Request{Name: "wrapper"})
		if err != nil || !slices.Equal(wrapper.Outlines, []string{"hub 1.0.0"}) || !slices.Equal(wrapper.Outlines, s.StandIns()) {
			t.Errorf("around a stand-in: %+v, %v; stand-ins %q", wrapper, err, s.StandIns())
		}
		if _, err := s.Chart(t.Context(), Request{"other", "1.0.0", dead.URL}); err == nil {
			t.Errorf("offline %v: a chart without a stand-in was found", offline)
		}
	}
	// another process does not wait for it again
	_, err := (&Source{Cache: dir}).Chart(t.Context(), Request{"other", "1.0.0", dead.URL})
	if err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("error %v", err)
	}
}

// A chart in a folder gets what it depends on from the repository and the cache, by exact versions.
func TestSourceDependencies(t *testing.T) {
	url, requests := repository(t, "", "1.0.0", "1.2.0")
	chart := func(version, lock string) *Source {
		return &Source{Cache: t.TempDir(), Dir: write(t, map[string]string{
			"charts/wrapper/Chart.yaml": "apiVersion: v2\nname: wrapper\nversion: 0.1.0\ndependencies: [{name: hub, version: " + version + ", repository: " + url + "}]\n",
			"charts/wrapper/Chart.lock": lock,
		})}
	}
	s := chart("1.2.0", "")
	for range 2 {
		f, err := s.Chart(t.Context(), Request{Name: "charts/wrapper"})
		if err != nil || len(f.Dependencies()) != 1 || f.Dependencies()[0].Metadata.Version != "1.2.0" {
			t.Fatalf("%+v, %v", f, err)
		}
	}
	if *requests != 2 {
		t.Errorf("%d requests, want the index and the archive once", *requests)
	}
	f, err := chart("^1", "dependencies: [{name: hub, version: 1.0.0, repository: "+url+"}]\n").Chart(t.Context(), Request{Name: "charts/wrapper"})
	if err != nil || f.Dependencies()[0].Metadata.Version != "1.0.0" {
		t.Errorf("by the lock: %+v, %v", f, err)
	}
	if _, err := chart("^1", "").Chart(t.Context(), Request{Name: "charts/wrapper"}); err == nil || !strings.Contains(err.Error(), "is not exact, and no Chart.lock fixes it") {
		t.Errorf("a range: %v", err)
	}
	if _, err := chart("3.0.0", "").Chart(t.Context(), Request{Name: "charts/wrapper"}); err == nil || !strings.Contains(err.Error(), "its dependency hub") {
		t.Errorf("a version that is not there: %v", err)
	}
}

// A dependency in a folder is taken from there, as `helm dependency update` does; what cannot be one is told of as such, and not as what is out of reach.
func TestSourceDependenciesBeside(t *testing.T) {
	wrapper := func(version, repository string) *Source {
		return &Source{Offline: true, Dir: write(t, map[string]string{
			"charts/wrapper/Chart.yaml":    "apiVersion: v2\nname: wrapper\nversion: 1.0.0\ndependencies: [{name: pages, version: " + version + ", repository: \"" + repository + "\"}]\n",
			"charts/pages/Chart.yaml":      "apiVersion: v2\nname: pages\nversion: 1.2.0\n",
			"charts/pages/templates/a.txt": "a",
			"charts/other/Chart.yaml":      "apiVersion: v2\nname: others\nversion: 1.2.0\n",
			"charts/none/Chart.yaml":       "name: x\n",
		})}
	}
	for _, version := range []string{"1.2.0", "^1.0.0"} {
		f, err := wrapper(version, "file://../pages").Chart(t.Context(), Request{Name: "charts/wrapper"})
		if err != nil || len(f.Dependencies()) != 1 || f.Dependencies()[0].Metadata.Version != "1.2.0" || len(f.Dependencies()[0].Templates) != 1 {
			t.Errorf("%s: %+v, %v", version, f, err)
		}
	}
	for _, test := range []struct{ version, repository, want string }{
		{"1.2.0", "file://../nowhere", "chart wrapper: the dependency pages is in file://../nowhere, which is not there: name the folder of its Chart.yaml"},
		{"1.2.0", "file://../none", "is in file://../none, which is no chart: "},
		{"1.2.0", "file://../other", "is called others in file://../other: write that name"},
		{"2.0.0", "file://../pages", "is of version 1.2.0 in file://../pages, but 2.0.0 is wanted: write the one that it has"},
		{"1.2.0", "", `is in "", where nothing is fetched from: put it into the chart's charts/`},
		{"^1", "https://charts.example.org", `is of version "^1", which is not exact, and no Chart.lock fixes it: write an exact version`},
	} {
		_, err := wrapper(test.version, test.repository).Chart(t.Context(), Request{Name: "charts/wrapper"})
		var wrong *DependencyError
		if !errors.As(err, &wrong) || wrong.Dependency != "pages" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.repository, err, test.want)
		}
	}
	var wrong *DependencyError
	if _, err := wrapper("1.2.0", "oci://example.org/charts").Chart(t.Context(), Request{Name: "charts/wrapper"}); err == nil || errors.As(err, &wrong) {
		t.Errorf("one that Helm fetches elsewhere: %v", err)
	}
}

func TestSourceLocal(t *testing.T) {
	dir := write(t, map[string]string{"charts/hub/Chart.yaml": "apiVersion: v2\nname: hub\nversion: 1.0.0\n", "broken/Chart.yaml": "name: x\n"})
	if err := os.WriteFile(filepath.Join(dir, "hub-2.0.0.tgz"), archiveOf(t, "hub", "2.0.0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.tgz"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Source{Dir: dir}
	for name, version := range map[string]string{"charts/hub": "1.0.0", "./charts/hub": "1.0.0", filepath.Join(dir, "charts/hub"): "1.0.0", "hub-2.0.0.tgz": "2.0.0"} {
		f, err := s.Chart(t.Context(), Request{Name: name})
		if err != nil || f.Metadata.Version != version || len(f.Digest) != 64 {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	before, err := s.Chart(t.Context(), Request{Name: "charts/hub"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "charts/hub/values.yaml"), []byte("a: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, err := s.Chart(t.Context(), Request{Name: "charts/hub"}); err != nil || after.Digest == before.Digest || after.Values["a"] != 1.0 {
		t.Errorf("an edit of a local chart is not seen: %v", err)
	}
	tests := map[string]string{
		"":           "no chart is named",
		"nosuch":     "non-absolute URLs should be in form of repo_name/path_to_chart",
		"./nosuch":   `path "./nosuch" not found`,
		"broken":     "chart broken:",
		"pipe.tgz":   "chart pipe.tgz: is neither a folder nor an archive",
		"oci://x/y":  "OCI registries are not fetched",
		"/not/there": `path "/not/there" not found`,
	}
	for name, want := range tests {
		if _, err := s.Chart(t.Context(), Request{Name: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", name, err, want)
		}
	}
}
