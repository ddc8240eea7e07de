package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/term"
)

// registries are the way to where images are kept: real registries, or those that the sandbox simulates.
type registries struct {
	*oci.Client                  // for a person who waits
	copying     *oci.Client      // for images, which take their time
	box         *sandbox.Sandbox // nil with real services
	real        bool             // in the sandbox: registries besides ECR are real, since somebody has named one
}

// storeOf is the registry of an environment's images; host is another one than its own, or "". box is the sandbox, nil against real services.
func (a *app) storeOf(stack *config.Stack, box *sandbox.Sandbox, host string) (*imagestore.Store, *registries) {
	open, now := awsapi.Opener(awsapi.Open), time.Now
	if box != nil {
		open, now = sandboxAWS(box), box.World.Clock.Now
	}
	patient := a.copying
	patient.Say = func(format string, args ...any) {
		a.Say("%s "+format, append([]any{a.Paint(term.Yellow, "note:")}, args...)...)
	}
	patient.Credentials = registryCredentials(stack, open)
	r := &registries{Client: a.registryClient(stack, open), copying: oci.New(patient), box: box, real: host != ""}
	return &imagestore.Store{Registry: r, Host: cmp.Or(host, images.Registry(stack)), Admissions: r.admissions, AWS: open, Now: now}, r
}

// withStore gives the registry of an environment's images, the sandbox's or the one that --registry names, until it is done or somebody interrupts it;
// left says what an interrupt leaves.
func (a *app) withStore(ctx context.Context, g globals, stack *config.Stack, host, left string, act func(context.Context, *imagestore.Store) error) error {
	if host != "" && g.sandbox {
		return usage("--registry %s: the sandbox has a registry of its own", host)
	}
	return a.interruptible(ctx, left, func(ctx context.Context) error {
		if !g.sandbox {
			store, _ := a.storeOf(stack, nil, host)
			return act(ctx, store)
		}
		box, err := a.openSandbox(stack.Dir, stack)
		if err != nil {
			return err
		}
		store, _ := a.storeOf(stack, box, "")
		return errors.Join(act(ctx, store), a.leave(box))
	})
}

// present stops when an image is in none of its registries any more, since it could not be pulled. A registry that does not answer is told of and no reason to stop:
// who goes back in need may not be able to reach it, where the cluster's nodes are.
func (a *app) present(ctx context.Context, store *imagestore.Store, places map[string][]string, hint string) error {
	gone, unasked, err := store.Gone(ctx, places)
	if err != nil {
		return err
	}
	for _, err := range unasked {
		a.noteOnce("whether an image is still there is not known: %v", err)
	}
	if len(gone) == 0 {
		return nil
	}
	var lines []string
	for _, name := range gone {
		lines = append(lines, fmt.Sprintf("image %s: %s", name, places[name][0]))
	}
	return leftRegistry(hint, lines...)
}

// leftRegistry is the error of images that cannot be had any more, a line for each.
func leftRegistry(hint string, lines ...string) error {
	return stopped(hint, "what was to run has left the registry, and nothing was deployed:\n  %s", strings.Join(lines, "\n  "))
}

// registryClient is the way to registries for a person who waits: one that does not answer is given up soon.
func (a *app) registryClient(stack *config.Stack, open awsapi.Opener) *oci.Client {
	return oci.New(oci.Options{Credentials: registryCredentials(stack, open), Silence: 20 * time.Second, Retry: oci.Retry{Tries: 2}})
}

// registryCredentials are those of the user's Docker configuration, and for ECR of AWS.
func registryCredentials(stack *config.Stack, open awsapi.Opener) oci.Credentials {
	return oci.Credentials{ECR: func(ctx context.Context, _ string) (aws.Config, error) { return open(ctx, stack.Region()) }}
}

// simulated says that the sandbox stands in for the registry of an image or a repository.
func (r *registries) simulated(name string) bool {
	host, _, _ := strings.Cut(name, "/")
	_, inECR := oci.ParseECRHost(host)
	return r.box != nil && (inECR || !r.real)
}

// Look finds what there is under a tag or a digest. The sandbox looks into no registries but its own.
func (r *registries) Look(ctx context.Context, image string) (oci.Stored, error) {
	if _, inECR := oci.ParseECRHost(oci.RegistryOf(image)); r.simulated(image) && !inECR {
		return oci.Stored{}, &oci.Error{Kind: oci.Failed, Message: fmt.Sprintf("looking for %s: the sandbox looks into no registry but its own", image), Hint: "leave --sandbox out to look there"}
	}
	return r.Client.Look(ctx, image)
}

// Copy copies an image by its digest. Where nothing of an image is there to be copied, as of one that the sandbox pretends to have built, it is noted
// that the other repository has it too.
func (r *registries) Copy(ctx context.Context, from, to string, o oci.CopyOptions) (oci.Copied, error) {
	pretended, into := r.simulated(from), r.simulated(to)
	repository, digest := config.SplitRef(from)
	switch {
	case !pretended && !into:
		return r.copying.Copy(ctx, from, to, o)
	case pretended != into:
		return oci.Copied{}, &oci.Error{
			Kind: oci.Failed, Message: fmt.Sprintf("%s cannot be copied to %s: one of them is the sandbox's, where an image has no content", from, to),
			Hint: "pin the image to the registry where it really is, or leave --registry out",
		}
	}
	place, tag, _ := images.SplitPin(to)
	err := r.box.CopyImage(repository, digest, place, tag)
	var taken *sandbox.TagTakenError
	switch {
	case errors.As(err, &taken):
		err = &oci.Error{Kind: oci.TagTaken, Message: fmt.Sprintf("copying %s to %s: %v", from, to, err), Err: err}
	case err != nil:
		err = fmt.Errorf("copying %s to %s: %w", from, to, err)
	}
	return oci.Copied{Digest: digest}, err
}

// admissions are the gate's records of a repository's images.
func (r *registries) admissions(ctx context.Context, repository string, writes bool) (admission.Store, error) {
	if r.simulated(repository) {
		return sandboxRecords{r.box}, nil
	}
	return imagestore.Records(ctx, r.Client, repository, writes)
}

// sandboxRecords keeps the records of simulated images.
type sandboxRecords struct{ box *sandbox.Sandbox }

// Put records a verdict.
func (s sandboxRecords) Put(_ context.Context, digest string, r *admission.Record) error {
	if err := r.Believe(digest); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.box.KeepAdmission(digest, string(text))
}

// Get is the last verdict on an image.
func (s sandboxRecords) Get(_ context.Context, digest string) (*admission.Record, error) {
	text, err := s.box.Admission(digest)
	if err != nil {
		return nil, err
	}
	return sandboxRecord(digest, text)
}

// sandboxRecord is a record as the sandbox keeps it; "" is none.
func sandboxRecord(digest, text string) (*admission.Record, error) {
	if text == "" {
		return nil, admission.ErrNotRecorded
	}
	var r admission.Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, &admission.TamperedError{Digest: digest, Why: err.Error()}
	}
	return &r, r.Believe(digest)
}

// doorRecords are the sandbox's records for a program that may run in another process. They cannot be written to.
type doorRecords struct {
	addr string
	now  time.Time // of the last answer
}

// sandboxImages is where a program finds the records of simulated images.
func sandboxImages(addr string) *imagestore.Store {
	d := &doorRecords{addr: addr}
	return &imagestore.Store{
		Admissions: func(context.Context, string, bool) (admission.Store, error) { return d, nil },
		Now:        func() time.Time { return d.now },
	}
}

// Put is not for programs.
func (*doorRecords) Put(context.Context, string, *admission.Record) error {
	return errors.ErrUnsupported
}

// Get is the last verdict on an image.
func (d *doorRecords) Get(ctx context.Context, digest string) (*admission.Record, error) {
	text, now, err := sandbox.AdmissionAt(ctx, d.addr, digest)
	if err != nil {
		return nil, err
	}
	d.now = now
	return sandboxRecord(digest, text)
}
