package cli

import (
	"cmp"
	"context"
	"os/user"
	"strings"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/gitsource"
)

// deploy makes the change that a preview found, and has the stack's history tell what was deployed, by whom, and what for.
func (s *session) deploy(ctx context.Context, found *driver.Result) (*driver.Result, error) {
	message, err := s.record(ctx, found).Message()
	if err != nil {
		return nil, err
	}
	return s.showing(func() (*driver.Result, error) { return s.Up(ctx, s.env, message) })
}

// record is what is written of a deployment into the stack's history.
func (s *session) record(ctx context.Context, found *driver.Result) bundle.Record {
	r := bundle.Record{Verb: cmp.Or(s.verb, "up"), From: s.from, By: s.app.person(), Program: Version, Bundle: plannedBundle(found.Outputs), Overridden: overridden(found.Change)}
	r.Commit, r.Dirty = gitsource.CheckedOut(ctx, s.stack.Dir)
	return r
}

// plannedBundle is the bundle that a preview's outputs tell of. What only the update will know is left out.
func plannedBundle(outputs map[string]any) bundle.Bundle {
	b, _ := bundle.Read(outputs)
	for name, image := range b.Images {
		if strings.Contains(image.Ref, "[unknown]") {
			image.Ref = ""
			b.Images[name] = image
		}
	}
	return b
}

// overridden are the guards that a change passes since somebody said so, with the reasons.
func overridden(c *change.Change) map[string]string {
	out := map[string]string{}
	for _, g := range c.Guards {
		if g.Overridden != "" {
			out[g.Rule] = g.Overridden
		}
	}
	return out
}

// person is who is at work, as far as the machine knows: the person that a job of GitHub's or GitLab's runs for, or the user.
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables, https://docs.gitlab.com/ci/variables/predefined_variables/
func (a *app) person() string {
	if name := cmp.Or(a.getenv("GITHUB_ACTOR"), a.getenv("GITLAB_USER_LOGIN")); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
