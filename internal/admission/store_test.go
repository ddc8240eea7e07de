package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/hubwright/hubwright/internal/reference"
)

// registryOf is a registry with an image in it: the repository and the image. referrers says whether it lists them, as ECR does; others keep them
// under a tag, as Debian's docker-registry does.
func registryOf(t *testing.T, referrers bool) (*Referrers, v1.Image) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/roman/user-image")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &Referrers{Repository: repository}
	push(t, s, image)
	return s, image
}

func push(t *testing.T, s *Referrers, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(s.Repository.Digest(d.String()), image); err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// verdictOn is a record of an image: refused when there are findings.
func verdictOn(digest string, at time.Time, findings ...string) *Record {
	return newRecord(Subject{Repository: "registry.example.org/a", Digest: digest}, Policy{Image: "user-image", Threshold: High}, nil, found(findings...), at)
}

func stores(t *testing.T, check func(t *testing.T, s Store, digest string)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { check(t, &Memory{}, digest) })
	for what, referrers := range map[string]bool{"referrers": true, "a tag": false} {
		t.Run(what, func(t *testing.T) {
			s, image := registryOf(t, referrers)
			check(t, s, push(t, s, image))
		})
	}
}

func TestStores(t *testing.T) {
	stores(t, func(t *testing.T, s Store, digest string) {
		t.Helper()
		if _, err := s.Get(t.Context(), digest); !errors.Is(err, ErrNotRecorded) {
			t.Fatalf("of nothing: %v", err)
		}
		hold := func(what string, want *Record) {
			t.Helper()
			got, err := s.Get(t.Context(), digest)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".digests" }, cmp.Ignore())); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		first, again, last := verdictOn(digest, noon, "CVE-1 LOW"), verdictOn(digest, noon.Add(time.Hour), "CVE-1 HIGH"), verdictOn(digest, noon.Add(2*time.Hour))
		for _, r := range []*Record{first, again, last} {
			if err := s.Put(t.Context(), digest, r); err != nil {
				t.Fatal(err)
			}
			hold(r.At.Format(time.TimeOnly), r)
		}
		if err := s.Put(t.Context(), digest, last); err != nil {
			t.Errorf("the same again: %v", err)
		}
		hold("the same again", last)
		if err := s.Put(t.Context(), "sha256:"+strings.Repeat("b", 64), last); err == nil {
			t.Error("a record of another image was taken")
		}
	})
}

func TestReferrersRefusalOfTheSameSecond(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		s, image := registryOf(t, referrers)
		digest := push(t, s, image)
		for _, findings := range [][]string{{"CVE-1 LOW"}, {"CVE-1 HIGH"}, {}} {
			if err := s.Put(t.Context(), digest, verdictOn(digest, noon, findings...)); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := s.Get(t.Context(), digest); err != nil || r.Verdict.Admitted {
			t.Errorf("got %+v, %v", r, err)
		}
	}
}

func TestCarry(t *testing.T) {
	from, image := registryOf(t, true)
	to, _ := registryOf(t, false)
	digest := push(t, from, image)
	if err := Carry(t.Context(), from, to, digest); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("of nothing: %v", err)
	}
	want := verdictOn(digest, noon, "CVE-1 LOW")
	if err := from.Put(t.Context(), digest, want); err != nil {
		t.Fatal(err)
	}
	if err := Carry(t.Context(), from, to, digest); err == nil || errors.Is(err, ErrNotRecorded) {
		t.Errorf("to where the image is not: %v", err)
	}
	push(t, to, image)
	if err := Carry(t.Context(), from, to, digest); err != nil {
		t.Fatal(err)
	}
	got, err := to.Get(t.Context(), digest)
	if err != nil || got.PolicyHash != want.PolicyHash || got.Reference != want.Reference || !got.Verdict.Admitted {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestReferrersAreArtifacts reads a record as any tool for registries would, without this package.
func TestReferrersAreArtifacts(t *testing.T) {
	s, image := registryOf(t, true)
	digest := push(t, s, image)
	if err := s.Put(t.Context(), digest, verdictOn(digest, noon, "CVE-1 LOW")); err != nil {
		t.Fatal(err)
	}
	listed, err := remote.Referrers(s.Repository.Digest(digest))
	if err != nil {
		t.Fatal(err)
	}
	index, err := listed.IndexManifest()
	if err != nil || len(index.Manifests) != 1 || index.Manifests[0].ArtifactType != "application/vnd.hubwright.admission.v1+json" {
		t.Fatalf("%+v, %v", index, err)
	}
	artifact, err := remote.Image(s.Repository.Digest(index.Manifests[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := artifact.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%v, %v", layers, err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.NewDecoder(content).Decode(&fields); err != nil || fields["digest"] != digest || fields["schema"] != Schema {
		t.Errorf("%v, %v", fields, err)
	}
}

// TestReferrersTampered puts records beside an image that this package would not write.
func TestReferrersTampered(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		for _, test := range tampered {
			s, image := registryOf(t, referrers)
			digest := push(t, s, image)
			if err := s.Put(t.Context(), digest, verdictOn(digest, noon)); err != nil {
				t.Fatal(err)
			}
			r := verdictOn(digest, noon.Add(time.Hour), "CVE-4 HIGH")
			test.change(r)
			plant(t, s, digest, r, r.At)
			var e *TamperedError
			if got, err := s.Get(t.Context(), digest); !errors.As(err, &e) || e.Why != test.want {
				t.Errorf("%s: got %v, %v; want %s", test.name, got, err, test.want)
			}
		}
	}
	s, image := registryOf(t, false)
	digest := push(t, s, image)
	plant(t, s, digest, verdictOn(digest, noon), noon.Add(time.Hour))
	if _, err := s.Get(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "its manifest says that it was made at 2026-01-05T13:00:00Z, and it says 2026-01-05T12:00:00Z") {
		t.Errorf("another time: %v", err)
	}
}

// plant pushes a record as it is.
func plant(t *testing.T, s *Referrers, digest string, r *Record, at time.Time) {
	t.Helper()
	text, err := r.text()
	if err != nil {
		t.Fatal(err)
	}
	head, err := remote.Head(s.Repository.Digest(digest))
	if err != nil {
		t.Fatal(err)
	}
	a, err := newArtifact(text, head, at)
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range []v1.Layer{a.config, a.record} {
		if err := remote.WriteLayer(s.Repository, blob); err != nil {
			t.Fatal(err)
		}
	}
	if err := remote.Put(s.Repository.Digest(a.digest.String()), a); err != nil {
		t.Fatal(err)
	}
}

// TestReferrersListedWithTimes has a registry that lists when each record was made, as the specification wants it: then only the last is read.
func TestReferrersListedWithTimes(t *testing.T) {
	inner := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	read := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.URL.Path, "/referrers/") {
			if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
				read++
			}
			inner.ServeHTTP(w, req)
			return
		}
		answer := httptest.NewRecorder()
		inner.ServeHTTP(answer, req)
		var index v1.IndexManifest
		if err := json.Unmarshal(answer.Body.Bytes(), &index); err != nil {
			t.Error(err)
		}
		for i := range index.Manifests {
			manifest := httptest.NewRecorder()
			inner.ServeHTTP(manifest, httptest.NewRequest(http.MethodGet, "/v2/roman/user-image/manifests/"+index.Manifests[i].Digest.String(), http.NoBody))
			m, err := v1.ParseManifest(bytes.NewReader(manifest.Body.Bytes()))
			if err != nil {
				t.Error(err)
				continue
			}
			index.Manifests[i].Annotations = m.Annotations
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		_ = json.NewEncoder(w).Encode(index)
	}))
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/roman/user-image")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &Referrers{Repository: repository}
	digest := push(t, s, image)
	for _, hour := range []int{2, 3, 1} {
		if err := s.Put(t.Context(), digest, verdictOn(digest, noon.Add(time.Duration(hour)*time.Hour), "CVE-1 LOW")); err != nil {
			t.Fatal(err)
		}
	}
	read = 0
	r, err := s.Get(t.Context(), digest)
	if err != nil || r.At.Hour() != 15 {
		t.Errorf("got %+v, %v", r, err)
	}
	if read != 1 {
		t.Errorf("read %d records", read)
	}
}

func TestReferrersUnreachable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/roman")
	if err != nil {
		t.Fatal(err)
	}
	s := &Referrers{Repository: repository}
	if _, err := s.Get(t.Context(), digest); err == nil || errors.Is(err, ErrNotRecorded) {
		t.Errorf("a registry that refuses is taken for one without a record: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, digest); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRecordsFitTheirSchema holds records to the schema in the reference, by which others read them.
func TestRecordsFitTheirSchema(t *testing.T) {
	p := Policy{
		Image: "user-image", Test: []string{"true"}, Scanner: []string{"grype", "{image}"}, Format: FormatAuto, FindingsExitCodes: []int{2}, Threshold: High, AtMost: map[Severity]int{Low: 3},
		Allow: []Allowance{{ID: "CVE-1", Package: "openssl", Image: "user-image", Reason: "not reachable", Expires: "2026-12-31"}},
	}
	full := found("CVE-1 CRITICAL", "CVE-2 UNKNOWN")
	full.Version, full.Database, full.Ignored = "1", noon, 1
	for _, r := range []*Record{
		verdictOn(digest, noon), newRecord(subject, p, &TestResult{Command: p.Test}, full, noon), newRecord(subject, p, &TestResult{Command: p.Test, ExitCode: 1, Output: "no"}, nil, noon),
	} {
		text, err := r.text()
		if err != nil {
			t.Fatal(err)
		}
		reference.Fits(t, text)
		again, err := believed(text, digest)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := again.text(); err != nil || !bytes.Equal(text, same) {
			t.Errorf("read and written again it is another: %v\n%s\n%s", err, text, same)
		}
	}
}
