package awssim

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

var (
	digestForm = lazyregexp.New(`^sha256:[0-9a-f]{64}$`)
	// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
	tagForm = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// PushImage puts an image into an ECR repository: repositoryURL as the repository resource has it, tag and digest ("sha256:…"). It is kept
// as an object of ImageKind with repository, repositoryUrl, tag and digest. A repository that does not exist is refused, and, where
// tags are immutable, a tag that another digest has. Pushing the same again changes nothing.
func PushImage(tx *world.Tx, repositoryURL, tag, digest string) error {
	repository := tx.Find(repositoryToken, func(o *world.Object) bool { return o.String("repositoryUrl") == repositoryURL })
	if repository == nil {
		_, name, _ := strings.Cut(repositoryURL, "/")
		return apiError("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry (%s)", name, repositoryURL)
	}
	if !tagForm.MatchString(tag) {
		return apiError("InvalidParameterException", "invalid tag %q: up to 128 letters, digits, _ . and -, beginning with a letter, digit or _", tag)
	}
	if !digestForm.MatchString(digest) {
		return apiError("InvalidParameterException", "invalid digest %q: sha256: and 64 hexadecimal digits", digest)
	}
	id := repositoryURL + ":" + tag
	if old := tx.Get(ImageKind, id); old != nil {
		if old.String("digest") == digest {
			return nil
		}
		if strings.HasPrefix(repository.String("imageTagMutability"), "IMMUTABLE") {
			return apiError("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, repository.ID)
		}
	}
	return tx.Put(&world.Object{
		Kind: ImageKind, ID: id, Created: tx.Now(), Ready: tx.Now(),
		Props: map[string]any{"repository": repository.ID, "repositoryUrl": repositoryURL, "tag": tag, "digest": digest},
	})
}

// CopyImage puts an image of one repository, by its digest, into another under a tag, as a client does that copies it. One from outside of this world is
// taken to be where it is said to be.
func CopyImage(tx *world.Tx, from, digest, to, tag string) error {
	if tx.Find(repositoryToken, func(o *world.Object) bool { return o.String("repositoryUrl") == from }) == nil {
		return PushImage(tx, to, tag, digest)
	}
	image := tx.Find(ImageKind, func(o *world.Object) bool { return o.String("repositoryUrl") == from && o.String("digest") == digest })
	if image == nil {
		return apiError("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'null'} does not exist within the repository %s", digest, from)
	}
	if err := PushImage(tx, to, tag, digest); err != nil {
		return err
	}
	copied := tx.Get(ImageKind, to+":"+tag)
	if copied.Props["findings"] = image.Props["findings"]; copied.Props["findings"] == nil {
		return nil
	}
	return tx.Put(copied)
}

// imagesOf are the images in a repository.
func imagesOf(tx *world.Tx, repository *world.Object) []*world.Object {
	return slices.DeleteFunc(tx.List(ImageKind), func(o *world.Object) bool { return o.String("repository") != repository.ID })
}
