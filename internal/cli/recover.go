package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/impact"
	"github.com/hubwright/hubwright/internal/release"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) recover() *cli.Command {
	return verb("recover", "after a crash: stale lock, pending operations, broken snapshot", "ENV", nil, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			rep, err := s.recover(c.Context)
			if err != nil {
				return err
			}
			if g.output == "json" {
				return a.printJSON(rep)
			}
			return nil
		})
	})
}

func (s *session) recover(ctx context.Context) (*result.Recovery, error) {
	rep := &result.Recovery{Head: result.Of("recovery", s.env), Pending: []driver.Pending{}, Adopted: map[string]string{}}
	if err := s.freeLock(ctx, rep); err != nil {
		return nil, err
	}
	if err := s.adoptPending(ctx, rep); err != nil {
		return nil, err
	}
	if err := s.freeReleases(ctx, rep); err != nil {
		return nil, err
	}
	if rep.Lock == "" && !rep.Repaired && len(rep.Pending) == 0 && len(rep.Uninstalled) == 0 && len(rep.Freed) == 0 {
		s.app.Say("%s: nothing to recover: no lock, no pending operation", s.env)
		return rep, nil
	}
	s.app.Say("%s the state is consistent; `hubwright up %s` goes on from here", s.app.Paint(term.Green, "done:"), s.env)
	return rep, nil
}

// adoptPending records what became of the operations that were cut off, and reads everything again.
func (s *session) adoptPending(ctx context.Context, rep *result.Recovery) error {
	st, err := s.State(ctx, s.env)
	if err != nil || len(st.Pending) == 0 {
		return err
	}
	rep.Pending = append(rep.Pending, st.Pending...)
	s.app.Say("%s: an earlier operation was cut off in %d places:", s.env, len(st.Pending))
	found, err := s.Find(ctx, s.env, s.stack.Region(), st)
	if err != nil {
		return err
	}
	for _, p := range st.Pending {
		what := "is read again"
		if p.Op == "creating" {
			what = "was not made; the next update makes it"
			if id := found[p.URN]; id != "" {
				what = "may be there as " + id + "; it is adopted if it is"
				rep.Adopted[p.Name] = id
			}
		}
		s.app.Say("  %s %s (%s): %s", p.Op, p.Name, p.Type, what)
	}
	if err := s.ask("Record this and read everything again?"); err != nil {
		return err
	}
	if err := s.Adopt(ctx, s.env, found); err != nil {
		return err
	}
	_, err = s.showing(func() (*driver.Result, error) { return s.Refresh(ctx, s.env, false) })
	return err
}

// freeReleases looks in the cluster for Helm releases that were left in the middle of an operation, which Helm refuses to go on from. One that
// was being installed holds nothing yet, so it is taken away for the next update to install. One that was being upgraded holds the hub's
// database, so only the record of the upgrade is.
func (s *session) freeReleases(ctx context.Context, rep *result.Recovery) error {
	st, err := s.State(ctx, s.env)
	if err != nil {
		return err
	}
	var installing []string
	for _, r := range st.Resources {
		if r.Type != impact.ReleaseType {
			continue
		}
		namespace, name, _ := strings.Cut(r.ID, "/")
		stuck, err := s.stuck(ctx, st, r, namespace, name)
		switch {
		case err != nil:
			s.app.Say("  release %s could not be looked at: %v\n  should the next update say that another operation is in progress, run this again from where the cluster can be reached", r.ID, err)
		case stuck == nil:
		case stuck.Before == 0:
			s.app.Say("  release %s was being installed when it was cut off; it is taken away, and the next update installs it", r.ID)
			installing = append(installing, r.URN)
			rep.Uninstalled = append(rep.Uninstalled, r.ID)
		default:
			s.app.Say("  release %s was being %s when it was cut off, from which Helm refuses to go on; with the record of that (revision %d) removed, the next update goes on from revision %d",
				r.ID, stuck.Doing(), stuck.Revision, stuck.Before)
			if err := s.ask("Remove that record? Nothing else in the cluster is touched."); err != nil {
				return err
			}
			if err := stuck.Free(); err != nil {
				return err
			}
			rep.Freed = append(rep.Freed, r.ID)
		}
	}
	if len(installing) == 0 {
		return nil
	}
	if err := s.ask("Take it away?"); err != nil {
		return err
	}
	_, err = s.showing(func() (*driver.Result, error) { return s.Discard(ctx, s.env, installing) })
	return err
}

// stuck looks for an unfinished operation on a release.
func (s *session) stuck(ctx context.Context, st *driver.State, r driver.Resource, namespace, name string) (*release.Stuck, error) {
	cluster, err := s.clusterOf(ctx, st, r)
	if err != nil {
		return nil, err
	}
	return release.Find(cluster, namespace, name)
}

// clusterOf gives access to the Secrets of the cluster that a resource's provider is configured for.
func (s *session) clusterOf(ctx context.Context, st *driver.State, r driver.Resource) (typedv1.SecretsGetter, error) {
	kubeconfig := kubeconfigOf(st, r)
	if kubeconfig == "" {
		return nil, errNoKubeconfig
	}
	connect := release.Connect
	if s.sandbox != nil {
		connect = func(kubeconfig string) (typedv1.SecretsGetter, error) { return s.sandbox.Secrets(ctx, kubeconfig) }
	}
	return connect(kubeconfig)
}

var errNoKubeconfig = errors.New("its provider has no kubeconfig in the state")

// kubeconfigOf is the kubeconfig that a resource's provider is configured with; "" for none.
func kubeconfigOf(st *driver.State, r driver.Resource) (kubeconfig string) {
	for _, p := range st.Resources {
		if p.URN == r.Provider {
			kubeconfig, _ = p.Outputs["kubeconfig"].(string)
		}
	}
	return kubeconfig
}

// freeLock takes the lock away from a process that is gone, and repairs a snapshot that cannot be written back.
func (s *session) freeLock(ctx context.Context, rep *result.Recovery) error {
	lock, err := s.Locked(ctx, s.env)
	if driver.BrokenState(err) {
		s.app.Say("%v", err)
		if err := s.ask("Go back to the last whole state? The damaged one is kept."); err != nil {
			return err
		}
		if err := s.Repair(ctx, s.env); err != nil {
			return err
		}
		rep.Repaired = true
		lock, err = s.Locked(ctx, s.env)
	}
	if err != nil {
		return err
	}
	if lock == nil {
		return nil
	}
	rep.Lock = fmt.Sprintf("%s (process %d) since %s", lock.Holder, lock.PID, lock.Since)
	if !lock.Dead {
		return stopped("end that process first; on another machine, make sure that it has ended and use `pulumi cancel`",
			"%s is held by %s, and it cannot be shown from here that this process is gone", s.env, rep.Lock)
	}
	s.app.Say("%s: the lock of %s is stale: that process is gone", s.env, rep.Lock)
	if err := s.ask("Take the lock away?"); err != nil {
		return err
	}
	return s.Unlock(ctx, s.env)
}

// ask puts a yes-or-no question, which --yes answers.
func (s *session) ask(question string) error {
	if s.globals.yes {
		return nil
	}
	answer, err := s.app.Ask(question + " [y/N]")
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return stopped("", "not confirmed; nothing was changed")
	}
	return nil
}
