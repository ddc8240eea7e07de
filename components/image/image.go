// Package image builds the images that users' servers run, under tags that name their content: an edit always makes a new tag, and
// an unchanged image is never built twice.
package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Type is the component's type token.
const Type = "hubwright:docker:UserImage"

// DefaultPlatform is what EKS nodes run unless they are Graviton.
const DefaultPlatform = "linux/amd64"

// UserImage is an image in a registry, by digest.
type UserImage struct {
	pulumi.ResourceState

	// Ref is the reference to deploy: <repository>@sha256:….
	Ref pulumi.StringOutput `pulumi:"ref"`
	// Digest is the manifest's digest, "sha256:…".
	Digest pulumi.StringOutput `pulumi:"digest"`
	// Tag is the tag that names the content; empty for a pinned digest whose tag was not given.
	Tag pulumi.StringOutput `pulumi:"tag"`
	// RepositoryURL is the repository, without a tag.
	RepositoryURL pulumi.StringOutput `pulumi:"repositoryUrl"`
}

// Credentials are what pushing to a registry takes.
type Credentials struct {
	// Server is the registry's address.
	Server pulumi.StringInput
	// Username is the registry's user, "AWS" for ECR.
	Username pulumi.StringInput
	// Password is made a secret, whether it comes as one or not.
	Password pulumi.StringInput
}

// Cache is where a build may take layers over from. A build that has one, if only an empty one, can be such a place itself later: what BuildKit needs
// for that is put into its image. It is no part of the content, but an input of the build: it has to stay as it is for as long as the tag does.
type Cache struct {
	// From are references of images, in the registry that is pushed to.
	From []string
}

// Args say what is built, from what, for which platform, and where it is pushed.
type Args struct {
	// Name is the image's name in messages. Required.
	Name string
	// Root is the directory that Context and Dockerfile are relative to: the program's own, which is also where the provider
	// looks. Empty means the working directory. It is read here only and never recorded.
	Root string
	// Context is the directory to build from, relative to Root. Required unless pinned.
	Context string
	// Dockerfile is the path of the Dockerfile, relative to Root; empty means Context/Dockerfile.
	Dockerfile string
	// Target is the stage to build; empty means the last.
	Target string
	// Platforms are the platforms to build for; none means DefaultPlatform.
	Platforms []string
	// BuildArgs are build arguments. They are visible in the image, so they are no place for secrets.
	BuildArgs map[string]string
	// Secrets are what the Dockerfile mounts with RUN --mount=type=secret, by id. They are made Pulumi secrets, whether they come as such or not. The
	// ids are part of the content, the values are not: another value builds nothing anew.
	Secrets map[string]pulumi.StringInput
	// Cache says where a build may take layers from; nil keeps a build that was registered without one as it is.
	Cache *Cache
	// From are the references of images that this one is built of, by the build argument that takes each. A tag has to be given then.
	From map[string]pulumi.StringInput
	// Tag names the content. Empty means the tag of the content address of what is named above.
	Tag string
	// RepositoryURL is where the image is pushed, without a tag. Required.
	RepositoryURL pulumi.StringInput
	// Credentials to push with; nil means those of the Docker daemon's client.
	Credentials *Credentials
	// Digest is the digest that the registry has under the content's tag already, "sha256:…". Nothing is built then.
	Digest string
	// Pin is the digest of an image that exists already, "sha256:…", or its tag and digest, "<tag>@sha256:…". Nothing is built
	// then and no file is read.
	Pin string
}

// New registers the image: a build under the tag of its content or, when pinned, nothing but the reference.
//
// A build has nothing among its inputs that differs between machines, so that one that was made here before and is registered again previews no change
// on any of them, and the provider builds only when the tag is new to it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*UserImage, error) {
	if args == nil {
		return nil, fmt.Errorf("image %q: no arguments are given", name)
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("image %q: %w", cmp.Or(args.Name, name), err)
	}
	img := &UserImage{}
	if err := ctx.RegisterComponentResource(Type, name, img, opts...); err != nil {
		return nil, fmt.Errorf("registering image %q: %w", args.Name, err)
	}
	// Registration replaces the output fields, so what they hold comes after it.
	img.RepositoryURL = args.RepositoryURL.ToStringOutput()
	switch {
	case args.Pin != "":
		tag, digest := splitPin(args.Pin)
		img.Tag, img.Digest = pulumi.String(tag).ToStringOutput(), pulumi.String(digest).ToStringOutput()
	case args.Digest != "":
		tag, err := args.ContentTag(ctx.Context())
		if err != nil {
			return nil, fmt.Errorf("image %q: %w", args.Name, err)
		}
		img.Tag, img.Digest = pulumi.String(tag).ToStringOutput(), pulumi.String(args.Digest).ToStringOutput()
	default:
		if err := img.build(ctx, name, args); err != nil {
			return nil, fmt.Errorf("image %q: %w", args.Name, err)
		}
	}
	img.Ref = pulumi.Sprintf("%s@%s", img.RepositoryURL, img.Digest)
	if err := ctx.RegisterResourceOutputs(img, pulumi.Map{
		"ref": img.Ref, "digest": img.Digest, "tag": img.Tag, "repositoryUrl": img.RepositoryURL,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of image %q: %w", args.Name, err)
	}
	return img, nil
}

// ContentTag is the tag that names what is built: Tag, or that of the content address.
func (a *Args) ContentTag(ctx context.Context) (string, error) {
	if a.Tag != "" {
		return a.Tag, nil
	}
	address, err := imagehash.Compute(ctx, imagehash.Input{
		Root: a.Root, Context: a.Context, Dockerfile: a.dockerfile(), Target: a.Target, Platforms: a.platforms(), Args: a.BuildArgs,
		Secrets: slices.Collect(maps.Keys(a.Secrets)),
	}, imagehash.DefaultCache())
	if err != nil {
		return "", err
	}
	return address.Tag(), nil
}

func (a *Args) platforms() []string {
	if len(a.Platforms) == 0 {
		return []string{DefaultPlatform}
	}
	return a.Platforms
}

func (a *Args) dockerfile() string {
	return cmp.Or(a.Dockerfile, filepath.Join(a.Context, "Dockerfile"))
}

// slash writes a relative path the same way on every system.
func slash(p string) string { return filepath.ToSlash(filepath.Clean(p)) }

// Forms of a digest, a tag (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests) and a platform.
var (
	digestForm   = lazyregexp.New(`^sha256:[a-f0-9]{64}$`)
	tagForm      = lazyregexp.New(`^\w[\w.-]{0,127}$`)
	platformForm = lazyregexp.New(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)
)

func splitPin(pin string) (tag, digest string) {
	if before, after, found := strings.Cut(pin, "@"); found {
		return before, after
	}
	return "", pin
}

func (a *Args) validate() error {
	var problems []error
	if a.Name == "" {
		problems = append(problems, errors.New("name is empty"))
	}
	if a.RepositoryURL == nil {
		problems = append(problems, errors.New("no repository is given to push to"))
	}
	if a.Pin != "" {
		tag, digest := splitPin(a.Pin)
		if !digestForm.MatchString(digest) || (strings.Contains(a.Pin, "@") && !tagForm.MatchString(tag)) {
			problems = append(problems, fmt.Errorf("pin %q is not a digest: give sha256: and 64 hexadecimal digits, or <tag>@sha256:…", a.Pin))
		}
		return errors.Join(problems...)
	}
	if len(a.From) > 0 && a.Tag == "" {
		problems = append(problems, errors.New("it is built of other images, and no tag says which: give the tag of the content address, those images' included"))
	}
	if a.Digest != "" && !digestForm.MatchString(a.Digest) {
		problems = append(problems, fmt.Errorf("digest %q is not sha256: and 64 hexadecimal digits", a.Digest))
	}
	if a.Context == "" {
		problems = append(problems, errors.New("context is empty: name the directory to build from"))
	}
	for _, p := range []struct{ field, path string }{{"context", a.Context}, {"dockerfile", a.Dockerfile}} {
		if filepath.IsAbs(p.path) {
			problems = append(problems, fmt.Errorf("%s %q is an absolute path, which differs between machines: make it relative to the program's directory", p.field, p.path))
		}
	}
	for _, platform := range a.Platforms {
		if !platformForm.MatchString(platform) {
			problems = append(problems, fmt.Errorf("platform %q is not one platform, such as linux/amd64 or linux/arm64", platform))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.Secrets)) {
		if id == "" || a.Secrets[id] == nil {
			problems = append(problems, fmt.Errorf("the secret %q needs an id and a value", id))
		}
	}
	if c := a.Credentials; c != nil && (c.Server == nil || c.Username == nil || c.Password == nil) {
		problems = append(problems, errors.New("credentials need a server, a user name and a password"))
	}
	return errors.Join(problems...)
}
