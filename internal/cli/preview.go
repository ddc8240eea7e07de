package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
)

var detailedExitCode = &cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 3 when there are changes"}

func (a *app) preview() *cli.Command {
	return verb("preview", "what an update would change", "ENV…", []cli.Flag{
		&cli.BoolFlag{Name: "all", Usage: "every environment of the deployment"}, detailedExitCode,
	}, func(c *cli.Context, g globals) error {
		envs, err := a.chosen(c, g)
		if err != nil {
			return err
		}
		changed := false
		for _, env := range envs {
			res, err := a.previewOne(c.Context, g, env)
			if err != nil {
				return err
			}
			if err := a.showChange(g, res.Change); err != nil {
				return err
			}
			changed = changed || res.Change.Summary.Changes() > 0
			if res.Change.Blocked() {
				return stopped("", "%s: a guard would stop this update", env)
			}
		}
		return changesFound(c, changed)
	})
}

// chosen returns the environments that a verb is asked to work on.
func (a *app) chosen(c *cli.Context, g globals) ([]string, error) {
	if !c.Bool("all") {
		return environments(c, 1, 1<<10)
	}
	root, err := findProject(g.dir)
	if err != nil {
		return nil, err
	}
	return environmentsOf(root)
}

func (a *app) previewOne(ctx context.Context, g globals, env string) (*driver.Result, error) {
	s, err := a.open(ctx, g, env)
	if err != nil {
		return nil, err
	}
	res, err := s.preview(ctx)
	return res, errors.Join(err, s.Close())
}

// preview says what would change, pending operations included. Values that their chart refuses are an error, whatever the engine thinks of them.
func (s *session) preview(ctx context.Context) (*driver.Result, error) {
	if s.stack.SecretStore.Files.Remote() { // what the repository says against it is better heard before the engine is at work
		files, err := s.reader.Files(ctx, s.stack)
		if err != nil {
			return nil, misplaced(s.stack, err)
		}
		s.app.noteOnce("the secrets of %s are those of %s", s.env, files)
	}
	checked := make(chan error, 1)
	go func() { checked <- s.checkHubs(ctx) }() // while the engine is at work
	res, err := s.waiting(func() (*driver.Result, error) { return s.Preview(ctx, s.env) })
	if wrong := <-checked; wrong != nil {
		return nil, wrong // it names file and line, where the engine may say the same without
	}
	if err != nil {
		return nil, s.sharedCluster(ctx, err)
	}
	return res, nil
}

// showChange prints a change in the form asked for.
func (a *app) showChange(g globals, c *change.Change) error {
	if g.output == "json" {
		return a.printJSON(c)
	}
	a.Print("%s", a.proposing(c.Text(func(op, text string) string { return paintOp(a.Term, op, text) })))
	return nil
}

// printJSON prints one document.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// changesFound turns changes into exit code 3 when that was asked for.
func changesFound(c *cli.Context, changed bool) error {
	if changed && c.Bool("detailed-exitcode") {
		return &coded{err: errQuiet, code: exitChanges}
	}
	return nil
}

// outlines names the charts that could not be reached, so that built-in outlines stood in for them; "" without any.
func (s *session) outlines() string { return strings.Join(s.sandbox.Charts.StandIns(), " and ") }

// sandboxNote says at the end of an operation that it was one on simulated services, and which charts were not the real ones.
func (s *session) sandboxNote() {
	if s.sandbox == nil {
		return
	}
	note := "sandbox: simulated services, nothing real was touched"
	if outlines := s.outlines(); outlines != "" {
		note += "; built-in outlines stood in for the charts " + outlines
	}
	for _, h := range s.stack.Hubs {
		if arn := h.HTTPS.CertificateArn; arn != "" {
			note += "; that ACM has the certificate " + arn + " was taken for granted"
		}
	}
	s.app.Say("%s", s.app.Paint(term.Dim, note))
}
