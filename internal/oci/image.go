package oci

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
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Descriptor is what a registry says of a manifest without sending it.
type Descriptor struct {
	// Digest is sha256:… of the manifest.
	Digest string
	// MediaType tells an image from an index of several platforms' images.
	MediaType string
}

// Image is what is known of an image in a registry.
type Image struct {
	Descriptor
	// Size is the bytes of everything that the registry keeps for it, compressed as it is there, each part counted once; for an index all platforms.
	Size int64
	// Created is when it was built, as its configuration says; for an index, the first platform's. It is zero, or any date, where builds are made
	// reproducible.
	Created time.Time
	// Platforms are such as linux/amd64, in the order of the index.
	Platforms []string
}

// Resolve finds the digest that a tag names now; a reference by digest is looked for, too. It is one request without a body. Where there is none, the error's
// Kind is NotFound.
func (c *Client) Resolve(ctx context.Context, image string) (Descriptor, error) {
	ref, err := reference(image)
	if err != nil {
		return Descriptor{}, err
	}
	d, err := c.head(ctx, ref)
	return d, failure("looking for", image, err)
}

func (c *Client) head(ctx context.Context, ref name.Reference) (Descriptor, error) {
	s, err := c.pulling(ctx, ref.Context())
	if err != nil {
		return Descriptor{}, err
	}
	return s.head(ctx, ref)
}

func (s *session) head(ctx context.Context, ref name.Reference) (Descriptor, error) {
	d, err := s.puller.Head(ctx, ref)
	if err != nil {
		return Descriptor{}, err
	}
	return Descriptor{d.Digest.String(), string(d.MediaType)}, nil
}

// Has reports whether a registry has a tag with a digest. A tag that is there with another is an error of Kind TagTaken. Missing repositories have no tags.
func (c *Client) Has(ctx context.Context, tag, digest string) (bool, error) {
	ref, err := reference(tag)
	if err != nil {
		return false, err
	}
	if _, err := v1.NewHash(digest); err != nil {
		return false, &Error{Kind: BadName, Message: fmt.Sprintf("%q is no digest", digest), Hint: "sha256: and 64 hexadecimal digits", Err: err}
	}
	s, err := c.pulling(ctx, ref.Context())
	if err != nil {
		return false, failure("signing in to", ref.Context().String(), err)
	}
	has, err := s.has(ctx, ref, digest)
	return has, failure("looking for", tag, err)
}

func (s *session) has(ctx context.Context, ref name.Reference, digest string) (bool, error) {
	d, err := s.head(ctx, ref)
	switch {
	case status(err) == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, err
	case d.Digest != digest:
		return false, taken(ref, d.Digest, digest)
	}
	return true, nil
}

func taken(ref name.Reference, has, wanted string) error {
	return &Error{
		Kind: TagTaken, Message: fmt.Sprintf("%s is there already with other content: it is %s, and not %s", ref, has, wanted),
		Hint: "a tag never moves here: give the image a tag of its own, or delete that one if it was put by mistake",
	}
}

// Tags are the tags of a repository, sorted. Where there is no repository, the error's Kind is NotFound.
func (c *Client) Tags(ctx context.Context, repo string) ([]string, error) {
	r, err := repository(repo)
	if err != nil {
		return nil, err
	}
	s, err := c.pulling(ctx, r)
	if err != nil {
		return nil, failure("listing the tags of", repo, err)
	}
	tags, err := s.puller.List(ctx, r)
	slices.Sort(tags)
	return tags, failure("listing the tags of", repo, err)
}

// Inspect reads an image's manifests and configuration.
func (c *Client) Inspect(ctx context.Context, image string) (Image, error) {
	ref, err := reference(image)
	if err != nil {
		return Image{}, err
	}
	found, err := c.inspect(ctx, ref)
	return found, failure("reading", image, err)
}

func (c *Client) inspect(ctx context.Context, ref name.Reference) (Image, error) {
	s, err := c.pulling(ctx, ref.Context())
	if err != nil {
		return Image{}, err
	}
	t, err := s.walk(ctx, ref)
	if err != nil {
		return Image{}, err
	}
	root := t.manifests[len(t.manifests)-1]
	image := Image{Descriptor: Descriptor{root.digest.String(), string(root.mediaType)}, Size: t.size}
	for _, config := range t.configs {
		var of struct {
			Created      time.Time `json:"created"`
			OS           string    `json:"os"`
			Architecture string    `json:"architecture"`
			Variant      string    `json:"variant"`
		}
		data, err := s.blob(ctx, config)
		if err != nil {
			return Image{}, err
		}
		if err := json.Unmarshal(data, &of); err != nil || of.OS == "" || of.OS == "unknown" {
			continue // not that of an image: an attestation, an artefact
		}
		if image.Created.IsZero() {
			image.Created = of.Created
		}
		platform := v1.Platform{OS: of.OS, Architecture: of.Architecture, Variant: of.Variant}
		image.Platforms = append(image.Platforms, platform.String())
	}
	return image, nil
}

// configLimit is above any configuration of an image.
const configLimit = 8 << 20

// blob reads a small blob, and checks it.
func (s *session) blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Size > configLimit {
		return nil, fmt.Errorf("%s is said to be a configuration, and has %d bytes", d.Digest, d.Size)
	}
	from := &source{ctx: ctx, session: s, blob: d, report: func(int64) {}}
	defer from.close()
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	if digest, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || digest != d.Digest {
		return nil, &Error{Kind: Corrupt, Message: fmt.Sprintf("%s of %s is damaged: its bytes have another digest", d.Digest, s.repo), Err: err}
	}
	return data, nil
}

// tree is everything that an image consists of.
type tree struct {
	manifests []manifest      // each after those that it names
	configs   []v1.Descriptor // of the images among them, in order; they are among the blobs, too
	blobs     []v1.Descriptor // each digest once
	size      int64
	seen      map[v1.Hash]bool
}

// manifest is one as it is in the registry, byte for byte.
type manifest struct {
	raw       []byte
	digest    v1.Hash
	mediaType types.MediaType
}

// RawManifest and MediaType make it something to be put.
func (m manifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m manifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// walk reads an image's manifests.
func (s *session) walk(ctx context.Context, ref name.Reference) (*tree, error) {
	t := &tree{seen: map[v1.Hash]bool{}}
	return t, t.add(ctx, s, ref)
}

func (t *tree) add(ctx context.Context, s *session, ref name.Reference) error {
	got, err := s.puller.Get(ctx, ref)
	if err != nil {
		return err
	}
	m := manifest{got.Manifest, got.Digest, got.MediaType}
	switch {
	case m.mediaType.IsIndex():
		index, err := v1.ParseIndexManifest(bytes.NewReader(m.raw))
		if err != nil {
			return fmt.Errorf("the index %s is not one: %w", m.digest, err)
		}
		for _, child := range index.Manifests {
			if !child.MediaType.IsIndex() && !child.MediaType.IsImage() {
				t.addBlob(child)
			} else if !t.seen[child.Digest] {
				if err := t.add(ctx, s, s.repo.Digest(child.Digest.String())); err != nil {
					return err
				}
			}
		}
	case m.mediaType.IsImage():
		image, err := v1.ParseManifest(bytes.NewReader(m.raw))
		if err != nil {
			return fmt.Errorf("the manifest %s is not one: %w", m.digest, err)
		}
		t.configs = append(t.configs, image.Config)
		t.addBlob(image.Config)
		for _, layer := range image.Layers {
			if layer.MediaType.IsDistributable() { // others may not be copied, and name where they are
				t.addBlob(layer)
			}
		}
	default:
		return &Error{Kind: Failed, Message: fmt.Sprintf("%s is of the type %s, which is neither an image nor an index", ref, m.mediaType), Hint: "push it anew with a current Docker", Err: errors.ErrUnsupported}
	}
	t.seen[m.digest] = true
	t.manifests = append(t.manifests, m)
	t.size += int64(len(m.raw))
	return nil
}

func (t *tree) addBlob(d v1.Descriptor) {
	if !t.seen[d.Digest] {
		t.seen[d.Digest] = true
		t.blobs = append(t.blobs, d)
		t.size += d.Size
	}
}
