package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/ciworkflow"
	"github.com/hubwright/hubwright/internal/scaffold"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/touched"
)

// The defaults of the workflows.
const (
	mainBranch = "main"
	everyNight = "23 5 * * *"
	goImage    = "golang:" + ciworkflow.GoVersion
)

func (a *app) ci() *cli.Command {
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringSliceFlag{Name: "env", Usage: "an environment's `NAME` (default: all)"},
			&cli.StringSliceFlag{Name: "deploy", Usage: "an environment's `NAME` that a merge deploys, or none (default: those that nothing is promoted to)"},
			&cli.StringSliceFlag{Name: "promote", Usage: "a way `FROM=TO` of promotion, or none (default: to prod, from staging or from the only other one)"},
			&cli.StringFlag{Name: "branch", Value: mainBranch, Usage: "the `BRANCH` that is deployed"},
			&cli.StringFlag{Name: "schedule", Value: everyNight, Usage: "when drift is looked for, as `CRON` has it, in UTC"},
			&cli.StringFlag{Name: "hubwright", Usage: "the `VERSION` of hubwright that the jobs run (default: this one's; without one, what the repository's variable HUBWRIGHT_VERSION says)"},
			&cli.StringSliceFlag{Name: "secret", Usage: "a secret's `NAME`, which jobs with credentials get as a variable of that name, such as SOPS_AGE_KEY"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite files that were edited, too"},
		}
	}
	return &cli.Command{
		Name: "ci", Usage: "the workflows: preview on pull requests, deploy, promote with approval, scheduled drift; and what their jobs call", HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("ci: there is no %q%s", c.Args().First(), nearest(c.Args().First(), subNames(c.Command)))
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			verb("github", "write the workflows of GitHub Actions; what would be overwritten is shown first", "", flags(), a.ciFor(ciworkflow.GitHub)),
			verb("gitlab", "write the jobs of GitLab CI; what would be overwritten is shown first", "", append(flags(),
				&cli.StringFlag{Name: "image", Value: goImage, Usage: "the `IMAGE` of the jobs: of Debian, with Go; best by digest"}), a.ciFor(ciworkflow.GitLab)),
			verb("touched", "which environments differ between a commit and the working tree, and by which files", "BASE", []cli.Flag{
				&cli.StringSliceFlag{Name: "env", Usage: "only this environment's `NAME`"},
				&cli.BoolFlag{Name: "matrix", Usage: "print the matrix of a job of GitHub Actions, on one line"},
			}, a.ciTouched),
			verb("comment", "put a preview on the job's pull request, as the one comment of its environment", "ENV FILE", nil, a.ciComment),
			verb("issue", "put what has drifted into the one issue of its environment, or close it", "ENV [FILE]", []cli.Flag{
				&cli.BoolFlag{Name: "close", Usage: "there is no drift: close the issue, if one is open"},
			}, a.ciIssue),
		},
	}
}

// ciFor is the action of `ci github` and `ci gitlab`.
func (a *app) ciFor(forge string) func(*cli.Context, globals) error {
	return func(c *cli.Context, g globals) error {
		if c.Args().Present() {
			return usage("ci %s takes no argument; %q is one too many", forge, c.Args().First())
		}
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		w := workflows{
			forge: forge, envs: c.StringSlice("env"), deployed: c.StringSlice("deploy"), promotions: c.StringSlice("promote"), secrets: c.StringSlice("secret"),
			branch: c.String("branch"), schedule: c.String("schedule"), version: c.String("hubwright"), image: c.String("image"),
			set: func(flag string) bool { return c.IsSet(flag) },
		}
		return a.writeWorkflows(c.Context, g, root, &w, c.Bool("force"))
	}
}

// writeWorkflows shows what would be written, asks where something would be overwritten, and writes it.
func (a *app) writeWorkflows(ctx context.Context, g globals, root string, w *workflows, force bool) error {
	top, prefix, err := touched.Place(ctx, root)
	var none *touched.BaseError
	if errors.As(err, &none) {
		a.Say("note: %s is in no git repository yet; the files are for one that begins there", root)
		top, prefix, err = root, "", nil
	}
	if err != nil {
		return err
	}
	d, err := w.deployment(root, prefix)
	if err != nil {
		return err
	}
	texts, err := d.Files(w.forge)
	if err != nil {
		return err
	}
	files, err := ciworkflow.Compare(top, texts)
	if err != nil {
		return err
	}
	edited, err := a.overwrite(g, top, files, force)
	if err != nil {
		return err
	}
	left, err := ciworkflow.Left(top, prefix, texts, w.forge)
	if err != nil {
		return err
	}
	for _, name := range left {
		a.Say("note: %s is of an earlier time, and no more needed: take it away", name)
	}
	if w.forge == ciworkflow.GitLab && slices.ContainsFunc(files, func(f ciworkflow.File) bool { return f.State == ciworkflow.Foreign }) && !ciworkflow.Includes(top, prefix) {
		a.Say("note: your .gitlab-ci.yml is left as it is; it has yet to include the jobs:\n  include:\n    - local: .gitlab/%s.yml", d.Slug())
	}
	if len(edited) > 0 {
		return stopped("--force overwrites them; what you changed may be a flag by now, see `hubwright ci "+w.forge+" --help`",
			"left as they are, since they were edited: %s", strings.Join(edited, ", "))
	}
	a.sayWhatIsNeeded(d, w.forge)
	return nil
}

// overwrite writes what is new and what is outdated, the latter after it was shown and confirmed, and what was edited only by force. It returns what it
// left because of that.
func (a *app) overwrite(g globals, top string, files []ciworkflow.File, force bool) (edited []string, err error) {
	out := scaffold.NewFiles()
	asks := false
	for _, f := range files {
		switch f.State {
		case ciworkflow.Same, ciworkflow.Foreign:
			continue
		case ciworkflow.New:
			a.Print("%s  %s", a.Paint(term.Green, "new    "), f.Path)
		case ciworkflow.Changed:
			if !force {
				edited = append(edited, f.Path)
				a.Print("%s  %s\n%s", a.Paint(term.Yellow, "edited "), f.Path, strings.TrimSuffix(f.Diff, "\n"))
				continue
			}
			fallthrough
		default:
			asks = true
			a.Print("%s  %s\n%s", a.Paint(term.Yellow, "changes"), f.Path, strings.TrimSuffix(f.Diff, "\n"))
		}
		out.Texts[f.Path] = f.Text
	}
	if len(out.Texts) == 0 {
		if len(edited) == 0 {
			a.Print("nothing changes: %s as they would be written", numberOf(len(files), "file"))
		}
		return edited, nil
	}
	if asks && !g.yes {
		answer, err := a.Ask("Overwrite what changes? [y/N]")
		if err != nil {
			return nil, err
		}
		if answer != "y" && answer != "yes" {
			return nil, stopped("", "not confirmed; nothing was changed")
		}
	}
	n, err := out.Write(top, true)
	if err := overwriting(err, ""); err != nil {
		return nil, err
	}
	a.Say("%s %s written in %s", a.Paint(term.Green, "done:"), numberOf(n, "file"), top)
	return edited, nil
}

// initWorkflows writes the workflows of a new deployment, with what `hubwright ci` does by default. What is there already stays as it is.
func (a *app) initWorkflows(ctx context.Context, dir, forge string) error {
	if forge == none {
		return nil
	}
	top, prefix, err := touched.Place(ctx, dir)
	var nowhere *touched.BaseError
	if err != nil && !errors.As(err, &nowhere) {
		return err
	}
	if prefix != "" { // workflows count only at the top of the repository, which is not this directory
		a.Say("the workflows belong in %s: `hubwright ci %s -C %s` writes them there", top, forge, dir)
		return nil
	}
	w := workflows{forge: forge, branch: mainBranch, schedule: everyNight, image: goImage, set: func(string) bool { return false }}
	d, err := w.deployment(dir, "")
	if err != nil {
		return err
	}
	texts, err := d.Files(forge)
	if err != nil {
		return err
	}
	files, err := ciworkflow.Compare(dir, texts)
	if err != nil {
		return err
	}
	out := scaffold.NewFiles()
	for _, f := range files {
		switch f.State {
		case ciworkflow.New:
			out.Texts[f.Path] = f.Text
		case ciworkflow.Same:
		default:
			a.Say("note: %s is there and stays as it is; `hubwright ci %s -C %s` shows what it would be", f.Path, forge, dir)
		}
	}
	_, err = out.Write(dir, false)
	return overwriting(err, "take it away, or `--ci none`")
}

// sayWhatIsNeeded tells what the workflows do and what they wait for.
func (a *app) sayWhatIsNeeded(d *ciworkflow.Deployment, forge string) {
	for _, env := range d.Deployed {
		a.Say("  a merge into %s deploys %s", d.Branch, env)
	}
	for _, p := range d.Promotions {
		a.Say("  %s is promoted to %s by hand, where the environment %s of the repository is protected after an approval", p.From, p.To, p.To)
	}
	a.Say("they need, as docs/ci.md says:")
	where := "repository"
	if forge == ciworkflow.GitLab {
		where = "project"
	}
	a.Say("  %s   variable of the %s: the ARN of the role that looks; without it previews are the sandbox's", strings.Join(d.PreviewRoles(), ", "), where)
	if len(d.Deployed)+len(d.Promotions) > 0 {
		a.Say("  HUBWRIGHT_DEPLOY_ROLE    variable of each environment in it: the ARN of the role that deploys")
	}
	if !d.Source && d.Version == "" {
		a.Say("  HUBWRIGHT_VERSION        variable of the %s: which hubwright they run, since this one has no version; --hubwright VERSION pins it in the files", where)
	}
	if forge == ciworkflow.GitLab {
		a.Say("  HUBWRIGHT_GITLAB_TOKEN   variable of the project: a project access token, for notes and issues; without it there are none")
	}
	if len(d.Secrets) > 0 {
		a.Say("  %s   secrets", strings.Join(d.Secrets, ", "))
	}
}
