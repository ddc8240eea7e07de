package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		&cli.StringFlag{Name: "save", Usage: "also write the change, whole and as JSON, to `FILE`, which a shortened Markdown form then names"},
	}, func(c *cli.Context, g globals) error {
		envs, err := a.chosen(c, g)
		if err != nil {
			return err
		}
		save := c.String("save")
		if save != "" && len(envs) > 1 {
			return usage("preview: --save takes one environment's change; here are %d", len(envs))
		}
		changed := false
		for _, env := range envs {
			res, err := a.previewOne(c.Context, g, env)
			if err != nil {
				return err
			}
			if err := saveChange(save, res.Change); err != nil {
				return err
			}
			if g.output == "markdown" {
				a.Print("%s", res.Change.Markdown(0, baseOf(save)))
			} else if err := a.showChange(g, res.Change); err != nil {
				return err
			}
			changed = changed || res.Change.Summary.Changes() > 0
			if res.Change.Blocked() {
				return &coded{err: errQuiet, code: exitStopped} // the change says why
			}
		}
		return changesFound(c, changed)
	})
}

// saveChange writes a change as JSON to a file that only its owner can read; none when no file is named.
func saveChange(file string, c *change.Change) error {
	if file == "" {
		return nil
	}
	data, err := encoded(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("saving the change: %w", err)
	}
	return nil
}

// baseOf is the name of a file without its folder; "" for none.
func baseOf(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Base(file)
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
	s.noteMadeUp(ctx)
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
	var refused *driver.Error
	if err != nil && (res == nil || !errors.As(err, &refused) || refused.Kind != driver.Protected) {
		return nil, s.sharedCluster(ctx, err)
	}
	return res, errors.Join(s.explain(ctx, res), s.guard(res, err))
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
	data, err := encoded(v)
	if err != nil {
		return err
	}
	_, err = a.Out.Write(data)
	return err
}

// encoded is a document as JSON.
func encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("##["), []byte(`\u0023#[`)), nil // which a job's runner would take for a command: see change.Defuse
}

// changesFound turns changes into exit code 3 when that was asked for.
func changesFound(c *cli.Context, changed bool) error {
	if changed && c.Bool("detailed-exitcode") {
		return &coded{err: errQuiet, code: exitChanges}
	}
	return nil
}

// outlines names the charts that could not be reached, so that built-in outlines stood in for them; "" without any.
func (s *session) outlines() string { return strings.Join(s.chartSource().StandIns(), " and ") }

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
