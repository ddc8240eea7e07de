package admission

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Schema names the form of a record and its version.
const Schema = "hubwright/admission/v1"

// Record says what an image was held to and how it ended. It is about a digest: a copy of the image in another registry has the same.
type Record struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Image is the image's name in the configuration.
	Image string `json:"image"`
	// Digest is the image's: sha256:….
	Digest string `json:"digest"`
	// Reference is the image as it was tested and scanned: <repository>@<digest>.
	Reference string `json:"reference"`
	// At is when the verdict was reached.
	At time.Time `json:"at"`
	// Test is how the image's test ended; absent without a test.
	Test *TestResult `json:"test,omitempty"`
	// Scan is what the scanner said; absent when the test failed before.
	Scan *Report `json:"scan,omitempty"`
	// Counts are the numbers of findings.
	Counts Counts `json:"counts"`
	// Allowed are the allowances that were needed.
	Allowed []Use `json:"allowed"`
	// Policy is what the image was held to.
	Policy Policy `json:"policy"`
	// PolicyHash names the policy.
	PolicyHash string `json:"policyHash"`
	// Verdict is how it ended.
	Verdict Verdict `json:"verdict"`
}

// TestResult is how an image's test ended.
type TestResult struct {
	// Command is what was run in the image.
	Command []string `json:"command"`
	// ExitCode is what it ended with; 0 is success.
	ExitCode int `json:"exitCode"`
	// TimedOut says that it was ended because its time was over.
	TimedOut bool `json:"timedOut,omitempty"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Output is the end of what it wrote, 4 KiB at most. It is kept of tests that fail.
	Output string `json:"output,omitempty"`
}

// TamperedError says that a record is not to be believed.
type TamperedError struct {
	// Digest is the image that it was found with.
	Digest string
	// Why says what does not fit.
	Why string
}

func (e *TamperedError) Error() string {
	return fmt.Sprintf("the admission that is recorded of %s is not to be believed: %s", short(e.Digest), e.Why)
}

// short is a digest as people read it.
func short(digest string) string {
	const enough = len("sha256:") + 12
	return digest[:min(len(digest), enough)]
}

// newRecord judges and writes down.
func newRecord(subject Subject, p Policy, test *TestResult, report *Report, now time.Time) *Record {
	r := &Record{
		Schema: Schema, Image: p.Image, Digest: subject.Digest, Reference: subject.Reference(), At: now.UTC().Truncate(time.Second),
		Test: test, Scan: report, Policy: p, PolicyHash: p.Hash(),
	}
	j := judge(&p, test, report, r.At)
	r.Verdict, r.Counts, r.Allowed = j.Verdict, j.counts, j.uses
	if r.Allowed == nil {
		r.Allowed = []Use{}
	}
	return r
}

// Believe holds a record to the image that it was found with, and its parts to each other: what was found and the policy have to give the verdict.
// The error is *TamperedError.
func (r *Record) Believe(digest string) error {
	why := ""
	switch hash := r.Policy.Hash(); {
	case r.Schema != Schema:
		why = fmt.Sprintf("it is of form %q, and %q is wanted", r.Schema, Schema)
	case r.Digest != digest:
		why = fmt.Sprintf("it is about %s", short(r.Digest))
	case r.PolicyHash != hash:
		why = "its policy does not have the hash that it names"
	case r.Image != r.Policy.Image:
		why = fmt.Sprintf("it is about image %q, and its policy about %q", r.Image, r.Policy.Image)
	default:
		j := judge(&r.Policy, r.Test, r.Scan, r.At)
		if j.Admitted != r.Verdict.Admitted || j.counts != r.Counts {
			why = "its verdict does not follow from what was found"
		}
	}
	if why == "" {
		return nil
	}
	return &TamperedError{digest, why}
}

// Check says whether what was recorded admits the image today, under the policy of today.
func Check(r *Record, p *Policy, now time.Time) Verdict {
	if err := r.Believe(r.Digest); err != nil {
		return Verdict{Reasons: []Reason{{Rule: RuleRecord, Message: err.Error(), Hint: scanAgain(p.Image)}}, Warnings: []string{}}
	}
	if r.PolicyHash != p.Hash() {
		today := judge(p, r.Test, r.Scan, now)
		would := "it would be refused"
		if today.Admitted {
			would = "it would be admitted"
		}
		return Verdict{
			Reasons: []Reason{{
				Rule: RulePolicy, Hint: scanAgain(p.Image),
				Message: fmt.Sprintf("it was judged on %s under another policy: %s. By what was found then, %s today", r.At.Format(time.DateOnly), strings.Join(p.differences(&r.Policy), "; "), would),
			}},
			Warnings: []string{},
		}
	}
	if !r.Verdict.Admitted {
		return r.Verdict
	}
	v := judge(p, r.Test, r.Scan, now).Verdict
	if v.Admitted {
		return v // with a warning of each allowance that has expired and was not needed after all
	}
	var expired []Reason
	for i := range r.Allowed {
		if a := &r.Allowed[i]; a.expired(now) {
			expired = append(expired, Reason{
				Rule: RuleAllowance, Message: fmt.Sprintf("it was admitted with an allowance of %s, which expired on %s (%s)", a.name(), a.Expires, a.Reason),
				Hint: "build it anew without the finding, or give the allowance a new day and scan again",
			})
		}
	}
	v.Reasons = append(expired, v.Reasons...)
	return v
}

// parseRecord reads a record.
func parseRecord(data []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("it is no record of an admission: %w", err)
	}
	return &r, nil
}

// text is a record as it is kept: JSON for people too.
func (r *Record) text() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing a record: %w", err)
	}
	return append(data, '\n'), nil
}
