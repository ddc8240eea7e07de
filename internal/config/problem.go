package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a deployment's configuration: where it is, what it is and what would be right.
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

// Problems are all problems of a configuration, as one error.
type Problems []Problem

// Error is the problems, one to a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sorted are the problems in the order of files, lines and paths, each once.
func (p Problems) sorted() Problems {
	slices.SortFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}

// err is the problems as an error, nil without any.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p.sorted()
}
