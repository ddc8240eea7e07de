// Package imagestore says what registries have of a deployment's images, whether the gate has admitted them, and which of them nothing needs any more.
package imagestore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// Registry is what is asked of registries. *oci.Client has it.
type Registry interface {
	// Look finds what there is under a tag or a digest; none is an error of Kind NotFound.
	Look(ctx context.Context, image string) (oci.Stored, error)
	// List are the tagged images of a repository, the latest first.
	List(ctx context.Context, repo string) ([]oci.Stored, error)
	// Delete takes images out, by digest.
	Delete(ctx context.Context, repo string, digests ...string) error
}

// Store is where images are, and where their admissions are recorded.
type Store struct {
	Registry Registry
	// Host is the registry of the images that are built here, as their names begin.
	Host string
	// Admissions are the records of a repository. Whoever scans writes to them.
	Admissions func(ctx context.Context, repository string, writes bool) (admission.Store, error)
	// AWS is the way to the account, whose ECR scans.
	AWS func(ctx context.Context, region string) (aws.Config, error)
	// Now is the time.
	Now func() time.Time
}

// What is known of a question to a registry.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown" // it could not be asked
	None    = "none"    // of an admission: the gate has not looked at the image
)

// Image is a configured image and what became of it.
type Image struct {
	// Name is the image's name in the configuration.
	Name string `json:"name"`
	// Repository is where it is kept.
	Repository string `json:"repository"`
	// Tag names its content; "" of one that is pinned to a digest alone.
	Tag string `json:"tag"`
	// Digest is that of its manifest, sha256:…; "" when it is not in the registry, or that is not known.
	Digest string `json:"digest"`
	// Pinned says that the configuration names it by digest, so that it is not built.
	Pinned bool `json:"pinned"`
	// Size is the bytes that the registry keeps for it, compressed; 0 when that is not known.
	Size int64 `json:"size"`
	// Since is when it was pushed, or built where the registry does not know that.
	Since *time.Time `json:"since,omitempty"`
	// InRegistry is yes, no, or unknown when the registry could not be asked.
	InRegistry string `json:"inRegistry"`
	// Admitted is yes, no, none when the gate has not looked at it, or unknown.
	Admitted string `json:"admitted"`
	// Reasons are why it is not admitted.
	Reasons []string `json:"reasons"`
	// Hubs are the hubs whose users' servers run it.
	Hubs []string `json:"hubs"`
	// BaseOf are the images that are built of it.
	BaseOf []string `json:"baseOf"`
}

// List looks at the images of an environment, in the order of the plan. What could not be asked is in unasked, in words, and unknown of the images; the
// error is the context's alone.
func (s *Store) List(ctx context.Context, stack *config.Stack, plan []*images.Image) (out []Image, unasked []error, err error) {
	out = make([]Image, len(plan))
	problems := make([]error, len(plan))
	var group errgroup.Group
	group.SetLimit(8)
	for i, img := range plan {
		out[i] = s.known(stack, plan, img)
		group.Go(func() error {
			problems[i] = s.ask(ctx, stack, img, &out[i])
			return nil
		})
	}
	_ = group.Wait() // none fails
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	for _, p := range problems {
		if p != nil && !slices.ContainsFunc(unasked, func(e error) bool { return e.Error() == p.Error() }) {
			unasked = append(unasked, p)
		}
	}
	return out, unasked, nil
}

// known is what is known of an image without a registry.
func (s *Store) known(stack *config.Stack, plan []*images.Image, img *images.Image) Image {
	out := Image{
		Name: img.Name, Repository: images.Repository(stack, s.Host, img.Name), Tag: img.Tag, Pinned: img.Pin != "",
		InRegistry: Unknown, Admitted: Unknown, Reasons: []string{}, Hubs: []string{}, BaseOf: []string{},
	}
	if out.Pinned {
		out.Repository, out.Tag, out.Digest = images.SplitPin(img.Pin)
	}
	for _, h := range stack.Hubs {
		if h.Image == img.Name {
			out.Hubs = append(out.Hubs, h.Name)
		}
	}
	for _, other := range plan {
		for _, parent := range other.Parents {
			if parent == img.Name {
				out.BaseOf = append(out.BaseOf, other.Name)
				break
			}
		}
	}
	return out
}

// ask asks the registry for an image and its admission.
func (s *Store) ask(ctx context.Context, stack *config.Stack, img *images.Image, out *Image) error {
	ref := out.Repository + ":" + out.Tag
	if out.Pinned {
		ref = out.Repository + "@" + out.Digest
	}
	found, err := s.Registry.Look(ctx, ref)
	switch {
	case oci.Is(err, oci.NotFound):
		out.InRegistry, out.Admitted = No, None
		return nil
	case err != nil:
		return err
	}
	out.InRegistry, out.Digest, out.Size = Yes, found.Digest, found.Size
	if !found.Since.IsZero() {
		since := found.Since.UTC()
		out.Since = &since
	}
	records, err := s.Admissions(ctx, out.Repository, false)
	if err != nil {
		return err
	}
	record, err := records.Get(ctx, found.Digest)
	var tampered *admission.TamperedError
	switch {
	case errors.Is(err, admission.ErrNotRecorded):
		out.Admitted = None
	case errors.As(err, &tampered):
		out.Admitted, out.Reasons = No, []string{err.Error()}
	case err != nil:
		return err
	default:
		policy := admission.PolicyOf(stack, &img.Image)
		verdict := admission.Check(record, &policy, s.Now())
		out.Admitted = Yes
		if !verdict.Admitted {
			out.Admitted = No
		}
		for _, r := range verdict.Reasons {
			out.Reasons = append(out.Reasons, r.Message)
		}
	}
	return nil
}
