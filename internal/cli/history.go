package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/result"
)

func (a *app) history() *cli.Command {
	return verb("history", "who deployed what bundle when, and how it ended", "ENV", []cli.Flag{
		&cli.IntFlag{Name: "last", Value: 20, Usage: "how many of the newest to show; 0 for all"},
	}, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			all, err := s.deployments(c.Context)
			if err != nil {
				return err
			}
			if last := c.Int("last"); last > 0 && len(all) > last {
				all = all[:last]
			}
			if g.output == "json" {
				return a.printJSON(result.History{Head: result.Of("history", s.env), Deployments: all})
			}
			if len(all) == 0 {
				a.Say("%s: nothing was deployed yet", s.env)
				return nil
			}
			rows := [][]string{{"NUMBER", "BEGAN", "TOOK", "BY", "WHAT", "BUNDLE", "COMMIT", "RESULT"}}
			for _, d := range all {
				rows = append(rows, historyRow(d))
			}
			return a.Table(rows)
		})
	})
}

// historyRow tells of a deployment in a line.
func historyRow(d bundle.Deployment) []string {
	what, by, id, commit := d.Kind, "", "", ""
	if r := d.Record; r != nil {
		what, by, id, commit = r.Verb, r.By, r.Bundle.ID(), r.Commit[:min(len(r.Commit), 10)]
		if r.From != "" {
			what += " from " + r.From
		}
		if r.Dirty {
			commit += "+"
		}
		for _, rule := range slices.Sorted(maps.Keys(r.Overridden)) {
			what += fmt.Sprintf(", %s overridden: %s", rule, r.Overridden[rule])
		}
	} else if d.Message != "" {
		what += ": " + strings.Join(strings.Fields(d.Message), " ")
	}
	return []string{
		strconv.Itoa(d.Number), d.Started.Local().Format("2006-01-02 15:04:05"), (time.Duration(d.Seconds) * time.Second).String(), by, what, id, commit, d.Result,
	}
}

// deployments are what the stack's history tells of, the newest first.
func (s *session) deployments(ctx context.Context) ([]bundle.Deployment, error) {
	past, err := s.History(ctx, s.env)
	if err != nil {
		return nil, err
	}
	out := []bundle.Deployment{}
	for _, p := range past {
		d := bundle.Deployment{Number: p.Number, Kind: p.Kind, Started: p.Start, Result: p.Result, Message: p.Message}
		if !p.End.IsZero() {
			d.Seconds = int(p.End.Sub(p.Start).Seconds())
		}
		if r, is := bundle.ParseMessage(p.Message); is {
			d.Record, d.Message = &r, ""
		}
		out = append(out, d)
	}
	return out, nil
}

func (a *app) diff() *cli.Command {
	return verb("diff", "two bundles side by side: what runs on two environments, or what ran on one", "ENV ENV | ENV --from N [--to M]", []cli.Flag{
		&cli.IntFlag{Name: "from", Usage: "the `NUMBER` of a deployment in the history"},
		&cli.IntFlag{Name: "to", Usage: "the `NUMBER` of another; what runs now without it"},
	}, func(c *cli.Context, g globals) error {
		envs, err := environments(c, 1, 2)
		if err != nil {
			return err
		}
		out := result.Diff{Schema: result.Schema("diff"), Differences: []bundle.Difference{}}
		var from, to bundle.Bundle
		switch {
		case len(envs) == 2 && (c.IsSet("from") || c.IsSet("to")):
			return usage("diff takes two environments, or one with --from")
		case len(envs) == 2:
			out.From, out.To = envs[0], envs[1]
			if from, err = a.running(c.Context, g, envs[0]); err != nil {
				return err
			}
			to, err = a.running(c.Context, g, envs[1])
		case !c.IsSet("from"):
			return usage("diff: name a second environment, or deployments with --from and --to: `hubwright history %s` lists them", envs[0])
		default:
			out.From, out.To = fmt.Sprintf("%s #%d", envs[0], c.Int("from")), envs[0]
			if c.IsSet("to") {
				out.To = fmt.Sprintf("%s #%d", envs[0], c.Int("to"))
			}
			from, to, err = a.between(c.Context, g, envs[0], c.Int("from"), c.Int("to"))
		}
		if err != nil {
			return err
		}
		out.Differences = append(out.Differences, bundle.Compare(from, to)...)
		if g.output == "json" {
			return a.printJSON(out)
		}
		if len(out.Differences) == 0 {
			a.Print("%s and %s run the same", out.From, out.To)
		}
		for _, d := range out.Differences {
			a.Print("%s", d)
		}
		return nil
	})
}

// running is the bundle that runs on an environment.
func (a *app) running(ctx context.Context, g globals, env string) (b bundle.Bundle, err error) {
	s, err := a.look(ctx, g, env)
	if err != nil {
		return b, err
	}
	defer func() { _ = s.Close() }()
	return s.running(ctx)
}

func (s *session) running(ctx context.Context) (bundle.Bundle, error) {
	state, err := s.State(ctx, s.env)
	if err != nil {
		return bundle.Bundle{}, err
	}
	b, known := bundle.Read(state.Outputs)
	if !known {
		return b, stopped(fmt.Sprintf("`hubwright up %s` deploys it, and records what it runs", s.env), "%s: what runs there is not recorded", s.env)
	}
	return b, nil
}

// between are two bundles of an environment's history; to is what runs now for 0.
func (a *app) between(ctx context.Context, g globals, env string, from, to int) (was, is bundle.Bundle, err error) {
	s, err := a.look(ctx, g, env)
	if err != nil {
		return was, is, err
	}
	defer func() { _ = s.Close() }()
	all, err := s.deployments(ctx)
	if err != nil {
		return was, is, err
	}
	d, err := s.recorded(all, from)
	if err != nil {
		return was, is, err
	}
	was = d.Record.Bundle
	if to == 0 {
		if is, err = s.running(ctx); err != nil {
			return was, is, err
		}
	} else {
		if d, err = s.recorded(all, to); err != nil {
			return was, is, err
		}
		is = d.Record.Bundle
	}
	known := append(bundles(all), is)
	return was.Filled(known...), is.Filled(known...), nil
}

// bundles are those of deployments, as far as they are recorded.
func bundles(all []bundle.Deployment) []bundle.Bundle {
	var out []bundle.Bundle
	for _, d := range all {
		if d.Record != nil {
			out = append(out, d.Record.Bundle)
		}
	}
	return out
}

// recorded is the deployment of a number whose bundle is known.
func (s *session) recorded(all []bundle.Deployment, number int) (*bundle.Deployment, error) {
	i := slices.IndexFunc(all, func(d bundle.Deployment) bool { return d.Number == number })
	switch {
	case len(all) == 0:
		return nil, usage("%s: nothing was deployed yet, so there is no deployment %d", s.env, number)
	case i < 0:
		return nil, usage("%s has no deployment %d: its history goes from %d to %d", s.env, number, all[len(all)-1].Number, all[0].Number)
	case all[i].Record == nil:
		return nil, usage("%s: of deployment %d (%s) it is not recorded what it brought: it was not hubwright that made it, or no update", s.env, number, all[i].Kind)
	}
	return &all[i], nil
}
