package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/sandbox/world"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) demo() *cli.Command {
	return verb("demo", "the whole life of a deployment in the sandbox, told step by step", "", []cli.Flag{
		&cli.BoolFlag{Name: "keep", Usage: "keep the demo's folder, to look around in it afterwards"},
	}, func(c *cli.Context, g globals) error {
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		return a.runDemo(c.Context, root, c.Bool("keep"), g.verbose)
	})
}

// demonstration is the demo's story: a copy of the deployment, and what has been told so far.
type demonstration struct {
	*app
	dir     string
	step    int
	verbose bool
}

func (a *app) runDemo(ctx context.Context, root string, keep, verbose bool) (err error) {
	dir := filepath.Join(root, ".hubwright", "demo")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the demo's folder: %w", err)
	}
	if err := copyDeployment(root, dir); err != nil {
		return fmt.Errorf("copying the deployment for the demo: %w", err)
	}
	if !keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if _, err := a.locator.Locate(ctx); err != nil { // before the story begins, whose time is told at the end
		return err
	}
	start := time.Now()
	d := &demonstration{app: a, dir: dir, verbose: verbose}
	a.Print("%s", a.Paint(term.Bold, "The life of a JupyterHub deployment, by the real Pulumi engine on simulated services."))
	a.Print("No account, no network: a copy of this deployment in %s, certificates and OAuth client made up on the spot.", rel(root, dir))
	for _, part := range []func(context.Context) error{
		d.firstDeployment, d.weeklyChange, d.promotion, d.driftAndRepair, d.destruction,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	a.Print("\nThat was the whole life of it, in %s.", time.Since(start).Round(time.Second))
	if keep {
		a.Print("Look around: hubwright -C %s --sandbox status prod", rel(root, dir))
	}
	return nil
}

func (d *demonstration) tell(format string, args ...any) {
	d.step++
	d.Print("\n%s", d.Paint(term.Bold, fmt.Sprintf("%d. ", d.step)+fmt.Sprintf(format, args...)))
}

// in opens an environment of the demo's deployment and acts on it.
func (d *demonstration) in(ctx context.Context, env string, act func(*session) error) error {
	s, err := d.open(ctx, globals{dir: d.dir, output: "text", sandbox: true, yes: true, verbose: d.verbose}, env)
	if err != nil {
		return err
	}
	return errors.Join(act(s), s.Close())
}

func (d *demonstration) firstDeployment(ctx context.Context) error {
	return d.in(ctx, "staging", func(s *session) error {
		d.tell("Preview of staging: nothing is there yet")
		res, err := s.preview(ctx)
		if err != nil {
			return err
		}
		d.Print("   %s, found in %s", res.Change.Summary.Text(), seconds(res.Took))
		byPart := map[string]int{}
		for _, step := range res.Change.Steps {
			part, _, _ := strings.Cut(step.Type, ":")
			byPart[part]++
		}
		d.Print("   %d in AWS, %d in Kubernetes, %d in the image registry, the rest are components that group them", byPart["aws"], byPart["kubernetes"], byPart["docker"])

		d.tell("Update of staging: from nothing to a running hub")
		began := s.virtualNow()
		if res, err = s.deploy(ctx, res); err != nil {
			return err
		}
		d.Print("   %s in %s here; AWS would have taken about %s", res.Change.Summary.Done(), seconds(res.Took), s.virtualNow().Sub(began).Round(time.Minute))
		if outlines := s.outlines(); outlines != "" {
			d.Print("   the charts could not be reached: built-in outlines stood in for %s", outlines)
		}
		return d.check(ctx, s)
	})
}

// check tells whether an environment is healthy, and fails the demo when it is not.
func (d *demonstration) check(ctx context.Context, s *session) error {
	d.tell("Is %s healthy?", s.env)
	st, err := s.status(ctx, true)
	if err != nil {
		return err
	}
	if err := d.showStatus(st); err != nil {
		return err
	}
	if !st.Healthy {
		return fmt.Errorf("%s is not healthy: %v", s.env, st.Drifted)
	}
	return nil
}

// The demo's change of the week: what users notice, in the file where it is made.
const (
	demoFile = "hubs/hub/common.yaml"
	demoOld  = "limit: 15G"
	demoNew  = "limit: 16G"
)

func (d *demonstration) weeklyChange(ctx context.Context) error {
	path := filepath.Join(d.dir, demoFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(data), demoOld) {
		return fmt.Errorf("%s does not hold %q, which the demo changes", demoFile, demoOld)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), demoOld, demoNew, 1)), 0o600); err != nil {
		return err
	}
	return d.in(ctx, "staging", func(s *session) error {
		d.tell("A change: %s, %q becomes %q", demoFile, demoOld, demoNew)
		res, err := s.preview(ctx)
		if err != nil {
			return err
		}
		if err := d.showChange(s.globals, res.Change); err != nil {
			return err
		}
		if res, err = s.deploy(ctx, res); err != nil {
			return err
		}
		d.Print("   %s in %s", res.Change.Summary.Done(), seconds(res.Took))
		return nil
	})
}

func (d *demonstration) promotion(ctx context.Context) error {
	g := globals{dir: d.dir, output: "text", sandbox: true, yes: true}
	d.tell("Promotion, first the gate: what runs on staging is scanned for prod")
	if err := d.scanDeployed(ctx, g, "staging", "prod", "", nil); err != nil {
		return err
	}
	d.tell("What was admitted goes to prod")
	from, err := d.tested(ctx, g, "staging")
	if err != nil {
		return err
	}
	return d.in(ctx, "prod", func(s *session) error {
		s.brief, s.verb, s.from = true, "promote", "staging"
		if err := s.promoteFrom(ctx, from, "", false); err != nil {
			return err
		}
		return d.check(ctx, s)
	})
}

func (d *demonstration) driftAndRepair(ctx context.Context) error {
	return d.in(ctx, "staging", func(s *session) error {
		d.tell("Somebody deletes staging's DNS record by hand")
		err := s.sandbox.World.Update(func(tx *world.Tx) error {
			for _, o := range tx.List("aws:route53/record:Record") {
				if strings.Contains(o.String("name"), s.stack.Hubs[0].Domain) {
					d.Print("   %s is gone", o.String("name"))
					return tx.Delete(o.Kind, o.ID)
				}
			}
			return errors.New("there is no record to delete")
		})
		if err != nil {
			return err
		}
		res, err := s.Refresh(ctx, s.env, true)
		if err != nil {
			return err
		}
		d.tell("Drift is found, and mended")
		for _, step := range res.Change.Steps {
			d.Print("   drift: %s %s", step.Op, step.Name)
		}
		if len(res.Change.Steps) == 0 {
			return errors.New("the drift was not found")
		}
		if _, err := s.Refresh(ctx, s.env, false); err != nil {
			return err
		}
		if res, err = s.Up(ctx, s.env, ""); err != nil {
			return err
		}
		d.Print("   %s in %s", res.Change.Summary.Done(), seconds(res.Took))
		return nil
	})
}

func (d *demonstration) destruction(ctx context.Context) error {
	err := d.in(ctx, "staging", func(s *session) error {
		d.tell("Destroy staging: everything but what holds data")
		_, err := s.destroy(ctx, false, "")
		return err
	})
	if err != nil {
		return err
	}
	for _, env := range []string{"prod", "staging"} { // prod runs the images of staging's registry
		err := d.in(ctx, env, func(s *session) error {
			d.tell("Destroy %s with its data, by name", env)
			if _, err := s.destroy(ctx, true, env); err != nil {
				return err
			}
			st, err := s.State(ctx, env)
			if err != nil {
				return err
			}
			d.Print("   %d resources are left in the state", len(st.Resources))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// rel shortens a path for people.
func rel(base, path string) string {
	if r, err := filepath.Rel(base, path); err == nil {
		return r
	}
	return path
}

// copyDeployment copies what makes up a deployment: Pulumi's files, hubs and images.
func copyDeployment(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "Pulumi*.yaml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(f, filepath.Join(to, filepath.Base(f))); err != nil {
			return err
		}
	}
	for _, folder := range []string{"hubs", "images"} {
		root := filepath.Join(from, folder)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			r, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			return copyFile(path, filepath.Join(to, r))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}
