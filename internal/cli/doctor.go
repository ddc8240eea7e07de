package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

func (a *app) doctor() *cli.Command {
	return verb("doctor", "every prerequisite: whether it holds, what was seen, what helps", "[ENV]", nil, func(c *cli.Context, g globals) error {
		if c.Args().Len() > 1 {
			return usage("doctor: one environment, or none")
		}
		a.flagged = g.sandbox && a.getenv("HUBWRIGHT_SANDBOX") == ""
		rows := a.checkMachine(c.Context, g)
		env := c.Args().First()
		if env != "" {
			root, err := findProject(g.dir)
			if err != nil {
				return err
			}
			of, err := a.checkEnvironment(c.Context, g, root, env)
			if err != nil {
				return err
			}
			rows = append(rows, of...)
		}
		if env == "" {
			a.sayOfEnvironments(g)
		}
		order := []string{doctor.Fail, doctor.Warning, doctor.OK, doctor.Skipped}
		slices.SortStableFunc(rows, func(x, y doctor.Row) int { return slices.Index(order, x.State) - slices.Index(order, y.State) })
		for i := range rows {
			rows[i].Remedy = a.proposing(rows[i].Remedy)
		}
		if g.output == "json" {
			if err := a.printJSON(result.Doctor{Head: result.Of("doctor", env), Sandbox: g.sandbox, Checks: rows}); err != nil {
				return err
			}
		} else if err := a.showDoctor(rows); err != nil {
			return err
		}
		if rows[0].State == doctor.Fail {
			return &coded{err: errQuiet, code: exitFailed}
		}
		return nil
	})
}

// sayOfEnvironments says that there is more to be looked at, where there is a deployment.
func (a *app) sayOfEnvironments(g globals) {
	root, err := findProject(g.dir)
	if err != nil {
		return
	}
	if envs, err := environmentsOf(root); err == nil {
		a.Say("%s this is the machine alone; `hubwright doctor %s` looks at what that environment needs, too (there are %s)", a.Paint(term.Yellow, "note:"), envs[0], strings.Join(envs, ", "))
	}
}

func (a *app) showDoctor(rows []doctor.Row) error {
	paint := map[string]term.Style{doctor.Fail: term.Red, doctor.Warning: term.Yellow, doctor.OK: term.Green, doctor.Skipped: term.Dim}
	for _, r := range rows {
		a.Print("%s %s: %s", a.Paint(paint[r.State], fmt.Sprintf("%-7s", r.State)), r.Check, strings.ReplaceAll(r.Seen, "\n", "\n          "))
		if r.Remedy != "" {
			a.Print("        %s %s", a.Paint(term.Cyan, "hint:"), r.Remedy)
		}
	}
	return nil
}

// checkMachine looks at what every environment needs of this machine.
func (a *app) checkMachine(ctx context.Context, g globals) []doctor.Row {
	var rows []doctor.Row
	engine, err := a.locator.Locate(ctx)
	if err != nil {
		rows = append(rows, doctor.Row{Check: "Pulumi engine", State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)})
	} else {
		rows = append(rows, doctor.Row{Check: "Pulumi engine", State: doctor.OK, Seen: engine.Version.String() + " at " + engine.Path})
	}
	if g.sandbox {
		return append(rows, doctor.Row{Check: "Docker daemon, AWS CLI", State: doctor.Skipped, Seen: "the sandbox needs neither"})
	}
	var m doctor.Machine
	return append(rows, m.Docker(ctx), m.AWSCLI(ctx))
}

// checkEnvironment looks at what one environment needs.
func (a *app) checkEnvironment(ctx context.Context, g globals, root, env string) ([]doctor.Row, error) {
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
	var problems config.Problems
	if errors.As(err, &problems) {
		return []doctor.Row{{Check: "configuration", State: doctor.Fail, Seen: problems.Error(), Remedy: fmt.Sprintf("mend these; `hubwright validate %s` shows them", env)}}, nil
	}
	if err != nil {
		return nil, err
	}
	rows := []doctor.Row{{Check: "configuration", State: doctor.OK, Seen: fmt.Sprintf("account %s, %s, cluster %s", stack.Deployment.AccountID, stack.Region(), stack.ClusterName())}}
	services, err := a.checkServices(ctx, g, root, stack)
	if err != nil {
		return nil, err
	}
	rows = append(rows, services...)
	rows = append(rows, a.checkState(ctx, g, env))
	if stack.SecretStore.Files.Remote() {
		rows = append(rows, a.checkSecretFiles(ctx, g, stack))
	}
	for i := range stack.Hubs {
		rows = append(rows, a.checkHubOf(ctx, g, stack, &stack.Hubs[i])...)
	}
	return rows, nil
}

// checkState asks the backend for the stack's state.
func (a *app) checkState(ctx context.Context, g globals, env string) doctor.Row {
	r := doctor.Row{Check: "state", State: doctor.OK}
	s, err := a.look(ctx, g, env)
	if err != nil {
		return doctor.Row{Check: r.Check, State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)}
	}
	defer func() { _ = s.Close() }()
	state, err := s.State(ctx, env)
	var known *driver.Error
	switch {
	case errors.As(err, &known) && known.Kind == driver.NoStack:
		r.Seen = "nothing is deployed yet"
		return r
	case err != nil:
		return doctor.Row{Check: r.Check, State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)}
	}
	if len(state.Pending) > 0 {
		return doctor.Row{Check: r.Check, State: doctor.Fail, Seen: fmt.Sprintf("%d operations are pending", len(state.Pending)), Remedy: fmt.Sprintf("`hubwright recover %s` finds out what became of them", env)}
	}
	r.Seen = fmt.Sprintf("%d resources, last changed %s", state.Managed(), state.Updated.Format(time.RFC3339))
	return r
}

// checkSecretFiles looks whether the repository with the files of secrets can be read.
func (a *app) checkSecretFiles(ctx context.Context, g globals, stack *config.Stack) doctor.Row {
	r := doctor.Row{Check: "secret files", State: doctor.OK}
	err := a.withSecrets(g, stack, func(secrets stacks.Secrets) error {
		files, err := a.secretFiles(ctx, secrets, stack)
		if err == nil {
			r.Seen = files.String()
		}
		return err
	})
	if err != nil {
		return doctor.Row{Check: r.Check, State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)}
	}
	return r
}

// checkHubOf looks at what a hub needs: its chart, its secrets, its callback.
func (a *app) checkHubOf(ctx context.Context, g globals, stack *config.Stack, hub *config.Hub) []doctor.Row {
	name := func(what string) string { return "hub " + hub.Name + ": " + what }
	var rows []doctor.Row
	wrong := new(render.DependencyError)
	switch ch, err := a.charts(stack.Dir, g).Chart(ctx, chartOf(stack, hub)); {
	case errors.As(err, &wrong):
		at := stacks.DependencyAt(stack, hub, wrong.Dependency)
		at.Message = wrong.Reason
		rows = append(rows, doctor.Row{Check: name("chart"), State: doctor.Fail, Seen: at.String(), Remedy: wrong.Hint})
	case err != nil:
		rows = append(rows, doctor.Row{Check: name("chart"), State: doctor.Fail, Seen: err.Error(), Remedy: "give this machine a way to the repository, or put the chart into a folder and name it with chart.path"})
	case len(ch.Outlines) > 0:
		rows = append(rows, doctor.Row{Check: name("chart"), State: doctor.Warning, Seen: fmt.Sprintf("%s cannot be reached; a built-in outline stands in for it", strings.Join(ch.Outlines, ", ")), Remedy: "nothing in the sandbox; with a way to the repository the real chart is fetched, and kept for later"})
	default:
		rows = append(rows, doctor.Row{Check: name("chart"), State: doctor.OK, Seen: fmt.Sprintf("%s %s, %s", ch.Name(), ch.Metadata.Version, ch.Origin)})
	}
	if hub.Auth.OAuth() {
		rows = append(rows, doctor.Row{
			Check: name("OAuth callback"), State: doctor.OK, Seen: stack.CallbackURL(hub) + " is what the client has to be registered with; whether it is, only the provider knows",
		})
	}
	if doctor.Reserved(hub.Domain) {
		rows = append(rows, doctor.Row{
			Check: name("domain"), State: doctor.Warning, Seen: hub.Domain + " is a name that is kept for examples and tests, so that nobody reaches the hub by it (RFC 2606)",
			Remedy: "give it its own at domain of " + stack.Where("hubs["+hub.Name+"].domain"),
		})
	}
	rows = append(rows, a.checkLeft(ctx, g, stack, hub, name("login and HTTPS in the values"))...)
	return append(rows, a.checkSecretsOf(ctx, g, stack, hub, name)...)
}

// checkLeft looks in the values for what the configuration leaves to them.
func (a *app) checkLeft(ctx context.Context, g globals, stack *config.Stack, hub *config.Hub, check string) []doctor.Row {
	if hub.Auth.Type != config.AuthValues && hub.HTTPS.Type != config.HTTPSValues {
		return nil
	}
	of, err := a.hubFiles(ctx, g, stack, hub)
	var computed *values.Computed
	if err == nil {
		computed, err = values.Compute(of.values)
	}
	switch {
	case err != nil:
		return []doctor.Row{{Check: check, State: doctor.Fail, Seen: err.Error(), Remedy: fmt.Sprintf("mend these; `hubwright validate %s` shows them", stack.Environment)}}
	case of.unread || of.locked:
		return []doctor.Row{{Check: check, State: doctor.Skipped, Seen: "the files of secrets cannot be read from here"}}
	}
	refused, open := stacks.LeftToValues(stack, hub, computed)
	row := doctor.Row{Check: check, State: doctor.OK, Seen: "all that these need is there"}
	if found := slices.Concat(refused, open); len(found) > 0 {
		row = doctor.Row{Check: check, State: doctor.Warning, Seen: found.Error(), Remedy: "put it into the files of values and of secrets, or have auth.type and https.type say what hubwright shall see to"}
	}
	if len(refused) > 0 && !g.sandbox {
		row.State = doctor.Fail
	}
	return []doctor.Row{row}
}

func (a *app) checkSecretsOf(ctx context.Context, g globals, stack *config.Stack, hub *config.Hub, name func(string) string) []doctor.Row {
	check := name("secrets")
	var found secretsFound
	err := a.withSecrets(g, stack, func(secrets stacks.Secrets) error {
		files, err := a.secretFiles(ctx, secrets, stack)
		if err == nil {
			found, err = a.checkSecrets(ctx, stack, hub, secrets, files)
		}
		return err
	})
	var rows []doctor.Row
	if len(found.doubts) > 0 {
		rows = append(rows, doctor.Row{Check: name("certificate"), State: doctor.Warning, Seen: found.doubts.Error(), Remedy: "do what each says, before people see it in their browsers"})
	}
	row := doctor.Row{Check: check, State: doctor.OK, Seen: "complete, and as they should be"}
	switch {
	case err != nil:
		row = doctor.Row{Check: check, State: doctor.Fail, Seen: err.Error(), Remedy: hintOf(err)}
	case len(found.wrong) > 0:
		row = doctor.Row{Check: check, State: doctor.Fail, Seen: slices.Concat(found.wrong, found.missing).Error(), Remedy: fmt.Sprintf("`hubwright secrets check %s` shows these", stack.Environment)}
	case len(found.missing) > 0 && g.sandbox:
		row.Seen = fmt.Sprintf("the sandbox makes up what is missing; with real services a person has to enter:\n%s", found.missing.Error())
	case len(found.missing) == 0 && found.files == 0 && len(hub.SecretFiles) > 0:
		row.Seen = fmt.Sprintf("there is no %s, and the configuration wants nothing of it", hub.SecretFiles[0].File)
	case len(found.missing) > 0:
		row = doctor.Row{Check: check, State: doctor.Warning, Seen: found.missing.Error(), Remedy: fmt.Sprintf("`hubwright up %s` makes all but the hub meanwhile", stack.Environment)}
	}
	return append(rows, row)
}
