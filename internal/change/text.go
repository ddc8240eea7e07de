package change

import (
	"fmt"
	"strings"
)

// Painter styles a text; the terminal's own, or one that returns it as it is.
type Painter func(op, text string) string

// symbols stand for operations in the text form, as Pulumi shows them.
var symbols = map[string]string{"create": "+", "update": "~", "replace": "±", "delete": "-", "import": "="}

// Text renders the change for a person.
func (c *Change) Text(paint Painter) string {
	if paint == nil {
		paint = func(_, text string) string { return text }
	}
	var b strings.Builder
	where := c.Environment
	if c.Target.Cluster != "" {
		where += " on cluster " + c.Target.Cluster
	}
	where += fmt.Sprintf(" (account %s, %s", c.Target.Account, c.Target.Region)
	if c.Target.Sandbox {
		where += ", sandbox"
	}
	fmt.Fprintf(&b, "%s)\n", where)
	for _, s := range c.Steps {
		line := fmt.Sprintf("  %s %-8s %s  %s", symbol(s.Op), s.Op, ShortType(s.Type), s.Name)
		fmt.Fprintln(&b, paint(s.Op, line))
		if s.Op == "create" || s.Op == "delete" {
			continue
		}
		for _, d := range s.Diff {
			fmt.Fprintf(&b, "      %s: %s%s\n", d.Path, d.Text(), d.about())
		}
	}
	c.cluster(&b, paint)
	for _, g := range c.Guards {
		fmt.Fprintf(&b, "  ! %s %s: %s\n", g.Rule, g.does(), g.Message)
		if g.Hint != "" && g.Overridden == "" {
			fmt.Fprintf(&b, "    hint: %s\n", g.Hint)
		}
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "  ! %s\n", strings.ReplaceAll(w, "\n", "\n    "))
	}
	fmt.Fprintln(&b, c.Summary.Text())
	return Defuse(b.String())
}

// does says in a word what a guard does.
func (g Guard) does() string {
	switch {
	case g.Blocking:
		return "stops"
	case g.Overridden != "":
		return fmt.Sprintf("is overridden (%s)", g.Overridden)
	}
	return "warns"
}

// mostLines is how many lines of the objects' differences the text form shows; where there are more it only names the objects.
const mostLines = 60

// cluster renders what comes of the releases in the cluster, and what that means for people.
func (c *Change) cluster(b *strings.Builder, paint Painter) {
	lines := 0
	made := map[string]int{} // objects that are made or deleted by the dozen are only counted
	for _, m := range c.Manifests {
		if m.Op == "update" {
			lines += strings.Count(m.Diff, "\n")
		} else {
			made[m.Hub+" "+m.Op]++
		}
	}
	hub := ""
	for _, m := range c.Manifests {
		if m.Hub != hub {
			hub = m.Hub
			fmt.Fprintf(b, "  in the cluster, of %s:\n", hub)
			for _, op := range []string{"create", "delete"} {
				if n := made[hub+" "+op]; n > few {
					fmt.Fprintln(b, paint(op, fmt.Sprintf("    %s %s %d objects", symbol(op), op, n)))
				}
			}
		}
		if m.Op != "update" && made[hub+" "+m.Op] > few {
			continue
		}
		why := ""
		if m.Op == "update" && m.Diff == "" {
			why = "  (its pods are made anew, since something that they read changes)"
		}
		fmt.Fprintln(b, paint(m.Op, fmt.Sprintf("    %s %-8s %s %s", symbol(m.Op), m.Op, m.Kind, m.Name))+why)
		if m.Op != "update" || lines > mostLines {
			continue
		}
		for line := range strings.Lines(m.Diff) {
			op := map[byte]string{'+': "create", '-': "delete"}[line[0]]
			fmt.Fprintln(b, "        "+paint(op, strings.TrimSuffix(line, "\n")))
		}
	}
	if lines > mostLines {
		fmt.Fprintf(b, "    (%d lines differ: -o json has them)\n", lines)
	}
	for _, e := range c.Effects {
		fmt.Fprintf(b, "  %s: %s\n", e.Hub, e.Message)
	}
}

// few is how many objects that are made or deleted the text form names.
const few = 5

// about is what is known of a property besides its values: what it is, and where it was written.
func (p Property) about() string {
	var known []string
	for _, text := range []string{p.Words, p.From} {
		if text != "" {
			known = append(known, text)
		}
	}
	if len(known) == 0 {
		return ""
	}
	return "  (" + strings.Join(known, "; ") + ")"
}

// Text renders the counts in a line.
func (s Summary) Text() string {
	if s.Changes() == 0 {
		return fmt.Sprintf("no change (%d resources the same)", s.Same)
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{s.Create, "to create"}, {s.Update, "to update"}, {s.Replace, "to replace"}, {s.Delete, "to delete"}, {s.Same, "the same"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return strings.Join(parts, ", ")
}

// Text says what becomes of the property's value.
func (p Property) Text() string {
	kind, _, _ := strings.Cut(p.Kind, "-")
	var text string
	switch kind {
	case "add":
		text = "set to " + clip(value(p.New))
	case "delete":
		text = "removed, was " + clip(value(p.Old))
	default:
		was, is := apart(value(p.Old), value(p.New))
		text = was + " → " + is
	}
	if strings.HasSuffix(p.Kind, "-replace") {
		text += "  (forces replacement)"
	}
	return text
}

// longest is how many characters of a value are shown.
const longest = 72

// clip shortens what is too long for a line.
func clip(text string) string {
	if r := []rune(text); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return text
}

// apart shortens two values so that it can be seen in what they differ: what long ones have in common at the beginning is left out but for its end.
func apart(a, b string) (was, is string) {
	x, y := []rune(a), []rune(b)
	if len(x) <= longest && len(y) <= longest {
		return a, b
	}
	common := 0
	for common < min(len(x), len(y)) && x[common] == y[common] {
		common++
	}
	if cut := common - longest/3; cut > 0 {
		a, b = "…"+string(x[cut:]), "…"+string(y[cut:])
	}
	return clip(a), clip(b)
}

// value renders a property's value in one line.
func value(v any) string {
	switch v {
	case nil:
		return "?"
	case "[unknown]":
		return "(known after the update)"
	}
	return strings.ReplaceAll(fmt.Sprint(v), "\n", "⏎")
}

func symbol(op string) string {
	if s, ok := symbols[op]; ok {
		return s
	}
	return "?"
}

// ShortType turns a type token such as aws:ec2/vpc:Vpc into ec2 Vpc.
func ShortType(token string) string {
	parts := strings.Split(token, ":")
	if len(parts) != 3 {
		return token
	}
	module, _, _ := strings.Cut(parts[1], "/")
	return module + " " + parts[2]
}

// Done renders the counts of what was done in a line.
func (s Summary) Done() string {
	if s.Changes() == 0 {
		return "nothing to change"
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{s.Create, "created"}, {s.Update, "updated"}, {s.Replace, "replaced"}, {s.Delete, "deleted"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return strings.Join(parts, ", ")
}
