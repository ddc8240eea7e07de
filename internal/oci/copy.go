package oci

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// CopyOptions are the wishes for a copy.
type CopyOptions struct {
	// Referrers has what refers to the image (signatures, attestations, bills of material) copied, too.
	Referrers bool
	// Progress is told of bytes as they arrive, from one goroutine at a time. done may go back when a part has to be sent again.
	Progress func(done, total int64)
}

// Copied says what a copy was.
type Copied struct {
	// Digest is that of the image, here and there.
	Digest string
	// Sent, Mounted and There are the bytes that went over the network, that the registry took over from another of its repositories, and that were in
	// the repository already. Without any, everything was there.
	Sent, Mounted, There int64
}

// Copy puts an image into another repository, registry, account or region by digest: the manifests byte for byte, all platforms, layers in parallel and not
// by way of the disk. from is a reference by digest, or a tag, which is resolved once. to is a tag or a repository alone. The tag is put last, when everything
// is there, and then looked up. A tag that is there with other content is an error of Kind TagTaken, before anything is copied.
//
// The protocol has no way to put a tag only where there is none, so between the look and the put another may put it too: a registry with immutable tags
// refuses the later one, in any other the last look tells of it.
func (c *Client) Copy(ctx context.Context, from, to string, o CopyOptions) (Copied, error) {
	src, err := reference(from)
	if err != nil {
		return Copied{}, err
	}
	repo, repoErr := repository(to)
	var tag name.Reference
	if repoErr != nil {
		if tag, err = reference(to); err != nil {
			return Copied{}, err
		}
		repo = tag.Context()
	}
	copied, err := c.copy(ctx, src, repo, tag, o)
	return copied, failure("copying "+from+" to", to, err)
}

func (c *Client) copy(ctx context.Context, src name.Reference, repo name.Repository, tag name.Reference, o CopyOptions) (Copied, error) {
	digest, err := c.digestOf(ctx, src)
	if err != nil {
		return Copied{}, failure("looking for", src.String(), err)
	}
	t := transfer{client: c, options: o, copied: Copied{Digest: digest}}
	if t.to, err = c.pushing(ctx, repo, src.Context()); err != nil {
		return t.copied, failure("signing in to", repo.String(), err)
	}
	t.from = func() (*session, error) {
		s, err := c.pulling(ctx, src.Context())
		return s, failure("signing in to", src.Context().String(), err)
	}
	has := false
	if tag != nil {
		if has, err = t.to.has(ctx, tag, digest); err != nil {
			return t.copied, err
		}
	}
	if !has {
		if err := t.image(ctx, digest); err != nil {
			return t.copied, err
		}
	}
	if o.Referrers {
		if err := t.referrers(ctx, src.Context().Digest(digest)); err != nil {
			return t.copied, err
		}
	}
	if has {
		return t.copied, nil
	}
	if tag == nil {
		return t.copied, t.verify(ctx, repo.Digest(digest), digest)
	}
	return t.copied, t.tag(ctx, tag, digest)
}

func (c *Client) digestOf(ctx context.Context, ref name.Reference) (string, error) {
	if by, ok := ref.(name.Digest); ok {
		return by.DigestStr(), nil
	}
	d, err := c.head(ctx, ref)
	return d.Digest, err
}

// transfer is a copy under way.
type transfer struct {
	client  *Client
	options CopyOptions
	to      *session
	from    func() (*session, error) // signed in to when something is missing

	mu          sync.Mutex
	copied      Copied
	done, total int64
}

// image copies what is missing of an image, its manifests last, without any tag. A manifest that is there has everything that it names: no registry takes
// one before.
func (t *transfer) image(ctx context.Context, digest string) error {
	has, err := t.to.has(ctx, t.to.repo.Digest(digest), digest)
	if err != nil || has {
		return err
	}
	from, err := t.from()
	if err != nil {
		return err
	}
	image, err := from.walk(ctx, from.repo.Digest(digest))
	if err != nil {
		return failure("reading", from.repo.Digest(digest).String(), err)
	}
	t.total += image.size
	if err := t.blobs(ctx, from, image.blobs); err != nil {
		return err
	}
	for _, m := range image.manifests {
		if err := t.to.pusher.Put(ctx, t.to.repo.Digest(m.digest.String()), m); err != nil {
			return err
		}
		t.progress(int64(len(m.raw)))
	}
	return nil
}

// blobs copies blobs, several at a time and the largest first, so that none is left over for the end alone.
func (t *transfer) blobs(ctx context.Context, from *session, blobs []v1.Descriptor) error {
	blobs = slices.SortedFunc(slices.Values(blobs), func(a, b v1.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.client.options.Jobs)
	for _, blob := range blobs {
		group.Go(func() error {
			how, err := t.to.upload(ctx, blob, from, t.progress)
			if err != nil {
				return err
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			*map[outcome]*int64{there: &t.copied.There, mounted: &t.copied.Mounted, sent: &t.copied.Sent}[how] += blob.Size
			return nil
		})
	}
	return group.Wait()
}

func (t *transfer) progress(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done += n; t.options.Progress != nil && n != 0 {
		t.options.Progress(t.done, t.total)
	}
}

// referrers copies what refers to an image. Where a registry has no list of them it is kept under a tag of the digest, as the protocol has it.
func (t *transfer) referrers(ctx context.Context, subject name.Digest) error {
	from, err := t.from()
	if err != nil {
		return err
	}
	index, err := remote.Referrers(subject, remote.WithContext(ctx), remote.Reuse(from.puller))
	if err != nil {
		return failure("listing what refers to", subject.String(), err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range list.Manifests {
		if err := t.image(ctx, d.Digest.String()); err != nil {
			return err
		}
	}
	return nil
}

// tag puts a tag on what the repository has under a digest.
func (t *transfer) tag(ctx context.Context, tag name.Reference, digest string) error {
	got, err := t.to.puller.Get(ctx, t.to.repo.Digest(digest))
	if err != nil {
		return err
	}
	if has, err := t.to.has(ctx, tag, digest); err != nil || has { // it may have come meanwhile
		return err
	}
	if err := t.to.pusher.Put(ctx, tag, manifest{got.Manifest, got.Digest, got.MediaType}); err != nil {
		if _, lookErr := t.to.has(ctx, tag, digest); Is(lookErr, TagTaken) {
			return lookErr // a registry with immutable tags refuses one that came meanwhile
		}
		return err
	}
	return t.verify(ctx, tag, digest)
}

// verify looks whether what was put is there.
func (t *transfer) verify(ctx context.Context, ref name.Reference, digest string) error {
	has, err := t.to.has(ctx, ref, digest)
	if err == nil && !has {
		err = &Error{Kind: Failed, Message: fmt.Sprintf("the registry took %s and does not have it", ref), Hint: "run the same command again; when it stays, see the registry's log"}
	}
	return err
}
