package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"k8s.io/client-go/rest"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/release"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/internal/verify"
)

// settles is for how long an environment that was just updated may take to be well: a load balancer's name and a pod that is started again take some minutes.
const settles = 5 * time.Minute

// noVerifyFlag is of the verbs that verify what they have updated.
var noVerifyFlag = &cli.BoolFlag{Name: "no-verify", Usage: "do not look afterwards whether it is healthy, as where this machine does not reach the hub"}

func (a *app) verify() *cli.Command {
	return verb("verify", "is each hub up: the checks one by one", "ENV", []cli.Flag{
		&cli.StringSliceFlag{Name: "check", Usage: "only the check of this `NAME`, which may be given several times: " + strings.Join(verify.Names, ", ")},
		&cli.DurationFlag{Name: "wait", Usage: "look again for so long until all is well, such as 5m"},
	}, func(c *cli.Context, g globals) error {
		checks := c.StringSlice("check")
		for _, name := range checks {
			if !slices.Contains(verify.Names, name) {
				return usage("--check: there is no check %q%s; they are %s", name, nearest(name, verify.Names), strings.Join(verify.Names, ", "))
			}
		}
		return a.withSession(c, g, func(s *session) error {
			v, err := s.verify(c.Context, verify.Options{Checks: checks, Wait: c.Duration("wait")})
			if err != nil {
				return err
			}
			if g.output == "json" {
				err = a.printJSON(v)
			} else {
				err = a.showVerification(v)
			}
			if err == nil && !v.Healthy {
				err = s.unwell(v)
			}
			return err
		})
	})
}

// unwell is the error of an environment that is not healthy.
func (s *session) unwell(v *result.Verification) error {
	return &coded{err: fmt.Errorf("%s is not healthy", s.env), code: exitUnhealthy, hint: firstHint(v, s.env)}
}

// firstHint is what helps with the first thing that is wrong.
func firstHint(v *result.Verification, env string) string {
	for _, h := range v.Hubs {
		for _, c := range h.Checks {
			if c.Hint != "" {
				return strings.ReplaceAll(c.Hint, " ENV", " "+env)
			}
		}
	}
	return ""
}

// verify makes the checks of each hub that is deployed or configured.
func (s *session) verify(ctx context.Context, opts verify.Options) (*result.Verification, error) {
	state, err := s.State(ctx, s.env)
	if err != nil {
		return nil, err
	}
	if len(state.Resources) == 0 && len(state.Pending) == 0 {
		return nil, driver.NothingThere(s.env)
	}
	hubs := s.deployed(state)
	if len(hubs) == 0 {
		return nil, &coded{err: fmt.Errorf("%s has no hubs, so there is nothing to look at", s.env), code: exitUsage}
	}
	return s.checked(ctx, state, hubs, opts)
}

// checked makes the checks of hubs.
func (s *session) checked(ctx context.Context, state *driver.State, hubs []verify.Hub, opts verify.Options) (*result.Verification, error) {
	v := &result.Verification{Head: result.Of("verification", s.env), Sandbox: s.sandbox != nil, At: time.Now().UTC(), Healthy: true, Hubs: []verify.Report{}}
	for _, h := range hubs {
		rep, err := verify.Of(ctx, h, s.ways(state, h.Name), opts)
		if err != nil {
			return nil, err
		}
		v.Hubs = append(v.Hubs, *rep)
		v.Healthy = v.Healthy && rep.Healthy
	}
	if s.sandbox != nil {
		v.At = s.virtualNow().UTC()
	}
	return v, nil
}

// deployed are the hubs that the last whole update told of, and those that are configured and not among them.
func (s *session) deployed(state *driver.State) []verify.Hub {
	var groups []verify.NodeGroup
	if s.stack.Cluster.Existing == "" && s.stack.Cluster.From == "" {
		for _, g := range s.stack.Cluster.NodeGroups {
			groups = append(groups, verify.NodeGroup{Name: g.Name, Purpose: g.Purpose, Min: g.Min})
		}
	}
	made := hubsOf(state.Outputs)
	var out []verify.Hub
	for _, name := range slices.Sorted(maps.Keys(made)) {
		text := func(key string) string { t, _ := made[name][key].(string); return t }
		h := verify.Hub{Name: name, Namespace: text("namespace"), Release: text("release"), URL: text("url"), Image: text("image"), NodeGroups: groups}
		if c := s.stack.Hub(name); c != nil {
			h.Domain, h.ValuesKey = c.Domain, c.Chart.ValuesKey
		}
		if releaseOf(state, name) == nil {
			h.Absent = "the hub was destroyed"
		}
		out = append(out, h)
	}
	for _, c := range s.stack.Hubs {
		if made[c.Name] == nil {
			out = append(out, verify.Hub{Name: c.Name, Domain: c.Domain, Absent: "no update that includes the hub has ended well"})
		}
	}
	return out
}

// ways are the ways to a hub: those of the real world, or of the sandbox's.
func (s *session) ways(state *driver.State, hub string) verify.Ways {
	ways := verify.Ways{}
	if rel := releaseOf(state, hub); rel == nil {
		ways.NoCluster = errors.New("its release is not in the state")
	} else if kubeconfig := kubeconfigOf(state, *rel); kubeconfig == "" {
		ways.NoCluster = errNoKubeconfig
	} else {
		ways.Cluster, ways.NoCluster = s.kube(kubeconfig)
	}
	if s.sandbox != nil {
		network := s.sandbox.Network()
		ways.Resolver, ways.Dial, ways.Now = network, network.Dial, s.sandbox.World.Clock.Now
		ways.Sleep = func(ctx context.Context, d time.Duration) error { return s.sandbox.Wait(ctx, s.virtualNow().Add(d)) }
	}
	return ways
}

// kube leads client-go to the cluster of a kubeconfig.
func (s *session) kube(kubeconfig string) (*rest.Config, error) {
	if s.sandbox != nil {
		return s.sandbox.Kube(kubeconfig)
	}
	return release.Config(kubeconfig)
}

func (a *app) showVerification(v *result.Verification) error {
	a.Print("%s", a.health(v.Environment, v.Sandbox, v.Healthy))
	for _, h := range v.Hubs {
		rows := [][]string{{"HUB", "CHECK", "RESULT", "SEEN"}}
		for _, c := range h.Checks {
			rows = append(rows, []string{h.Hub, c.Name, c.Result, c.Seen})
		}
		if err := a.Table(rows); err != nil {
			return err
		}
		a.showProblems(h)
	}
	return nil
}

// showProblems tells of what is wrong, with what shows it, and of what is worth knowing.
func (a *app) showProblems(h verify.Report) {
	for _, c := range h.Checks {
		a.showWrong(a.Print, c.Name, c.Problems)
		for _, n := range c.Notes {
			a.Print("%s %s: %s", a.Paint(term.Yellow, "note:"), c.Name, n)
		}
	}
}

// showWrong tells of problems, whosever they are, and of what shows them.
func (a *app) showWrong(tell func(string, ...any), whose string, problems []verify.Problem) {
	for _, p := range problems {
		tell("%s %s: %s", a.Paint(term.Red, "wrong:"), whose, p.What)
		for _, e := range p.Evidence {
			tell("  %-6s %s: %s", e.Kind, e.Of, e.Text)
		}
	}
}

// settled looks whether what was just updated is well, and waits for it a while. What is wrong is told, and the error is *unhealthyError.
func (s *session) settled(ctx context.Context) error {
	if s.unverified {
		return nil
	}
	state, err := s.State(ctx, s.env)
	if err != nil {
		return err
	}
	// A hub that waits for its secrets was told of already.
	hubs := slices.DeleteFunc(s.deployed(state), func(h verify.Hub) bool { return h.Absent != "" })
	if len(hubs) == 0 {
		return nil
	}
	opts := verify.Options{Wait: settles}
	if s.stack.DNS.Zone == "" && s.stack.DNS.ZoneID == "" && !s.resolve(ctx, state, hubs) {
		opts.Checks = verify.InCluster
		s.app.noteOnce("no name leads to the hub yet, and no zone is configured to write it into: enter the record that `hubwright outputs %s` shows, then `hubwright verify %s` looks at the way to the hub, too", s.env, s.env)
	}
	v, err := s.checked(ctx, state, hubs, opts)
	if err != nil {
		return err
	}
	if v.Healthy {
		n := 0
		for _, h := range v.Hubs {
			n += len(h.Checks)
		}
		s.app.Say("%s %s is healthy: %d checks", s.app.Paint(term.Green, "verified:"), s.env, n)
		return nil
	}
	for _, h := range v.Hubs {
		for _, c := range h.Checks {
			s.app.showWrong(s.app.Say, fmt.Sprintf("hub %s, %s", h.Hub, c.Name), c.Problems)
		}
	}
	return &unhealthyError{s.env, cmp.Or(firstHint(v, s.env), fmt.Sprintf("`hubwright verify %s` looks again", s.env))}
}

// resolve says whether each hub's name leads somewhere.
func (s *session) resolve(ctx context.Context, state *driver.State, hubs []verify.Hub) bool {
	for i := range hubs {
		if !s.ways(state, hubs[i].Name).Resolves(ctx, hubs[i].Domain) {
			return false
		}
	}
	return true
}
