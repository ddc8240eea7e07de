package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) promote() *cli.Command {
	return verb("promote", "what runs on FROM, onto TO: images that TO's gate admits, copied into TO's registry", "FROM TO", []cli.Flag{
		&cli.BoolFlag{Name: "write-only", Usage: "only copy, and pin it in TO's file, for a pull request"},
		&cli.StringFlag{Name: "registry", Usage: "copy into this `HOST`, another registry than that of TO's account in ECR"},
		overrideFlag,
	}, func(c *cli.Context, g globals) error {
		envs, err := environments(c, 2, 2)
		if err != nil {
			return err
		}
		if envs[0] == envs[1] {
			return usage("promote: FROM and TO are both %q", envs[0])
		}
		from, err := a.tested(c.Context, g, envs[0])
		if err != nil {
			return err
		}
		to, err := a.open(c.Context, g, envs[1])
		if err != nil {
			return err
		}
		defer func() { _ = to.Close() }()
		to.overrides, to.verb, to.from = c.StringSlice("override"), "promote", envs[0]
		return to.promoteFrom(c.Context, from, c.String("registry"), c.Bool("write-only"))
	})
}

// tested is what runs on an environment and is healthy there.
type tested struct {
	stack *config.Stack
	pins  config.Pins       // images where they are, charts by version
	tags  map[string]string // the tags of images' contents, as far as the environment's own state and files know them
}

// tested returns what runs on an environment, which must be healthy now.
func (a *app) tested(ctx context.Context, g globals, env string) (t *tested, err error) {
	from, err := a.look(ctx, g, env)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	st, err := from.status(ctx, true)
	if err != nil {
		return nil, err
	}
	if !st.Healthy {
		return nil, stopped(fmt.Sprintf("`hubwright status %s` shows what is wrong", env), "%s is not healthy, so what runs there is not promoted", env)
	}
	outputs, err := from.Outputs(ctx, env, false)
	if err != nil {
		return nil, err
	}
	t = &tested{stack: from.stack, pins: pinsOf(outputs)}
	t.tags = knownTags(t.pins.Images, textsOf(outputs, "builds"))
	return t, nil
}

// pinsOf reads from a stack's outputs what exactly runs there.
func pinsOf(outputs map[string]any) config.Pins {
	pins := config.Pins{Images: textsOf(outputs, "images"), Charts: map[string]string{}}
	for name, hub := range hubsOf(outputs) {
		if v, ok := hub["chartVersion"].(string); ok && v != "" {
			pins.Charts[name] = v
		}
	}
	return pins
}

// textsOf is an output that has a text for each of its names.
func textsOf(outputs map[string]any, output string) map[string]string {
	out := map[string]string{}
	values, _ := outputs[output].(map[string]any)
	for name, v := range values {
		if text, ok := v.(string); ok {
			out[name] = text
		}
	}
	return out
}

// promoteFrom brings what was tested elsewhere here: its images have to pass this environment's gate, and are copied into its repositories; then it is
// pinned, and the environment updated.
func (s *session) promoteFrom(ctx context.Context, from *tested, registry string, writeOnly bool) error {
	outputs, err := s.Outputs(ctx, s.env, false)
	var known *driver.Error
	if errors.As(err, &known) && known.Kind == driver.NoStack {
		outputs, err = nil, nil
	}
	if err != nil {
		return err
	}
	store, copier := s.app.storeOf(s.stack, s.sandbox, registry)
	p := &promotion{app: s.app, from: from, to: s.stack, store: store, copier: copier, registry: registry, repositories: textsOf(outputs, "repositoryUrls")}
	pins := config.Pins{Charts: from.pins.Charts}
	err = s.app.interruptible(ctx, "nothing was pinned, and what was copied stays", func(ctx context.Context) (err error) {
		pins.Images, err = p.bring(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return s.pinAndUpdate(ctx, "runs on "+from.stack.Environment, pins, writeOnly)
}

// pinAndUpdate writes the pins, which are of what is said ("runs on staging"), into the stack's file and updates the stack. When the person says no, the file
// is as it was.
func (s *session) pinAndUpdate(ctx context.Context, what string, pins config.Pins, writeOnly bool) error {
	dir := s.stack.Dir
	if s.sandbox != nil { // the user's own files are never touched from the sandbox
		dir = s.sandbox.Mirror()
	}
	file := filepath.Join(dir, "Pulumi."+s.env+".yaml")
	undo, err := config.WritePins(file, pins)
	if err != nil {
		return err
	}
	where := filepath.Base(file)
	if s.sandbox != nil {
		where += " of the sandbox (" + file + "; your own is untouched)"
	}
	s.app.Say("pinned in %s what %s:", where, what)
	for _, line := range pins.Lines() {
		s.app.Say("  %s", line)
	}
	if writeOnly {
		return nil
	}
	res, err := s.update(ctx)
	if err != nil {
		var c *coded
		var engine *driver.Error
		if errors.As(err, &c) || (errors.As(err, &engine) && engine.Kind != driver.Failed) || errors.Is(err, term.ErrNotAsked) {
			return errors.Join(err, undo())
		}
		return err // the pins stay: running it again goes on
	}
	if s.globals.output == "json" {
		return s.app.printJSON(res.Change)
	}
	return nil
}
