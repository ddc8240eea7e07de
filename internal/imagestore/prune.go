package imagestore

import (
	"context"
	"slices"
	"time"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// Used are the images that somebody needs: by digest alone, wherever they are, or by <repository>:<tag>; each with who needs it.
type Used map[string]string

// Plan adds what the configuration of an environment names, whose images that are built here are in a registry.
func (u Used) Plan(stack *config.Stack, host string, plan []*images.Image) {
	for _, img := range plan {
		if img.Pin != "" {
			repository, tag, digest := images.SplitPin(img.Pin)
			u[digest] = stack.Environment
			if tag != "" {
				u[repository+":"+tag] = stack.Environment
			}
			continue
		}
		u[images.Repository(stack, host, img.Name)+":"+img.Tag] = stack.Environment
	}
}

// Surplus is an image that nothing needs.
type Surplus struct {
	// Repository is where it is.
	Repository string `json:"repository"`
	// Digest is that of its manifest, sha256:….
	Digest string `json:"digest"`
	// Tags are its tags, all of which name a content.
	Tags []string `json:"tags"`
	// Size is the bytes that the registry keeps for it; layers that other images have, too, stay. 0 when that is not known.
	Size int64 `json:"size"`
	// Since is when it was pushed, or built where the registry does not know that.
	Since time.Time `json:"since"`
}

// Left counts the images that are left alone, by the reason.
type Left struct {
	// Used are those that an environment is configured with or was deployed with.
	Used int `json:"used"`
	// Recent are others among the latest.
	Recent int `json:"recent"`
	// Foreign are those with a tag that names no content, which somebody else has put there.
	Foreign int `json:"foreign"`
	// Ageless are those of which nobody knows how old they are.
	Ageless int `json:"ageless"`
}

// Surplus are the images in an environment's repositories that are not used, not among the latest of their repository, and not somebody else's, the
// oldest last.
func (s *Store) Surplus(ctx context.Context, stack *config.Stack, used Used, latest int) (out []Surplus, left Left, err error) {
	for i := range stack.Images {
		repository := images.Repository(stack, s.Host, stack.Images[i].Name)
		stored, err := s.Registry.List(ctx, repository)
		switch {
		case oci.Is(err, oci.NotFound):
			continue
		case err != nil:
			return nil, left, err
		}
		for n, image := range stored { // the latest first
			switch {
			case used.has(repository, &image):
				left.Used++
			case n < latest:
				left.Recent++
			case slices.ContainsFunc(image.Tags, func(tag string) bool { return foreign(tag, image.Digest) }):
				left.Foreign++
			case image.Since.IsZero():
				left.Ageless++
			default:
				out = append(out, Surplus{Repository: repository, Digest: image.Digest, Tags: image.Tags, Size: image.Size, Since: image.Since.UTC()})
			}
		}
	}
	return out, left, nil
}

// has says whether somebody needs an image.
func (u Used) has(repository string, image *oci.Stored) bool {
	return u[image.Digest] != "" || slices.ContainsFunc(image.Tags, func(tag string) bool { return u[repository+":"+tag] != "" })
}

// foreign says whether a tag of an image is not one that is given here: that of a content, or of the digest.
func foreign(tag, digest string) bool {
	_, ours := imagehash.Key(tag)
	return !ours && tag != digestTag(digest)
}

// Remove takes images out of their repositories, and tells of each repository that is done.
func (s *Store) Remove(ctx context.Context, surplus []Surplus, done func(repository string, images int)) error {
	var order []string
	digests := map[string][]string{}
	for i := range surplus {
		repository := surplus[i].Repository
		if digests[repository] == nil {
			order = append(order, repository)
		}
		digests[repository] = append(digests[repository], surplus[i].Digest)
	}
	for _, repository := range order {
		if err := s.Registry.Delete(ctx, repository, digests[repository]...); err != nil {
			return err
		}
		done(repository, len(digests[repository]))
	}
	return nil
}
