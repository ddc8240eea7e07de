package admission

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Finding is one thing that a scanner found in an image.
type Finding struct {
	// ID is the vulnerability, or the scanner's rule: CVE-2024-3094.
	ID string `json:"id"`
	// Package is the package it is in, "" when the scanner names none.
	Package string `json:"package,omitempty"`
	// Version is the package's version in the image.
	Version string `json:"version,omitempty"`
	// Fixed are the versions that it is mended in, as the scanner writes them; "" when there is none.
	Fixed string `json:"fixed,omitempty"`
	// Given is the severity in the scanner's words, "" when it gives none.
	Given string `json:"given"`
	// Severity is what that counts as.
	Severity Severity `json:"severity"`
	// Unknown says that the severity is not known, so that it counts as the worst.
	Unknown bool `json:"unknown,omitempty"`
	// Source says who says so: the scanner, or the database it has it from.
	Source string `json:"source"`
	// URL is where more is written about it.
	URL string `json:"url,omitempty"`
}

// String names a finding in a sentence: CVE-2024-3094 in xz-utils 5.6.1, mended in 5.6.2.
func (f *Finding) String() string {
	text := f.ID
	if f.Package != "" {
		text += " in " + f.Package
		if f.Version != "" {
			text += " " + f.Version
		}
	}
	if f.Fixed != "" {
		text += ", mended in " + f.Fixed
	}
	if f.Unknown {
		text += fmt.Sprintf(" (severity %q is not known, so that it counts as %s)", f.Given, f.Severity)
	}
	return text
}

// ranked sets the severity of a finding by the scanner's word for it.
func (f Finding) ranked(word string) Finding {
	severity, known := Rank(word)
	f.Given, f.Severity, f.Unknown = word, severity, !known
	return f
}

// Report is what a scanner says of an image.
type Report struct {
	// Scanner is what scanned it: trivy, grype, ECR basic scanning.
	Scanner string `json:"scanner"`
	// Version is the scanner's, "" when it is not known.
	Version string `json:"version,omitempty"`
	// Database is when the scanner's database of vulnerabilities was made, absent when that is not known.
	Database time.Time `json:"database,omitzero"`
	// Completed is when the scan was made.
	Completed time.Time `json:"completed"`
	// Ignored counts what the scanner found and left out by rules of its own.
	Ignored int `json:"ignored,omitempty"`
	// Findings are what it found, the worst first.
	Findings []Finding `json:"findings"`

	// digests are the images that the report says it is about; none when its form cannot say so.
	digests []string
}

// tidy sorts the findings, the worst first, each vulnerability of a package once: scanners name it for each place that the package is in.
func (r *Report) tidy() {
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Given, b.Given), cmp.Compare(a.Fixed, b.Fixed), cmp.Compare(a.Source, b.Source), cmp.Compare(a.URL, b.URL),
		)
	})
	type key struct{ id, pkg, version string }
	seen := map[key]bool{}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		k := key{f.ID, f.Package, f.Version}
		again := seen[k]
		seen[k] = true
		return again
	})
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
}

// Counts are numbers of findings.
type Counts struct {
	// Critical counts those that are critical, or of a severity that is not known.
	Critical int `json:"critical"`
	// High counts those of severity high.
	High int `json:"high"`
	// Medium counts those of severity medium.
	Medium int `json:"medium"`
	// Low counts those of severity low.
	Low int `json:"low"`
	// Informational counts those of severity informational.
	Informational int `json:"informational"`
	// Unknown counts those among the critical whose severity is not known.
	Unknown int `json:"unknown"`
	// Allowed counts those that an allowance permits. They are in none of the other numbers.
	Allowed int `json:"allowed"`
}

// of is the number of one severity.
func (c *Counts) of(s Severity) *int {
	switch s {
	case High:
		return &c.High
	case Medium:
		return &c.Medium
	case Low:
		return &c.Low
	case Informational:
		return &c.Informational
	default:
		return &c.Critical
	}
}
