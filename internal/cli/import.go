package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/hubploy"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
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
				&cli.StringFlag{Name: "into", Usage: "the deployment `DIRECTORY` to write (default: this folder; with --check the nearest deployment)"},
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
	into := cmp.Or(c.String("into"), g.dir)
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
		return sourceless(err)
	}
	for env := range domains {
		if !slices.Contains(src.Environments, env) {
			return usage("--domain: %s has no environment %q%s; there are %s", src.Name, env, nearest(env, src.Environments), strings.Join(src.Environments, ", "))
		}
	}
	if c.Bool("check") {
		return a.checkImport(c.Context, g, src, into)
	}
	into = cmp.Or(into, ".")
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
		return sourceless(err)
	}
	inside, err := plan.Inside(into, src.Root)
	if err != nil {
		return err
	}
	if inside != "" {
		return &coded{
			err:  fmt.Errorf("--into %s: %s would be written into the checkout %s, which is never changed; nothing was written", into, inside, src.Root),
			code: exitUsage, hint: "give --into a folder outside of it, such as " + filepath.Join(filepath.Dir(src.Root), src.Name+"-hubwright"),
		}
	}
	written, err := plan.Write(into, c.Bool("overwrite"))
	if err := overwriting(err, "compare them, then add --overwrite"); err != nil {
		return err
	}
	return a.showImport(g, src, plan, into, written)
}

// sourceless is an error with the hint that belongs to a checkout that there is none of.
func sourceless(err error) error {
	var none *hubploy.SourceError
	if errors.As(err, &none) {
		return &coded{err: err, code: exitUsage, hint: none.Hint}
	}
	return err
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
	a.Say("%s %d of %d files in %s are new. Next: `hubwright validate -C %s`, then `hubwright import hubploy %s --deployment %s --into %s --check`",
		a.Paint(term.Green, "done:"), written, len(plan.Texts), into, into, src.Root, src.Name, into)
	return nil
}
