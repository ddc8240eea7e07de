package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/imagebuild"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

// imagesBuild builds the images that the registry lacks.
func (a *app) imagesBuild(c *cli.Context, g globals) error {
	if g.sandbox {
		return &coded{
			err: errors.New("the sandbox builds nothing: it pretends to, when an update needs an image"), code: exitUsage,
			hint: "leave --sandbox out to build with a Docker daemon; --push is what a registry needs, building alone needs none",
		}
	}
	env, err := a.oneEnvironment(c, g)
	if err != nil {
		return err
	}
	stack, err := a.stackOf(g, env)
	if err != nil {
		return err
	}
	names := c.Args().Slice()
	if err := knowsImages(stack, names); err != nil {
		return err
	}
	if platform := c.String("platform"); platform != "" {
		if !slices.Contains([]string{"linux/amd64", "linux/arm64"}, platform) {
			return usage("--platform is %q; linux/amd64 and linux/arm64 are known", platform)
		}
		for i := range stack.Images {
			stack.Images[i].Platform, stack.Images[i].Platforms = platform, nil
		}
	}
	plan, err := images.Plan(c.Context, stack, imagehash.DefaultCache())
	if err != nil {
		return err
	}
	for _, img := range plan {
		if slices.Contains(names, img.Name) && img.Pin != "" {
			return usage("image %s is not built in %s: it is pinned to %s", img.Name, env, img.Pin)
		}
	}
	return a.interruptible(c.Context, "no tag was moved, and what was built and pushed stays", func(ctx context.Context) error {
		engine, err := a.daemon(ctx, env, "built")
		if err != nil {
			return err
		}
		defer func() { _ = engine.Close() }()
		return a.build(ctx, c, g, stack, plan, engine)
	})
}

// daemon is the Docker daemon; done is what images are with it, in a message when there is none.
func (a *app) daemon(ctx context.Context, env, done string) (*dockerd.Engine, error) {
	engine, err := dockerd.Connect(ctx)
	if err != nil {
		return nil, &coded{
			err: fmt.Errorf("images are %s with a Docker daemon, and there is none: %w", done, err), code: exitFailed,
			hint: "start Docker, or name another daemon in DOCKER_HOST; `hubwright images list " + env + "` and `hubwright images tag` need none",
		}
	}
	return engine, nil
}

// build builds, shows how it goes, and what came of it.
func (a *app) build(ctx context.Context, c *cli.Context, g globals, stack *config.Stack, plan []*images.Image, engine imagebuild.Engine) error {
	shown := &buildLog{app: a, progress: a.NewProgress(), output: map[string][]string{}}
	builder := &imagebuild.Builder{
		Engine: engine, Registry: a.registryClient(stack, awsapi.Open), Host: cmp.Or(c.String("registry"), images.Registry(stack)),
		Push: c.Bool("push"), NoCache: c.Bool("no-cache"), Begin: shown.begin, Step: shown.step, Note: shown.note,
	}
	done, err := builder.Run(ctx, stack, plan, c.Args().Slice())
	shown.progress.Stop()
	if err != nil {
		var known *imagebuild.Error
		if errors.As(err, &known) {
			return &coded{err: err, code: exitFailed, hint: known.Hint}
		}
		return err
	}
	if g.output == "json" {
		return a.printJSON(result.ImageBuilds{Head: result.Of("image-builds", stack.Environment), Images: append([]imagebuild.Image{}, done...)})
	}
	rows := [][]string{{"NAME", "STATE", "REFERENCE", "DIGEST", "TIME"}}
	for _, d := range done {
		rows = append(rows, []string{d.Name, d.State, d.Reference, shortDigest(d.Digest), fmt.Sprintf("%.1fs", d.Seconds)})
	}
	return a.Table(rows)
}

// oneEnvironment is the environment that --env names, or the deployment's only one.
func (a *app) oneEnvironment(c *cli.Context, g globals) (string, error) {
	if env := c.String("env"); env != "" {
		return env, nil
	}
	root, err := findProject(g.dir)
	if err != nil {
		return "", err
	}
	envs, err := environmentsOf(root)
	if err != nil {
		return "", err
	}
	if len(envs) > 1 {
		return "", usage("%s: of which environment? (--env, of %s)", c.Command.Name, strings.Join(envs, ", "))
	}
	return envs[0], nil
}

// buildLog shows builds: on a live terminal a line for each step, with its output only when it fails; elsewhere all of it.
type buildLog struct {
	*app
	progress *term.Progress
	output   map[string][]string // of steps that are under way, on a live terminal
}

// mostOutput is how many lines of a step's output are shown when it fails and they were not shown before.
const mostOutput = 40

func (l *buildLog) begin(image string) { l.progress.Note(l.Paint(term.Bold, image)) }

func (l *buildLog) note(format string, args ...any) {
	l.progress.Note(l.Paint(term.Yellow, "note:") + " " + fmt.Sprintf(format, args...))
}

func (l *buildLog) step(image string, s dockerd.Step) {
	id := image + " " + s.ID
	if strings.HasPrefix(s.Name, "[internal]") && s.What != dockerd.Failed && l.Live {
		return // the builder's own affairs
	}
	switch s.What {
	case dockerd.Begun:
		l.progress.Begin(id, s.Name)
		if !l.Live {
			l.progress.Note("  " + s.Name)
		}
	case dockerd.Output:
		if !l.Live {
			l.progress.Note("    " + s.Line)
			return
		}
		if l.output[id] = append(l.output[id], s.Line); len(l.output[id]) > mostOutput {
			l.output[id] = l.output[id][1:]
		}
	case dockerd.Done:
		l.progress.End(id, fmt.Sprintf("  %s %s  %s", l.Paint(term.Green, "done  "), s.Name, l.Paint(term.Dim, fmt.Sprintf("%.1fs", s.Took.Seconds()))))
	case dockerd.Cached:
		l.progress.End(id, fmt.Sprintf("  %s %s", l.Paint(term.Dim, "cached"), s.Name))
	case dockerd.Failed:
		for _, line := range l.output[id] {
			l.progress.Note("    " + line)
		}
		l.progress.Fail(id, fmt.Sprintf("  %s %s: %s", l.Paint(term.Red, "failed"), s.Name, s.Line))
	}
	if s.What != dockerd.Output {
		delete(l.output, id)
	}
}
