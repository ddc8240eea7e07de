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
	return verb("promote", "what runs on FROM, onto TO", "FROM TO", []cli.Flag{
		&cli.BoolFlag{Name: "write-only", Usage: "only pin it in TO's file, for a pull request"}, overrideFlag,
	}, func(c *cli.Context, g globals) error {
		envs, err := environments(c, 2, 2)
		if err != nil {
			return err
		}
		if envs[0] == envs[1] {
			return usage("promote: FROM and TO are both %q", envs[0])
		}
		pins, err := a.tested(c.Context, g, envs[0])
		if err != nil {
			return err
		}
		to, err := a.open(c.Context, g, envs[1])
		if err != nil {
			return err
		}
		defer func() { _ = to.Close() }()
		to.overrides, to.verb, to.from = c.StringSlice("override"), "promote", envs[0]
		return to.pinAndUpdate(c.Context, "runs on "+envs[0], pins, c.Bool("write-only"))
	})
}

// tested returns what runs on an environment, which must be healthy now.
func (a *app) tested(ctx context.Context, g globals, env string) (pins config.Pins, err error) {
	from, err := a.look(ctx, g, env)
	if err != nil {
		return pins, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	st, err := from.status(ctx, true)
	if err != nil {
		return pins, err
	}
	if !st.Healthy {
		return pins, stopped(fmt.Sprintf("`hubwright status %s` shows what is wrong", env), "%s is not healthy, so what runs there is not promoted", env)
	}
	outputs, err := from.Outputs(ctx, env, false)
	if err != nil {
		return pins, err
	}
	return pinsOf(outputs), nil
}

// pinsOf reads from a stack's outputs what exactly runs there.
func pinsOf(outputs map[string]any) config.Pins {
	pins := config.Pins{Images: map[string]string{}, Charts: map[string]string{}}
	images, _ := outputs["images"].(map[string]any)
	for name, v := range images {
		if ref, ok := v.(string); ok {
			pins.Images[name] = ref
		}
	}
	for name, hub := range hubsOf(outputs) {
		if v, ok := hub["chartVersion"].(string); ok && v != "" {
			pins.Charts[name] = v
		}
	}
	return pins
}

// pinAndUpdate writes the pins, which are of what is said ("runs on staging"), into the stack's file and updates the stack. When the person says no, the file is as it was.
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
