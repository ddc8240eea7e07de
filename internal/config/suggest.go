package config

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/problem"
)

// Problem is one thing that is wrong with a deployment's configuration.
type Problem = problem.Problem

// Problems are all problems of a configuration, as one error.
type Problems = problem.Problems

// suggest is a hint for a mistyped name: the nearest known one when one is near, else all of them.
func suggest(name string, known []string) string {
	if near := problem.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(known, ", ")
}

// oneOf lists alternatives in words.
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
