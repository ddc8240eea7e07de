package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func (a *app) sandbox() *cli.Command {
	return &cli.Command{
		Name: "sandbox", Usage: "look at and poke the simulated world", HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("sandbox: there is no %q%s", c.Args().First(), nearest(c.Args().First(), subNames(c.Command)))
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			verb("list", "the objects there are, by kind", "[KIND]", nil, a.inWorld(a.sandboxList)),
			verb("show", "an object", "KIND ID", nil, a.inWorld(a.sandboxShow)),
			verb("set", "change a setting (account, caller, region), or a property of an object behind the deployment's back", "NAME=VALUE | KIND ID NAME=VALUE…", nil, a.inAnyWorld(a.sandboxSet)),
			verb("delete", "delete an object behind the deployment's back", "KIND ID", nil, a.inWorld(a.sandboxDelete)),
			verb("fault", "make calls fail: add, or list, or clear", "add|list|clear", []cli.Flag{
				&cli.StringFlag{Name: "kind", Usage: "`PATTERN` over resource types, such as aws:eks/*", Value: "*"},
				&cli.StringFlag{Name: "op", Usage: "create, read, update, delete, invoke or *", Value: "*"},
				&cli.StringFlag{Name: "message", Usage: "the error that the call ends with"},
				&cli.Float64Flag{Name: "rate", Usage: "share of the calls that fail, up to 1", Value: 1},
				&cli.IntFlag{Name: "times", Usage: "how many calls fail; 0 for any number"},
				&cli.DurationFlag{Name: "after", Usage: "virtual time from now on after which it is in force"},
				&cli.DurationFlag{Name: "for", Usage: "virtual time for which it is in force"},
				&cli.DurationFlag{Name: "hang", Usage: "virtual time for which the call hangs first"},
			}, a.inAnyWorld(a.sandboxFault)),
			verb("advance", "let virtual time pass", "DURATION", nil, a.inWorld(a.sandboxAdvance)),
			verb("reset", "keep a copy of the world and begin a new one", "", nil, a.sandboxReset),
			verb("serve", "serve the simulated services for `pulumi` itself until Ctrl-C", "ENV", nil, a.sandboxServe),
		},
	}
}

func subNames(c *cli.Command) []string {
	var out []string
	for _, s := range c.Subcommands {
		out = append(out, s.Name)
	}
	return out
}

// inWorld opens the world of the deployment's sandbox for a verb; without one it says so.
func (a *app) inWorld(act func(*cli.Context, globals, *world.World) error) func(*cli.Context, globals) error {
	return func(c *cli.Context, g globals) error {
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		if _, err := os.Stat(sandbox.WorldDir(sandbox.Home(root))); err != nil {
			return usage("%s has no sandbox yet; `hubwright up ENV --sandbox` makes one", root)
		}
		return a.inAnyWorld(act)(c, g)
	}
}

// inAnyWorld opens the world of the deployment's sandbox for a verb that may also prepare one.
func (a *app) inAnyWorld(act func(*cli.Context, globals, *world.World) error) func(*cli.Context, globals) error {
	return func(c *cli.Context, g globals) error {
		root, err := findProject(g.dir)
		if err != nil {
			return err
		}
		w, err := world.Open(sandbox.WorldDir(sandbox.Home(root)), world.Options{})
		if err != nil {
			return err
		}
		return errors.Join(act(c, g, w), w.Close())
	}
}

func (a *app) sandboxList(c *cli.Context, g globals, w *world.World) error {
	rows := [][]string{{"KIND", "ID"}}
	entries := []result.Object{}
	set := map[string]string{}
	err := w.View(func(tx *world.Tx) error {
		set = tx.Settings()
		for _, kind := range tx.Kinds() {
			if want := c.Args().First(); want != "" && !strings.Contains(kind, want) {
				continue
			}
			for _, o := range tx.List(kind) {
				rows, entries = append(rows, []string{kind, o.ID}), append(entries, result.Object{Kind: kind, ID: o.ID})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if g.output == "json" {
		return a.printJSON(result.Sandbox{Schema: result.Schema("sandbox"), Now: w.Clock.Now(), Settings: set, Objects: entries})
	}
	a.Say("virtual time %s, %d objects", w.Clock.Now().Format(time.RFC3339), len(entries))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		a.Say("%s=%s", name, set[name])
	}
	return a.Table(rows)
}

func (a *app) sandboxShow(c *cli.Context, _ globals, w *world.World) error {
	return w.View(func(tx *world.Tx) error {
		o, err := object(c, tx)
		if err != nil {
			return err
		}
		return a.printJSON(o)
	})
}

// object finds the object that the first two arguments name.
func object(c *cli.Context, tx *world.Tx) (*world.Object, error) {
	kind, id := c.Args().Get(0), c.Args().Get(1)
	if kind == "" || id == "" {
		return nil, usage("%s: which object? (KIND ID, as `hubwright sandbox list` shows them)", c.Command.Name)
	}
	o := tx.Get(kind, id)
	if o != nil {
		return o, nil
	}
	var ids []string
	for _, o := range tx.List(kind) {
		ids = append(ids, o.ID)
	}
	if len(ids) == 0 {
		return nil, usage("there is nothing of kind %q%s", kind, nearest(kind, tx.Kinds()))
	}
	return nil, usage("there is no %s %q%s", kind, id, nearest(id, ids))
}

// settings are the world's settings that may be changed: whose credentials these are, and where.
var settings = []string{"account", "caller", "region"}

func (a *app) sandboxSet(c *cli.Context, _ globals, w *world.World) error {
	args := c.Args().Slice()
	if len(args) == 1 {
		name, value, ok := strings.Cut(args[0], "=")
		if !ok {
			return usage("set: %q is not NAME=VALUE", args[0])
		}
		if !slices.Contains(settings, name) {
			return usage("set: there is no setting %q%s; they are %s", name, nearest(name, settings), strings.Join(settings, ", "))
		}
		return w.Update(func(tx *world.Tx) error { return tx.Set(name, value) })
	}
	return w.Update(func(tx *world.Tx) error {
		o, err := object(c, tx)
		if err != nil {
			return err
		}
		changed := *o
		changed.Props = maps.Clone(o.Props)
		for _, arg := range args[2:] {
			name, value, ok := strings.Cut(arg, "=")
			if !ok {
				return usage("set: %q is not NAME=VALUE", arg)
			}
			changed.Props = withProp(changed.Props, strings.Split(name, "."), value)
		}
		return tx.Put(&changed)
	})
}

// withProp sets a property by its path in a copy; numbers and booleans are recognised where the property held one.
func withProp(props map[string]any, path []string, value string) map[string]any {
	out := maps.Clone(props)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) > 1 {
		below, _ := out[path[0]].(map[string]any)
		out[path[0]] = withProp(below, path[1:], value)
		return out
	}
	switch out[path[0]].(type) {
	case float64:
		var n float64
		if _, err := fmt.Sscan(value, &n); err == nil {
			out[path[0]] = n
			return out
		}
	case bool:
		out[path[0]] = value == "true"
		return out
	}
	out[path[0]] = value
	return out
}

func (a *app) sandboxDelete(c *cli.Context, _ globals, w *world.World) error {
	return w.Update(func(tx *world.Tx) error {
		o, err := object(c, tx)
		if err != nil {
			return err
		}
		return tx.Delete(o.Kind, o.ID)
	})
}

func (a *app) sandboxFault(c *cli.Context, g globals, w *world.World) error {
	switch c.Args().First() {
	case "add":
		now := w.Clock.Now()
		f := world.Fault{
			Kind: c.String("kind"), Op: c.String("op"), Message: c.String("message"), Rate: c.Float64("rate"), Times: c.Int("times"), Hang: c.Duration("hang"),
		}
		if d := c.Duration("after"); d > 0 {
			f.From = now.Add(d)
		}
		if d := c.Duration("for"); d > 0 {
			f.Until = now.Add(c.Duration("after") + d)
		}
		if err := f.Validate(); err != nil {
			return usage("%s", err)
		}
		return w.Update(func(tx *world.Tx) error { return tx.SetFaults(append(slices.Clone(tx.Faults()), f)) })
	case "clear":
		return w.Update(func(tx *world.Tx) error { return tx.SetFaults(nil) })
	case "list", "":
		return w.View(func(tx *world.Tx) error {
			if g.output == "json" {
				return a.printJSON(result.Faults{Schema: result.Schema("faults"), Faults: append([]world.Fault{}, tx.Faults()...)})
			}
			for _, f := range tx.Faults() {
				a.Print("%s %s rate %v times %d: %s", f.Kind, f.Op, f.Rate, f.Times, f.Message)
			}
			return nil
		})
	}
	return usage("fault: %q is none of add, list, clear", c.Args().First())
}

func (a *app) sandboxAdvance(c *cli.Context, _ globals, w *world.World) error {
	d, err := time.ParseDuration(c.Args().First())
	if err != nil || d <= 0 {
		return usage("advance: %q is no duration such as 30m", c.Args().First())
	}
	now := w.Clock.Advance(d)
	a.Print("%s", now.Format(time.RFC3339))
	return w.Update(func(tx *world.Tx) error { return tx.Set("advanced", now.Format(time.RFC3339)) }) // records the time
}

func (a *app) sandboxReset(_ *cli.Context, g globals) error {
	root, err := findProject(g.dir)
	if err != nil {
		return err
	}
	home := sandbox.Home(root)
	_, err = os.Stat(home)
	if errors.Is(err, os.ErrNotExist) {
		a.Say("there is no sandbox to reset")
		return nil
	}
	if err != nil {
		return err
	}
	if !g.yes {
		answer, err := a.Ask("Begin a new sandbox? Its state and world are kept aside. [y/N]")
		if err != nil {
			return err
		}
		if answer != "y" && answer != "yes" {
			return stopped("", "not confirmed; nothing was changed")
		}
	}
	kept, err := world.Reset(home)
	if err != nil {
		return err
	}
	a.Say("the old sandbox is kept in %s", kept)
	return nil
}

func (a *app) sandboxServe(c *cli.Context, g globals) error {
	env, err := environment(c)
	if err != nil {
		return err
	}
	root, err := findProject(g.dir)
	if err != nil {
		return err
	}
	stack, err := config.Load(root, env, nil, config.Options{Sandbox: true})
	if err != nil {
		return err
	}
	box, err := a.openSandbox(root, stack)
	if err != nil {
		return err
	}
	if stack.SecretStore.Files.Codecommit {
		if _, err := box.CodeCommit(c.Context); err != nil {
			return errors.Join(err, box.Close())
		}
	}
	vars := box.Env()
	a.Print("unset PULUMI_CONFIG_PASSPHRASE") // the file counts
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		a.Print("export %s='%s'", name, vars[name])
	}
	a.Print("export PULUMI_CWD='%s'", box.Mirror())
	a.Say("serving; in another shell export the lines above and run `pulumi -C \"$PULUMI_CWD\" preview -s %s`. Ctrl-C ends it", env)
	caught, stop := a.signals.listen()
	defer stop()
	<-caught
	return box.Close()
}
