package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
)

// rotation is a secret that can be made anew, and what that means for the people who are logged in.
type rotation struct {
	key, means string
	do         func(*secretsOf, *secretfile.File, *cli.Context) error
}

var allRotations = []rotation{
	{"proxyToken", "with the next update proxy and hub restart; users' servers go on, and their pages reconnect", anew("proxyToken")},
	{"cookieSecret", "with the next update the hub restarts and everybody has to log in again; users' servers go on", anew("cookieSecret")},
	{"cryptKey", "with the next update the hub restarts; what is kept of logins is encrypted with the new key and still read with the old one", cryptKey},
	{"data-key", "the file is encrypted anew with another key; nothing changes for anybody", func(_ *secretsOf, f *secretfile.File, c *cli.Context) error {
		return f.Rekey(c.Context, nil)
	}},
	{"recipients", "the file is encrypted anew for those whom the rules name now; who could open it until now knows what was in it", func(s *secretsOf, f *secretfile.File, c *cli.Context) error {
		groups, err := secretfile.Rule(s.stack.Dir, s.file)
		if err != nil {
			return err
		}
		return f.Rekey(c.Context, groups)
	}},
}

func rotations() []string {
	var out []string
	for _, r := range allRotations {
		out = append(out, r.key)
	}
	return out
}

// anew makes a secret of a key anew.
func anew(key string) func(*secretsOf, *secretfile.File, *cli.Context) error {
	return func(s *secretsOf, f *secretfile.File, _ *cli.Context) error {
		paths := s.hub.SecretPaths(key)
		at := paths[0]
		if i := slices.IndexFunc(paths, func(p []string) bool { return has(f, [][]string{p}) }); i >= 0 {
			at = paths[i]
		}
		return f.Set(generated(key), at...)
	}
}

// cryptKey puts a new key before the old ones. The first encrypts, all decrypt:
// https://jupyterhub.readthedocs.io/en/stable/reference/authenticators.html#authentication-state
func cryptKey(s *secretsOf, f *secretfile.File, _ *cli.Context) error {
	path := s.hub.SecretPaths("cryptKey")[0]
	keys, _ := generated("cryptKey").([]any)
	if old, ok := f.Get(path...); ok {
		if list, isList := old.([]any); isList {
			keys = append(keys, list...)
		} else if old != nil && old != "" { // one alone, as text
			keys = append(keys, old)
		}
	}
	return f.Set(keys, path...)
}

// rotate makes one secret, or the file's own keys, anew.
func (s *secretsOf) rotate(c *cli.Context) error {
	i := slices.IndexFunc(allRotations, func(r rotation) bool { return r.key == s.args[0] })
	if i < 0 {
		return usage("%q cannot be made anew%s (of %s). Anything else a person sets: `hubwright secrets set`", s.args[0], nearest(s.args[0], rotations()), strings.Join(rotations(), ", "))
	}
	r := allRotations[i]
	data, err := s.read(c.Context)
	if err != nil {
		return err
	}
	if data == nil {
		return usage("%s does not exist: there is nothing to make anew", s.name())
	}
	f, err := s.open(c.Context)
	if err != nil {
		return err
	}
	s.Say("%s: %s", s.Paint(term.Bold, r.key), r.means)
	if !s.globals.yes {
		answer, err := s.Ask("Make it anew? [y/N]")
		if err != nil {
			return err
		}
		if answer != "y" && answer != "yes" {
			return stopped("", "not confirmed; nothing was changed")
		}
	}
	if err := r.do(s, f, c); err != nil {
		return err
	}
	if r.key == "recipients" && !c.Bool("without-me") {
		if err := s.keepsOpening(c.Context, f); err != nil {
			return err
		}
	}
	return s.write(c.Context, f)
}

// keepsOpening stops what would leave whoever runs this unable to open the file, unless that person says on a terminal that it is meant.
func (s *secretsOf) keepsOpening(ctx context.Context, f *secretfile.File) error {
	locked := s.opens(ctx, f)
	if locked == nil {
		return nil
	}
	s.Say("%s you could not open it any more: %v", s.Paint(term.Yellow, "note:"), locked)
	const hint = "add yourself to the rule in " + secretfile.RulesFile + "; or, when others are to have it from now on, --without-me"
	if s.globals.yes {
		return stopped(hint, "%s would be closed to you; nothing was changed", s.name())
	}
	answer, err := s.Ask("Lock yourself out? [y/N]")
	switch {
	case errors.Is(err, term.ErrNotAsked):
		return stopped(hint, "%s would be closed to you; nothing was changed", s.name())
	case err != nil:
		return err
	case answer != "y" && answer != "yes":
		return stopped(hint, "not confirmed; nothing was changed")
	}
	return nil
}
