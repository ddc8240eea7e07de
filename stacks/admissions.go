package stacks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci"
)

// admitted refuses an image that hubs would begin to run and that the gate has not admitted, in previews as in updates, where the configuration has the
// gate held to here too. What runs already is not asked for again: no verdict stands in the way of another change. Nothing is scanned here, so what an
// update would have to build it cannot use.
func (d *deployment) admitted(i *images.Image, args *image.Args) error {
	runs := slices.ContainsFunc(d.Hubs, func(h config.Hub) bool { return h.Image == i.Name })
	if !runs || !d.Gate(&i.Image).Required {
		return nil
	}
	before, _ := d.before(imagesOutput, i.Name)
	_, running, _ := strings.Cut(fmt.Sprint(before), "@")
	var move imagestore.Move
	switch built, _ := d.before(buildsOutput, i.Name); {
	case i.Pin != "":
		repository, _, digest := images.SplitPin(i.Pin)
		move = imagestore.Move{Name: i.Name, From: repository + "@" + digest}
	case args.Digest != "":
		move = imagestore.Move{Name: i.Name, From: images.Repository(d.Stack, images.Registry(d.Stack), i.Name) + "@" + args.Digest}
	case built == i.Tag: // this stack's own build, as it was
		return nil
	default:
		return fmt.Errorf("the gate of %s does not admit image %s: an update would build it, and takes only what was scanned before (registry.gate.required)", d.Environment, i.Name)
	}
	if move.Digest() == running {
		return nil
	}
	store := d.opts.Images
	if store == nil {
		store = &imagestore.Store{Now: time.Now, Admissions: d.records}
	}
	refused, err := store.Refused(d.ctx.Context(), d.Stack, []imagestore.Move{move})
	if err != nil {
		return fmt.Errorf("whether the gate of %s has admitted it is not known: %w", d.Environment, err)
	}
	for _, r := range refused {
		return fmt.Errorf("the gate of %s does not admit image %s, %s: %s", d.Environment, r.Image, r.Digest, strings.Join(r.Reasons, "; "))
	}
	return nil
}

// records are the gate's records in a repository: the environment's own with a token of the deployer's, as it is pushed to, and the right to pull
// (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html); any other with what the machine has for it.
func (d *deployment) records(ctx context.Context, repository string, writes bool) (admission.Store, error) {
	credentials := oci.Credentials{ECR: func(ctx context.Context, _ string) (aws.Config, error) { return awsapi.Open(ctx, d.Region()) }}
	if own := images.Registry(d.Stack); strings.HasPrefix(repository, own+"/"+d.Prefix()+"-") {
		token, err := ecr.GetAuthorizationToken(d.ctx, &ecr.GetAuthorizationTokenArgs{RegistryId: &d.Deployment.AccountID}, pulumi.Provider(d.deployer))
		if err != nil {
			return nil, fmt.Errorf("asking ECR for a token: %w", err)
		}
		if token.Password != "" { // else the deployer's role is not there yet, in the first preview of all
			credentials.Given = map[string]oci.Login{own: {Username: token.UserName, Password: token.Password}}
		}
	}
	return imagestore.Records(ctx, oci.New(oci.Options{Credentials: credentials, Silence: patience}), repository, writes)
}

// patience is for how long a registry may stay silent when an update asks it for an admission.
const patience = 30 * time.Second
