package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// Stored is an image as a repository keeps it.
type Stored struct {
	// Digest is sha256:… of the manifest.
	Digest string
	// Tags are the tags that name it, sorted.
	Tags []string
	// Size is the bytes that the registry keeps for it, compressed; 0 where that is not known. ECR counts of an index the largest of its images.
	Size int64
	// Since is when it was pushed where the registry knows that, which ECR does, and otherwise when it was built, as its configuration says. It is zero
	// when nobody knows.
	Since time.Time
}

// Look finds what a registry has under a tag or a digest. Where there is none, the error's Kind is NotFound. ECR is asked through its own API, which knows
// when an image was pushed, any other registry through the protocol.
func (c *Client) Look(ctx context.Context, image string) (Stored, error) {
	ref, err := reference(image)
	if err != nil {
		return Stored{}, err
	}
	if host, ok := c.ecr(ref.Context()); ok {
		id := types.ImageIdentifier{ImageTag: aws.String(ref.Identifier())}
		if _, by := ref.(name.Digest); by {
			id = types.ImageIdentifier{ImageDigest: aws.String(ref.Identifier())}
		}
		found, err := c.describe(ctx, host, ref.Context(), &ecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{id}})
		if err != nil {
			return Stored{}, err
		}
		if len(found) != 1 {
			return Stored{}, &Error{Kind: Failed, Message: fmt.Sprintf("looking for %s: ECR tells of %d images", image, len(found))}
		}
		return found[0], nil
	}
	found, err := c.Inspect(ctx, image)
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Digest: found.Digest, Size: found.Size, Since: found.Created}
	if tag, by := ref.(name.Tag); by {
		out.Tags = []string{tag.TagStr()}
	}
	return out, nil
}

// List are the images of a repository that have tags, the latest first. Where there is no repository, the error's Kind is NotFound.
func (c *Client) List(ctx context.Context, repo string) ([]Stored, error) {
	r, err := repository(repo)
	if err != nil {
		return nil, err
	}
	var out []Stored
	if host, ok := c.ecr(r); ok {
		out, err = c.describe(ctx, host, r, &ecr.DescribeImagesInput{Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusTagged}})
	} else {
		out, err = c.listTagged(ctx, repo)
	}
	slices.SortFunc(out, func(a, b Stored) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Digest, b.Digest)) })
	return out, err
}

// listTagged looks at each tag of a repository.
func (c *Client) listTagged(ctx context.Context, repo string) ([]Stored, error) {
	tags, err := c.Tags(ctx, repo)
	if err != nil {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, "sha256-") }) // lists of referrers, where a registry has no other way
	found := make([]Stored, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.options.Jobs)
	for i, tag := range tags {
		group.Go(func() (err error) {
			found[i], err = c.Look(ctx, repo+":"+tag)
			if Is(err, NotFound) { // it went meanwhile
				err = nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []Stored
	for _, s := range found {
		i := slices.IndexFunc(out, func(o Stored) bool { return o.Digest == s.Digest })
		switch {
		case s.Digest == "":
		case i < 0:
			out = append(out, s)
		default:
			out[i].Tags = append(out[i].Tags, s.Tags...) // tags come sorted
		}
	}
	return out, nil
}

// mostDeleted is how many images ECR deletes at a time:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html#API_BatchDeleteImage_RequestSyntax
const mostDeleted = 100

// Delete takes images out of a repository, by their digests and with all their tags. What is gone already is no failure. ECR does it through its own API
// (BatchDeleteImage), any other registry through the protocol, where it may be switched off.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-manifests
func (c *Client) Delete(ctx context.Context, repo string, digests ...string) error {
	r, err := repository(repo)
	if err != nil {
		return err
	}
	for _, d := range digests {
		if _, err := name.NewDigest(repo+"@"+d, name.StrictValidation); err != nil {
			return &Error{Kind: BadName, Message: fmt.Sprintf("%q is no digest", d), Hint: "sha256: and 64 hexadecimal digits", Err: err}
		}
	}
	if host, ok := c.ecr(r); ok {
		for part := range slices.Chunk(digests, mostDeleted) {
			if err := c.batchDelete(ctx, host, r, part); err != nil {
				return err
			}
		}
		return nil
	}
	s, err := c.open(ctx, r, r.Scope(transport.DeleteScope), r.Scope(transport.PullScope))
	if err != nil {
		return failure("signing in to", repo, err)
	}
	for _, d := range digests {
		err := s.pusher.Delete(ctx, r.Digest(d))
		switch {
		case err == nil, status(err) == http.StatusNotFound:
		case status(err) == http.StatusMethodNotAllowed:
			return &Error{
				Kind: Denied, Message: fmt.Sprintf("deleting %s@%s: the registry deletes nothing: 405 Method Not Allowed", repo, d),
				Hint: "deletion is switched off there: for the CNCF's distribution see storage.delete.enabled", Err: err,
			}
		default:
			return failure("deleting", repo+"@"+d, err)
		}
	}
	return nil
}

// Remote is a repository as the library below has it, signed in to, for what looks for artifacts in it. Who writes says so.
func (c *Client) Remote(ctx context.Context, repo string, writes bool) (name.Repository, []remote.Option, error) {
	r, err := repository(repo)
	if err != nil {
		return r, nil, err
	}
	sign := func() (*session, error) { return c.pulling(ctx, r) }
	if writes {
		sign = func() (*session, error) { return c.pushing(ctx, r, r) }
	}
	s, err := sign()
	if err != nil {
		return r, nil, failure("signing in to", repo, err)
	}
	return r, s.options, nil
}

// ecr is the registry of ECR that a repository is in, when its API can be asked.
func (c *Client) ecr(repo name.Repository) (ECRHost, bool) {
	host, ok := ParseECRHost(repo.RegistryStr())
	return host, ok && c.options.Credentials.ECR != nil
}

// describe asks ECR for images: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
func (c *Client) describe(ctx context.Context, host ECRHost, repo name.Repository, in *ecr.DescribeImagesInput) ([]Stored, error) {
	doing, right := "asking ECR for images of "+repo.String(), "ecr:DescribeImages"
	cfg, err := c.options.Credentials.ECR(ctx, host.Account)
	if err != nil {
		return nil, ecrFailure(doing, right, err)
	}
	in.RegistryId, in.RepositoryName = &host.Account, aws.String(repo.RepositoryStr())
	var out []Stored
	for pages := ecr.NewDescribeImagesPaginator(host.api(cfg), in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, ecrFailure(doing, right, err)
		}
		for _, d := range page.ImageDetails {
			out = append(out, Stored{
				Digest: aws.ToString(d.ImageDigest), Tags: slices.Sorted(slices.Values(d.ImageTags)), Size: aws.ToInt64(d.ImageSizeInBytes), Since: aws.ToTime(d.ImagePushedAt),
			})
		}
	}
	return out, nil
}

func (c *Client) batchDelete(ctx context.Context, host ECRHost, repo name.Repository, digests []string) error {
	doing, right := "deleting images of "+repo.String(), "ecr:BatchDeleteImage"
	cfg, err := c.options.Credentials.ECR(ctx, host.Account)
	if err != nil {
		return ecrFailure(doing, right, err)
	}
	in := &ecr.BatchDeleteImageInput{RegistryId: &host.Account, RepositoryName: aws.String(repo.RepositoryStr())}
	for _, d := range digests {
		in.ImageIds = append(in.ImageIds, types.ImageIdentifier{ImageDigest: &d})
	}
	out, err := host.api(cfg).BatchDeleteImage(ctx, in)
	if err != nil {
		return ecrFailure(doing, right, err)
	}
	var failed []error
	for _, f := range out.Failures {
		if f.FailureCode == types.ImageFailureCodeImageNotFound {
			continue
		}
		digest := ""
		if f.ImageId != nil {
			digest = aws.ToString(f.ImageId.ImageDigest)
		}
		failed = append(failed, fmt.Errorf("%s: %s: %s", digest, f.FailureCode, aws.ToString(f.FailureReason)))
	}
	if len(failed) > 0 {
		return &Error{Kind: Failed, Message: fmt.Sprintf("%s: %v", doing, errors.Join(failed...)), Hint: "an image that an index refers to goes only after the index"}
	}
	return nil
}
