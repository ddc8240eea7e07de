package stacks

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/registry"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
)

// makeImages makes the registry and the images that are built here. A pinned image is taken from where it was tested.
func (d *deployment) makeImages() error {
	r := &d.Registry
	args := &registry.Args{
		Prefix: d.Prefix(), Repositories: append([]string{}, r.Repositories...), KeepImages: r.KeepImages, PullAccounts: r.PullAccounts,
		PermissionsBoundary: d.Creds.PermissionsBoundary, Protect: r.Protect, Retain: r.Protect, Tags: d.Tags(),
	}
	for _, i := range d.Images {
		args.Repositories = append(args.Repositories, i.Name)
	}
	reg, err := registry.New(d.ctx, "registry", args, d.aws)
	if err != nil {
		return err
	}
	d.images, d.tags = map[string]*image.UserImage{}, map[string]string{}
	refs, urls, builds, caches := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringArrayMap{}
	for name, url := range reg.RepositoryUrls {
		urls[name] = url
	}
	credentials := sync.OnceValue(func() *image.Credentials { return d.pushCredentials(reg) })
	plan, err := images.Plan(d.ctx.Context(), d.Stack, imagehash.DefaultCache())
	if err != nil {
		return fmt.Errorf("the images of %s:\n%w", d.Environment, err)
	}
	for _, i := range plan { // each after those that it is built of
		args := d.imageArgs(i, reg)
		if args.Pin == "" {
			var built bool
			if args.Digest, built, err = d.builtElsewhere(i.Name, i.Tag); err != nil {
				return err
			}
			if args.Secrets, err = d.buildSecrets(i, built || args.Digest != ""); err != nil {
				return err
			}
			builds[i.Name] = pulumi.String("")
			if args.Digest == "" {
				builds[i.Name], args.Credentials = pulumi.String(i.Tag), credentials()
				if args.Cache = d.cache(i); args.Cache != nil {
					caches[i.Name] = pulumi.ToStringArray(args.Cache.From)
				}
			}
		}
		if err := d.admitted(i, args); err != nil {
			return err
		}
		img, err := image.New(d.ctx, i.Name, args)
		if err != nil {
			return err
		}
		d.images[i.Name], refs[i.Name] = img, img.Ref
		if i.Pin == "" {
			d.tags[i.Name] = i.Tag
		}
	}
	d.ctx.Export(buildsOutput, builds)
	if len(caches) > 0 {
		d.ctx.Export(cachesOutput, caches)
	}
	d.ctx.Export(imagesOutput, refs)
	d.ctx.Export(repositoriesOutput, urls)
	return nil
}

// Outputs of the images, each by the images' names.
const (
	imagesOutput       = "images"         // their references
	repositoriesOutput = "repositoryUrls" // where they are pushed
	buildsOutput       = "builds"         // the tags of those whose builds the stack holds; "" of one that was built elsewhere
	cachesOutput       = "buildCaches"    // where those builds could take layers from
)

// before is what the last update left of an image in an output.
func (d *deployment) before(output, name string) (value any, is bool) {
	of, _ := d.outputs[output].(map[string]any)
	value, is = of[name]
	return value, is
}

// builtElsewhere is the digest of an image that the registry has under its content's tag, so that nothing is to be built; "" when it is to be, or was
// built in this stack. Builds that the last update left in the stack are registered again: the registry has them, and to leave them out would be a change.
// An image that no update has ended with is built: its repository is new, or the update that built it was cut off and the stack holds its build. here says
// that the stack's build is one that the registry has.
func (d *deployment) builtElsewhere(name, tag string) (digest string, here bool, err error) {
	before, ended := d.before(buildsOutput, name)
	if !ended {
		return "", false, d.canBuild(name)
	}
	repository := d.Prefix() + "-" + name
	found, err := ecr.GetImage(d.ctx, &ecr.GetImageArgs{RepositoryName: repository, ImageTag: &tag}, pulumi.Provider(d.deployer))
	switch {
	case err != nil && (strings.Contains(err.Error(), "ImageNotFoundException") || strings.Contains(err.Error(), "RepositoryNotFoundException")):
		if before == tag {
			return "", false, d.ctx.Log.Warn(fmt.Sprintf("image %s was built, but %s has its tag %s no more: any edit of what it is built from, a comment too, builds it anew", name, repository, tag), nil)
		}
		return "", false, d.canBuild(name)
	case err != nil:
		return "", false, fmt.Errorf("image %s: looking for %s in %s: %w", name, tag, repository, err)
	case found.ImageDigest == "": // the provider is not known yet, in the first preview of all
		return "", false, d.canBuild(name)
	case before == tag:
		return "", true, nil
	}
	return found.ImageDigest, false, nil
}

// canBuild says in a preview that an image would be built, and in an update that it cannot be, on a machine without a Docker daemon.
func (d *deployment) canBuild(name string) error {
	if d.opts.Sandbox {
		return nil
	}
	_, err := dockerd.Ping(d.ctx.Context())
	if err == nil {
		return nil
	}
	if d.ctx.DryRun() {
		return d.ctx.Log.Warn(fmt.Sprintf("image %s would be built, for which this machine lacks a Docker daemon: %v", name, err), nil)
	}
	return fmt.Errorf("image %s has to be built, and there is no Docker daemon: %w. Start one, or update from a machine that has one", name, err)
}

func (d *deployment) imageArgs(i *images.Image, reg *registry.Registry) *image.Args {
	args := &image.Args{
		Name: i.Name, Root: d.opts.Dir, Context: i.Context, Dockerfile: images.Dockerfile(&i.Image), Target: i.Target, Platforms: i.BuildPlatforms(), BuildArgs: maps.Clone(i.Args),
		From: map[string]pulumi.StringInput{}, Tag: i.Tag, RepositoryURL: reg.RepositoryUrls[i.Name],
	}
	for arg, parent := range i.Parents {
		args.From[arg] = d.images[parent].Ref
		delete(args.BuildArgs, arg)
	}
	if i.Pin != "" {
		repository, digest := config.SplitRef(i.Pin)
		args.RepositoryURL, args.Pin = pulumi.String(repository), digest
	}
	return args
}

// pushCredentials ask ECR for a token, which is good for twelve hours.
func (d *deployment) pushCredentials(reg *registry.Registry) *image.Credentials {
	token := ecr.GetAuthorizationTokenOutput(d.ctx, ecr.GetAuthorizationTokenOutputArgs{RegistryId: reg.RegistryID}, pulumi.Provider(d.deployer))
	return &image.Credentials{Server: token.ProxyEndpoint(), Username: token.UserName(), Password: token.Password()}
}
