package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/impact"
	"github.com/hubwright/hubwright/internal/release"
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
				err = &coded{err: fmt.Errorf("%s is not healthy", s.env), code: exitUnhealthy, hint: remedy(st)}
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
	st := &result.Status{
		Head: result.Of("status", s.env), Sandbox: s.globals.sandbox, Updated: state.Updated, Resources: state.Managed(),
		Pending: append([]driver.Pending{}, state.Pending...), Drifted: []string{},
	}
	var busy *driver.Error
	if lock := s.Holder(s.env); lock != nil {
		st.Busy = fmt.Sprintf("%s is busy: %s", s.env, lock)
	} else if err := s.Settled(ctx, s.env, state); errors.As(err, &busy) && busy.Kind == driver.Busy {
		st.Busy = busy.Message
	}
	st.Hubs = s.hubStatuses(ctx, state, live)
	if live {
		res, err := s.Refresh(ctx, s.env, true)
		if err != nil {
			return nil, err
		}
		for _, step := range res.Change.Steps {
			st.Drifted = append(st.Drifted, fmt.Sprintf("%s %s (%s)", step.Op, step.Name, step.Type))
		}
	}
	st.Healthy = st.Busy == "" && len(st.Hubs) > 0 && len(st.Pending) == 0 && len(st.Drifted) == 0 &&
		!slices.ContainsFunc(st.Hubs, func(h result.Hub) bool { return h.Status != deployed || h.LoadBalancer == "" })
	return st, nil
}

// What a hub's status may be besides Helm's own words for its release.
const (
	deployed = "deployed"
	// incomplete: the hub is configured, but no update has finished it.
	incomplete = "incomplete"
	// absent: it was deployed and is no more.
	absent = "absent"
	// failed: its last update has failed.
	failed = "failed"
)

// hubStatuses are the hubs that the last whole update told of, as they are now, and those that are configured and not among them.
func (s *session) hubStatuses(ctx context.Context, state *driver.State, live bool) []result.Hub {
	out := []result.Hub{}
	made := hubsOf(state.Outputs)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		text := func(key string) string { v, _ := made[name][key].(string); return v }
		rel := releaseOf(state, name)
		if rel == nil {
			out = append(out, result.Hub{Name: name, Status: absent})
			continue
		}
		out = append(out, result.Hub{
			Name: name, URL: text("url"), Release: text("release"), Namespace: text("namespace"), Chart: text("chart"), Image: text("image"),
			Status: s.releaseStatus(ctx, state, rel, live), LoadBalancer: text("loadBalancer"),
		})
	}
	for _, h := range s.stack.Hubs {
		if made[h.Name] == nil {
			out = append(out, result.Hub{Name: h.Name, Status: incomplete})
		}
	}
	return out
}

// releaseOf is a hub's release in the state; nil when there is none.
func releaseOf(state *driver.State, hub string) *driver.Resource {
	for i, r := range state.Resources {
		if r.Type == impact.ReleaseType && r.Name == hub+"-release" {
			return &state.Resources[i]
		}
	}
	return nil
}

// releaseStatus is Helm's word for a release: as recorded, or when live as Helm's own records in the cluster have it. A release whose last update
// failed is failed, whatever the one before it was.
func (s *session) releaseStatus(ctx context.Context, state *driver.State, rel *driver.Resource, live bool) string {
	if len(rel.InitErrors) > 0 {
		return failed
	}
	if live {
		cluster, err := s.clusterOf(ctx, state, *rel)
		if err == nil {
			var status string
			if namespace, name, ok := strings.Cut(rel.ID, "/"); ok {
				if status, err = release.Status(cluster, namespace, name); err == nil {
					return status
				}
			}
		}
		s.app.Say("%s release %s could not be looked at: %v; what is shown is what was recorded", s.app.Paint(term.Yellow, "note:"), rel.ID, err)
	}
	recorded, _ := rel.Outputs["status"].(map[string]any)
	status, _ := recorded["status"].(string)
	return status
}

// remedy is what helps an environment that is not healthy; the most pressing first.
func remedy(st *result.Status) string {
	env := st.Environment
	has := func(status string) bool {
		return slices.ContainsFunc(st.Hubs, func(h result.Hub) bool { return h.Status == status })
	}
	switch {
	case st.Busy != "":
		return "wait until it has ended: " + st.Busy
	case len(st.Pending) > 0:
		return fmt.Sprintf("an earlier operation was cut off: `hubwright recover %s` finds out what became of it", env)
	case has(incomplete):
		return fmt.Sprintf("no update that includes the hub has ended well: `hubwright up %s` goes on", env)
	case has(absent):
		return fmt.Sprintf("the hub was destroyed: `hubwright up %s` deploys it again, on the data that was kept", env)
	case has(failed):
		return fmt.Sprintf("the release's last update failed: mend its values, then `hubwright up %s`", env)
	case len(st.Drifted) > 0:
		return fmt.Sprintf("`hubwright drift %s` shows what differs", env)
	}
	return fmt.Sprintf("`hubwright up %s` brings it to what the configuration says", env)
}

// health says where an environment is and whether it is healthy.
func (a *app) health(env string, sandbox, healthy bool) string {
	health := a.Paint(term.Green, "healthy")
	if !healthy {
		health = a.Paint(term.Red, "not healthy")
	}
	where := ""
	if sandbox {
		where = " (sandbox)"
	}
	return env + where + ": " + health
}

func (a *app) showStatus(st *result.Status) error {
	a.Print("%s, %d resources, last changed %s", a.health(st.Environment, st.Sandbox, st.Healthy), st.Resources, st.Updated.Format(time.RFC3339))
	rows := [][]string{{"HUB", "STATUS", "CHART", "URL", "LOAD BALANCER"}}
	for _, h := range st.Hubs {
		rows = append(rows, []string{h.Name, h.Status, h.Chart, h.URL, h.LoadBalancer})
	}
	if len(st.Hubs) > 0 {
		if err := a.Table(rows); err != nil {
			return err
		}
	}
	if st.Busy != "" {
		a.Print("%s", st.Busy)
	}
	for _, p := range st.Pending {
		a.Print("pending: %s %s (%s)", p.Op, p.Name, p.Type)
	}
	for _, d := range st.Drifted {
		a.Print("drifted: %s", d)
	}
	return nil
}
