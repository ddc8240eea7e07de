package config

import (
	"strings"

	"github.com/hubwright/hubwright/internal/guard"
)

// Guards are the rules that a change must pass before it is made. docs/guide.md lists those that come with the program.
type Guards struct {
	// Severity says of rules by their names whether they stop a change (stop), only tell of what they find (warn), or are not looked at (off).
	Severity map[string]string `json:"severity"`
	// Rules are further rules, over the JSON form of a change.
	Rules []GuardRule `json:"rules"`
	// Closed are times at which nobody's work may be interrupted.
	Closed []ClosedWindow `json:"closed"`
}

// GuardRule is a rule of one's own.
type GuardRule struct {
	// Name is what the rule is overridden by: lower-case letters, digits and hyphens. Required.
	Name string `json:"name"`
	// When is a CEL expression (https://cel.dev) over the change: change.summary.delete > 10. The rule finds something when it is true. Required.
	When string `json:"when"`
	// Message says what it found. Required.
	Message string `json:"message"`
	// Hint says what to do.
	Hint string `json:"hint"`
	// Severity is stop, warn or off. Default: stop.
	Severity string `json:"severity"`
}

// ClosedWindow is a time at which nobody's work may be interrupted: hours of days of the week, days of the calendar, or both.
type ClosedWindow struct {
	// Days are days of the week: mon, tue, wed, thu, fri, sat, sun. Default: all.
	Days []string `json:"days"`
	// From is the time of the day at which it begins, in quotes: "08:00". Default: the day's beginning.
	From string `json:"from"`
	// To is the time at which it ends: "18:00". One before From is the next day's. Default: the day's end.
	To string `json:"to"`
	// First is the first day, in quotes, on which it holds: "2026-12-01". Default: always.
	First string `json:"first"`
	// Last is the last such day. Default: always.
	Last string `json:"last"`
	// TimeZone is the zone of the times and days, such as Europe/Berlin. Default: UTC.
	TimeZone string `json:"timeZone"`
	// Reason says why, for those who are stopped.
	Reason string `json:"reason"`
}

// complete takes the days as they are written.
func (g *Guards) complete() {
	for i := range g.Closed {
		w := &g.Closed[i]
		w.First, w.Last = strings.TrimSuffix(w.First, timeOfDay), strings.TrimSuffix(w.Last, timeOfDay)
	}
}

// Policy is what is configured of guards, in the form that they take it.
func (g *Guards) Policy() guard.Policy {
	p := guard.Policy{Severity: g.Severity}
	for _, r := range g.Rules {
		p.Rules = append(p.Rules, guard.Own{Name: r.Name, When: r.When, Message: r.Message, Hint: r.Hint, Severity: r.Severity})
	}
	for _, w := range g.Closed {
		p.Closed = append(p.Closed, guard.Window{Days: w.Days, From: w.From, To: w.To, First: w.First, Last: w.Last, TimeZone: w.TimeZone, Reason: w.Reason})
	}
	return p
}

// guards checks the rules of one's own and what is said of the others.
func (c *checker) guards() {
	_, problems := guard.Compile(c.Guards.Policy())
	for _, p := range problems {
		c.add("guards."+p.Path, p.Message, p.Hint)
	}
}
