package admission

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

// found is a report of these findings, each "ID severity package".
func found(findings ...string) *Report {
	r := &Report{Scanner: "trivy", Completed: noon, digests: []string{digest}}
	for _, text := range findings {
		words := strings.Fields(text + " openssl")
		r.Findings = append(r.Findings, Finding{ID: words[0], Package: words[2], Version: "1", Source: "trivy"}.ranked(words[1]))
	}
	r.tidy()
	return r
}

func messages(reasons []Reason) []string {
	out := []string{}
	for _, r := range reasons {
		out = append(out, r.Message)
	}
	return out
}

func TestJudge(t *testing.T) {
	allow := func(id, pkg, image, expires string) Allowance {
		return Allowance{ID: id, Package: pkg, Image: image, Expires: expires, Reason: "not reachable"}
	}
	const yesterday, today, far = "2026-01-04", "2026-01-05", "2026-12-31"
	tests := []struct {
		name     string
		policy   Policy
		found    *Report
		reasons  []string
		warnings []string
		counts   Counts
	}{
		{name: "nothing", policy: Policy{Threshold: Informational}, found: found()},
		{
			name: "one critical", policy: Policy{Threshold: Critical}, found: found("CVE-1 HIGH", "CVE-2 CRITICAL xz-utils", "CVE-3 LOW"), counts: Counts{Critical: 1, High: 1, Low: 1},
			reasons: []string{"1 finding is critical, and none is permitted: CVE-2 in xz-utils 1"},
		},
		{
			name: "the worst first", policy: Policy{Threshold: Medium, AtMost: map[Severity]int{High: 1, Low: 1}}, counts: Counts{Critical: 1, High: 2, Medium: 1, Low: 2, Informational: 1},
			found: found("CVE-1 LOW", "CVE-2 LOW", "CVE-3 MEDIUM", "CVE-5 HIGH", "CVE-4 HIGH", "CVE-6 CRITICAL", "CVE-7 NEGLIGIBLE"),
			reasons: []string{
				"1 finding is critical, and none is permitted: CVE-6 in openssl 1", "2 findings are high, and at most 1 are permitted: CVE-4 in openssl 1; CVE-5 in openssl 1",
				"1 finding is medium, and none is permitted: CVE-3 in openssl 1", "2 findings are low, and at most 1 are permitted: CVE-1 in openssl 1; CVE-2 in openssl 1",
			},
		},
		{
			name: "as many as are permitted", policy: Policy{Threshold: Critical, AtMost: map[Severity]int{Critical: 2}}, found: found("CVE-1 CRITICAL", "CVE-2 CRITICAL"),
			counts: Counts{Critical: 2},
		},
		{
			name: "unknown is the worst", policy: Policy{Threshold: Critical}, found: found("CVE-1 UNTRIAGED", "CVE-2 MEDIUM"), counts: Counts{Critical: 1, Medium: 1, Unknown: 1},
			reasons: []string{`1 finding is critical, and none is permitted: CVE-1 in openssl 1 (severity "UNTRIAGED" is not known, so that it counts as critical)`},
		},
		{
			name: "more than can be named", policy: Policy{Threshold: High}, found: found("CVE-1 HIGH", "CVE-2 HIGH", "CVE-3 HIGH", "CVE-4 HIGH", "CVE-5 HIGH", "CVE-6 HIGH", "CVE-7 HIGH"), counts: Counts{High: 7},
			reasons: []string{"7 findings are high, and none is permitted: CVE-1 in openssl 1; CVE-2 in openssl 1; CVE-3 in openssl 1; CVE-4 in openssl 1; CVE-5 in openssl 1; and 2 more"},
		},
		{
			name: "allowed", policy: Policy{Threshold: Low, Allow: []Allowance{allow("cve-1", "", "", far), allow("CVE-2", "OpenSSL", "", far)}}, found: found("CVE-1 CRITICAL", "CVE-1 CRITICAL curl", "CVE-2 HIGH"),
			counts: Counts{Allowed: 3},
		},
		{
			name: "allowed elsewhere", policy: Policy{Threshold: Critical, Allow: []Allowance{allow("CVE-1", "curl", "user-image", far)}}, found: found("CVE-1 CRITICAL"), counts: Counts{Critical: 1},
			reasons: []string{"1 finding is critical, and none is permitted: CVE-1 in openssl 1"}, warnings: []string{"the allowance of CVE-1 in curl is for nothing that was found: it can go"},
		},
		{
			name: "allowed until today", policy: Policy{Threshold: Critical, Allow: []Allowance{allow("CVE-1", "", "", today)}}, found: found("CVE-1 CRITICAL"), counts: Counts{Allowed: 1},
			warnings: []string{"the allowance of CVE-1 expires on 2026-01-05 (not reachable)"},
		},
		{
			name: "allowed until yesterday", policy: Policy{Threshold: Critical, Allow: []Allowance{allow("CVE-1", "", "", yesterday)}}, found: found("CVE-1 CRITICAL"), counts: Counts{Critical: 1},
			reasons:  []string{"1 finding is critical, and none is permitted: CVE-1 in openssl 1 (its allowance expired on 2026-01-04)"},
			warnings: []string{"the allowance of CVE-1 expired on 2026-01-04 and counts no longer (not reachable)"},
		},
		{
			name: "allowed without a day", policy: Policy{Threshold: Critical, Allow: []Allowance{allow("CVE-1", "", "", "")}}, found: found("CVE-1 CRITICAL"), counts: Counts{Critical: 1},
			reasons:  []string{"1 finding is critical, and none is permitted: CVE-1 in openssl 1 (its allowance expired on )"},
			warnings: []string{"the allowance of CVE-1 expired on  and counts no longer (not reachable)"},
		},
		{
			name: "allowances in time", found: found("CVE-1 LOW", "CVE-2 LOW"), counts: Counts{Allowed: 2},
			policy:   Policy{Threshold: Critical, Allow: []Allowance{allow("CVE-1", "", "", "2026-01-18"), allow("CVE-2", "", "", "2026-01-20"), allow("CVE-3", "", "", yesterday), allow("CVE-4", "", "", far)}},
			warnings: []string{"the allowance of CVE-1 expires on 2026-01-18 (not reachable)", "the allowance of CVE-3 expired on 2026-01-04, and nothing was found that it is for: it can go"},
		},
		{
			name: "the scanner's own rules", policy: Policy{Threshold: Critical}, found: &Report{Scanner: "grype", Ignored: 2},
			warnings: []string{"grype left 2 findings out by rules of its own"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := judge(&test.policy, nil, test.found, noon)
			if diff := cmp.Diff(append([]string{}, test.reasons...), messages(j.Reasons)); diff != "" {
				t.Errorf("reasons (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, test.warnings...), j.Warnings); diff != "" {
				t.Errorf("warnings (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.counts, j.counts); diff != "" {
				t.Errorf("counts (-want +got)\n%s", diff)
			}
			if j.Admitted != (len(test.reasons) == 0) {
				t.Errorf("admitted: %v", j.Admitted)
			}
		})
	}
}

func TestJudgeTests(t *testing.T) {
	p := Policy{Image: "user-image", Test: []string{"jupyter", "--version"}, Threshold: Critical}
	tests := []struct {
		name string
		test *TestResult
		want string
	}{
		{"passed", &TestResult{Command: p.Test}, ""},
		{"failed", &TestResult{Command: p.Test, ExitCode: 2, Output: "Traceback\nno module\n\n"}, `its test "jupyter --version" failed with exit code 2: no module`},
		{"endless", &TestResult{Command: p.Test, TimedOut: true, Seconds: 600}, `its test "jupyter --version" had not ended after 600 seconds`},
		{"not run", nil, `its test "jupyter --version" was not run`},
		{"another", &TestResult{Command: []string{"true"}}, `its test "jupyter --version" was not run`},
	}
	for _, test := range tests {
		got := strings.Join(messages(judge(&p, test.test, found(), noon).Reasons), "\n")
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if got := judge(&Policy{Threshold: Critical}, nil, nil, noon); got.Admitted || got.Reasons[0].Message != "it was not scanned" {
		t.Errorf("without a scan: %+v", got)
	}
}

func TestPolicyHash(t *testing.T) {
	p := Policy{Image: "a", Threshold: High, AtMost: map[Severity]int{Medium: 1, Low: 2}, Allow: []Allowance{{ID: "CVE-1", Reason: "a", Expires: "2026-12-31"}}}
	same := p
	same.Allow = []Allowance{{ID: "CVE-1", Reason: "better said", Expires: "2026-12-31"}}
	same.ScanTimeout = time.Hour
	if p.Hash() != same.Hash() {
		t.Error("a wording or a time changes the policy")
	}
	if p.Allow[0].Reason != "a" {
		t.Error("hashing changes the policy")
	}
	for name, change := range map[string]func(*Policy){
		"image": func(p *Policy) { p.Image = "b" }, "test": func(p *Policy) { p.Test = []string{"true"} }, "scanner": func(p *Policy) { p.Scanner = []string{"trivy"} },
		"threshold": func(p *Policy) { p.Threshold = Critical }, "counts": func(p *Policy) { p.AtMost = map[Severity]int{Medium: 1} }, "allowance": func(p *Policy) { p.Allow = nil },
	} {
		other := p
		change(&other)
		if other.Hash() == p.Hash() {
			t.Errorf("another %s is no other policy", name)
		}
	}
}

func TestPolicyOf(t *testing.T) {
	s := &config.Stack{Settings: config.Settings{Registry: config.Registry{Gate: config.Gate{
		Threshold: "high", AtMost: map[string]int{"low": 3}, TimeoutSeconds: 60, TestTimeoutSeconds: 30, Scanner: config.Scanner{Command: []string{"grype", "{image}"}, FindingsExitCodes: []int{2}},
		Allow: []config.Allowance{{ID: "CVE-9", Reason: "r", Expires: "2026-12-31"}, {ID: "CVE-5", Image: "other", Reason: "r", Expires: "2026-12-31"}},
	}}}}
	image := &config.Image{Name: "user-image", Test: []string{"true"}, Gate: config.Gate{Allow: []config.Allowance{{ID: "CVE-1", Package: "curl", Reason: "r", Expires: "2026-06-30"}}}}
	want := Policy{
		Image: "user-image", Test: []string{"true"}, Scanner: []string{"grype", "{image}"}, Format: "auto", FindingsExitCodes: []int{2}, Threshold: High, AtMost: map[Severity]int{Low: 3},
		ScanTimeout: time.Minute, TestTimeout: 30 * time.Second,
		Allow: []Allowance{{ID: "CVE-1", Package: "curl", Image: "user-image", Reason: "r", Expires: "2026-06-30"}, {ID: "CVE-9", Reason: "r", Expires: "2026-12-31"}},
	}
	if diff := cmp.Diff(want, PolicyOf(s, image)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var severities []string
	for _, severity := range Severities {
		severities = append(severities, string(severity))
	}
	if diff := cmp.Diff(config.Severities(), severities); diff != "" {
		t.Errorf("the configuration has other severities\n%s", diff)
	}
	if got := []string{config.FormatAuto, config.FormatSARIF, config.FormatTrivy, config.FormatGrype}; !slices.Equal(got, []string{FormatAuto, FormatSARIF, FormatTrivy, FormatGrype}) {
		t.Errorf("the configuration has other forms: %v", got)
	}
}

func TestUnused(t *testing.T) {
	any1, any2 := Allowance{ID: "CVE-1", Reason: "r", Expires: "2026-12-31"}, Allowance{ID: "CVE-2", Reason: "r", Expires: "2026-12-31"}
	p := Policy{Image: "a", Threshold: Low, Allow: []Allowance{any1, any2}}
	q := p
	q.Image = "b"
	records := []*Record{newRecord(subject, p, nil, found(), noon), newRecord(subject, q, nil, found("CVE-2 HIGH"), noon)}
	if diff := cmp.Diff([]string{"CVE-1"}, Unused(records)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestText(t *testing.T) {
	p := Policy{
		Image: "user-image", Test: []string{"jupyter", "--version"}, Threshold: High,
		Allow: []Allowance{{ID: "CVE-3", Reason: "not reachable", Expires: "2026-01-10"}},
	}
	report := found("CVE-1 CRITICAL xz-utils", "CVE-2 UNKNOWN bash", "CVE-3 HIGH", "CVE-4 HIGH curl", "CVE-5 LOW")
	report.Version, report.Database = "0.58.1", noon.AddDate(0, 0, -1)
	r := newRecord(subject, p, &TestResult{Command: p.Test, Seconds: 1.25}, report, noon)
	var b bytes.Buffer
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	admitted := newRecord(subject, Policy{Image: "user-image", Threshold: Critical}, nil, found(), noon)
	if err := admitted.Text(&b); err != nil {
		t.Fatal(err)
	}
	const want = `user-image sha256:aaaaaaaaaaaa: refused
  - 2 findings are critical, and none is permitted: CVE-1 in xz-utils 1; CVE-2 in bash 1 (severity "UNKNOWN" is not known, so that it counts as critical)
  - 1 finding is high, and none is permitted: CVE-4 in curl 1
  hint: update what is vulnerable, or permit it for a time at gate.allow, with a reason and a last day
  warning: the allowance of CVE-3 expires on 2026-01-10 (not reachable)
  tested: jupyter --version, 1.2 s
  scanned: trivy 0.58.1, 2026-01-05 12:00:00, database of 2026-01-04
  found: 2 critical (1 of unknown severity), 1 high, 1 low, 1 allowed
  allowed until 2026-01-10: CVE-3 in openssl 1 (not reachable)

user-image sha256:aaaaaaaaaaaa: admitted
  scanned: trivy, 2026-01-05 12:00:00
  found: nothing
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
