package admission

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/config"
)

// Policy is what one image has to pass.
type Policy struct {
	// Image is the image's name in the configuration.
	Image string `json:"image"`
	// Test is the command that is run in the image; none when there is no test.
	Test []string `json:"test,omitempty"`
	// Scanner is the command that scans it; none when ECR does.
	Scanner []string `json:"scanner,omitempty"`
	// Format is the form of the command's report.
	Format string `json:"format,omitempty"`
	// FindingsExitCodes are the command's exit codes that mean that there are findings.
	FindingsExitCodes []int `json:"findingsExitCodes,omitempty"`
	// Threshold is the least severity of which no finding is permitted.
	Threshold Severity `json:"threshold"`
	// AtMost are how many findings are permitted by their severity, whatever the threshold.
	AtMost map[Severity]int `json:"atMost,omitempty"`
	// Allow are the findings that are permitted for a time.
	Allow []Allowance `json:"allow,omitempty"`

	// ScanTimeout is how long the scan may take. It says nothing of the image and is no part of what is recorded; nor is TestTimeout.
	ScanTimeout time.Duration `json:"-"`
	// TestTimeout is how long the test may take.
	TestTimeout time.Duration `json:"-"`
}

// Allowance permits a finding for a time.
type Allowance struct {
	// ID is the finding, as the scanner names it.
	ID string `json:"id"`
	// Package is the package that it is permitted in; "" is any.
	Package string `json:"package,omitempty"`
	// Image is the image that it is permitted in; "" is any.
	Image string `json:"image,omitempty"`
	// Reason says why it is harmless, or who works on it.
	Reason string `json:"reason"`
	// Expires is the last day on which it holds, in UTC: 2026-12-31.
	Expires string `json:"expires"`
}

// PolicyOf is what the configuration asks of an image.
func PolicyOf(s *config.Stack, image *config.Image) Policy {
	g := s.Gate(image)
	p := Policy{
		Image: image.Name, Test: image.Test, Scanner: g.Scanner.Command, Format: g.Scanner.Format, FindingsExitCodes: g.Scanner.FindingsExitCodes,
		Threshold:   Severity(g.Threshold),
		ScanTimeout: time.Duration(g.TimeoutSeconds) * time.Second, TestTimeout: time.Duration(g.TestTimeoutSeconds) * time.Second,
	}
	for severity, n := range g.AtMost {
		if p.AtMost == nil {
			p.AtMost = map[Severity]int{}
		}
		p.AtMost[Severity(severity)] = n
	}
	for _, a := range g.Allow {
		p.Allow = append(p.Allow, Allowance(a))
	}
	slices.SortFunc(p.Allow, func(a, b Allowance) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Image, b.Image), cmp.Compare(a.Expires, b.Expires))
	})
	return p
}

// Hash names the policy: another one has another hash. Reasons are not part of it, as a better wording permits nothing else.
func (p *Policy) Hash() string {
	bare := *p
	bare.Allow = slices.Clone(p.Allow)
	for i := range bare.Allow {
		bare.Allow[i].Reason = ""
	}
	text, err := json.Marshal(bare)
	if err != nil {
		panic(err) // texts and numbers
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// permitted is how many findings of a severity there may be; unlimited without a bound.
func (p *Policy) permitted(s Severity) (most int, unlimited bool) {
	if n, ok := p.AtMost[s]; ok {
		return n, false
	}
	return 0, s.rank() > p.Threshold.rank()
}

// differences says in what a policy is not the earlier one.
func (p *Policy) differences(earlier *Policy) []string {
	var out []string
	if !slices.Equal(p.Test, earlier.Test) {
		out = append(out, fmt.Sprintf("the test was %s and is %s", inQuotes(earlier.Test, "none"), inQuotes(p.Test, "none")))
	}
	if !slices.Equal(p.Scanner, earlier.Scanner) || p.Format != earlier.Format || !slices.Equal(p.FindingsExitCodes, earlier.FindingsExitCodes) {
		out = append(out, fmt.Sprintf("the scanner was %s and is %s", inQuotes(earlier.Scanner, "ECR's"), inQuotes(p.Scanner, "ECR's")))
	}
	if p.Threshold != earlier.Threshold {
		out = append(out, fmt.Sprintf("the threshold was %s and is %s", earlier.Threshold, p.Threshold))
	}
	for _, s := range Severities {
		was, wasUnlimited := earlier.permitted(s)
		is, unlimited := p.permitted(s)
		if p.Threshold == earlier.Threshold && (was != is || wasUnlimited != unlimited) {
			out = append(out, fmt.Sprintf("of severity %s %s were permitted and %s are", s, howMany(was, wasUnlimited), howMany(is, unlimited)))
		}
	}
	for _, a := range earlier.Allow {
		if !slices.ContainsFunc(p.Allow, a.same) {
			out = append(out, fmt.Sprintf("the allowance of %s until %s is gone", a.name(), a.Expires))
		}
	}
	for _, a := range p.Allow {
		if !slices.ContainsFunc(earlier.Allow, a.same) {
			out = append(out, fmt.Sprintf("there is an allowance of %s until %s", a.name(), a.Expires))
		}
	}
	return out
}

func inQuotes(words []string, none string) string {
	if len(words) == 0 {
		return none
	}
	return fmt.Sprintf("%q", strings.Join(words, " "))
}

func howMany(n int, unlimited bool) string {
	switch {
	case unlimited:
		return "any number"
	case n == 0:
		return "none"
	}
	return fmt.Sprint(n)
}

// same says whether two allowances permit the same.
func (a Allowance) same(b Allowance) bool {
	a.Reason, b.Reason = "", ""
	return a == b
}

// name names what is permitted.
func (a *Allowance) name() string {
	if a.Package == "" {
		return a.ID
	}
	return a.ID + " in " + a.Package
}

// covers says whether a finding is what the allowance is for, whatever the day.
func (a *Allowance) covers(f *Finding) bool {
	return strings.EqualFold(a.ID, f.ID) && (a.Package == "" || strings.EqualFold(a.Package, f.Package))
}

// ends is when an allowance no longer holds: at the end of its last day. One without a day never held.
func (a *Allowance) ends() time.Time {
	day, err := time.Parse(time.DateOnly, a.Expires)
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

// expired says whether it no longer holds.
func (a *Allowance) expired(now time.Time) bool { return !now.Before(a.ends()) }
