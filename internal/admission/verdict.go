package admission

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is whether an image is admitted, and why not.
type Verdict struct {
	// Admitted says that it may go on.
	Admitted bool `json:"admitted"`
	// Reasons are why it may not, the gravest first; none when it is admitted.
	Reasons []Reason `json:"reasons"`
	// Warnings are what does not stop it and needs somebody's attention.
	Warnings []string `json:"warnings"`
}

// Reason is one reason to refuse an image.
type Reason struct {
	// Rule is what refuses it: record, policy, allowance, test, scan or findings.
	Rule string `json:"rule"`
	// Severity is that of the findings, for rule findings.
	Severity Severity `json:"severity,omitempty"`
	// Message is the reason in a sentence.
	Message string `json:"message"`
	// Hint says what would help.
	Hint string `json:"hint,omitempty"`
}

// The rules, the gravest first: the order of reasons.
const (
	RuleRecord    = "record"    // what was recorded is not to be believed
	RulePolicy    = "policy"    // the policy is another one by now
	RuleAllowance = "allowance" // an allowance that it needed has expired
	RuleTest      = "test"      // the test failed
	RuleScan      = "scan"      // there is no result of a scan
	RuleFindings  = "findings"  // there are more findings than are permitted
)

// Use is an allowance that was needed.
type Use struct {
	Allowance
	// Findings are what it permitted.
	Findings []string `json:"findings"`
}

// soon is how long before its end an allowance is spoken of.
const soon = 14 * 24 * time.Hour

// named is how many findings a reason names.
const named = 5

// judged is what a policy says of an image.
type judged struct {
	Verdict
	counts Counts
	uses   []Use
}

// judge holds what was found to a policy. test is nil without a test, report without a scan; both are reasons to refuse where the policy wants them.
func judge(p *Policy, test *TestResult, report *Report, now time.Time) judged {
	j := judged{Verdict: Verdict{Reasons: []Reason{}, Warnings: []string{}}}
	if reason := p.judgeTest(test); reason != nil {
		j.Reasons = append(j.Reasons, *reason)
	}
	switch {
	case report != nil:
		j.findings(p, report, now)
	case len(j.Reasons) == 0:
		j.Reasons = append(j.Reasons, Reason{Rule: RuleScan, Message: "it was not scanned", Hint: scanAgain(p.Image)})
	}
	j.Admitted = len(j.Reasons) == 0
	slices.Sort(j.Warnings)
	return j
}

func (p *Policy) judgeTest(test *TestResult) *Reason {
	switch {
	case len(p.Test) == 0:
		return nil
	case test == nil || !slices.Equal(test.Command, p.Test):
		return &Reason{Rule: RuleTest, Message: fmt.Sprintf("its test %s was not run", inQuotes(p.Test, "")), Hint: scanAgain(p.Image)}
	case test.TimedOut:
		return &Reason{Rule: RuleTest, Message: fmt.Sprintf("its test %s had not ended after %.0f seconds", inQuotes(p.Test, ""), test.Seconds), Hint: "allow it more time with gate.testTimeoutSeconds"}
	case test.ExitCode != 0:
		return &Reason{Rule: RuleTest, Message: sentence(fmt.Sprintf("its test %s failed with exit code %d", inQuotes(p.Test, ""), test.ExitCode), lastLine(test.Output))}
	}
	return nil
}

func scanAgain(image string) string { return "`hubwright images scan ENV " + image + "` scans it" }

// findings counts what was found, less what is allowed, and compares.
func (j *judged) findings(p *Policy, report *Report, now time.Time) {
	used, stale := map[int][]string{}, map[int]bool{}
	counting := map[Severity][]string{}
	for i := range report.Findings {
		f := &report.Findings[i]
		text := f.String()
		allowed := -1
		for k := range p.Allow {
			switch a := &p.Allow[k]; {
			case !a.covers(f):
			case a.expired(now):
				stale[k] = true
				text += fmt.Sprintf(" (its allowance expired on %s)", a.Expires)
			case allowed < 0:
				allowed = k
			}
		}
		if allowed >= 0 {
			used[allowed] = append(used[allowed], f.String())
			j.counts.Allowed++
			continue
		}
		*j.counts.of(f.Severity)++
		if f.Unknown {
			j.counts.Unknown++
		}
		counting[f.Severity] = append(counting[f.Severity], text)
	}
	for _, s := range Severities {
		if most, unlimited := p.permitted(s); !unlimited && len(counting[s]) > most {
			j.Reasons = append(j.Reasons, tooMany(s, counting[s], most))
		}
	}
	if report.Ignored > 0 {
		j.Warnings = append(j.Warnings, fmt.Sprintf("%s left %s out by rules of its own", report.Scanner, plural(report.Ignored, "finding")))
	}
	for k := range p.Allow {
		a := &p.Allow[k]
		if len(used[k]) > 0 {
			j.uses = append(j.uses, Use{*a, used[k]})
		}
		if text := a.warning(now, len(used[k]) > 0, stale[k]); text != "" {
			j.Warnings = append(j.Warnings, text)
		}
	}
}

// warning is what is to be said of an allowance: that it has expired, will soon, or is for nothing.
func (a *Allowance) warning(now time.Time, used, stale bool) string {
	switch left := a.ends().Sub(now); {
	case a.expired(now):
		if stale {
			return fmt.Sprintf("the allowance of %s expired on %s and counts no longer (%s)", a.name(), a.Expires, a.Reason)
		}
		return fmt.Sprintf("the allowance of %s expired on %s, and nothing was found that it is for: it can go", a.name(), a.Expires)
	case !used && a.Image != "": // one for any image may be for another
		return fmt.Sprintf("the allowance of %s is for nothing that was found: it can go", a.name())
	case used && left <= soon:
		return fmt.Sprintf("the allowance of %s expires on %s (%s)", a.name(), a.Expires, a.Reason)
	}
	return ""
}

// tooMany is the reason of a severity of which there are more findings than are permitted.
func tooMany(s Severity, findings []string, most int) Reason {
	n := len(findings)
	is, permitted := "are", "none is permitted"
	if n == 1 {
		is = "is"
	}
	if most > 0 {
		permitted = fmt.Sprintf("at most %d are permitted", most)
	}
	list := strings.Join(findings[:min(n, named)], "; ")
	if n > named {
		list += fmt.Sprintf("; and %d more", n-named)
	}
	return Reason{
		Rule: RuleFindings, Severity: s, Message: fmt.Sprintf("%s %s %s, and %s: %s", plural(n, "finding"), is, s, permitted, list),
		Hint: "update what is vulnerable, or permit it for a time at gate.allow, with a reason and a last day",
	}
}

// Unused are the allowances for any image that none of these records needed, named.
func Unused(records []*Record) []string {
	var out []string
	for _, r := range records {
		for i := range r.Policy.Allow {
			a := &r.Policy.Allow[i]
			if a.Image != "" || slices.Contains(out, a.name()) || slices.ContainsFunc(records, func(r *Record) bool {
				return slices.ContainsFunc(r.Allowed, func(u Use) bool { return u.same(*a) })
			}) {
				continue
			}
			out = append(out, a.name())
		}
	}
	slices.Sort(out)
	return out
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sentence is what happened, with its cause when that is known.
func sentence(what, why string) string {
	if why = strings.TrimSpace(why); why == "" {
		return what
	}
	return what + ": " + why
}

// lastLine is the last line of a text with anything on it.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:])
}
