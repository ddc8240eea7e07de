package stacks

import (
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/registry"
	"github.com/hubwright/hubwright/internal/config"
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
	d.images = map[string]*image.UserImage{}
	refs, urls := pulumi.StringMap{}, pulumi.StringMap{}
	for name, url := range reg.RepositoryUrls {
		urls[name] = url
	}
	for _, i := range d.Images {
		img, err := d.makeImage(i, reg)
		if err != nil {
			return err
		}
		d.images[i.Name], refs[i.Name] = img, img.Ref
	}
	d.ctx.Export("images", refs)
	d.ctx.Export("repositoryUrls", urls)
	return nil
}

func (d *deployment) makeImage(i config.Image, reg *registry.Registry) (*image.UserImage, error) {
	args := &image.Args{
		Name: i.Name, Root: d.opts.Dir, Context: i.Context, Dockerfile: filepath.Join(i.Context, i.Dockerfile), Target: i.Target, Platform: i.Platform,
		BuildArgs: i.Args, RepositoryURL: reg.RepositoryUrls[i.Name],
	}
	if ref := d.Pins.Images[i.Name]; ref != "" {
		repository, digest := config.SplitRef(ref)
		args.RepositoryURL, args.Pin = pulumi.String(repository), digest
	} else {
		args.Credentials = d.pushCredentials(reg)
	}
	img, err := image.New(d.ctx, i.Name, args)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return img, nil
}

// pushCredentials ask ECR for a token, which is good for twelve hours.
func (d *deployment) pushCredentials(reg *registry.Registry) *image.Credentials {
	token := ecr.GetAuthorizationTokenOutput(d.ctx, ecr.GetAuthorizationTokenOutputArgs{RegistryId: reg.RegistryID}, pulumi.Provider(d.deployer))
	return &image.Credentials{Server: token.ProxyEndpoint(), Username: token.UserName(), Password: token.Password()}
}
