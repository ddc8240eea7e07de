package cli

import (
	"cmp"
	"context"
	"errors"
	"os/user"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/hubploy"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// schemaURL is where editors find the configuration's schema.
const schemaURL = "https://raw.githubusercontent.com/hubwright/hubwright/main/docs/reference/config.schema.json"

// defaultChart is the version of the JupyterHub chart for new deployments. Of 2026-06-10: https://z2jh.jupyter.org/en/stable/changelog.html
const defaultChart = "4.4.0"

func (a *app) importing() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "make a deployment directory of what another tool has", HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("import: there is no %q%s; known is hubploy", c.Args().First(), nearest(c.Args().First(), subNames(c.Command)))
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			verb("hubploy", "of a checkout with deployments for hubploy (jupyterhub-deploy)", "CHECKOUT", []cli.Flag{
				&cli.StringFlag{Name: "into", Usage: "the deployment `DIRECTORY` to write (default: the nearest one, or this folder)"},
				&cli.StringFlag{Name: "deployment", Usage: "the deployment's `NAME` in the checkout (default: the only one)"},
				&cli.StringFlag{Name: "owner", Usage: "the deployment's `OWNER` (default: you)"},
				&cli.StringFlag{Name: "account", Usage: "the AWS account's `ID`, where hubploy.yaml has none"},
				&cli.StringFlag{Name: "region", Usage: "the AWS `REGION`, where the checkout names none"},
				&cli.StringSliceFlag{Name: "domain", Usage: "an environment's domain, as `ENV=NAME`"},
				&cli.StringFlag{Name: "chart-version", Value: defaultChart, Usage: "the `VERSION` of the JupyterHub chart, where the checkout has no wrapper chart"},
				&cli.BoolFlag{Name: "overwrite", Usage: "write over files that are there and differ"},
				&cli.BoolFlag{Name: "check", Usage: "write nothing; compare the directory's values with those of the checkout, leaf for leaf"},
			}, a.importHubploy),
		},
	}
}

func (a *app) importHubploy(c *cli.Context, g globals) error {
	switch {
	case c.Args().Len() == 0:
		return usage("import hubploy: which checkout? (the folder that holds deployments)")
	case c.Args().Len() > 1:
		return usage("import hubploy: %q is one argument too many (%s)", c.Args().Get(1), c.Command.ArgsUsage)
	}
	into := cmp.Or(c.String("into"), g.dir, ".")
	domains := map[string]string{}
	for _, text := range c.StringSlice("domain") {
		env, domain, ok := strings.Cut(text, "=")
		if !ok || env == "" || domain == "" {
			return usage("--domain: %q is not ENV=NAME", text)
		}
		domains[env] = domain
	}
	src, err := hubploy.Read(c.Args().First(), c.String("deployment"))
	if err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			return problems
		}
		return usage("%s", err)
	}
	for env := range domains {
		if !slices.Contains(src.Environments, env) {
			return usage("--domain: %s has no environment %q%s; there are %s", src.Name, env, nearest(env, src.Environments), strings.Join(src.Environments, ", "))
		}
	}
	if c.Bool("check") {
		return a.checkImport(c.Context, g, src, into)
	}
	owner := c.String("owner")
	if owner == "" {
		if me, err := user.Current(); err == nil {
			owner = me.Username
		}
	}
	plan, err := src.Plan(hubploy.Options{
		Owner: owner, Account: c.String("account"), Region: c.String("region"), Domains: domains, ChartVersion: c.String("chart-version"), Schema: schemaURL,
	})
	if err != nil {
		return usage("%s", err)
	}
	written, err := plan.Write(into, c.Bool("overwrite"))
	var others *scaffold.OverwriteError
	if errors.As(err, &others) {
		return stopped("compare them, then add --overwrite", "%s", others)
	}
	if err != nil {
		return err
	}
	return a.showImport(g, src, plan, into, written)
}

// showImport prints the report.
func (a *app) showImport(g globals, src *hubploy.Source, plan *hubploy.Plan, into string, written int) error {
	if g.output == "json" {
		return a.printJSON(result.Import{
			Schema: result.Schema("import"), Deployment: src.Name, Environments: src.Environments, Directory: into, Written: written, Files: len(plan.Texts), Notes: plan.Notes,
		})
	}
	for _, kind := range []struct{ name, title string }{{hubploy.Carried, "carried over"}, {hubploy.Changed, "changed"}, {hubploy.Left, "left: look at these"}} {
		rows := [][]string{}
		for _, n := range plan.Notes {
			if n.Kind == kind.name {
				rows = append(rows, []string{"  " + n.What, n.Says})
			}
		}
		if len(rows) == 0 {
			continue
		}
		a.Print("%s", a.Paint(term.Bold, kind.title))
		if err := a.Table(rows); err != nil {
			return err
		}
	}
	a.Say("%s %d of %d files in %s are new. Next: `hubwright validate -C %s`, then `hubwright import hubploy … --check`", a.Paint(term.Green, "done:"), written, len(plan.Texts), into, into)
	return nil
}

// checkImport compares the values of a deployment directory with those that hubploy's script gives.
func (a *app) checkImport(ctx context.Context, g globals, src *hubploy.Source, into string) error {
	root, err := findProject(into)
	if err != nil {
		return err
	}
	bad := 0
	for _, env := range src.Environments {
		stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
		if err != nil {
			return err
		}
		differ, same, skipped, err := a.compareImport(ctx, g, src, stack)
		if err != nil {
			return err
		}
		for _, file := range skipped {
			a.Say("%s %s: %s cannot be opened here and is left out on both sides", a.Paint(term.Yellow, "note:"), env, file)
		}
		if len(differ) == 0 {
			a.Print("%s %s: %d values are those of the checkout", env, a.Paint(term.Green, "ok"), same)
			continue
		}
		bad++
		a.Print("%s %s: %d values are those of the checkout, %d are not", env, a.Paint(term.Red, "differs"), same, len(differ))
		for _, d := range differ {
			a.Print("  %s", d)
		}
	}
	if bad > 0 {
		return &coded{err: errQuiet, code: exitFailed}
	}
	return nil
}

func (a *app) compareImport(ctx context.Context, g globals, src *hubploy.Source, stack *config.Stack) (differ []string, same int, skipped []string, err error) {
	err = a.withSecrets(g, stack, func(secrets stacks.Secrets) error {
		open := func(file string, data []byte) ([]byte, error) {
			f, err := secrets.Keys.Open(ctx, file, data)
			if err != nil {
				return nil, err
			}
			return f.Plain()
		}
		old, left, err := src.Old(stack.Environment, open)
		if err != nil {
			return err
		}
		skipped = left
		hub := &stack.Hubs[0]
		opts := stacks.Values(stack, hub)
		if len(left) == 0 {
			files, err := a.secretFiles(ctx, secrets, stack)
			if err != nil {
				return err
			}
			texts, err := files.Read(ctx, hub)
			if err != nil {
				return err
			}
			layers, err := secrets.Open(ctx, texts)
			if err != nil {
				return err
			}
			opts.Layers = append(opts.Layers, layers...)
		}
		now, err := values.Compute(opts)
		if err != nil {
			return err
		}
		all, n := hubploy.Compare(old, now.Values)
		same = n
		for _, d := range all { // the text of a file, which the script took from where it ran
			path, _, _ := strings.Cut(d, ": ")
			if _, fromFile := hub.ValuesFromFiles[path]; !fromFile {
				differ = append(differ, d)
			}
		}
		return nil
	})
	return differ, same, skipped, err
}
