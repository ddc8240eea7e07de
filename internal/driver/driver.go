// Package driver drives the Pulumi engine: it finds the engine, selects stacks, previews, updates, refreshes and destroys them, turns the
// engine's events into data and its errors into sentences. It is the only importer of the Automation API.
package driver

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/change"
)

// Options say what a Driver works on.
type Options struct {
	// Dir is the folder that holds Pulumi.yaml and the stacks' files.
	Dir string
	// Program is the one program of all stacks.
	Program pulumi.RunFunc
	// Env is added to the engine's environment.
	Env map[string]string
	// SecretsProvider is used for stacks that are made anew ("awskms://alias/…", "passphrase"); empty leaves it to Pulumi.
	SecretsProvider string
	// Target fills the changes' target.
	Target change.Target
	// Inspect are the types of resources whose inputs a Result keeps where they change.
	Inspect []string
	// OnEvent is told of progress, from one goroutine at a time. Optional.
	OnEvent func(Event)
	// OnLaunch is told the process of each engine that is started. Optional.
	OnLaunch func(pid int)
	// Log receives what the engine itself prints, for --verbose. Optional.
	Log io.Writer
	// Tied makes the engine die with this process, for engines whose providers live in it.
	Tied bool
	// Tether gives a file that the next engine inherits and never looks at. Optional.
	Tether func() (*os.File, error)
	// Interrupts delivers what a person asks of a running operation. Optional.
	Interrupts <-chan Interrupt
}

// Interrupt is what a person asks of a running operation.
type Interrupt int

const (
	// Stop asks the engine to begin nothing new, to let what is under way end, and to leave a consistent state.
	Stop Interrupt = iota
	// Kill ends the engine at once. What was under way stays in the state as pending operations.
	Kill
)

// Driver runs operations on the stacks of one project.
type Driver struct {
	opts Options
	cmd  *command
}

// New makes a driver on an engine that Locate has found.
func New(engine Engine, opts Options) *Driver {
	return &Driver{opts: opts, cmd: &command{engine: engine, log: opts.Log, interrupts: opts.Interrupts, tied: opts.Tied, tether: opts.Tether, onLaunch: opts.OnLaunch}}
}

// Launches is how many times the engine has been started so far.
func (d *Driver) Launches() int { return int(d.cmd.launches.Load()) }

// stack gives the Automation API's handle without asking the engine whether the stack exists: the operation itself says so.
func (d *Driver) stack(ctx context.Context, env string) (auto.Stack, error) {
	envVars := maps.Clone(baseEnv)
	maps.Copy(envVars, d.opts.Env)
	opts := []auto.LocalWorkspaceOption{auto.WorkDir(d.opts.Dir), auto.Pulumi(d.cmd), auto.EnvVars(envVars)}
	if d.opts.Program != nil {
		opts = append(opts, auto.Program(guarded(d.opts.Program)))
	}
	ws, err := auto.NewLocalWorkspace(ctx, opts...)
	if err != nil {
		return auto.Stack{}, fmt.Errorf("opening the project in %s: %w", d.opts.Dir, err)
	}
	return auto.SelectStack(ctx, env, ws)
}

// baseEnv is what every launch of the engine gets.
var baseEnv = map[string]string{
	"PULUMI_SKIP_UPDATE_CHECK":                 "true",
	"PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true", // a lost config file must not give the stack another secrets provider silently
}

// guarded turns a panic of the program into its error, so that nobody is shown a stack trace.
func guarded(program pulumi.RunFunc) pulumi.RunFunc {
	return func(ctx *pulumi.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("the program failed unexpectedly: %v", r)
			}
		}()
		return program(ctx)
	}
}

// Init makes the stack when there is none. It is not an error when there is one already.
func (d *Driver) Init(ctx context.Context, env string) error {
	args := []string{"stack", "init", "--stack", env, "--no-select"}
	if d.opts.SecretsProvider != "" {
		args = append(args, "--secrets-provider", d.opts.SecretsProvider)
	}
	_, err := d.run(ctx, args...)
	if err == nil || existsAlready(d.cmd.last.stderr) {
		return nil
	}
	return d.classify(env, d.failed(err))
}

// failed is what is known of the last launch when it failed.
func (d *Driver) failed(err error) failure { return failure{ended: d.cmd.last, err: err} }

// run launches the engine for a command that the Automation API has no call for, or only one that costs more launches.
func (d *Driver) run(ctx context.Context, args ...string) (stdout string, err error) {
	return d.runWith(ctx, nil, args...)
}

func (d *Driver) runWith(ctx context.Context, stdin io.Reader, args ...string) (stdout string, err error) {
	var env []string
	for _, m := range []map[string]string{baseEnv, d.opts.Env} {
		for k, v := range m {
			env = append(env, k+"="+v)
		}
	}
	stdout, _, _, err = d.cmd.launch(ctx, d.opts.Dir, stdin, nil, nil, env, args...)
	return stdout, err
}

// withStack runs an operation; when the stack does not exist yet, it is made and the operation run again.
func (d *Driver) withStack(ctx context.Context, env string, op func(auto.Stack) failure) error {
	s, err := d.stack(ctx, env)
	if err != nil {
		return err
	}
	f := op(s)
	if f.err != nil && f.noSuchStack() {
		if err := d.Init(ctx, env); err != nil {
			return err
		}
		f = op(s)
	}
	if f.err != nil {
		return d.classify(env, f)
	}
	return nil
}

// Result is what an operation did.
type Result struct {
	Change *change.Change
	// Outputs are the stack's outputs after it; secrets read "[secret]".
	Outputs map[string]any
	// Touched says that the state changes beside the resources: a resource's protection was lifted or laid on, or an output of the stack changes.
	Touched bool
	// Inputs are what those resources that change are made of, before and after, of the types in Options.Inspect, in order of their URNs.
	Inputs []Inputs
	Took   time.Duration
}

// Inputs are what a resource is made of, before and after a change. A secret reads "[secret]", and "[secret, changed]" after one that is another than
// before; what only the update will know reads "[unknown]".
type Inputs struct {
	// URN and Op are those of the step that changes it.
	URN, Op string
	// Before and After are nil where there is none.
	Before, After map[string]any
}
