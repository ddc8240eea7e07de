// Package stacks is the program: the whole graph of an environment on one page, from configuration to components to outputs. It runs under
// `pulumi up` and inline under the driver alike.
package stacks

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/creds"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/imagestore"
)

// Options are what the program is told from outside the stack's configuration.
type Options struct {
	// Dir is the deployment's folder: Pulumi.yaml, hubs, images.
	Dir string
	// Sandbox says that the services are simulated, which permits what must never be public.
	Sandbox bool
	// Over are files that count in the place of those that are there, as a rollback has them: see config.Options.
	Over map[string][]byte
	// Again are hubs whose releases Helm is to go over again though nothing of them changes, since an upgrade of theirs was cut off: what Helm's history says
	// of it, by hub.
	Again map[string]string
	// Reader reads the hubs' values and files of secrets. Default: one that uses what the machine has.
	Reader *Reader
	// Images are where the gate's records of images are looked for, and the time that these are held to. Default: the images' registries, and the
	// machine's clock.
	Images *imagestore.Store
	// Wait waits until a time of the services' clock. Default: the real clock.
	Wait func(ctx context.Context, until time.Time) error
}

// New makes the program.
func New(opts Options) pulumi.RunFunc {
	if opts.Reader == nil {
		opts.Reader = &Reader{}
	}
	return func(ctx *pulumi.Context) error {
		stack, secrets, err := settings(ctx, opts)
		if err != nil {
			return err
		}
		d := &deployment{ctx: ctx, opts: opts, Stack: stack}
		if d.hubs, err = readHubs(ctx.Context(), stack, secrets, opts.Reader); err != nil {
			return err
		}
		if d.secretFiles, err = opts.Reader.Files(ctx.Context(), stack); err != nil {
			return err
		}
		return onOwnStack(d.deploy)
	}
}

// onOwnStack runs the graph on a goroutine of its own. With each resource the engine keeps the call stack that registered it, so that without
// this a third of the state would be what stands around the program: frames of gRPC and the SDK, with this machine's paths to them.
func onOwnStack(deploy func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("the program failed unexpectedly: %v", r)
			}
		}()
		done <- deploy()
	}()
	return <-done
}

// settings reads the stack's configuration as the engine gives it, on top of the project's defaults, and its secrets.
func settings(ctx *pulumi.Context, opts Options) (*config.Stack, map[string]config.HubSecrets, error) {
	engine := map[string]string{}
	for _, key := range config.Keys() {
		if v, ok := ctx.GetConfig("hubwright:" + key); ok {
			engine["hubwright:"+key] = v
		}
	}
	if v, ok := ctx.GetConfig("aws:region"); ok {
		engine["aws:region"] = v
	}
	stack, err := config.Load(opts.Dir, ctx.Stack(), engine, config.Options{Sandbox: opts.Sandbox, Over: opts.Over})
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration of %s:\n%w", ctx.Stack(), err)
	}
	text, _ := ctx.GetConfig("hubwright:secrets")
	secrets, err := config.ParseSecrets(text)
	if err != nil {
		return nil, nil, fmt.Errorf("the secrets of %s: %w", ctx.Stack(), err)
	}
	return stack, secrets, nil
}

// waitAssumable waits until a role made then can be assumed; nil leaves it to the component and the real clock.
func (o Options) waitAssumable() func(ctx context.Context, created time.Time) error {
	if o.Wait == nil {
		return nil
	}
	return func(ctx context.Context, created time.Time) error {
		return o.Wait(ctx, created.Add(creds.AssumableAfter))
	}
}

// readOutputs reads the stack's outputs as the last update left them; none before the first. It comes before anything is registered, since from then on
// the engine writes what is read here.
func (d *deployment) readOutputs() error {
	args := struct {
		Name string `pulumi:"name"`
	}{fmt.Sprintf("%s/%s/%s", d.ctx.Organization(), d.ctx.Project(), d.ctx.Stack())}
	var result struct {
		Outputs map[string]any `pulumi:"outputs"`
	}
	if err := d.ask("pulumi:pulumi:readStackOutputs", args, &result); err != nil {
		return err
	}
	d.outputs = result.Outputs
	return nil
}

// How often, and how long apart, the state is asked for when it cannot be read: an update that is under way may be writing it.
const (
	askTimes = 20
	askAgain = 50 * time.Millisecond
)

// ask asks the engine of the state as it is recorded.
func (d *deployment) ask(token string, args, result any) (err error) {
	for range askTimes {
		if err = d.ctx.Invoke(token, args, result); err == nil {
			return nil
		}
		select {
		case <-d.ctx.Context().Done():
			return d.ctx.Context().Err()
		case <-time.After(askAgain):
		}
	}
	return fmt.Errorf("reading what is deployed: %w", err)
}
