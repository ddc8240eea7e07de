// Package guard holds the rules that a change must pass before it is made: nothing that holds people's work goes by accident, and nothing that a person has
// to know passes in silence. Each rule has a name, by which its severity is configured and it is overridden, once and with a reason.
package guard

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/problem"
)

// Severities of a rule.
const (
	Stop = "stop" // the change is not made, unless the rule is overridden by name
	Warn = "warn" // it is told of
	Off  = "off"  // the rule is not looked at
)

// Facts are what rules look at besides the change itself.
type Facts struct {
	// ReplacedProtected is the engine's word for what is protected and would be deleted or replaced; "" for nothing.
	ReplacedProtected string
	// MissingSecrets say of hubs which secrets nobody has entered yet.
	MissingSecrets []string
	// Unadmitted are images that the gate has not admitted, each with the reason.
	Unadmitted []string
	// Untested says in what the environment would not be what was tested; none where nothing has to be tested before.
	Untested []string
	// PublicEndpoint says that the cluster's API server can be reached from everywhere that PublicCIDRs lists.
	PublicEndpoint bool
	PublicCIDRs    []string
	// DummyAuth are hubs where anybody may log in with any name, and which can be reached from the internet.
	DummyAuth []string
	// Now is the time.
	Now time.Time
}

// rule is a rule that comes with the program.
type rule struct {
	name, about, severity string
	check                 func(c *change.Change, f *Facts, s *Set) []change.Guard
}

// Policy is what is configured of guards.
type Policy struct {
	// Severity changes rules' severities, by name.
	Severity map[string]string
	// Rules are further ones.
	Rules []Own
	// Closed are the times at which nobody's work may be interrupted.
	Closed []Window
}

// Set are the rules of an environment, ready to be applied.
type Set struct {
	severity map[string]string
	own      []compiled
	closed   []window
}

// Compile makes the rules ready. The problems are all that is wrong with the policy; their paths begin at it: severity.data-loss, rules[2].when, closed[0].from.
func Compile(p Policy) (*Set, problem.Problems) {
	s := &Set{severity: map[string]string{}}
	var problems problem.Problems
	for _, r := range rules() {
		s.severity[r.name] = r.severity
	}
	add := func(path, message, hint string) {
		problems = append(problems, problem.Problem{Path: path, Message: message, Hint: hint})
	}
	s.compileOwn(p.Rules, add)
	for _, name := range slices.Sorted(maps.Keys(p.Severity)) {
		path := "severity." + name
		if s.severity[name] == "" {
			hint := "there are " + strings.Join(s.Names(), ", ")
			if near := problem.Nearest(name, s.Names()); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			add(path, "is no guard", hint)
			continue
		}
		if severity := p.Severity[name]; !slices.Contains([]string{Stop, Warn, Off}, severity) {
			add(path, fmt.Sprintf("%q is no severity", severity), "use stop, warn or off")
			continue
		}
		s.severity[name] = p.Severity[name]
	}
	for i, w := range p.Closed {
		compiled := w.compile(fmt.Sprintf("closed[%d]", i), add)
		s.closed = append(s.closed, compiled)
	}
	return s, problems
}

// Names are the names of all rules, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.severity)) }

// Apply holds a change to the rules and adds to it what they find. overrides are reasons by the names of rules that do not stop it this time. Rules by which
// the change was found wanting before, such as the driver's, are held to the same severities.
func (s *Set) Apply(c *change.Change, f Facts, overrides map[string]string) {
	found := c.Guards
	for _, r := range rules() {
		for _, g := range r.check(c, &f, s) {
			g.Rule, g.Blocking = r.name, true
			found = append(found, g)
		}
	}
	found = append(found, s.applyOwn(c)...)
	kept := []change.Guard{}
	for _, g := range found {
		switch s.severity[g.Rule] {
		case Off:
			continue
		case Warn:
			g.Blocking = false
		}
		if reason, ok := overrides[g.Rule]; ok && g.Blocking {
			g.Blocking, g.Overridden = false, reason
		}
		kept = append(kept, g)
	}
	slices.SortStableFunc(kept, func(a, b change.Guard) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.URN, b.URN), cmp.Compare(a.Message, b.Message))
	})
	c.Guards = kept
}

// rank puts what stops a change first, then what was overridden.
func rank(g change.Guard) int {
	switch {
	case g.Blocking:
		return 0
	case g.Overridden != "":
		return 1
	}
	return 2
}

// Rule describes a rule that comes with the program, for the reference.
type Rule struct{ Name, About, Severity string }

// Rules are the rules that come with the program, in order of their names.
func Rules() []Rule {
	var out []Rule
	for _, r := range rules() {
		out = append(out, Rule{r.name, r.about, r.severity})
	}
	slices.SortFunc(out, func(a, b Rule) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Overrides reads overrides as the command line has them: RULE=REASON.
func (s *Set) Overrides(given []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range given {
		name, reason, _ := strings.Cut(text, "=")
		reason = strings.Join(strings.Fields(reason), " ")
		if s.severity[name] == "" {
			hint := "there are " + strings.Join(s.Names(), ", ")
			if near := problem.Nearest(name, s.Names()); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			return nil, fmt.Errorf("%q is no guard; %s", name, hint)
		}
		if reason == "" {
			return nil, fmt.Errorf("the guard %s is overridden without a reason; say why, for those who read the history: %s='homes were copied, see ticket 12'", name, name)
		}
		out[name] = reason
	}
	return out, nil
}
