package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
)

func (a *app) drift() *cli.Command {
	return verb("drift", "what differs from the state, in cloud and cluster", "ENV", []cli.Flag{detailedExitCode}, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			res, err := s.waiting(func() (*driver.Result, error) { return s.Refresh(c.Context, s.env, true) })
			if err != nil {
				return err
			}
			if g.output == "markdown" {
				a.Print("%s", res.Change.Markdown(0, ""))
			} else if err := a.showChange(g, res.Change); err != nil {
				return err
			}
			if n := res.Change.Summary.Changes(); n > 0 && g.output != "json" {
				a.Say("`hubwright refresh %s` accepts this into the state; `hubwright up %s` then puts back what the configuration says", s.env, s.env)
			}
			s.sandboxNote()
			if res.Change.Blocked() {
				return stopped("", "%s: nothing could be done about it now", s.env)
			}
			return changesFound(c, res.Change.Summary.Changes() > 0)
		})
	})
}

func (a *app) refresh() *cli.Command {
	return verb("refresh", "accept what is there into the state", "ENV", nil, func(c *cli.Context, g globals) error {
		return a.withSession(c, g, func(s *session) error {
			if err := s.Check(c.Context, s.env); err != nil {
				return err
			}
			found, err := s.waiting(func() (*driver.Result, error) { return s.Refresh(c.Context, s.env, true) })
			if err != nil {
				return err
			}
			if g.output != "json" || found.Change.Summary.Changes() == 0 {
				if err := a.showChange(g, found.Change); err != nil {
					return err
				}
			}
			if found.Change.Summary.Changes() == 0 {
				return nil
			}
			if err := s.confirm(found.Change); err != nil {
				return err
			}
			res, err := s.showing(func() (*driver.Result, error) { return s.Refresh(c.Context, s.env, false) })
			if err != nil {
				return err
			}
			s.sandboxNote()
			if g.output == "json" {
				return a.printJSON(res.Change)
			}
			return nil
		})
	})
}
