package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/chartcheck"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

func (a *app) validate() *cli.Command {
	return verb("validate", "every problem of the configuration and the hubs' values, without the engine", "[ENV…]", nil, func(c *cli.Context, g globals) error {
		root, envs, err := namedOrAll(c, g)
		if err != nil {
			return err
		}
		charts := a.charts(root, g)
		return a.reportProblems(g, envs, func(env string) (config.Problems, error) {
			return a.problemsOf(c.Context, root, env, g, charts)
		})
	})
}

// namedOrAll are the environments that are named, or all of the deployment.
func namedOrAll(c *cli.Context, g globals) (root string, envs []string, err error) {
	if root, err = findProject(g.dir); err != nil {
		return "", nil, err
	}
	if envs = c.Args().Slice(); len(envs) == 0 {
		envs, err = environmentsOf(root)
	}
	return root, envs, err
}

// reportProblems prints what is wrong with environments: each problem once, since one of the shared defaults is every environment's.
func (a *app) reportProblems(g globals, envs []string, of func(env string) (config.Problems, error)) error {
	problems := config.Problems{}
	seen := map[config.Problem]bool{}
	for _, env := range envs {
		found, err := of(env)
		var wrong config.Problems
		if errors.As(err, &wrong) {
			found, err = append(found, wrong...), nil
		}
		if err != nil {
			return err
		}
		for _, p := range found {
			if !seen[p] {
				seen[p] = true
				problems = append(problems, p)
			}
		}
	}
	if g.output == "json" {
		if err := a.printJSON(result.Validation{Schema: result.Schema("validation"), Environments: envs, Problems: problems}); err != nil {
			return err
		}
		if len(problems) > 0 {
			return &coded{err: errQuiet, code: exitUsage}
		}
		return nil
	}
	if len(problems) > 0 {
		return problems
	}
	for _, env := range envs {
		a.Print("%s %s", env, a.Paint(term.Green, "ok"))
	}
	return nil
}

// problemsOf finds what is wrong with an environment's configuration, and with its hubs' values.
func (a *app) problemsOf(ctx context.Context, root, env string, g globals, charts *render.Source) (found config.Problems, err error) {
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox, Partial: true})
	if errors.As(err, &found) {
		if stack == nil {
			return found, nil
		}
		return append(found, a.alsoWrong(ctx, stack, charts)...), nil
	}
	if err != nil {
		return nil, err
	}
	files := make(map[string]hubFiles, len(stack.Hubs))
	for i := range stack.Hubs {
		hub := &stack.Hubs[i]
		of, err := a.hubFiles(ctx, g, stack, hub)
		var unread, wrong, refused config.Problems
		if err == nil || errors.As(err, &unread) { // what can be read is looked at all the same
			wrong, refused, err = a.computeAndCheck(ctx, stack, hub, of, charts)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: hub %s: %w", env, hub.Name, err)
		}
		files[hub.Name] = of
		found = slices.Concat(found, unread, wrong, refused)
		found = append(found, filesOf(stack, hub)...)
		for _, p := range stacks.Exposed(stack, hub) {
			a.noteOnce("%s", p)
		}
	}
	if _, err := images.Plan(ctx, stack, imagehash.DefaultCache()); err != nil {
		var wrong config.Problems
		if !errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s: %w", env, err)
		}
		found = append(found, wrong...)
	}
	if !g.sandbox { // which makes up what is missing
		for _, p := range stack.MissingSecrets(func(h *config.Hub, key string) bool { return secretThere(stack, h, files[h.Name], key) }) {
			a.Say("%s %s: a hub waits for this: %s", a.Paint(term.Yellow, "note:"), env, p)
		}
	}
	return found, nil
}

// alsoWrong is what is wrong with the values of hubs whose configuration is wrong, as far as that lets it be seen. Their secrets are not looked for, so that
// nothing is said of them.
func (a *app) alsoWrong(ctx context.Context, stack *config.Stack, charts *render.Source) (found config.Problems) {
	for i := range stack.Hubs {
		hub := &stack.Hubs[i]
		wrong, _, _ := a.computeAndCheck(ctx, stack, hub, hubFiles{values: stacks.Values(stack, hub), unread: true}, charts)
		found = append(found, wrong...)
		found = append(found, filesOf(stack, hub)...)
	}
	return slices.DeleteFunc(found, values.NotThere) // as the configuration's own check says
}

// filesOf is what is wrong with the further objects and the page templates of a hub, and with what its chart in a folder takes from others.
func filesOf(stack *config.Stack, hub *config.Hub) (found config.Problems) {
	var wrong config.Problems
	if _, err := stacks.Manifests(stack, hub); errors.As(err, &wrong) {
		found = append(found, wrong...)
	}
	if _, err := stacks.Templates(stack, hub); errors.As(err, &wrong) {
		found = append(found, wrong...)
	}
	if _, _, err := stacks.ChartDependencies(stack, hub); errors.As(err, &wrong) {
		found = append(found, wrong...)
	}
	return found
}

// hubFiles are the files of a hub, those that could be read.
type hubFiles struct {
	values  values.Options      // the layers of its values, those of its secrets included where they can be opened
	secrets []stacks.SecretText // its files of secrets as they are, encrypted
	unread  bool                // these are not known: they are in a repository that cannot be reached, say
	locked  bool                // one of these cannot be opened
}

// hubFiles reads the files of a hub. Where its secrets cannot be reached or opened, that is said. Of files that are wrong the error is config.Problems,
// and what is returned are the others.
func (a *app) hubFiles(ctx context.Context, g globals, stack *config.Stack, hub *config.Hub) (hubFiles, error) {
	of := hubFiles{values: stacks.Values(stack, hub)}
	read := func(secrets stacks.Secrets) error {
		files, err := a.secretFiles(ctx, secrets, stack)
		if leftOut(err) {
			a.noteOnce("the secrets of %s are left out: %v", stack.Environment, err)
			of.unread = true
			return nil
		}
		if err == nil {
			of.secrets, err = files.Read(ctx, hub)
		}
		return misplaced(stack, err)
	}
	open := func(secrets stacks.Secrets) error {
		layers, err := secrets.Open(ctx, of.secrets)
		var locked *secretfile.KeyError
		if errors.As(err, &locked) {
			a.Say("%s the secrets of hub %s are left out: %v", a.Paint(term.Yellow, "note:"), hub.Name, err)
			of.locked = true
			return nil
		}
		of.values.Layers = append(of.values.Layers, layers...)
		return err
	}
	var problems config.Problems
	all := func(errs ...error) error {
		for _, err := range errs {
			var wrong config.Problems
			if err != nil && !errors.As(err, &wrong) {
				return err
			}
			problems = append(problems, wrong...)
		}
		return nil
	}
	var err error
	if stack.SecretStore.Files.Remote() {
		err = a.withSecrets(g, stack, func(secrets stacks.Secrets) error { return all(read(secrets), open(secrets)) })
	} else if err = all(read(stacks.Secrets{})); err == nil && len(of.secrets) > 0 {
		err = a.withSecrets(g, stack, func(secrets stacks.Secrets) error { return all(open(secrets)) })
	}
	if err == nil {
		err = problems.Err()
	}
	return of, err
}

// secretThere says whether a hub's secret is somewhere, by what can be seen without decrypting anything. Of what
// cannot be seen it is taken for granted.
func secretThere(stack *config.Stack, hub *config.Hub, files hubFiles, key string) bool {
	return files.unread || stack.SecretGiven(hub.Name, key) || files.have(hub, key)
}

// have says whether the files of secrets have a hub's secret, by its name.
func (of hubFiles) have(hub *config.Hub, key string) bool {
	for _, text := range of.secrets {
		for _, path := range hub.SecretPaths(key) {
			if givenIn(text.Data, path) {
				return true
			}
		}
	}
	return false
}

// computeAndCheck computes a hub's values and holds them to its chart; refused is what only an update would refuse. Of files that are wrong the others
// are looked at, and what these bring that is wrong whatever the missing ones say.
func (a *app) computeAndCheck(ctx context.Context, stack *config.Stack, hub *config.Hub, of hubFiles, charts *render.Source) (wrong, refused config.Problems, err error) {
	computed, err := values.Compute(of.values)
	var unread config.Problems
	if err != nil && !errors.As(err, &unread) {
		return nil, nil, err
	}
	wrong, err = checkHub(ctx, stack, hub, computed, charts, a.noteOnce)
	if len(unread) > 0 {
		if err != nil {
			return unread, nil, nil // it may be for what is not there
		}
		elsewhere := func(p config.Problem) bool { return p.Line == 0 || strings.HasPrefix(p.Message, "missing propert") }
		return append(unread, slices.DeleteFunc(wrong, elsewhere)...), nil, nil
	}
	if err != nil || of.unread || of.locked {
		return wrong, nil, err
	}
	for _, p := range append(inPlaintext(stack, hub, computed), doubtsAmong(stack, hub, computed)...) {
		a.noteOnce("%s", p)
	}
	bad, _ := secretsAmong(stack, hub, computed) // what is missing is told of apart
	wrong = append(wrong, bad...)
	refused, open := stacks.LeftToValues(stack, hub, computed)
	laid, err := stacks.LayAround(stack, hub, computed, "")
	if err != nil && !errors.As(err, &bad) {
		return nil, nil, err
	}
	if err != nil {
		wrong = append(wrong, bad...)
	}
	for _, p := range laid.Notes {
		a.noteOf(p)
	}
	if stack.Sandbox() { // where anybody may come in
		refused, open = nil, append(refused, open...)
	}
	for _, p := range open {
		a.noteOnce("%s: with real services a hub needs this: %s", stack.Environment, p)
	}
	return wrong, refused, nil
}

// checkHub holds a hub's values to its chart. When the chart cannot be had, note says so, and that is all.
func checkHub(ctx context.Context, stack *config.Stack, hub *config.Hub, computed *values.Computed, charts *render.Source, note func(string, ...any)) (config.Problems, error) {
	var unfit config.Problems
	if _, _, err := stacks.ChartDependencies(stack, hub); errors.As(err, &unfit) {
		return nil, nil // filesOf tells of it, and so does the program
	}
	ch, err := charts.Chart(ctx, chartOf(stack, hub))
	if wrong := new(render.DependencyError); errors.As(err, &wrong) {
		at := stacks.DependencyAt(stack, hub, wrong.Dependency)
		at.Message, at.Hint = wrong.Reason, wrong.Hint
		return config.Problems{at}, nil
	}
	if err != nil {
		note("values are not held to their chart: %v", err)
		return nil, nil
	}
	if len(ch.Outlines) > 0 {
		note("values are held to a built-in outline in place of the chart %s, which lets through what the real one may refuse", strings.Join(ch.Outlines, ", "))
	} else {
		for _, p := range chartcheck.Unknown(ch.Chart, computed) {
			note("%s", p)
		}
	}
	if stray := strayKey(stack, hub, ch); len(stray) > 0 {
		return stray, nil
	}
	name := stack.ReleaseName(hub.Name)
	return chartcheck.Check(ctx, ch.Chart, computed, render.Release{Name: name, Namespace: cmp.Or(hub.Namespace, name)}, stack.Cluster.Version)
}

// strayKey says that a hub's chart.valuesKey is none of the charts that its own depends on.
func strayKey(stack *config.Stack, hub *config.Hub, ch *render.Found) config.Problems {
	key := hub.Chart.ValuesKey
	var known []string
	for _, d := range ch.Metadata.Dependencies {
		known = append(known, cmp.Or(d.Alias, d.Name))
	}
	if key == "" || slices.Contains(known, key) {
		return nil
	}
	path := "hubs[" + hub.Name + "].chart.valuesKey"
	file, line := stack.Place(path)
	hint := "it is the name, or the alias, of the JupyterHub chart among its dependencies"
	if len(known) == 0 {
		hint += ", of which it has none"
	} else {
		hint += ": " + strings.Join(known, ", ")
	}
	message := fmt.Sprintf("%q is none of the charts that %s depends on, so that nothing would read what is put below it", key, ch.Name())
	return config.Problems{{File: file, Line: line, Path: path, Message: message, Hint: hint}}
}

// checkHubs holds the values of all hubs of the session to their charts. What cannot be looked at is no problem here: the engine, or validate, says so.
func (s *session) checkHubs(ctx context.Context) error {
	charts := s.chartSource()
	var problems config.Problems
	for i := range s.stack.Hubs {
		h := &s.stack.Hubs[i]
		computed, err := s.reader.Values(ctx, s.stack, h)
		var unopened *stacks.UnopenedError
		if errors.As(err, &unopened) {
			return nil // the program needs them, too, and says why it cannot go on
		}
		var found config.Problems
		if err == nil {
			found, err = checkHub(ctx, s.stack, h, computed, charts, func(string, ...any) {})
		}
		if err != nil && !errors.As(err, &found) {
			return nil // a chart that cannot be rendered here is the engine's to tell of
		}
		problems = append(problems, found...)
	}
	return problems.Err()
}

// chartOf names a hub's chart: in a folder, or in a repository.
func chartOf(stack *config.Stack, hub *config.Hub) render.Request {
	if hub.Chart.Path != "" {
		return render.Request{Name: hub.Chart.Path}
	}
	return render.Request{Name: hub.Chart.Name, Version: stack.ChartVersion(hub), Repository: hub.Chart.Repository}
}

// charts is where the charts of a deployment come from.
func (a *app) charts(root string, g globals) *render.Source {
	s := &render.Source{Dir: root, Cache: render.DefaultCache(), Offline: a.getenv("HUBWRIGHT_OFFLINE") != ""}
	if g.sandbox {
		s.StandIn = sandbox.StandIn
	}
	return s
}

// environmentsOf lists a deployment's environments; one without any is an error.
func environmentsOf(root string) ([]string, error) {
	envs, err := config.Environments(root)
	if err != nil {
		return nil, err
	}
	if len(envs) == 0 {
		return nil, usage("%s holds no Pulumi.<env>.yaml, so the deployment has no environment yet", root)
	}
	return envs, nil
}
