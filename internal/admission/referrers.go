package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ArtifactType is the type of a record among the artifacts of an image, and the media type of its one layer, which is the record in JSON.
const ArtifactType = "application/vnd.hubwright.admission.v1+json"

// created says in a manifest's annotations when the verdict was reached:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys
const created = "org.opencontainers.image.created"

// title is what a layer is called as a file, without which oras does not write it: https://oras.land/docs/concepts/artifact
const title = "org.opencontainers.image.title"

// maxRecord bounds what is read of a record, in bytes. One with a thousand findings has 300 kB.
const maxRecord = 16 << 20

// Referrers keeps records beside the images themselves: as artifacts that refer to the image's digest.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#image-manifest-property-descriptions, subject, and
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers. A registry that does not list referrers has them under
// the tag that the specification gives for that, sha256-<hex>.
type Referrers struct {
	// Repository is where the images are.
	Repository name.Repository
	// Options are how the registry is reached: credentials, transport, retries.
	Options []remote.Option
}

// Put pushes a record. The image has to be there.
func (s *Referrers) Put(ctx context.Context, digest string, r *Record) error {
	if err := r.Believe(digest); err != nil {
		return err
	}
	at := s.Repository.Digest(digest)
	subject, err := remote.Head(at, s.with(ctx)...)
	if err != nil {
		return fmt.Errorf("looking for image %s: %w", at, err)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	a, err := newArtifact(text, subject, r.At)
	if err != nil {
		return err
	}
	for _, blob := range []v1.Layer{a.config, a.record} {
		if err := remote.WriteLayer(s.Repository, blob, s.with(ctx)...); err != nil {
			return fmt.Errorf("pushing the admission of %s: %w", at, err)
		}
	}
	// Under the tag two who write at a time can lose one: whoever does not find its own afterwards writes again.
	const tries = 3
	for range tries {
		if err := remote.Put(s.Repository.Digest(a.digest.String()), a, s.with(ctx)...); err != nil {
			return fmt.Errorf("pushing the admission of %s: %w", at, err)
		}
		listed, err := s.list(ctx, at)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(listed, func(d v1.Descriptor) bool { return d.Digest == a.digest }) {
			return nil
		}
	}
	return fmt.Errorf("%s has taken the admission of %s and does not list it", s.Repository.RegistryStr(), at)
}

// Get is the last verdict on an image.
func (s *Referrers) Get(ctx context.Context, digest string) (*Record, error) {
	at := s.Repository.Digest(digest)
	listed, err := s.list(ctx, at)
	if err != nil {
		return nil, err
	}
	// Some registries list when each was made, so that the others need not be read.
	if !slices.ContainsFunc(listed, func(d v1.Descriptor) bool { return d.Annotations[created] == "" }) {
		slices.SortFunc(listed, func(a, b v1.Descriptor) int { return -1 * compareTimes(a.Annotations[created], b.Annotations[created]) })
		for i := range listed {
			if listed[i].Annotations[created] != listed[0].Annotations[created] {
				listed = listed[:i]
				break
			}
		}
	}
	var last *Record
	for i := range listed {
		r, err := s.read(ctx, listed[i], digest)
		var gone *transport.Error
		if errors.As(err, &gone) && gone.StatusCode == http.StatusNotFound {
			continue // a list under a tag may name what was deleted
		}
		if err != nil {
			return nil, err
		}
		// Of two in one second the refusal counts.
		if last == nil || r.At.After(last.At) || r.At.Equal(last.At) && !r.Verdict.Admitted {
			last = r
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%w of %s", ErrNotRecorded, at)
	}
	return last, nil
}

// compareTimes compares times as annotations have them. What is none is before all others.
func compareTimes(a, b string) int {
	x, _ := time.Parse(time.RFC3339, a)
	y, _ := time.Parse(time.RFC3339, b)
	return x.Compare(y)
}

// list is what the registry has of records of an image.
func (s *Referrers) list(ctx context.Context, at name.Digest) ([]v1.Descriptor, error) {
	index, err := remote.Referrers(at, s.with(ctx, remote.WithFilter("artifactType", ArtifactType))...)
	if err != nil {
		return nil, fmt.Errorf("looking for the admission of %s: %w", at, err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("looking for the admission of %s: %w", at, err)
	}
	return m.Manifests, nil
}

// read reads one record and holds it to its image.
func (s *Referrers) read(ctx context.Context, d v1.Descriptor, digest string) (*Record, error) {
	at := s.Repository.Digest(d.Digest.String())
	got, err := remote.Get(at, s.with(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("reading the admission %s: %w", at, err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(got.Manifest, &m); err != nil || len(m.Layers) != 1 || m.Layers[0].MediaType != ArtifactType {
		return nil, &TamperedError{digest, "its manifest is not one of a record"}
	}
	if m.Subject == nil || m.Subject.Digest.String() != digest {
		return nil, &TamperedError{digest, "its manifest refers to another image"}
	}
	layer, err := remote.Layer(s.Repository.Digest(m.Layers[0].Digest.String()), s.with(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("reading the admission %s: %w", at, err)
	}
	content, err := layer.Compressed() // as it is stored; the digest is checked on reading
	if err != nil {
		return nil, fmt.Errorf("reading the admission %s: %w", at, err)
	}
	defer func() { _ = content.Close() }()
	text, err := io.ReadAll(io.LimitReader(content, maxRecord+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the admission %s: %w", at, err)
	case len(text) > maxRecord:
		return nil, &TamperedError{digest, fmt.Sprintf("it is larger than %d MiB", maxRecord>>20)}
	}
	r, err := believed(text, digest)
	if err != nil {
		return nil, err
	}
	if when := m.Annotations[created]; when != r.At.Format(time.RFC3339) {
		return nil, &TamperedError{digest, fmt.Sprintf("its manifest says that it was made at %s, and it says %s", when, r.At.Format(time.RFC3339))}
	}
	return r, nil
}

func (s *Referrers) with(ctx context.Context, more ...remote.Option) []remote.Option {
	return slices.Concat(s.Options, []remote.Option{remote.WithContext(ctx)}, more)
}

// artifact is a record as registries have it.
type artifact struct {
	config, record v1.Layer
	manifest       []byte
	digest         v1.Hash
}

func newArtifact(record []byte, subject *v1.Descriptor, at time.Time) (*artifact, error) {
	a := &artifact{config: static.NewLayer([]byte("{}"), ArtifactType), record: static.NewLayer(record, ArtifactType)}
	config, err := describe(a.config)
	if err != nil {
		return nil, err
	}
	layer, err := describe(a.record)
	if err != nil {
		return nil, err
	}
	layer.Annotations = map[string]string{title: "admission.json"}
	// The type is said twice: some registries go by the configuration's, as OCI 1.0 had it.
	if a.manifest, err = json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ArtifactType, Config: config, Layers: []v1.Descriptor{layer},
		Subject:     &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest},
		Annotations: map[string]string{created: at.Format(time.RFC3339)},
	}); err != nil {
		return nil, fmt.Errorf("writing a manifest: %w", err)
	}
	if a.digest, _, err = v1.SHA256(bytes.NewReader(a.manifest)); err != nil {
		return nil, fmt.Errorf("writing a manifest: %w", err)
	}
	return a, nil
}

// RawManifest is the manifest.
func (a *artifact) RawManifest() ([]byte, error) { return a.manifest, nil }

// MediaType is the manifest's.
func (*artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func describe(l v1.Layer) (v1.Descriptor, error) {
	digest, err := l.Digest()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("hashing a record: %w", err)
	}
	size, err := l.Size()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("measuring a record: %w", err)
	}
	return v1.Descriptor{MediaType: ArtifactType, Digest: digest, Size: size}, nil
}
