// Package problem is what is said of a deployment's files: where something is wrong, what it is, and what would be right. All problems are told
// at once.
package problem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Problem is one thing that is wrong with a deployment's files: where it is, what it is and what would be right.
type Problem struct {
	// File is the file's name, relative to the deployment directory.
	File string `json:"file"`
	// Line counts from 1; 0 means that the problem has no line, because something is missing.
	Line int `json:"line,omitempty"`
	// Path names the value, such as cluster.nodeGroups[user].min. Entries of lists that merge by name are named, others counted from 0.
	Path string `json:"path,omitempty"`
	// Message says what is wrong. It never holds a secret.
	Message string `json:"message"`
	// Hint says what would be right.
	Hint string `json:"hint,omitempty"`
}

// String is the problem on one line: file:line: path: message; hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems are all problems of some files, as one error.
type Problems []Problem

// Error is the problems, one to a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted are the problems in the order of files, lines and paths, each once.
func (p Problems) Sorted() Problems {
	slices.SortFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}

// Err is the problems as an error, nil without any.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p.Sorted()
}

// Nearest is the known name that a mistyped one most likely stands for, "" when none is near: an edit in a third of its letters at most. The name itself
// is none.
func Nearest(name string, known []string) string {
	best, least := "", max(2, (len(name)+1)/3)+1
	for _, k := range known {
		if k == name {
			continue
		}
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(k), nil); d < least {
			best, least = k, d
		}
	}
	return best
}
