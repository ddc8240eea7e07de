package dockerd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Engine is a daemon that builds, pushes and pulls: https://docs.docker.com/reference/api/engine/
type Engine struct {
	client *client.Client
	// silence is for how long the daemon may tell nothing of what it sends to a registry or fetches from one; it tells of every advance and every try.
	silence time.Duration
}

// transferSilence is the silence of engines.
const transferSilence = 3 * time.Minute

// Connect finds the daemon that DOCKER_HOST names, or else one where Ping looks. It answers.
func Connect(ctx context.Context) (*Engine, error) {
	host := client.WithHostFromEnv()
	if os.Getenv(client.EnvOverrideHost) == "" {
		d, err := Ping(ctx)
		if err != nil {
			return nil, err
		}
		host = client.WithHost("unix://" + d.Socket)
	}
	c, err := client.New(client.WithTLSClientConfigFromEnv(), host, client.WithAPIVersionFromEnv())
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := c.Ping(limited, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		_ = c.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("no answer at %s", c.DaemonHost())
	}
	return &Engine{c, transferSilence}, nil
}

// Close lets the daemon go.
func (e *Engine) Close() error { return e.client.Close() }

// Build is what is to be built.
type Build struct {
	// Context writes the context as a tar.
	Context func(ctx context.Context, to io.Writer) error
	// Dockerfile is its path in the context.
	Dockerfile string
	// Target is the stage to build; "" is the last.
	Target string
	// Platform is such as linux/amd64.
	Platform string
	// Args are the build arguments.
	Args map[string]string
	// Tag is the reference that the daemon keeps the image under.
	Tag string
	// NoCache builds every step anew.
	NoCache bool
}

// Build builds with BuildKit, for which the context is sent as one archive, and gives the image's id in the daemon. steps is told what happens, from one
// goroutine. When ctx ends the daemon is told to end the build, too.
func (e *Engine) Build(ctx context.Context, b Build, steps func(Step)) (id string, err error) {
	platform, err := platformOf(b.Platform)
	if err != nil {
		return "", err
	}
	ours, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read, write := io.Pipe()
	defer func() { _ = read.Close() }()
	go func() {
		err := b.Context(ours, write)
		if err != nil && !errors.Is(err, io.ErrClosedPipe) { // with which the request has ended, and says why
			cancel(err) // the daemon would take half of it for a damaged archive
		}
		_ = write.CloseWithError(err)
	}()
	name := fmt.Sprintf("hubwright-%d-%d", os.Getpid(), time.Now().UnixNano())
	args := map[string]*string{}
	for k, v := range b.Args {
		args[k] = &v
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ours, func() {
		defer close(told)
		late, done := context.WithTimeout(context.WithoutCancel(ours), patience)
		defer done()
		_, _ = e.client.BuildCancel(late, name, client.BuildCancelOptions{})
	})
	res, err := e.client.ImageBuild(ours, read, client.ImageBuildOptions{
		Version: build.BuilderBuildKit, BuildID: name, Tags: []string{b.Tag}, Dockerfile: b.Dockerfile, Target: b.Target, BuildArgs: args, NoCache: b.NoCache,
		Platforms: []ocispec.Platform{platform},
	})
	if err == nil {
		id, err = readBuild(res.Body, steps)
		_ = res.Body.Close()
	}
	if !stop() {
		<-told // or the program might end before
	}
	if ours.Err() != nil {
		return "", context.Cause(ours)
	}
	if err == nil && id == "" {
		err = errors.New("the daemon ended the build without an image")
	}
	return id, failure(ours, err)
}

// readBuild reads what a daemon tells of a build to its end.
func readBuild(from io.Reader, steps func(Step)) (id string, err error) {
	t := newTrace(steps)
	defer t.flush()
	for messages := json.NewDecoder(from); ; {
		var m jsonstream.Message
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return id, nil
		case err != nil:
			return "", fmt.Errorf("reading what the daemon says of the build: %w", err)
		case m.Error != nil:
			return "", errors.New(strings.TrimSpace(m.Error.Message))
		case m.ID == "moby.buildkit.trace" && m.Aux != nil:
			if err := t.read(*m.Aux); err != nil {
				return "", err
			}
		case m.ID == "moby.image.id" && m.Aux != nil:
			var image struct{ ID string }
			if err := json.Unmarshal(*m.Aux, &image); err != nil {
				return "", fmt.Errorf("reading the image's id: %w", err)
			}
			id = image.ID
		}
	}
}

// Push pushes what the daemon has under a reference with a tag, and gives the digest that it has in the registry. auth is that of the API's header
// X-Registry-Auth, "" for none.
func (e *Engine) Push(ctx context.Context, ref, auth string) (digest string, err error) {
	if auth == "" {
		auth = nobody
	}
	ctx, heard, done := watch(ctx, e.silence)
	defer done()
	res, err := e.client.ImagePush(ctx, ref, client.ImagePushOptions{RegistryAuth: auth})
	if err != nil {
		return "", failure(ctx, err)
	}
	defer func() { _ = res.Close() }()
	for m, err := range res.JSONMessages(ctx) {
		heard()
		switch {
		case err != nil:
			return "", failure(ctx, err)
		case m.Error != nil:
			return "", errors.New(strings.TrimSpace(m.Error.Message))
		case m.Aux != nil:
			var pushed struct{ Digest string }
			if json.Unmarshal(*m.Aux, &pushed) == nil && pushed.Digest != "" {
				digest = pushed.Digest
			}
		}
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if digest == "" {
		return "", fmt.Errorf("the daemon pushed %s without saying under which digest", ref)
	}
	return digest, nil
}

// Pull has the daemon fetch an image.
func (e *Engine) Pull(ctx context.Context, ref, platform, auth string) error {
	p, err := platformOf(platform)
	if err != nil {
		return err
	}
	ctx, heard, done := watch(ctx, e.silence)
	defer done()
	res, err := e.client.ImagePull(ctx, ref, client.ImagePullOptions{RegistryAuth: auth, Platforms: []ocispec.Platform{p}})
	if err != nil {
		return failure(ctx, err)
	}
	defer func() { _ = res.Close() }()
	for m, err := range res.JSONMessages(ctx) {
		heard()
		switch {
		case err != nil:
			return failure(ctx, err)
		case m.Error != nil:
			return errors.New(strings.TrimSpace(m.Error.Message))
		}
	}
	return context.Cause(ctx)
}

// nobody is the header for a registry without credentials: some daemons refuse a push without any.
const nobody = "e30=" // {}

// platformOf takes a platform apart: linux/amd64 or linux/arm/v7.
func platformOf(text string) (ocispec.Platform, error) {
	part := strings.Split(text, "/")
	if len(part) < 2 || len(part) > 3 || bytes.Contains([]byte(text), []byte("//")) {
		return ocispec.Platform{}, fmt.Errorf("%q is no platform, such as linux/amd64", text)
	}
	return ocispec.Platform{OS: part[0], Architecture: part[1], Variant: strings.Join(part[2:], "")}, nil
}
