package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-docker-build/sdk/go/dockerbuild"
	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// build registers the build and takes the digest from it. The Docker provider makes what it can, the docker-build provider what the other knows nothing
// of: secrets and several platforms. docs/decisions/0021-two-builders.md has why there are two.
func (i *UserImage) build(ctx *pulumi.Context, name string, args *Args) error {
	tag, err := args.ContentTag(ctx.Context())
	if err != nil {
		return err
	}
	i.Tag = pulumi.String(tag).ToStringOutput()
	reference := pulumi.Sprintf("%s:%s", i.RepositoryURL, tag)
	if len(args.Secrets) > 0 || len(args.platforms()) > 1 {
		i.Digest, err = i.buildx(ctx, name, args, reference)
	} else {
		i.Digest, err = i.docker(ctx, name, args, reference)
	}
	return err
}

// pushed is the digest that a registry has given an image. said is what the build says of it.
func (a *Args) pushed(digest, said string) (string, error) {
	if !digestForm.MatchString(digest) {
		return "", fmt.Errorf("image %q: the build says %q, which has no digest: was it pushed to a registry?", a.Name, said)
	}
	return digest, nil
}

// docker builds with the Docker provider.
func (i *UserImage) docker(ctx *pulumi.Context, name string, args *Args, reference pulumi.StringInput) (digest pulumi.StringOutput, err error) {
	build := docker.DockerBuildArgs{
		// Paths as they were given: an absolute one would put this machine into the state and differ on the next.
		Context:    pulumi.String(slash(args.Context)),
		Dockerfile: pulumi.String(slash(args.dockerfile())),
		Platform:   pulumi.String(args.platforms()[0]),
		// The classic builder ignores what BuildKit's Dockerfiles ask for, such as --mount.
		BuilderVersion: docker.BuilderVersionBuilderBuildKit,
	}
	if args.Target != "" {
		build.Target = pulumi.String(args.Target)
	}
	all := args.buildArgs()
	if args.Cache != nil {
		// https://docs.docker.com/build/cache/backends/inline/
		all["BUILDKIT_INLINE_CACHE"] = pulumi.String("1")
		if len(args.Cache.From) > 0 {
			build.CacheFrom = docker.CacheFromArgs{Images: pulumi.ToStringArray(args.Cache.From)}
		}
	}
	if len(all) > 0 {
		build.Args = all
	}
	imageArgs := &docker.ImageArgs{ImageName: reference, Build: build, BuildOnPreview: pulumi.Bool(false)}
	if c := args.Credentials; c != nil {
		imageArgs.Registry = docker.RegistryArgs{Server: c.Server.ToStringOutput(), Username: c.Username.ToStringOutput(), Password: c.password()}
	}
	built, err := docker.NewImage(ctx, name+"-image", imageArgs, pulumi.Parent(i))
	if err != nil {
		return digest, err
	}
	return built.RepoDigest.ApplyT(func(ref string) (string, error) {
		_, digest, _ := strings.Cut(ref, "@")
		return args.pushed(digest, ref)
	}).(pulumi.StringOutput), nil
}

// buildx builds with the docker-build provider.
func (i *UserImage) buildx(ctx *pulumi.Context, name string, args *Args, reference pulumi.StringInput) (digest pulumi.StringOutput, err error) {
	// The order of platforms is no part of the content.
	platforms := dockerbuild.PlatformArray{}
	for _, platform := range slices.Compact(slices.Sorted(slices.Values(args.platforms()))) {
		platforms = append(platforms, dockerbuild.Platform(platform))
	}
	imageArgs := &dockerbuild.ImageArgs{
		Context:        dockerbuild.BuildContextArgs{Location: pulumi.String(slash(args.Context))},
		Dockerfile:     dockerbuild.DockerfileArgs{Location: pulumi.String(slash(args.dockerfile()))},
		Platforms:      platforms,
		Tags:           pulumi.StringArray{reference},
		Push:           pulumi.Bool(true),
		BuildOnPreview: pulumi.Bool(false),
	}
	if args.Target != "" {
		imageArgs.Target = pulumi.String(args.Target)
	}
	if all := args.buildArgs(); len(all) > 0 {
		imageArgs.BuildArgs = all
	}
	if ids := slices.Sorted(maps.Keys(args.Secrets)); len(ids) > 0 {
		secrets := pulumi.StringMap{}
		for _, id := range ids {
			secrets[id] = pulumi.ToSecret(args.Secrets[id]).(pulumi.StringOutput)
		}
		// A tag cannot be pushed to twice, so another value must not build what has a tag.
		imageArgs.Secrets, imageArgs.IgnoreSecretsInDiffCalculation = secrets, pulumi.ToStringArray(ids)
	}
	if args.Cache != nil {
		imageArgs.CacheTo = dockerbuild.CacheToArray{dockerbuild.CacheToArgs{Inline: dockerbuild.CacheToInlineArgs{}}}
		var from dockerbuild.CacheFromArray
		for _, ref := range args.Cache.From {
			from = append(from, dockerbuild.CacheFromArgs{Registry: dockerbuild.CacheFromRegistryArgs{Ref: pulumi.String(ref)}})
		}
		if len(from) > 0 {
			imageArgs.CacheFrom = from
		}
	}
	if c := args.Credentials; c != nil {
		imageArgs.Registries = dockerbuild.RegistryArray{dockerbuild.RegistryArgs{
			Address: c.Server.ToStringOutput(), Username: c.Username.ToStringOutput(), Password: c.password(),
		}}
	}
	// The provider's delete takes the image out of the registry, where hubs run it and rollbacks look for it; the Docker provider's leaves it.
	built, err := dockerbuild.NewImage(ctx, name+"-image", imageArgs, pulumi.Parent(i), pulumi.RetainOnDelete(true))
	if err != nil {
		return digest, err
	}
	return built.Digest.ApplyT(func(digest string) (string, error) { return args.pushed(digest, digest) }).(pulumi.StringOutput), nil
}

// buildArgs are the build arguments, with the references of what is built upon.
func (a *Args) buildArgs() pulumi.StringMap {
	all := pulumi.ToStringMap(a.BuildArgs)
	maps.Copy(all, a.From)
	return all
}

func (c *Credentials) password() pulumi.StringOutput {
	return pulumi.ToSecret(c.Password).(pulumi.StringOutput)
}
