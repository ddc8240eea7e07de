package admission

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scans is a scanner that has its answer ready.
type scans struct {
	report *Report
	err    error
	asked  int
	before func()
}

func (s *scans) Scan(context.Context, Subject, time.Duration) (*Report, error) {
	s.asked++
	if s.before != nil {
		s.before()
	}
	return s.report, s.err
}

// tests is a tester that has its answer ready, or none until it is told to stop.
type tests struct {
	result  TestResult
	err     error
	endless bool
}

func (s *tests) Test(ctx context.Context, _ Subject, _ []string) (TestResult, error) {
	if s.endless {
		<-ctx.Done()
		return s.result, ctx.Err() //nolint:wrapcheck // as a real one
	}
	return s.result, s.err
}

// downStore is a store that does not answer.
type downStore struct{ Memory }

var errDown = errors.New("no answer")

func (*downStore) Put(context.Context, string, *Record) error { return errDown }

func TestAdmit(t *testing.T) {
	policy := Policy{Image: "user-image", Test: []string{"jupyter", "--version"}, Threshold: High, TestTimeout: time.Minute}
	tests := []struct {
		name            string
		tester          Tester
		scanner         *scans
		policy          func(*Policy)
		subject         Subject
		store           Store
		want            string // the reasons
		wantErr         string
		recorded, scans bool
	}{
		{name: "all is well", tester: &tests{}, scanner: &scans{report: found("CVE-1 LOW")}, recorded: true, scans: true},
		{name: "a critical finding", tester: &tests{}, scanner: &scans{report: found("CVE-1 CRITICAL")}, want: "1 finding is critical, and none is permitted: CVE-1 in openssl 1", recorded: true, scans: true},
		{
			name: "an expired allowance", tester: &tests{}, scanner: &scans{report: found("CVE-1 CRITICAL")}, recorded: true, scans: true,
			policy: func(p *Policy) { p.Allow = []Allowance{{ID: "CVE-1", Reason: "r", Expires: "2026-01-04"}} },
			want:   "1 finding is critical, and none is permitted: CVE-1 in openssl 1 (its allowance expired on 2026-01-04)",
		},
		{name: "a failed test", tester: &tests{result: TestResult{ExitCode: 1, Output: strings.Repeat("x", 9000) + "\nno module"}}, scanner: &scans{}, want: `its test "jupyter --version" failed with exit code 1: no module`, recorded: true},
		{
			name: "an endless test", tester: &tests{endless: true}, scanner: &scans{}, want: `its test "jupyter --version" had not ended after 0 seconds`, recorded: true,
			policy: func(p *Policy) { p.TestTimeout = 10 * time.Millisecond },
		},
		{name: "a silent scanner", tester: &tests{}, scanner: &scans{err: &NoResultError{Why: "there was no result of trivy after 15m0s, and it was ended", Hint: "h"}}, want: "there was no result of trivy after 15m0s, and it was ended", scans: true},
		{
			name: "another image", tester: &tests{}, scanner: &scans{report: &Report{Scanner: "trivy", digests: []string{"sha256:" + strings.Repeat("b", 64)}}}, scans: true,
			want: "trivy scanned another image: sha256:bbbbbbbbbbbb, and not sha256:aaaaaaaaaaaa",
		},
		{name: "no way to test", scanner: &scans{}, wantErr: "it has a test, and nothing here can run it"},
		{name: "a test that cannot be run", tester: &tests{err: errDown}, scanner: &scans{}, wantErr: "testing it: no answer"},
		{name: "no store", tester: &tests{}, scanner: &scans{report: found()}, store: &downStore{}, wantErr: "recording the verdict: no answer", scans: true},
		{name: "a tag", tester: &tests{}, scanner: &scans{}, subject: Subject{Repository: "a", Digest: "latest"}, wantErr: `"latest" is no digest: an image is admitted by its digest alone`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, of := policy, subject
			if test.policy != nil {
				test.policy(&p)
			}
			if test.subject.Digest != "" {
				of = test.subject
			}
			if test.store == nil {
				test.store = &Memory{}
			}
			gate := Gate{Tester: test.tester, Scanner: test.scanner, Store: test.store, Clock: &fakeClock{now: noon}}
			r, err := gate.Admit(t.Context(), of, p)
			if test.wantErr != "" {
				if err == nil || err.Error() != test.wantErr {
					t.Errorf("got %v, want %s", err, test.wantErr)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(messages(r.Verdict.Reasons), "\n"); got != test.want || r.Verdict.Admitted != (test.want == "") {
					t.Errorf("got %q, admitted %v; want %q", got, r.Verdict.Admitted, test.want)
				}
				if r.Test != nil && len(r.Test.Output) > maxComplaint {
					t.Errorf("kept %d bytes of the test's output", len(r.Test.Output))
				}
			}
			if (test.scanner.asked > 0) != test.scans {
				t.Errorf("scanned %d times", test.scanner.asked)
			}
			kept, err := test.store.Get(t.Context(), of.Digest)
			switch {
			case !test.recorded && !errors.Is(err, ErrNotRecorded):
				t.Errorf("recorded: %v, %v", kept, err)
			case test.recorded && err != nil:
				t.Error(err)
			case test.recorded:
				if diff := cmp.Diff(r.Verdict, kept.Verdict); diff != "" {
					t.Errorf("recorded another verdict (-reached +recorded)\n%s", diff)
				}
			}
		})
	}
}

func TestAdmitCancelled(t *testing.T) {
	for _, where := range []string{"test", "scan"} {
		ctx, cancel := context.WithCancel(t.Context())
		store := &Memory{}
		gate := Gate{Tester: &tests{endless: where == "test"}, Scanner: &scans{before: cancel, err: &NoResultError{Why: "killed"}}, Store: store, Clock: &fakeClock{now: noon}}
		if where == "test" {
			cancel()
		}
		_, err := gate.Admit(ctx, subject, Policy{Image: "a", Test: []string{"true"}, Threshold: Critical, TestTimeout: time.Minute})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", where, err)
		}
		if _, err := store.Get(context.Background(), digest); !errors.Is(err, ErrNotRecorded) {
			t.Errorf("%s: recorded: %v", where, err)
		}
		cancel()
	}
}

// TestAdmitSilentScanner is the whole way with a real process: it says nothing, is ended, and nothing is recorded.
func TestAdmitSilentScanner(t *testing.T) {
	store := &Memory{}
	c := script(t, "sleep 60")
	gate := Gate{Scanner: c, Store: store, Clock: &fakeClock{now: noon}}
	before := time.Now()
	r, err := gate.Admit(t.Context(), subject, Policy{Image: "a", Threshold: Critical, ScanTimeout: 200 * time.Millisecond})
	if err != nil || r.Verdict.Admitted || r.Verdict.Reasons[0].Rule != RuleScan || !strings.Contains(r.Verdict.Reasons[0].Message, "there was no result") {
		t.Errorf("got %v, %+v", err, r)
	}
	if _, err := store.Get(t.Context(), digest); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("recorded: %v", err)
	}
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCheck(t *testing.T) {
	policy := Policy{Image: "user-image", Threshold: High, Allow: []Allowance{
		{ID: "CVE-1", Reason: "not reachable", Expires: "2026-01-31"}, {ID: "CVE-2", Package: "curl", Reason: "being mended", Expires: "2026-01-20"},
	}}
	admitted := newRecord(subject, policy, nil, found("CVE-1 CRITICAL", "CVE-2 LOW curl", "CVE-3 MEDIUM"), noon)
	refused := newRecord(subject, policy, nil, found("CVE-4 HIGH"), noon)
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	stricter := policy
	stricter.Threshold = Medium
	looser := policy
	looser.AtMost, looser.Test = map[Severity]int{Low: 7}, []string{"true"}
	looser.Allow = []Allowance{policy.Allow[0], {ID: "CVE-2", Package: "curl", Reason: "being mended", Expires: "2026-03-31"}}
	tests := []struct {
		name     string
		record   *Record
		policy   Policy
		now      time.Time
		reasons  []string
		warnings []string
	}{
		{name: "the same day", record: admitted, policy: policy, now: noon},
		{name: "near the end", record: admitted, policy: policy, now: day(7), warnings: []string{"the allowance of CVE-2 in curl expires on 2026-01-20 (being mended)"}},
		{
			name: "one that was not needed has expired", record: admitted, policy: policy, now: day(16),
			warnings: []string{"the allowance of CVE-1 expires on 2026-01-31 (not reachable)", "the allowance of CVE-2 in curl expired on 2026-01-20 and counts no longer (being mended)"},
		},
		{
			name: "one that was needed has expired", record: admitted, policy: policy, now: day(27),
			reasons: []string{
				"it was admitted with an allowance of CVE-1, which expired on 2026-01-31 (not reachable)",
				"it was admitted with an allowance of CVE-2 in curl, which expired on 2026-01-20 (being mended)",
				"1 finding is critical, and none is permitted: CVE-1 in openssl 1 (its allowance expired on 2026-01-31)",
			},
			warnings: []string{"the allowance of CVE-1 expired on 2026-01-31 and counts no longer (not reachable)", "the allowance of CVE-2 in curl expired on 2026-01-20 and counts no longer (being mended)"},
		},
		{name: "refused", record: refused, policy: policy, now: day(1), reasons: []string{"1 finding is high, and none is permitted: CVE-4 in openssl 1"}},
		{
			name: "a stricter policy", record: admitted, policy: stricter, now: day(1),
			reasons: []string{"it was judged on 2026-01-05 under another policy: the threshold was high and is medium. By what was found then, it would be refused today"},
		},
		{
			name: "another policy", record: admitted, policy: looser, now: day(1),
			reasons: []string{`it was judged on 2026-01-05 under another policy: the test was none and is "true"; of severity low any number were permitted and 7 are; the allowance of CVE-2 in curl until 2026-01-20 is gone; there is an allowance of CVE-2 in curl until 2026-03-31. By what was found then, it would be refused today`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := Check(test.record, &test.policy, test.now)
			if diff := cmp.Diff(append([]string{}, test.reasons...), messages(v.Reasons)); diff != "" {
				t.Errorf("reasons (-want +got)\n%s", diff)
			}
			if test.name != "refused" {
				if diff := cmp.Diff(append([]string{}, test.warnings...), v.Warnings); diff != "" {
					t.Errorf("warnings (-want +got)\n%s", diff)
				}
			}
			if v.Admitted != (len(test.reasons) == 0) {
				t.Errorf("admitted: %v", v.Admitted)
			}
		})
	}
}

// tampered are ways to change a record that refuses, and what is then said of it.
var tampered = []struct {
	name   string
	change func(*Record)
	want   string
}{
	{"another image", func(r *Record) { r.Digest = "sha256:" + strings.Repeat("b", 64) }, "it is about sha256:bbbbbbbbbbbb"},
	{"another policy", func(r *Record) { r.Policy.Threshold = Critical }, "its policy does not have the hash that it names"},
	{"another hash", func(r *Record) { r.PolicyHash = digest }, "its policy does not have the hash that it names"},
	{"another verdict", func(r *Record) { r.Verdict = Verdict{Admitted: true} }, "its verdict does not follow from what was found"},
	{"fewer findings", func(r *Record) { r.Scan.Findings = nil }, "its verdict does not follow from what was found"},
	{"other counts", func(r *Record) { r.Counts.High = 0 }, "its verdict does not follow from what was found"},
	{"no scan", func(r *Record) { r.Scan, r.Verdict.Admitted = nil, true }, "its verdict does not follow from what was found"},
	{"another name", func(r *Record) { r.Image = "gpu" }, `it is about image "gpu", and its policy about "user-image"`},
	{"another form", func(r *Record) { r.Schema = "hubwright/admission/v9" }, `it is of form "hubwright/admission/v9", and "hubwright/admission/v1" is wanted`},
}

func refusal() *Record {
	return newRecord(subject, Policy{Image: "user-image", Threshold: High}, nil, found("CVE-4 HIGH"), noon)
}

func TestTampered(t *testing.T) {
	if err := refusal().Believe(digest); err != nil {
		t.Fatal(err)
	}
	for _, test := range tampered {
		t.Run(test.name, func(t *testing.T) {
			r := refusal()
			test.change(r)
			var e *TamperedError
			if err := r.Believe(digest); !errors.As(err, &e) || e.Why != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err := (&Memory{}).Put(t.Context(), digest, r); !errors.As(err, &e) {
				t.Errorf("it was recorded: %v", err)
			}
			p := r.Policy
			if v := Check(r, &p, noon); v.Admitted {
				t.Errorf("it counts: %+v", v)
			}
		})
	}
}
