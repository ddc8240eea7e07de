// Package imagebuild builds a deployment's images with a Docker daemon, each after those that it is built of, and pushes them under the tags and from
// the references that an update gives them.
package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// Engine is what is asked of a daemon. *dockerd.Engine has it.
type Engine interface {
	Build(ctx context.Context, b dockerd.Build, steps func(dockerd.Step)) (id string, err error)
	Push(ctx context.Context, ref, auth string) (digest string, err error)
	Pull(ctx context.Context, ref, platform, auth string) error
}

// Registry is what is asked of registries. *oci.Client has it.
type Registry interface {
	// Look finds what there is under a tag or a digest; none is an error of Kind NotFound.
	Look(ctx context.Context, image string) (oci.Stored, error)
	// RegistryAuth are the credentials for the daemon; "" for none.
	RegistryAuth(ctx context.Context, registry string) (string, error)
}

// Builder builds.
type Builder struct {
	Engine   Engine
	Registry Registry
	// Host is the registry of the images, as their names begin.
	Host string
	// Push has what is built pushed.
	Push bool
	// NoCache builds the images that are asked for anew, also where the registry has them, and every step of them.
	NoCache bool
	// Begin is told of each image that is looked at, Step what the daemon does for it, Note what a person should know.
	Begin func(image string)
	Step  func(image string, step dockerd.Step)
	Note  func(format string, args ...any)
}

// Image is what became of an image.
type Image struct {
	// Name is the image's name.
	Name string `json:"name"`
	// Reference is where it belongs: <repository>:<tag>, or the reference that it is pinned to.
	Reference string `json:"reference"`
	// Digest is the one that it has in the registry; "" of one that was not pushed.
	Digest string `json:"digest"`
	// State is built, pushed, present (the registry had it) or pinned.
	State string `json:"state"`
	// Seconds is how long that took.
	Seconds float64 `json:"seconds"`
}

// What becomes of images.
const (
	Built   = "built"
	Pushed  = "pushed"
	Present = "present"
	Pinned  = "pinned"
)

// Error is a failure in words.
type Error struct {
	// Image is the image that it is about.
	Image   string
	Message string
	Hint    string
	Err     error
}

func (e *Error) Error() string { return fmt.Sprintf("image %s: %s", e.Image, e.Message) }
func (e *Error) Unwrap() error { return e.Err }

// Run builds the named images of a plan, all without names, and of those that they are built of what the registry lacks. What was done before an error is
// in the result.
func (b *Builder) Run(ctx context.Context, stack *config.Stack, plan []*images.Image, names []string) ([]Image, error) {
	r := &run{Builder: b, stack: stack, refs: map[string]string{}, made: map[string]bool{}, wanted: wanted(plan, names)}
	var out []Image
	for _, img := range plan {
		if !r.wanted[img.Name] {
			continue
		}
		begun := time.Now()
		b.Begin(img.Name)
		became, err := r.image(ctx, img, len(names) == 0 || slices.Contains(names, img.Name))
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return out, err
		}
		became.Seconds = time.Since(begun).Round(time.Millisecond).Seconds()
		out = append(out, became)
	}
	return out, nil
}

// wanted are the named images and those that they are built of.
func wanted(plan []*images.Image, names []string) map[string]bool {
	out := map[string]bool{}
	for _, img := range slices.Backward(plan) {
		if len(names) == 0 || slices.Contains(names, img.Name) {
			out[img.Name] = true
		}
		if out[img.Name] {
			for _, parent := range img.Parents {
				out[parent] = true
			}
		}
	}
	return out
}

type run struct {
	*Builder
	stack  *config.Stack
	wanted map[string]bool
	refs   map[string]string // what those that are built of an image take, by its name
	made   map[string]bool   // what was built just now
}

// image sees to one image.
func (r *run) image(ctx context.Context, img *images.Image, asked bool) (Image, error) {
	if img.Pin != "" {
		r.refs[img.Name] = img.Pin
		_, _, digest := images.SplitPin(img.Pin)
		return Image{Name: img.Name, Reference: img.Pin, Digest: digest, State: Pinned}, nil
	}
	repository := images.Repository(r.stack, r.Host, img.Name)
	ref := repository + ":" + img.Tag
	found, err := r.Registry.Look(ctx, ref)
	switch {
	case err == nil && r.NoCache && asked && r.Push:
		return Image{}, &Error{
			Image: img.Name, Message: fmt.Sprintf("%s is in the registry already, as %s, and what is built anew has another digest: a tag never moves", ref, found.Digest),
			Hint: "leave --push out to see whether it builds; to have it built anew, edit anything that it is built of, a comment too",
		}
	case err == nil && !(r.NoCache && asked):
		r.refs[img.Name] = repository + "@" + found.Digest
		return Image{Name: img.Name, Reference: ref, Digest: found.Digest, State: Present}, nil
	case err == nil, oci.Is(err, oci.NotFound):
	case r.Push || ctx.Err() != nil:
		return Image{}, fmt.Errorf("image %s: %w", img.Name, err)
	default:
		r.Note("whether the registry has image %s already is not known, so it is built: %v", img.Name, err)
	}
	if len(img.SecretIDs()) > 0 || len(img.BuildPlatforms()) > 1 {
		return Image{}, &Error{
			Image: img.Name, Message: "has secrets for its build, or is for several platforms, which this verb does not build",
			Hint: fmt.Sprintf("`hubwright up %s` builds it, with BuildKit", r.stack.Environment),
		}
	}
	if err := r.build(ctx, img, ref); err != nil {
		return Image{}, err
	}
	r.made[img.Name] = true
	if !r.Push {
		r.refs[img.Name] = ref
		return Image{Name: img.Name, Reference: ref, State: Built}, nil
	}
	digest, state, err := r.push(ctx, img, ref)
	if err != nil {
		return Image{}, err
	}
	r.refs[img.Name], r.made[img.Name] = repository+"@"+digest, state == Pushed
	return Image{Name: img.Name, Reference: ref, Digest: digest, State: state}, nil
}

// build has the daemon build an image from what its address was computed of.
func (r *run) build(ctx context.Context, img *images.Image, ref string) error {
	file, err := img.Address.Dockerfile()
	if err != nil {
		return err
	}
	args, froms := maps.Clone(img.Args), slices.Clone(img.From)
	if args == nil {
		args = map[string]string{}
	}
	for arg, parent := range img.Parents {
		args[arg] = r.refs[parent]
		if !r.made[parent] { // else the daemon has it
			froms = append(froms, r.refs[parent])
		}
	}
	for _, from := range froms {
		if err := r.fetch(ctx, img, from); err != nil {
			return err
		}
	}
	_, err = r.Engine.Build(ctx, dockerd.Build{
		Context: img.Address.Archive, Dockerfile: file, Target: img.Target, Platform: img.Platform, Args: args, Tag: ref, NoCache: r.NoCache,
	}, func(s dockerd.Step) { r.Step(img.Name, s) })
	if err != nil {
		return &Error{Image: img.Name, Message: fmt.Sprintf("building it failed: %v", err), Hint: buildHint(err, images.Dockerfile(&img.Image)), Err: err}
	}
	return nil
}

// fetch has the daemon fetch what an image is built of, where that takes credentials: BuildKit asks for none by itself.
func (r *run) fetch(ctx context.Context, img *images.Image, from string) error {
	host := oci.RegistryOf(from)
	auth, err := r.Registry.RegistryAuth(ctx, host)
	if err != nil {
		return fmt.Errorf("image %s: what it is built of, %s: %w", img.Name, from, err)
	}
	if auth == "" {
		return nil
	}
	if err := r.Engine.Pull(ctx, from, img.Platform, auth); err != nil {
		return &Error{Image: img.Name, Message: fmt.Sprintf("fetching what it is built of, %s: %v", from, err), Hint: "see whether the name is right, and whether these credentials may read it", Err: err}
	}
	return nil
}

// push pushes an image and looks whether the registry has it. One that came meanwhile has the same content, since the tag names it, and is used.
func (r *run) push(ctx context.Context, img *images.Image, ref string) (digest, state string, err error) {
	switch found, err := r.Registry.Look(ctx, ref); {
	case err == nil:
		r.Note("image %s was pushed by somebody else meanwhile, which is used: %s", img.Name, found.Digest)
		return found.Digest, Present, nil
	case !oci.Is(err, oci.NotFound):
		return "", "", fmt.Errorf("image %s: %w", img.Name, err)
	}
	auth, err := r.Registry.RegistryAuth(ctx, r.Host)
	if err != nil {
		return "", "", fmt.Errorf("image %s: %w", img.Name, err)
	}
	if digest, err = r.Engine.Push(ctx, ref, auth); err != nil {
		return "", "", &Error{Image: img.Name, Message: fmt.Sprintf("pushing %s: %v", ref, err), Hint: pushHint(err, r.stack.Environment), Err: err}
	}
	found, err := r.Registry.Look(ctx, ref)
	if err == nil && found.Digest != digest {
		err = &oci.Error{
			Kind: oci.TagTaken, Message: fmt.Sprintf("%s is there with other content: it is %s, and %s was pushed", ref, found.Digest, digest),
			Hint: "somebody else pushed it at the same time: run the same command again, which uses what is there",
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("image %s: %w", img.Name, err)
	}
	return digest, Pushed, nil
}

// buildHint is what helps when a build failed.
func buildHint(err error, dockerfile string) string {
	if hint := daemonHint(err); hint != "" {
		return hint
	}
	return "the step's output is above; mend " + dockerfile + " or what it copies"
}

// daemonHint is what helps when the daemon cannot go on, whatever it is at; "" when that is not why.
func daemonHint(err error) string {
	var gone *dockerd.GoneError
	switch {
	case errors.As(err, &gone):
		return "see why the daemon has ended (`journalctl -u docker`), start it, and run the same command again: what was built and pushed stays"
	case strings.Contains(err.Error(), "no space left on device"):
		return "the daemon's disk is full: `docker system df` shows with what, `docker builder prune` and `docker image prune` make room; then run the same command again"
	}
	return ""
}

// pushHint is what helps when a push failed.
func pushHint(err error, env string) string {
	if hint := daemonHint(err); hint != "" {
		return hint
	}
	var silent *dockerd.SilentError
	text := strings.ToLower(err.Error())
	switch {
	case strings.Contains(text, "does not exist") || strings.Contains(text, "name unknown"):
		return fmt.Sprintf("`hubwright up %s` makes the repository; ECR makes none by itself", env)
	case strings.Contains(text, "denied") || strings.Contains(text, "no basic auth credentials") || strings.Contains(text, "unauthorized") || strings.Contains(text, "authentication required"):
		return "sign in with an identity that may push there (AWS_PROFILE, `aws sso login`; for another registry than ECR, `docker login`)"
	case strings.Contains(text, "toomanyrequests") || strings.Contains(text, "too many requests"):
		return "the registry asks for fewer requests: wait, and run the same command again; what was built and pushed stays"
	case errors.As(err, &silent), errors.Is(err, context.DeadlineExceeded), strings.Contains(text, "timeout"), strings.Contains(text, "connection refused"):
		return "see whether the daemon has a way to the registry; then run the same command again, what was built and pushed stays"
	}
	return "run the same command again: what was built and pushed stays"
}
