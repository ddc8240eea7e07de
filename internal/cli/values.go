package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"sigs.k8s.io/yaml"

	"github.com/hubwright/hubwright/internal/chartcheck"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

func (a *app) values() *cli.Command {
	sets := []cli.Flag{}
	for _, kind := range values.SetKinds {
		sets = append(sets, &cli.StringSliceFlag{Name: kind, Usage: "what it would be with `PATH=VALUE`, as helm --" + kind + " has it"})
	}
	return verb("values", "a hub's values as its files and settings come to, and where each was written", "ENV [PATH]", append(sets,
		&cli.StringFlag{Name: "hub", Usage: "the hub's `NAME` (default: the only one)"},
		&cli.BoolFlag{Name: "all", Usage: "with the chart's own defaults below"},
		&cli.BoolFlag{Name: "origin", Usage: "a line for each value, with the file, line and layer that it comes from"},
	), func(c *cli.Context, g globals) error {
		args, stack, hub, err := hubOf(c, g, 1, 2)
		if err != nil {
			return err
		}
		files, err := a.hubFiles(c.Context, g, stack, hub)
		if err != nil {
			return err
		}
		opts := files.values
		for _, kind := range values.SetKinds {
			for _, text := range c.StringSlice(kind) {
				opts.Sets = append(opts.Sets, values.Set{Kind: kind, Text: text})
			}
		}
		var ch *render.Found
		if c.Bool("all") {
			if ch, err = a.charts(stack.Dir, g).Chart(c.Context, chartOf(stack, hub)); err != nil {
				return err
			}
			defaults, err := chartcheck.Defaults(ch.Chart, hub.Chart.Path)
			if err != nil {
				return err
			}
			opts.Layers = append(defaults, opts.Layers...)
		}
		computed, err := values.Compute(opts)
		if err != nil {
			a.sayNotes(computed.Notes)
			return err
		}
		sets, open, err := stacks.ImageSets(stack, hub, computed)
		if err != nil {
			return err
		}
		for _, path := range open {
			a.Say("%s an update puts image %s at %s, by the digest that it has when it is built", a.Paint(term.Yellow, "note:"), hub.Image, path)
		}
		if opts.Sets = append(opts.Sets, sets...); len(sets) > 0 {
			if computed, err = values.Compute(opts); err != nil {
				return err
			}
		}
		if computed, err = a.withLaid(stack, hub, opts, computed, len(opts.Layers)-len(files.values.Layers)); err != nil {
			return err
		}
		switch {
		case ch == nil:
		case len(ch.Outlines) > 0:
			a.Say("%s defaults are those of a built-in outline in place of the chart %s", a.Paint(term.Yellow, "note:"), strings.Join(ch.Outlines, ", "))
		default:
			computed.Notes = append(computed.Notes, chartcheck.Unknown(ch.Chart, computed)...).Sorted()
		}
		var below values.Path
		if len(args) == 2 {
			below = values.ParsePath(args[1])
		}
		return a.showValues(g, stack, hub, computed, below, c.Bool("origin"))
	})
}

// withLaid are a hub's values with what hubwright's own settings lay under its files, which are the layers from that number on, and over everything.
func (a *app) withLaid(stack *config.Stack, hub *config.Hub, opts values.Options, computed *values.Computed, files int) (*values.Computed, error) {
	digest, _, err := stacks.ChartDigest(stack, hub)
	if err != nil {
		return nil, err
	}
	own := computed // without the chart's defaults, of which an update knows nothing
	if files > 0 {
		if own, err = values.Compute(values.Options{Files: opts.Files, Layers: opts.Layers[files:], Sets: opts.Sets}); err != nil {
			return nil, err
		}
	}
	laid, err := stacks.LayAround(stack, hub, own, digest)
	var refused config.Problems
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	opts.Layers = slices.Insert(slices.Clone(opts.Layers), files, values.Layer{Placed: laid.Under})
	opts.Over = laid.Over
	if computed, err = values.Compute(opts); err != nil {
		return nil, err
	}
	computed.Notes = slices.Concat(computed.Notes, laid.Notes, refused).Sorted()
	return computed, nil
}

// hubOf loads the environment that a verb's first argument names, and finds the hub that --hub names. The verb takes least to most arguments.
func hubOf(c *cli.Context, g globals, least, most int) (args []string, stack *config.Stack, hub *config.Hub, err error) {
	if args, err = environments(c, least, most); err != nil {
		return nil, nil, nil, err
	}
	root, err := findProject(g.dir)
	if err != nil {
		return nil, nil, nil, err
	}
	if stack, err = config.Load(root, args[0], nil, config.Options{Sandbox: g.sandbox}); err != nil {
		return nil, nil, nil, err
	}
	hub, err = oneHub(stack, c.String("hub"))
	return args, stack, hub, err
}

// oneHub is the hub of that name, or without a name the only one.
func oneHub(stack *config.Stack, name string) (*config.Hub, error) {
	var names []string
	for _, h := range stack.Hubs {
		names = append(names, h.Name)
	}
	switch {
	case name == "" && len(stack.Hubs) == 1:
		return &stack.Hubs[0], nil
	case name == "":
		return nil, usage("%s has %d hubs: which one? (--hub, of %q)", stack.Environment, len(names), names)
	case stack.Hub(name) == nil:
		return nil, usage("%s has no hub %q%s", stack.Environment, name, nearest(name, names))
	}
	return stack.Hub(name), nil
}

func (a *app) sayNotes(notes config.Problems) {
	for _, n := range notes {
		a.Say("%s %s", a.Paint(term.Yellow, "note:"), n)
	}
}

func (a *app) showValues(g globals, stack *config.Stack, hub *config.Hub, c *values.Computed, below values.Path, origin bool) error {
	leaves := c.Leaves(below)
	if len(leaves) == 0 {
		return usage("there is no value %s in the files of hub %s; `hubwright values %s` shows all of them", below, hub.Name, stack.Environment)
	}
	a.sayNotes(c.Notes)
	if g.output == "json" {
		out := make([]result.Leaf, len(leaves))
		for i, l := range leaves {
			value, _ := c.Shown(l.Path)
			out[i] = result.Leaf{Path: l.Path.String(), Value: value, Origin: l.Origin}
		}
		return a.printJSON(result.Values{Head: result.Of("values", stack.Environment), Hub: hub.Name, Values: out, Notes: append(config.Problems{}, c.Notes...)})
	}
	if origin {
		rows := [][]string{{"VALUE", "", "FROM", "LAYER"}}
		for _, l := range leaves {
			value, _ := c.Shown(l.Path)
			rows = append(rows, []string{l.Path.String(), short(value), l.String(), l.Layer})
		}
		return a.Table(rows)
	}
	v, _ := c.Shown(below)
	text, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	a.Print("%s", text[:len(text)-1])
	return nil
}

// short is a value on one line of a table.
func short(v any) string { return values.Brief(v, 60) }
