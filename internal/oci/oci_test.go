package oci_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/hubwright/hubwright/internal/oci"
)

// quick waits little, so that tests of what is tried again are quick.
var quick = oci.Retry{Tries: 4, First: time.Millisecond, Longest: 2 * time.Second}

// inMemory is a registry in this process, with a handler around it.
func inMemory(t *testing.T, around func(http.Handler) http.Handler) string {
	t.Helper()
	handler := registry.New(registry.Logger(discard))
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// push puts an image or an index into a registry by the library's own way, and gives its reference by digest.
func push(t *testing.T, tag string, what remote.Taggable, options ...remote.Option) string {
	t.Helper()
	ref, err := name.ParseReference(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(ref, what, options...); err != nil {
		t.Fatal(err)
	}
	raw, err := what.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return ref.Context().Name() + "@sha256:" + hex.EncodeToString(sum[:])
}

func image(t *testing.T, size, layers int64) v1.Image {
	t.Helper()
	img, err := random.Image(size, layers)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Created: v1.Time{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func index(t *testing.T) v1.ImageIndex {
	t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		img, err := mutate.ConfigFile(image(t, 1000, 2), &v1.ConfigFile{OS: "linux", Architecture: architecture})
		if err != nil {
			t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	return idx
}

func digestOf(ref string) string {
	_, digest, _ := strings.Cut(ref, "@")
	return digest
}

func wantKind(t *testing.T, err error, kind oci.Kind, words ...string) {
	t.Helper()
	var e *oci.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %T (%v), want one of kind %s", err, err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("the error is of kind %s, want %s: %v", e.Kind, kind, err)
	}
	for _, w := range words {
		if !strings.Contains(e.Message+"\n"+e.Hint, w) {
			t.Errorf("the error says nothing of %q:\n%s\nhint: %s", w, e.Message, e.Hint)
		}
	}
	if strings.Contains(e.Message, "\n") {
		t.Errorf("the error is more than a sentence: %s", e.Message)
	}
}

func TestResolveInspectTags(t *testing.T) {
	host := inMemory(t, nil)
	c, ctx := oci.New(oci.Options{Retry: quick}), context.Background()
	img := image(t, 5000, 3)
	ref := push(t, host+"/hub/user-image:v1", img)
	push(t, host+"/hub/user-image:a", image(t, 10, 1))

	d, err := c.Resolve(ctx, host+"/hub/user-image:v1")
	if err != nil || d.Digest != digestOf(ref) {
		t.Fatalf("Resolve = %v, %v; want %s", d, err, ref)
	}
	got, err := c.Inspect(ctx, host+"/hub/user-image:v1")
	if err != nil {
		t.Fatal(err)
	}
	manifest, _ := img.Manifest()
	raw, _ := img.RawManifest()
	size := manifest.Config.Size + int64(len(raw))
	for _, l := range manifest.Layers {
		size += l.Size
	}
	if got.Size != size || !got.Created.Equal(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) || fmt.Sprint(got.Platforms) != "[linux/amd64]" {
		t.Errorf("Inspect = %+v, want %d bytes", got, size)
	}
	tags, err := c.Tags(ctx, host+"/hub/user-image")
	if err != nil || fmt.Sprint(tags) != "[a v1]" {
		t.Errorf("Tags = %v, %v", tags, err)
	}
	for _, tt := range []struct {
		tag, digest string
		has         bool
		kind        oci.Kind
	}{
		{"hub/user-image:v1", digestOf(ref), true, ""},
		{"hub/user-image:v2", digestOf(ref), false, ""},
		{"hub/other:v1", digestOf(ref), false, ""},
		{"hub/user-image:a", digestOf(ref), false, oci.TagTaken},
		{"hub/user-image:a", "sha256:abc", false, oci.BadName},
	} {
		has, err := c.Has(ctx, host+"/"+tt.tag, tt.digest)
		if tt.kind != "" {
			wantKind(t, err, tt.kind)
		} else if err != nil || has != tt.has {
			t.Errorf("Has(%s) = %v, %v", tt.tag, has, err)
		}
	}
	_, err = c.Resolve(ctx, host+"/hub/user-image:none")
	wantKind(t, err, oci.NotFound, host+"/hub/user-image:none")
	_, err = c.Tags(ctx, host+"/hub/none")
	wantKind(t, err, oci.NotFound)
}

func TestBadNames(t *testing.T) {
	c, ctx := oci.New(oci.Options{}), context.Background()
	for _, ref := range []string{"", "user-image:v1", "host.example/UPPER:v1", "host.example/a b:v1", "host.example/image", "host.example/image@sha256:12", "https://host.example/image:v1"} {
		_, err := c.Resolve(ctx, ref)
		wantKind(t, err, oci.BadName, fmt.Sprintf("%q", ref), "REGISTRY/REPOSITORY")
	}
	_, err := c.Copy(ctx, "host.example/image:v1", "host.example/im age", oci.CopyOptions{})
	wantKind(t, err, oci.BadName)
}

// TestOneRequest pins what an unchanged image costs: after the first image of a registry, a look at one more is one request.
func TestOneRequest(t *testing.T) {
	var requests atomic.Int64
	host := inMemory(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			next.ServeHTTP(w, r)
		})
	})
	c := oci.New(oci.Options{Retry: quick})
	var refs []string
	for i := range 5 {
		refs = append(refs, push(t, fmt.Sprintf("%s/image-%d:v1", host, i), image(t, 10, 1)))
	}
	for i, ref := range refs {
		requests.Store(0)
		if has, err := c.Has(context.Background(), fmt.Sprintf("%s/image-%d:v1", host, i), digestOf(ref)); err != nil || !has {
			t.Fatal(has, err)
		}
		want := int64(1)
		if i == 0 {
			want = 2 // how to sign in is asked once
		}
		if got := requests.Load(); got != want {
			t.Errorf("image %d took %d requests, want %d", i, got, want)
		}
	}
}

// artefact refers to an image as a signature does.
func artefact(t *testing.T, subject v1.Image) v1.Image {
	t.Helper()
	raw, err := subject.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	mediaType, err := subject.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	a := mutate.MediaType(mutate.ConfigMediaType(image(t, 100, 1), "application/vnd.example.signature"), types.OCIManifestSchema1)
	return mutate.Subject(a, v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}).(v1.Image)
}

// noise is bytes that do not compress, the same for the same seed.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = io.ReadFull(source, b)
	return b
}

func basic(user, password string) remote.Option {
	return remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: user, Password: password}))
}
