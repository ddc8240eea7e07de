package admission

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Text writes a record for people: the verdict first, then why, then what is behind it.
func (r *Record) Text(w io.Writer) error {
	var b strings.Builder
	verdict := "refused"
	if r.Verdict.Admitted {
		verdict = "admitted"
	}
	fmt.Fprintf(&b, "%s %s: %s\n", r.Image, short(r.Digest), verdict)
	r.Verdict.text(&b)
	if t := r.Test; t != nil && t.ExitCode == 0 && !t.TimedOut {
		fmt.Fprintf(&b, "  tested: %s, %.1f s\n", strings.Join(t.Command, " "), t.Seconds)
	}
	if s := r.Scan; s != nil {
		fmt.Fprintf(&b, "  scanned: %s", strings.TrimSpace(s.Scanner+" "+s.Version))
		if !s.Completed.IsZero() {
			fmt.Fprintf(&b, ", %s", s.Completed.UTC().Format(time.DateTime))
		}
		if !s.Database.IsZero() {
			fmt.Fprintf(&b, ", database of %s", s.Database.UTC().Format(time.DateOnly))
		}
		fmt.Fprintf(&b, "\n  found: %s\n", r.Counts.String())
	}
	for i := range r.Allowed {
		a := &r.Allowed[i]
		fmt.Fprintf(&b, "  allowed until %s: %s (%s)\n", a.Expires, strings.Join(a.Findings, "; "), a.Reason)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing a verdict: %w", err)
	}
	return nil
}

// text writes reasons and warnings, and each advice once, where it is first of use.
func (v *Verdict) text(b *strings.Builder) {
	var given []string
	for i := range v.Reasons {
		fmt.Fprintf(b, "  - %s\n", v.Reasons[i].Message)
		if hint := v.Reasons[i].Hint; hint != "" && !slices.Contains(given, hint) {
			given = append(given, hint)
		}
	}
	for _, hint := range given {
		fmt.Fprintf(b, "  hint: %s\n", hint)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", warning)
	}
}

// String is the numbers in words: 1 critical (severity unknown), 3 high, 2 allowed.
func (c *Counts) String() string {
	var parts []string
	for _, s := range Severities {
		n := *c.of(s)
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", n, s)
		if s == Critical && c.Unknown > 0 {
			text += fmt.Sprintf(" (%d of unknown severity)", c.Unknown)
		}
		parts = append(parts, text)
	}
	if c.Allowed > 0 {
		parts = append(parts, fmt.Sprintf("%d allowed", c.Allowed))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
