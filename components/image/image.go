// Package image builds the images that users' servers run, under tags that name their content: an edit always makes a new tag, and
// an unchanged image is never built twice.
package image

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
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
	// Platform is the one platform to build for; empty means DefaultPlatform.
	Platform string
	// BuildArgs are build arguments. They are visible in the image, so they are no place for secrets.
	BuildArgs map[string]string
	// RepositoryURL is where the image is pushed, without a tag. Required.
	RepositoryURL pulumi.StringInput
	// Credentials to push with; nil means those of the Docker daemon's client.
	Credentials *Credentials
	// Pin is the digest of an image that exists already, "sha256:…", or its tag and digest, "<tag>@sha256:…". Nothing is built
	// then and no file is read.
	Pin string
}

// New registers the image: a build under the tag of its content or, when pinned, nothing but the reference.
//
// The build is registered whether the registry has the tag already or not, with nothing among its inputs that differs between the
// two: an unchanged image therefore previews no change on any machine, and the provider builds only when the tag is new to it.
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
	if args.Pin != "" {
		tag, digest := splitPin(args.Pin)
		img.Tag, img.Digest = pulumi.String(tag).ToStringOutput(), pulumi.String(digest).ToStringOutput()
	} else if err := img.build(ctx, name, args); err != nil {
		return nil, fmt.Errorf("image %q: %w", args.Name, err)
	}
	img.Ref = pulumi.Sprintf("%s@%s", img.RepositoryURL, img.Digest)
	if err := ctx.RegisterResourceOutputs(img, pulumi.Map{
		"ref": img.Ref, "digest": img.Digest, "tag": img.Tag, "repositoryUrl": img.RepositoryURL,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of image %q: %w", args.Name, err)
	}
	return img, nil
}

// build registers the build and takes the digest from it.
func (i *UserImage) build(ctx *pulumi.Context, name string, args *Args) error {
	platform := cmp.Or(args.Platform, DefaultPlatform)
	address, err := imagehash.Compute(ctx.Context(), imagehash.Input{
		Root: args.Root, Context: args.Context, Dockerfile: args.dockerfile(), Target: args.Target, Platforms: []string{platform}, Args: args.BuildArgs,
	}, imagehash.DefaultCache())
	if err != nil {
		return err
	}
	tag := address.Tag()
	build := docker.DockerBuildArgs{
		// Paths as they were given: an absolute one would put this machine into the state and differ on the next.
		Context:    pulumi.String(slash(args.Context)),
		Dockerfile: pulumi.String(slash(args.dockerfile())),
		Platform:   pulumi.String(platform),
		// The classic builder ignores what BuildKit's Dockerfiles ask for, such as --mount.
		BuilderVersion: docker.BuilderVersionBuilderBuildKit,
	}
	if args.Target != "" {
		build.Target = pulumi.String(args.Target)
	}
	if len(args.BuildArgs) > 0 {
		build.Args = pulumi.ToStringMap(args.BuildArgs)
	}
	imageArgs := &docker.ImageArgs{
		ImageName:      pulumi.Sprintf("%s:%s", i.RepositoryURL, tag),
		Build:          build,
		BuildOnPreview: pulumi.Bool(false),
	}
	if c := args.Credentials; c != nil {
		imageArgs.Registry = docker.RegistryArgs{
			Server: c.Server.ToStringOutput(), Username: c.Username.ToStringOutput(),
			Password: pulumi.ToSecret(c.Password).(pulumi.StringOutput),
		}
	}
	built, err := docker.NewImage(ctx, name+"-image", imageArgs, pulumi.Parent(i))
	if err != nil {
		return err
	}
	i.Tag = pulumi.String(tag).ToStringOutput()
	i.Digest = built.RepoDigest.ApplyT(func(ref string) (string, error) {
		_, digest, found := strings.Cut(ref, "@")
		if !found || !digestForm.MatchString(digest) {
			return "", fmt.Errorf("image %q: the build says %q, which has no digest: was it pushed to a registry?", args.Name, ref)
		}
		return digest, nil
	}).(pulumi.StringOutput)
	return nil
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
	if a.Context == "" {
		problems = append(problems, errors.New("context is empty: name the directory to build from"))
	}
	for _, p := range []struct{ field, path string }{{"context", a.Context}, {"dockerfile", a.Dockerfile}} {
		if filepath.IsAbs(p.path) {
			problems = append(problems, fmt.Errorf("%s %q is an absolute path, which differs between machines: make it relative to the program's directory", p.field, p.path))
		}
	}
	if a.Platform != "" && !platformForm.MatchString(a.Platform) {
		problems = append(problems, fmt.Errorf("platform %q is not one platform, such as linux/amd64 or linux/arm64", a.Platform))
	}
	if c := a.Credentials; c != nil && (c.Server == nil || c.Username == nil || c.Password == nil) {
		problems = append(problems, errors.New("credentials need a server, a user name and a password"))
	}
	return errors.Join(problems...)
}
