package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/verify"
)

func (a *app) promote() *cli.Command {
	return verb("promote", "what runs on FROM, onto TO: images that TO's gate admits, copied into TO's registry", "FROM TO", []cli.Flag{
		&cli.BoolFlag{Name: "write-only", Usage: "only copy, and pin it in TO's file, for a pull request"},
		&cli.StringFlag{Name: "registry", Usage: "copy into this `HOST`, another registry than that of TO's account in ECR"},
		&cli.BoolFlag{Name: "keep", Usage: "leave TO as it is when it is not healthy afterwards, or the update fails, instead of going back"},
		overrideFlag, noVerifyFlag,
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
		to.overrides, to.verb, to.from, to.unverified = c.StringSlice("override"), "promote", envs[0], c.Bool("no-verify")
		err = errors.Join(to.promoteFrom(c.Context, from, c.String("registry"), c.Bool("write-only")), to.Close())
		var unhealthy *unhealthyError
		var engine *driver.Error
		if c.Bool("keep") || !errors.As(err, &unhealthy) && !(errors.As(err, &engine) && engine.Kind == driver.Failed) {
			return err
		}
		return a.backAfter(c.Context, g, envs[1], err)
	})
}

// unhealthyError says that an environment was updated and is not healthy.
type unhealthyError struct{ env, hint string }

func (e *unhealthyError) Error() string { return e.env + " was updated, and is not healthy" }

// backAfter goes back to what ran before a promotion that has failed, and returns the promotion's error with what came of that.
func (a *app) backAfter(ctx context.Context, g globals, env string, failure error) error {
	a.report(failure)
	a.Say("%s goes back to what ran there before (--keep leaves it as it is)", env)
	code := codeOf(failure)
	err := a.goBack(ctx, g, env, wayBackOptions{})
	var none *nothingBeforeError
	switch {
	case errors.As(err, &none):
		return &coded{err: fmt.Errorf("%s: the promotion failed, and nothing ran there before that could be gone back to", env), code: code, hint: fmt.Sprintf("`hubwright status %s` shows what is wrong", env)}
	case err != nil:
		return &coded{err: fmt.Errorf("%s: the promotion failed, and so did going back: %w", env, err), code: code, hint: cmp.Or(hintOf(err), fmt.Sprintf("`hubwright rollback %s` tries again", env))}
	}
	return &coded{err: fmt.Errorf("%s: the promotion failed, and it runs again what it ran before", env), code: code, hint: fmt.Sprintf("`hubwright history %s` has both", env)}
}

// tested is what runs on an environment and is healthy there.
type tested struct {
	stack *config.Stack
	pins  config.Pins       // images where they are, charts by version, digests of files
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
	if err := from.endedWell(ctx); err != nil {
		return nil, err
	}
	v, err := from.verify(ctx, verify.Options{})
	if err != nil {
		return nil, err
	}
	if !v.Healthy {
		return nil, stopped(fmt.Sprintf("`hubwright verify %s` shows what is wrong", env), "%s is not healthy, so what runs there is not promoted", env)
	}
	outputs, err := from.Outputs(ctx, env, false)
	if err != nil {
		return nil, err
	}
	ran, known := bundle.Read(outputs)
	if !known {
		return nil, stopped(fmt.Sprintf("`hubwright up %s` records it", env), "%s: what runs there was never recorded, so it cannot be told whether it was tested", env)
	}
	t = &tested{stack: from.stack, pins: pinsOf(outputs)}
	t.pins.From, t.pins.Files = env, ran.Files
	for hub, chart := range ran.Charts {
		if h := from.stack.Hub(hub); h != nil && chart.Digest != "" {
			t.pins.Files[chartFile(h)] = chart.Digest
		}
	}
	t.tags = knownTags(t.pins.Images, textsOf(outputs, "builds"))
	return t, nil
}

// endedWell says whether the newest update of an environment has ended well; what one that failed has left is not what was tested.
func (s *session) endedWell(ctx context.Context) error {
	all, err := s.deployments(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d bundle.Deployment) bool { return d.Kind == "update" })
	if i >= 0 && all[i].Result != succeeded {
		return stopped(fmt.Sprintf("`hubwright up %s` finishes it, `hubwright rollback %s` goes back", s.env, s.env), "the last update of %s %s, so what runs there is not promoted", s.env, all[i].Result)
	}
	return nil
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
	pins := from.pins
	pins.Charts = map[string]string{}
	for hub, version := range from.pins.Charts {
		if s.stack.Hub(hub) != nil {
			pins.Charts[hub] = version
		}
	}
	err = s.app.interruptible(ctx, "nothing was pinned, and what was copied stays", func(ctx context.Context) (err error) {
		pins.Images, err = p.bring(ctx)
		return err
	})
	if err != nil {
		return err
	}
	here, err := s.filesHere()
	if err != nil {
		return err
	}
	pins.Files = map[string]string{}
	for name, digest := range from.pins.Files {
		if _, is := here[name]; is {
			pins.Files[name] = digest
		}
	}
	pins.Bundle = pinsID(pins)
	return s.pinAndUpdate(ctx, "runs on "+from.stack.Environment, pins, writeOnly)
}

// pinAndUpdate writes the pins, which are of what is said ("runs on staging"), into the stack's file and updates the stack. When the person says no, the file
// is as it was.
func (s *session) pinAndUpdate(ctx context.Context, what string, pins config.Pins, writeOnly bool) error {
	file := s.pinsFile()
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
		var unhealthy *unhealthyError
		if errors.As(err, &unhealthy) {
			return err
		}
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
