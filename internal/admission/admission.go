// Package admission is the gate between building an image and using it: test, scan, verdict, record. An image that it has not admitted is not
// promoted.
//
// It errs on the side of refusing. A severity that nobody knows counts as the worst; a scanner that fails, is silent, writes what cannot be read or
// looked at another image refuses the image; an allowance that has expired is none. What it decides depends on nothing but the policy, what was found
// and the day, and comes out in the same order and words each time.
package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// digestForm is a digest as registries have them:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
var digestForm = lazyregexp.New(`^sha256:[0-9a-f]{64}$`)

// Subject is an image that is to be admitted.
type Subject struct {
	// Repository is where it is, with its registry: 162808325377.dkr.ecr.us-east-1.amazonaws.com/roman-sit-staging-user-image.
	Repository string
	// Digest is which one it is.
	Digest string
}

// Reference is the image by its digest.
func (s Subject) Reference() string { return s.Repository + "@" + s.Digest }

// path is the repository without its registry.
func (s Subject) path() string {
	if host, path, found := strings.Cut(s.Repository, "/"); found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return path
	}
	return s.Repository
}

// Clock says how late it is, and waits.
type Clock interface {
	Now() time.Time
	// Sleep waits, or returns the context's error when that is done before.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is the time.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep waits.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // it is the caller's own
	}
}

// Scanner scans an image. When there is no result within patience, or one that is none, the error is *NoResultError.
type Scanner interface {
	Scan(ctx context.Context, subject Subject, patience time.Duration) (*Report, error)
}

// Tester runs a command in an image. An error means that it could not be run; a command that fails is a result. When ctx is done, what it started is
// ended.
type Tester interface {
	Test(ctx context.Context, subject Subject, command []string) (TestResult, error)
}

// NoResultError says why a scan has no result.
type NoResultError struct {
	// Why is a sentence.
	Why string
	// Hint says what would help; "" without advice.
	Hint string
}

func (e *NoResultError) Error() string { return e.Why }

// Gate is what admits images.
type Gate struct {
	// Tester runs tests; nil where nothing can.
	Tester Tester
	// Scanner scans.
	Scanner Scanner
	// Store keeps the records.
	Store Store
	// Clock says how late it is.
	Clock Clock
}

// Admit tests an image, scans it, reaches a verdict and records it. Its errors leave the image's name to the caller.
//
// A refusal is no error: it is in the verdict. A verdict without a test's or a scan's result is not recorded, so that a scanner that is down for an
// hour does not undo yesterday's admission; it is a refusal all the same. The error is for what prevented a verdict: a context that is done, a test
// that could not be run, a store that does not answer. Nothing is recorded then.
func (g *Gate) Admit(ctx context.Context, subject Subject, p Policy) (*Record, error) {
	if !digestForm.MatchString(subject.Digest) {
		return nil, fmt.Errorf("%q is no digest: an image is admitted by its digest alone", subject.Digest)
	}
	var test *TestResult
	if len(p.Test) > 0 {
		result, err := g.test(ctx, subject, &p)
		if err != nil {
			return nil, err
		}
		if test = result; p.judgeTest(test) != nil {
			return g.keep(ctx, newRecord(subject, p, test, nil, g.Clock.Now()))
		}
	}
	report, err := g.Scanner.Scan(ctx, subject, p.ScanTimeout)
	if err == nil {
		err = report.fits(subject)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("scanning it: %w", ctx.Err())
		}
		r := newRecord(subject, p, test, nil, g.Clock.Now())
		reason := Reason{Rule: RuleScan, Message: err.Error()}
		if none := (*NoResultError)(nil); errors.As(err, &none) {
			reason.Hint = none.Hint
		}
		r.Verdict.Reasons = []Reason{reason}
		return r, nil
	}
	return g.keep(ctx, newRecord(subject, p, test, report, g.Clock.Now()))
}

func (g *Gate) keep(ctx context.Context, r *Record) (*Record, error) {
	if err := g.Store.Put(ctx, r.Digest, r); err != nil {
		return nil, fmt.Errorf("recording the verdict: %w", err)
	}
	return r, nil
}

// test runs the image's test within its time.
func (g *Gate) test(ctx context.Context, subject Subject, p *Policy) (*TestResult, error) {
	if g.Tester == nil {
		return nil, errors.New("it has a test, and nothing here can run it")
	}
	timed, cancel := context.WithTimeout(ctx, p.TestTimeout)
	defer cancel()
	result, err := g.Tester.Test(timed, subject, p.Test)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("testing it: %w", ctx.Err())
	case timed.Err() != nil:
		result.TimedOut, result.Seconds = true, p.TestTimeout.Seconds()
	case err != nil:
		return nil, fmt.Errorf("testing it: %w", err)
	}
	result.Command = slices.Clone(p.Test)
	if result.Output = result.Output[max(len(result.Output)-maxComplaint, 0):]; result.ExitCode == 0 && !result.TimedOut {
		result.Output = ""
	}
	result.Output = strings.ToValidUTF8(result.Output, "")
	return &result, nil
}

// fits says whether a report is about the image that was to be scanned.
func (r *Report) fits(subject Subject) error {
	if len(r.digests) == 0 || slices.Contains(r.digests, subject.Digest) {
		return nil
	}
	return &NoResultError{
		Why:  fmt.Sprintf("%s scanned another image: %s, and not %s", r.Scanner, short(r.digests[0]), short(subject.Digest)),
		Hint: `the command has to scan "{image}", which is the image by its digest`,
	}
}
