package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/bootstrap"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) bootstrap() *cli.Command {
	return verb("bootstrap", "what has to be there before the first update: the state's bucket and key", "ENV", []cli.Flag{
		&cli.StringFlag{Name: "bucket", Usage: "the bucket's `NAME` (default: that of the backend, else hubwright-state-<account>-<region>)"},
		&cli.StringFlag{Name: "key", Usage: "the key's `ALIAS` (default: that of the stack's secretsprovider, else alias/<deployment>-pulumi)"},
		&cli.StringFlag{Name: "account", Usage: "the `ID` of the account that has both (default: the deployment's)"},
		&cli.BoolFlag{Name: "mend", Usage: "also change what is weaker than it should be where somebody else has made it"},
		&cli.BoolFlag{Name: "write", Usage: "write into Pulumi's files what is missing there"},
	}, func(c *cli.Context, g globals) error {
		env, err := environment(c)
		if err != nil {
			return err
		}
		a.flagged = g.sandbox && a.getenv("HUBWRIGHT_SANDBOX") == ""
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
		if err != nil {
			return err
		}
		place, err := a.placeOf(stack, c.String("bucket"), c.String("key"))
		if err != nil {
			return err
		}
		if account := c.String("account"); account != "" {
			place.target.Account = account
		}
		place.target.Mend = c.Bool("mend")
		return a.withAWS(c.Context, g, stack, func(ctx context.Context, open awsapi.Opener) error {
			return a.prepare(ctx, g, stack, place, open, c.Bool("write"))
		})
	})
}

// statePlace is where a stack's state is, or will be.
type statePlace struct {
	backend, provider string   // as Pulumi's files name them
	from              string   // where the backend is named; "" when it is only proposed
	notes             []string // why there is nothing to make
	target            bootstrap.Target
}

// placeOf takes from flags, files and the environment what the state's bucket and key are called, and proposes names where nothing says so.
func (a *app) placeOf(stack *config.Stack, bucket, alias string) (*statePlace, error) {
	region := stack.Region()
	p := &statePlace{provider: stack.SecretsProvider(), target: bootstrap.Target{
		Account: stack.Deployment.AccountID, Partition: stack.Partition(), Region: region, KeyRegion: region, Tags: stack.Tags(),
	}}
	delete(p.target.Tags, "environment") // what others may share
	p.backend, p.from = driver.Backend(stack.Backend(), a.getenv)
	if p.backend == "" {
		p.backend = bootstrap.BucketURL("hubwright-state-"+stack.Deployment.AccountID+"-"+region, region)
	}
	if named, in, _ := bootstrap.Bucket(p.backend, region); bucket != "" && bucket != named {
		if p.from == driver.BackendOfProject {
			return nil, usage("--bucket %s: the project's file names another backend, %s; change that first", bucket, p.backend)
		}
		if in == "" {
			in = region
		}
		p.backend, p.from = bootstrap.BucketURL(bucket, in), ""
	}
	var why string
	if p.target.Bucket, p.target.Region, why = bootstrap.Bucket(p.backend, region); why != "" {
		p.notes, p.target.Region = append(p.notes, "no bucket is made: "+why), region
	}
	switch {
	case alias != "" && !strings.HasPrefix(alias, "alias/"):
		return nil, usage("--key: %q is not of the form alias/NAME", alias)
	case stack.Passphrase() && alias == "":
		p.provider = "passphrase"
	case p.provider == "" && alias == "":
		alias = "alias/" + stack.Deployment.Name + "-pulumi"
	}
	if named, _, _ := bootstrap.Key(p.provider, region); alias != "" && alias != named {
		if p.provider != "" || stack.Passphrase() {
			return nil, usage("--key %s: the secrets of %s are encrypted otherwise (%s); `pulumi stack change-secrets-provider` changes that, once the key is there", alias, stack.Environment, orPassphrase(p.provider))
		}
		p.provider = bootstrap.KeyProvider(alias, region)
	}
	if p.target.Key, p.target.KeyRegion, why = bootstrap.Key(p.provider, region); why != "" {
		p.notes, p.target.KeyRegion = append(p.notes, "no key is made for the secrets in the state: "+why), region
	}
	return p, nil
}

func orPassphrase(provider string) string {
	if provider == "" {
		return "with a passphrase"
	}
	return provider
}

// withAWS gives the way to AWS's services, or to the sandbox's, until it is done or somebody interrupts it.
func (a *app) withAWS(ctx context.Context, g globals, stack *config.Stack, act func(context.Context, awsapi.Opener) error) error {
	return a.interruptible(ctx, "what was made stays", func(ctx context.Context) error { return a.toAWS(ctx, g, stack, act) })
}

func (a *app) toAWS(ctx context.Context, g globals, stack *config.Stack, act func(context.Context, awsapi.Opener) error) error {
	if !g.sandbox {
		return act(ctx, awsapi.Open)
	}
	box, err := a.openSandbox(stack.Dir, stack)
	if err != nil {
		return err
	}
	return errors.Join(act(ctx, sandboxAWS(box)), box.Close())
}

// prepare shows what is there and what is not, asks, makes it, and says what Pulumi's files have to say.
func (a *app) prepare(ctx context.Context, g globals, stack *config.Stack, place *statePlace, open awsapi.Opener, write bool) error {
	for _, note := range place.notes {
		a.Say("%s", note)
	}
	out := result.Bootstrap{Head: result.Of("bootstrap", stack.Environment), Sandbox: g.sandbox, Backend: place.backend, SecretsProvider: place.provider, Steps: []bootstrap.Step{}}
	if place.target.Bucket != "" || place.target.Key != "" {
		plan, err := bootstrap.Inspect(ctx, open, place.target)
		if err != nil {
			return ofBootstrap(err)
		}
		out.Steps = plan.Steps
		a.showSteps(plan.Steps)
		todo := plan.ToDo()
		if err := a.confirmSteps(g, len(todo)); err != nil {
			return err
		}
		err = plan.Apply(ctx, func(s bootstrap.Step) {
			a.Say("%s %s, %s", a.Paint(term.Green, "done:"), s.Resource, s.Setting)
			out.Done++
		})
		if err != nil {
			return ofBootstrap(err)
		}
	}
	var err error
	if out.Lines, err = a.linesFor(g, stack, place, write); err != nil {
		return err
	}
	if g.output == "json" {
		return a.printJSON(out)
	}
	a.showLines(stack, place, out.Lines)
	if g.sandbox {
		a.Say("%s the bucket and the key are simulated; the sandbox itself keeps its states in a folder of its own", a.Paint(term.Dim, "sandbox:"))
		if write && len(out.Lines) > 0 {
			a.Say("%s nothing was written into Pulumi's files, which are for real services: --write does it without --sandbox", a.Paint(term.Yellow, "note:"))
		}
	}
	return nil
}

// showSteps shows what was found, resource by resource.
func (a *app) showSteps(steps []bootstrap.Step) {
	paint := map[string]term.Style{bootstrap.OK: term.Green, bootstrap.Missing: term.Yellow, bootstrap.Incomplete: term.Yellow, bootstrap.Weaker: term.Red}
	for i, s := range steps {
		if i == 0 || steps[i-1].Resource != s.Resource {
			a.Say("%s", s.Resource)
		}
		what := s.Setting + ": "
		if s.Setting == "existence" {
			what = ""
		}
		a.Say("  %s %s%s", a.Paint(paint[s.State], fmt.Sprintf("%-10s", s.State)), what, s.Seen)
		if s.Remedy != "" {
			a.Say("             %s %s", a.Paint(term.Cyan, "hint:"), s.Remedy)
		}
	}
}

func (a *app) confirmSteps(g globals, n int) error {
	if n == 0 {
		a.Say("nothing is to be made")
		return nil
	}
	if g.yes {
		return nil
	}
	answer, err := a.Ask(fmt.Sprintf("Make what is missing, and complete what is incomplete (%d)? [y/N]", n))
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return stopped("", "not confirmed; nothing was changed")
	}
	return nil
}

// linesFor are what Pulumi's files have yet to say. They are written when that is asked for, but never from the sandbox, which leaves a person's files alone.
func (a *app) linesFor(g globals, stack *config.Stack, place *statePlace, write bool) ([]result.Line, error) {
	project, file := stack.ConfigFiles()
	lines := []result.Line{}
	if stack.Backend() == "" && place.target.Bucket != "" {
		lines = append(lines, result.Line{File: project, Text: "backend:\n  url: " + place.backend})
	}
	if stack.SecretsProvider() == "" && place.target.Key != "" {
		lines = append(lines, result.Line{File: file, Text: "secretsprovider: " + place.provider})
	}
	for i, l := range lines {
		if !write || g.sandbox {
			break
		}
		key, _, _ := strings.Cut(l.Text, ":")
		if err := config.AddKey(filepath.Join(stack.Dir, l.File), key, l.Text); err != nil {
			return lines, fmt.Errorf("writing what was made into Pulumi's files: %w", err)
		}
		lines[i].Written = true
	}
	return lines, nil
}

func (a *app) showLines(stack *config.Stack, place *statePlace, lines []result.Line) {
	for _, l := range lines {
		verb := "belongs into"
		if l.Written {
			verb = "is written into"
		}
		a.Say("this %s %s:", verb, l.File)
		a.Print("%s", l.Text)
	}
	if place.from == driver.BackendOfEnvironment && stack.Backend() != "" && stack.Backend() != place.backend {
		a.Say("%s PULUMI_BACKEND_URL, %s, counts more than what the project's file says, %s", a.Paint(term.Yellow, "note:"), place.backend, stack.Backend())
	}
	if len(lines) == 0 && len(place.notes) == 0 {
		a.Say("Pulumi's files say it already: `hubwright doctor %s` looks at the rest", stack.Environment)
	}
}

// ofBootstrap gives an error its exit code.
func ofBootstrap(err error) error {
	var known *bootstrap.Error
	if !errors.As(err, &known) {
		return &coded{err: err, code: exitFailed, hint: "what was made stays: the same command again goes on from there"}
	}
	code := exitFailed
	switch known.Kind {
	case bootstrap.Configuration, bootstrap.OtherAccount:
		code = exitUsage
	case bootstrap.WrongAccount:
		code = exitStopped
	}
	return &coded{err: known, code: code, hint: known.Hint}
}
