package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/guard"
	"github.com/hubwright/hubwright/stacks"
)

// overrideFlag lets guards pass once, by name.
var overrideFlag = &cli.StringSliceFlag{Name: "override", Usage: "let the guard of that name pass, this once; the reason goes into the history: `RULE=REASON`"}

// guardsOf are the guards of the session's environment, and the reasons for which some of them are overridden.
func (s *session) guardsOf() (*guard.Set, map[string]string, error) {
	set, problems := guard.Compile(s.stack.Guards.Policy())
	if len(problems) > 0 { // which config says with their places
		return nil, nil, problems
	}
	overrides, err := set.Overrides(s.overrides)
	if err != nil {
		return nil, nil, usage("--override: %v", err)
	}
	return set, overrides, nil
}

// guard holds what a preview found to the guards. failed is its error: that something is protected is a guard's to tell, beside all else.
func (s *session) guard(res *driver.Result, failed error) error {
	set, overrides, err := s.guardsOf()
	if err != nil {
		return err
	}
	f := guard.Facts{
		Now: time.Now(), PublicEndpoint: s.stack.Cluster.From == "" && s.stack.Cluster.Endpoint.Public, PublicCIDRs: s.stack.Cluster.Endpoint.PublicCIDRs,
	}
	var refused *driver.Error
	if errors.As(failed, &refused) {
		f.ReplacedProtected = strings.TrimPrefix(refused.Message, s.env+": ")
	}
	if f.Untested, err = s.untested(); err != nil {
		return err
	}
	for _, h := range s.stack.Hubs {
		if h.Auth.Type == config.AuthDummy && !s.stack.Sandbox() {
			f.DummyAuth = append(f.DummyAuth, h.Name)
		}
	}
	c := res.Change
	c.Warnings = slices.DeleteFunc(c.Warnings, func(w string) bool {
		if !stacks.Waits(w) {
			return false
		}
		f.MissingSecrets = append(f.MissingSecrets, w)
		return true
	})
	set.Apply(c, f, overrides)
	return nil
}

// refusal is the error of a change that guards stop.
func (s *session) refusal(c *change.Change) error {
	var rules []string
	for _, g := range c.Guards {
		if g.Blocking && !slices.Contains(rules, g.Rule) {
			rules = append(rules, g.Rule)
		}
	}
	hint := "see above what each of them found"
	if rules[0] != guard.Protected && rules[0] != guard.PendingOperations {
		hint = fmt.Sprintf("where it is meant: --override %s='why it is', which goes into the history", rules[0])
	}
	word := "a guard stops"
	if len(rules) > 1 {
		word = "guards stop"
	}
	return stopped(hint, "%s: %s this: %s; nothing was changed", s.env, word, strings.Join(rules, ", "))
}
