package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) up() *cli.Command {
	return verb("up", "preview, confirm, update, verify", "ENV", []cli.Flag{overrideFlag, noVerifyFlag}, func(c *cli.Context, g globals) error {
		env, err := environment(c)
		if err != nil {
			return err
		}
		s, err := a.open(c.Context, g, env)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		s.overrides, s.unverified = c.StringSlice("override"), c.Bool("no-verify")
		res, err := s.update(c.Context)
		if res != nil && g.output == "json" {
			err = errors.Join(err, a.printJSON(res.Change))
		}
		return err
	})
}

// update is the whole of an update: the gate, the preview, the confirmation, the update, and what it came to.
func (s *session) update(ctx context.Context) (*driver.Result, error) {
	if _, _, err := s.guardsOf(); err != nil {
		return nil, err
	}
	if err := s.Check(ctx, s.env); err != nil {
		return nil, err
	}
	if !s.brief {
		s.noteMadeUp(ctx)
	}
	found, err := s.preview(ctx)
	if err != nil {
		return nil, err
	}
	text := s.globals.output != "json"
	if s.brief {
		s.app.Print("   %s", found.Change.Summary.Text())
	} else if text {
		if err := s.app.showChange(s.globals, found.Change, ""); err != nil {
			return nil, err
		}
	}
	if found.Change.Blocked() {
		if !text {
			if err := s.app.printJSON(found.Change); err != nil {
				return nil, err
			}
		}
		return nil, s.refusal(found.Change)
	}
	if found.Change.Summary.Changes() == 0 && !found.Touched {
		s.sandboxNote()
		return found, nil
	}
	if err := s.confirm(found.Change); err != nil {
		return nil, err
	}
	began := s.virtualNow()
	res, err := s.deploy(ctx, found)
	if err != nil {
		return nil, err
	}
	s.app.Say("%s %s in %s%s", s.app.Paint(term.Green, "done:"), res.Change.Summary.Done(), res.Took.Round(100*time.Millisecond), s.virtualTook(began))
	for _, url := range urlsOf(res.Outputs) {
		s.app.Say("  %s", url)
	}
	s.sandboxNote()
	return res, s.settled(ctx)
}

// confirm asks before a change is made. What destroys something is confirmed by typing the environment's name.
func (s *session) confirm(c *change.Change) error {
	if s.globals.yes {
		return nil
	}
	if gone := c.Destroys(); len(gone) > 0 {
		return s.confirmByName(fmt.Sprintf("%d resources would be deleted or replaced.", len(gone)))
	}
	answer, err := s.app.Ask(fmt.Sprintf("Update %s? [y/N]", s.env))
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return stopped("", "not confirmed; nothing was changed")
	}
	return nil
}

// confirmByName asks for the environment's name.
func (s *session) confirmByName(why string) error {
	answer, err := s.app.Ask(fmt.Sprintf("%s Type %q to go on:", why, s.env))
	if err != nil {
		return err
	}
	if answer != s.env {
		return stopped("", "not confirmed (%q is not %q); nothing was changed", answer, s.env)
	}
	return nil
}

// virtualNow is the sandbox's time; zero against real services.
func (s *session) virtualNow() time.Time {
	if s.sandbox == nil {
		return time.Time{}
	}
	return s.sandbox.World.Clock.Now()
}

// virtualTook says about how long the real services would have taken.
func (s *session) virtualTook(began time.Time) string {
	if s.sandbox == nil {
		return ""
	}
	return fmt.Sprintf(" (on AWS about %s)", s.virtualNow().Sub(began).Round(time.Second))
}
