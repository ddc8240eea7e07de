package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) status() *cli.Command {
	return verb("status", "what runs, where, since when, and is it healthy", "ENV", []cli.Flag{
		&cli.BoolFlag{Name: "recorded", Usage: "only what the state says, without asking the services"},
	}, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			st, err := s.status(c.Context, !c.Bool("recorded"))
			if err != nil {
				return err
			}
			if g.output == "json" {
				err = a.printJSON(st)
			} else {
				err = a.showStatus(st)
			}
			if err == nil && !st.Healthy {
				err = &coded{err: fmt.Errorf("%s is deployed but not healthy", s.env), code: exitUnhealthy, hint: remedy(st)}
			}
			return err
		})
	})
}

// status puts together what the state, the outputs and, when live, the services say.
func (s *session) status(ctx context.Context, live bool) (*result.Status, error) {
	state, err := s.State(ctx, s.env)
	if err != nil {
		return nil, err
	}
	if len(state.Resources) == 0 && len(state.Pending) == 0 {
		return nil, driver.NothingThere(s.env)
	}
	outputs, err := s.Outputs(ctx, s.env, false)
	if err != nil {
		return nil, err
	}
	st := &result.Status{
		Head: result.Of("status", s.env), Sandbox: s.globals.sandbox, Updated: state.Updated, Resources: state.Managed(),
		Pending: append([]driver.Pending{}, state.Pending...), Hubs: s.hubStatuses(outputs), Drifted: []string{},
	}
	if live {
		res, err := s.Refresh(ctx, s.env, true)
		if err != nil {
			return nil, err
		}
		for _, step := range res.Change.Steps {
			st.Drifted = append(st.Drifted, fmt.Sprintf("%s %s (%s)", step.Op, step.Name, step.Type))
		}
	}
	st.Healthy = len(st.Hubs) > 0 && len(st.Pending) == 0 && len(st.Drifted) == 0 &&
		!slices.ContainsFunc(st.Hubs, func(h result.Hub) bool { return h.Status != "deployed" || h.LoadBalancer == "" })
	return st, nil
}

// incomplete is the status of a hub that is configured, but that no update has finished.
const incomplete = "incomplete"

// hubStatuses are the hubs that the outputs tell of, and those that are configured and not among them.
func (s *session) hubStatuses(outputs map[string]any) []result.Hub {
	out := []result.Hub{}
	made := hubsOf(outputs)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		text := func(key string) string { v, _ := made[name][key].(string); return v }
		out = append(out, result.Hub{
			Name: name, URL: text("url"), Release: text("release"), Namespace: text("namespace"), Chart: text("chart"), Image: text("image"),
			Status: text("status"), LoadBalancer: text("loadBalancer"),
		})
	}
	for _, h := range s.stack.Hubs {
		if made[h.Name] == nil {
			out = append(out, result.Hub{Name: h.Name, Status: incomplete})
		}
	}
	return out
}

// remedy is what helps an environment that is not healthy; the most pressing first.
func remedy(st *result.Status) string {
	env := st.Environment
	switch {
	case len(st.Pending) > 0:
		return fmt.Sprintf("an earlier operation was cut off: `hubwright recover %s` finds out what became of it", env)
	case slices.ContainsFunc(st.Hubs, func(h result.Hub) bool { return h.Status == incomplete }):
		return fmt.Sprintf("no update that includes the hub has ended well: `hubwright up %s` goes on", env)
	case len(st.Drifted) > 0:
		return fmt.Sprintf("`hubwright drift %s` shows what differs", env)
	}
	return fmt.Sprintf("`hubwright up %s` brings it to what the configuration says", env)
}

func (a *app) showStatus(st *result.Status) error {
	health := a.Paint(term.Green, "healthy")
	if !st.Healthy {
		health = a.Paint(term.Red, "not healthy")
	}
	where := ""
	if st.Sandbox {
		where = " (sandbox)"
	}
	a.Print("%s%s: %s, %d resources, last changed %s", st.Environment, where, health, st.Resources, st.Updated.Format(time.RFC3339))
	rows := [][]string{{"HUB", "STATUS", "CHART", "URL", "LOAD BALANCER"}}
	for _, h := range st.Hubs {
		rows = append(rows, []string{h.Name, h.Status, h.Chart, h.URL, h.LoadBalancer})
	}
	if len(st.Hubs) > 0 {
		if err := a.Table(rows); err != nil {
			return err
		}
	}
	for _, p := range st.Pending {
		a.Print("pending: %s %s (%s)", p.Op, p.Name, p.Type)
	}
	for _, d := range st.Drifted {
		a.Print("drifted: %s", d)
	}
	return nil
}
