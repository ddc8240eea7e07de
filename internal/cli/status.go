package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
)

// Status is what runs in an environment, as JSON form hubwright/status/v1.
type status struct {
	Schema      string           `json:"schema"`
	Environment string           `json:"environment"`
	Sandbox     bool             `json:"sandbox"`
	Updated     time.Time        `json:"updated"`
	Resources   int              `json:"resources"`
	Healthy     bool             `json:"healthy"`
	Hubs        []hubStatus      `json:"hubs"`
	Pending     []driver.Pending `json:"pending"`
	Drifted     []string         `json:"drifted"`
}

type hubStatus struct {
	Name         string `json:"name"`
	URL          string `json:"url"`
	Release      string `json:"release"`
	Namespace    string `json:"namespace"`
	Chart        string `json:"chart"`
	Image        string `json:"image,omitempty"`
	Status       string `json:"status"`
	LoadBalancer string `json:"loadBalancer"`
}

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
				err = &coded{err: fmt.Errorf("%s is deployed but not healthy", s.env), code: exitUnhealthy, hint: fmt.Sprintf("`hubwright drift %s` shows what differs", s.env)}
			}
			return err
		})
	})
}

// status puts together what the state, the outputs and, when live, the services say.
func (s *session) status(ctx context.Context, live bool) (*status, error) {
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
	st := &status{
		Schema: "hubwright/status/v1", Environment: s.env, Sandbox: s.globals.sandbox, Updated: state.Updated, Resources: state.Managed(),
		Pending: append([]driver.Pending{}, state.Pending...), Hubs: []hubStatus{}, Drifted: []string{},
	}
	hubs := hubsOf(outputs)
	for _, name := range slices.Sorted(maps.Keys(hubs)) {
		text := func(key string) string { v, _ := hubs[name][key].(string); return v }
		st.Hubs = append(st.Hubs, hubStatus{
			Name: name, URL: text("url"), Release: text("release"), Namespace: text("namespace"), Chart: text("chart"), Image: text("image"),
			Status: text("status"), LoadBalancer: text("loadBalancer"),
		})
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
		!slices.ContainsFunc(st.Hubs, func(h hubStatus) bool { return h.Status != "deployed" || h.LoadBalancer == "" })
	return st, nil
}

func (a *app) showStatus(st *status) error {
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
