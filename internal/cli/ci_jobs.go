package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/ciworkflow"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/forge"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/touched"
)

// ciTouched prints which environments differ from a commit.
func (a *app) ciTouched(c *cli.Context, g globals) error {
	if c.Args().Len() != 1 {
		return usage("ci touched takes one commit to compare with, such as main or HEAD^1 (%s)", c.Command.ArgsUsage)
	}
	root, err := findProject(g.dir)
	if err != nil {
		return err
	}
	_, prefix, err := touched.Place(c.Context, root)
	if err != nil {
		return baseError(err)
	}
	r, err := touched.Find(c.Context, root, c.Args().First(), ciworkflow.Versions(prefix)...)
	if err != nil {
		return baseError(err)
	}
	if only := c.StringSlice("env"); len(only) > 0 {
		known, err := config.Environments(root)
		if err != nil {
			return err
		}
		for _, env := range only {
			if !slices.Contains(known, env) {
				return &config.UnknownEnvironmentError{Name: env, Known: known}
			}
		}
		r.Environments = slices.DeleteFunc(r.Environments, func(e touched.Environment) bool { return !slices.Contains(only, e.Name) })
	}
	out := result.Touched{Schema: result.Schema("touched"), Base: r.Base, Environments: []result.TouchedEnvironment{}, Removed: append([]string{}, r.Removed...)}
	for _, e := range r.Environments {
		if !stackName.MatchString(e.Name) { // a job would be named like that
			return usage("%q cannot be an environment's name: a stack's has letters, digits, -, _ and .", e.Name)
		}
		out.Environments = append(out.Environments, result.TouchedEnvironment{Environment: e.Name, Account: e.Account, Region: e.Region, Added: e.Added, Files: e.Files})
	}
	for _, env := range r.Removed {
		a.Say("note: %s is taken away; what is deployed of it stays until somebody destroys it", env)
	}
	switch {
	case c.Bool("matrix"):
		return a.printMatrix(out.Environments)
	case g.output == "json":
		return a.printJSON(out)
	}
	for _, e := range out.Environments {
		a.Print("%s", change.Defuse(e.Environment+"  "+few(e.Files)))
	}
	if len(out.Environments) == 0 {
		a.Say("no environment is touched")
	}
	return nil
}

// few names the first of several files.
func few(files []string) string {
	const most = 5
	if len(files) <= most {
		return strings.Join(files, ", ")
	}
	return strings.Join(files[:most], ", ") + " and " + numberOf(len(files)-most, "more file")
}

// printMatrix prints environments as the matrix of a job, without the files, of which there may be more than an output takes:
// https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
func (a *app) printMatrix(envs []result.TouchedEnvironment) error {
	type job struct {
		Environment string `json:"environment"`
		Account     string `json:"account"`
		Region      string `json:"region"`
		Added       bool   `json:"added"`
	}
	matrix := struct {
		Include []job `json:"include"`
	}{[]job{}}
	for _, e := range envs {
		matrix.Include = append(matrix.Include, job{e.Environment, e.Account, e.Region, e.Added})
	}
	text, err := json.Marshal(matrix)
	if err != nil {
		return err
	}
	a.Print("%s", text)
	return nil
}

// baseError gives a commit that cannot be compared with its exit code and hint.
func baseError(err error) error {
	var base *touched.BaseError
	if errors.As(err, &base) {
		return &coded{err: err, code: exitUsage, hint: base.Hint}
	}
	return err
}

// ciComment puts a preview on a pull request.
func (a *app) ciComment(c *cli.Context, _ globals) error {
	args, err := exactly(c, 2)
	if err != nil {
		return err
	}
	job, err := forge.Here(a.getenv)
	if err != nil {
		return forgeError(err)
	}
	text, err := markdownOf(args[0], args[1])
	if err != nil {
		return err
	}
	if text == "" { // the preview failed, and what an earlier comment says of it does not hold any more
		text = change.Unknown(args[0], job.Log)
	}
	done, where, err := job.Comment(c.Context, text)
	if err != nil {
		return forgeError(err)
	}
	a.Say("the comment of %s is %s %s", args[0], done, where)
	return nil
}

// ciIssue keeps the issue about an environment's drift.
func (a *app) ciIssue(c *cli.Context, _ globals) error {
	n := 2
	if c.Bool("close") {
		n = 1
	}
	args, err := exactly(c, n)
	if err != nil {
		return err
	}
	job, err := forge.Here(a.getenv)
	if err != nil {
		return forgeError(err)
	}
	if c.Bool("close") {
		done, where, err := job.CloseIssue(c.Context, change.Marker(args[0]))
		if err != nil {
			return forgeError(err)
		}
		a.Say("the issue about drift in %s: %s %s", args[0], done, where)
		return nil
	}
	text, err := markdownOf(args[0], args[1])
	if err != nil {
		return err
	}
	if text == "" {
		return usage("%s is empty or not there, so there is nothing to tell", args[1])
	}
	done, where, err := job.Issue(c.Context, "Drift in "+args[0], text)
	if err != nil {
		return forgeError(err)
	}
	a.Say("the issue about drift in %s: %s %s", args[0], done, where)
	return nil
}

// exactly are a verb's arguments, of which there are n.
func exactly(c *cli.Context, n int) ([]string, error) {
	if c.Args().Len() != n {
		return nil, usage("ci %s takes %s: %s", c.Command.Name, numberOf(n, "argument"), c.Command.ArgsUsage)
	}
	return c.Args().Slice(), nil
}

// markdownOf reads what `-o markdown` has printed of an environment; "" where it has printed nothing.
func markdownOf(env, file string) (string, error) {
	data, err := deploydir.Read(file, 1<<20)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(strings.TrimSpace(string(data))) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if first, _, _ := strings.Cut(string(data), "\n"); first != change.Marker(env) {
		return "", usage("%s is not the Markdown of %s: its first line is not %s", file, env, change.Marker(env))
	}
	return string(data), nil
}

// forgeError gives what a forge says its hint.
func forgeError(err error) error {
	var wrong *forge.Error
	if errors.As(err, &wrong) {
		return &coded{err: err, code: exitFailed, hint: wrong.Hint}
	}
	return err
}
