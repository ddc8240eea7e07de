package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) outputs() *cli.Command {
	return verb("outputs", "the stack's outputs", "ENV", []cli.Flag{
		&cli.BoolFlag{Name: "show-secrets", Usage: "secrets in plaintext"},
	}, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			state, err := s.State(c.Context, s.env)
			if err != nil {
				return err
			}
			out := state.Outputs
			if len(out) == 0 {
				return s.noOutputs(c.Context, state)
			}
			if c.Bool("show-secrets") {
				if out, err = s.Outputs(c.Context, s.env, true); err != nil {
					return err
				}
			}
			for _, h := range s.hubStatuses(c.Context, state, false) {
				if h.Status == absent {
					a.Say("%s the hub %s was destroyed; what follows is what the last update left", a.Paint(term.Yellow, "note:"), h.Name)
				}
			}
			if g.output == "json" {
				return a.printJSON(result.Outputs{Head: result.Of("outputs", s.env), Outputs: out})
			}
			var rows [][]string
			for _, name := range slices.Sorted(maps.Keys(out)) {
				rows = append(rows, []string{name, plainValue(out[name])})
			}
			return a.Table(rows)
		})
	})
}

func (a *app) url() *cli.Command {
	return verb("url", "where the hubs are", "ENV", nil, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			state, err := s.State(c.Context, s.env)
			if err != nil {
				return err
			}
			urls := []string{}
			for _, h := range s.hubStatuses(c.Context, state, false) {
				if h.URL != "" {
					urls = append(urls, h.URL)
				}
			}
			if len(urls) == 0 {
				return s.noOutputs(c.Context, state)
			}
			slices.Sort(urls)
			if g.output == "json" {
				return a.printJSON(result.URLs{Head: result.Of("url", s.env), URLs: urls})
			}
			for _, u := range urls {
				a.Print("%s", u)
			}
			return nil
		})
	})
}

// noOutputs says why a stack has none: nothing is deployed, no update has ended well, or the hubs were destroyed.
func (s *session) noOutputs(ctx context.Context, state *driver.State) error {
	if err := s.Settled(ctx, s.env, state); err != nil {
		return err
	}
	if len(state.Resources) == 0 {
		return driver.NothingThere(s.env)
	}
	if len(state.Outputs) > 0 {
		return &coded{
			err: fmt.Errorf("%s: the hubs were destroyed; %d resources that hold data are kept", s.env, state.Managed()), code: exitFailed,
			hint: fmt.Sprintf("`hubwright up %s` deploys them again", s.env),
		}
	}
	return &coded{
		err: fmt.Errorf("%s: %d resources are there, but no update has ended well yet, so there are no outputs", s.env, state.Managed()), code: exitFailed,
		hint: fmt.Sprintf("`hubwright up %s` goes on from there", s.env),
	}
}

// withSession opens the one environment that a verb takes, acts, and closes it.
func (a *app) withSession(c *cli.Context, g globals, act func(*session) error) error {
	env, err := environment(c)
	if err != nil {
		return err
	}
	s, err := a.look(c.Context, g, env)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return act(s)
}

// hubsOf reads the stack's output "hubs": by hub's name, what is known of it.
func hubsOf(outputs map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	hubs, _ := outputs["hubs"].(map[string]any)
	for name, v := range hubs {
		if m, ok := v.(map[string]any); ok {
			out[name] = m
		}
	}
	return out
}

// urlsOf returns the hubs' addresses, sorted.
func urlsOf(outputs map[string]any) []string {
	urls := []string{}
	for _, h := range hubsOf(outputs) {
		if u, ok := h["url"].(string); ok && u != "" {
			urls = append(urls, u)
		}
	}
	slices.Sort(urls)
	return urls
}

// plainValue renders an output in a line.
func plainValue(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
