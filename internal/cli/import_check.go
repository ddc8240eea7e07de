package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/hubploy"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// checkImport compares the values of a deployment directory with those that hubploy's script gives. What is wrong with the directory is told at the end, and
// all that it does not concern is compared.
func (a *app) checkImport(ctx context.Context, g globals, src *hubploy.Source, into string) error {
	root, err := findProject(into)
	if err != nil {
		return err
	}
	out := result.ImportCheck{Schema: result.Schema("import-check"), Deployment: src.Name, Directory: root, Environments: []result.ImportChecked{}}
	differ := false
	for _, env := range src.Environments {
		checked, err := a.checkImported(ctx, g, src, root, env)
		var problems config.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		out.Problems = append(out.Problems, problems...)
		if checked == nil {
			continue
		}
		differ = differ || len(checked.Different) > 0
		out.Environments = append(out.Environments, *checked)
	}
	out.Problems = append(config.Problems{}, out.Problems.Sorted()...)
	if g.output == "json" {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		for i := range out.Environments {
			a.showChecked(&out.Environments[i])
		}
	}
	switch {
	case len(out.Problems) > 0 && g.output == "json":
		return &coded{err: errQuiet, code: exitUsage}
	case len(out.Problems) > 0:
		return out.Problems
	case differ:
		return &coded{err: errQuiet, code: exitFailed}
	}
	return nil
}

// checkImported compares an environment. The error may be config.Problems beside what could be compared all the same; without anything to compare there
// is nothing beside it.
func (a *app) checkImported(ctx context.Context, g globals, src *hubploy.Source, root, env string) (*result.ImportChecked, error) {
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox, Partial: true})
	var problems config.Problems
	var unknown *config.UnknownEnvironmentError
	switch {
	case errors.As(err, &unknown):
		return nil, config.Problems{{
			File: "Pulumi." + env + ".yaml", Message: "does not exist, and the checkout has the environment " + env,
			Hint: "an import into an empty directory has one to begin with",
		}}
	case err != nil && !errors.As(err, &problems):
		return nil, err
	}
	hub := importedHub(stack)
	if hub == nil {
		if len(problems) > 0 {
			return nil, problems
		}
		return nil, usage("%s has %d hubs, and none of them is %q, which import makes", env, len(stack.Hubs), hubploy.HubName)
	}
	checked, err := a.compareImport(ctx, g, src, stack, hub)
	var more config.Problems
	if err != nil && !errors.As(err, &more) {
		return nil, err
	}
	for _, p := range more { // a file that is missing is told of once, where it is named
		if !slices.ContainsFunc(problems, func(told config.Problem) bool { return strings.HasPrefix(told.Message, fmt.Sprintf("%q ", p.File)) }) {
			problems = append(problems, p)
		}
	}
	return checked, problems.Err()
}

// importedHub is the hub that import made, or the only one; nil without one.
func importedHub(stack *config.Stack) *config.Hub {
	if hub := stack.Hub(hubploy.HubName); hub != nil || len(stack.Hubs) != 1 {
		return hub
	}
	return &stack.Hubs[0]
}

// compareImport compares a hub's values with those of the checkout. Files that cannot be opened are left out on both sides.
func (a *app) compareImport(ctx context.Context, g globals, src *hubploy.Source, stack *config.Stack, hub *config.Hub) (*result.ImportChecked, error) {
	out := &result.ImportChecked{Environment: stack.Environment, Different: []hubploy.Difference{}, Intended: []hubploy.Difference{}, Skipped: []string{}}
	opts := stacks.Values(stack, hub)
	var old *values.Computed
	var problems config.Problems
	read := func(secrets stacks.Secrets) error {
		layers, err := a.secretLayers(ctx, secrets, stack, hub)
		var locked *secretfile.KeyError
		switch {
		case errors.As(err, &problems):
			for _, p := range problems {
				out.Skipped = append(out.Skipped, p.File)
			}
		case errors.As(err, &locked):
			out.Skipped = append(out.Skipped, locked.File)
		case err != nil:
			return err
		}
		open := func(file string, data []byte) ([]byte, error) {
			f, err := secrets.Keys.Open(ctx, file, data)
			if err != nil {
				return nil, err
			}
			return f.Plain()
		}
		if len(out.Skipped) == 0 {
			if old, out.Skipped, err = src.Old(stack.Environment, open); err != nil {
				return err
			}
		}
		if len(out.Skipped) == 0 {
			opts.Layers = append(opts.Layers, layers...)
			return nil
		}
		old, _, err = src.Old(stack.Environment, nil)
		return err
	}
	if err := a.withSecrets(g, stack, read); err != nil {
		return nil, err
	}
	if out.Skipped == nil {
		out.Skipped = []string{}
	}
	now, err := values.Compute(opts)
	var wrong config.Problems
	if err != nil && !errors.As(err, &wrong) {
		return nil, err
	}
	problems = append(problems, wrong...)
	intents, sets, err := imagesIntended(stack, hub, now)
	if err != nil {
		return nil, err
	}
	if opts.Sets = append(opts.Sets, sets...); len(sets) > 0 {
		now, _ = values.Compute(opts) // what is wrong with the layers is known
	}
	unread := map[string]bool{}
	for _, at := range slices.Sorted(maps.Keys(hub.ValuesFromFiles)) {
		file := hub.ValuesFromFiles[at]
		path := values.ParsePath(at)
		unread[path.String()] = slices.ContainsFunc(wrong, func(p config.Problem) bool { return p.File == file })
		if _, had := old.At(path); !had {
			intents = append(intents, hubploy.Intent{At: path, Why: fmt.Sprintf("the script took it from a file that the checkout does not have; here it is the text of %s", file)})
		}
	}
	differ, same := src.Compare(stack.Environment, old, now, intents)
	out.Same = same
	for _, d := range differ {
		switch {
		case unread[d.Path]: // told as a problem
		case d.Intended != "":
			out.Intended = append(out.Intended, d)
		default:
			out.Different = append(out.Different, d)
		}
	}
	return out, problems.Err()
}

// secretLayers are a hub's opened files of secrets. The error may be config.Problems beside the others' layers.
func (a *app) secretLayers(ctx context.Context, secrets stacks.Secrets, stack *config.Stack, hub *config.Hub) ([]values.Layer, error) {
	files, err := a.secretFiles(ctx, secrets, stack)
	if err != nil {
		return nil, misplaced(stack, err)
	}
	texts, err := files.Read(ctx, hub)
	if err != nil {
		return nil, misplaced(stack, err)
	}
	return secrets.Open(ctx, texts)
}

// imagesIntended declares where an update puts an image that is built here, and sets what it puts there, as far as that is known before it is built.
func imagesIntended(stack *config.Stack, hub *config.Hub, now *values.Computed) (intents []hubploy.Intent, sets []values.Set, err error) {
	img := stack.Image(hub.Image)
	if img == nil {
		return nil, nil, nil
	}
	sets, open, err := stacks.ImageSets(stack, hub, now)
	if err != nil {
		return nil, nil, err
	}
	file, line := stack.Place("images[" + img.Name + "]")
	why := fmt.Sprintf("image %s is built here of %s and given by its digest", img.Name, img.Context)
	if len(open) == 0 {
		why = fmt.Sprintf("image %s is pinned by its digest in %s", img.Name, sets[0].File)
	}
	for _, at := range open {
		sets = append(sets, stacks.ImageAt(now, values.ParsePath(at), stack.Prefix()+"-"+img.Name, "(its digest when it is built)", file, line)...)
	}
	for _, s := range sets {
		at, _, _ := strings.Cut(s.Text, "=")
		intents = append(intents, hubploy.Intent{At: values.ParsePath(at), Why: why})
	}
	return intents, sets, nil
}

// showChecked prints what was found of an environment.
func (a *app) showChecked(c *result.ImportChecked) {
	for _, file := range c.Skipped {
		a.Say("%s %s: %s cannot be opened here; files of secrets are left out on both sides", a.Paint(term.Yellow, "note:"), c.Environment, file)
	}
	verdict := a.Paint(term.Green, "ok")
	counts := fmt.Sprintf("%d as in the checkout", c.Same)
	if n := len(c.Different); n > 0 {
		verdict, counts = a.Paint(term.Red, "differs"), counts+fmt.Sprintf(", %d different", n)
	}
	if n := len(c.Intended); n > 0 {
		counts += fmt.Sprintf(", %d on purpose", n)
	}
	a.Print("%s %s: %s", c.Environment, verdict, counts)
	for _, d := range c.Different {
		a.Print("  %s %s", d.Path, told(&d))
		a.Print("    %s %s", a.Paint(term.Cyan, "hint:"), d.Remedy)
	}
	for _, d := range c.Intended {
		a.Print("  %s %s %s", a.Paint(term.Yellow, "on purpose:"), d.Path, told(&d))
		a.Print("    %s", d.Intended)
	}
}

// told says what a value was, what it is, and where both are written.
func told(d *hubploy.Difference) string {
	const most = 160 // an image with its registry and digest is that long
	was, is := fmt.Sprintf("%s (%s)", values.Brief(d.Old, most), d.OldAt), fmt.Sprintf("%s (%s)", values.Brief(d.Now, most), d.NowAt)
	switch d.Kind {
	case hubploy.IsGone:
		return "is gone: it was " + was
	case hubploy.IsNew:
		return "is new: " + is
	}
	return fmt.Sprintf("is another: it was %s, it is %s", was, is)
}
