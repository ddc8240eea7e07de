package config

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// suggest is a hint for a mistyped name: the nearest known one when one is near, else all of them.
func suggest(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(known, ", ")
}

// nearest is the known name that a mistyped one most likely stands for, "" when none is near: an edit in three letters at most.
func nearest(name string, known []string) string {
	best, least := "", max(2, (len(name)+1)/3)+1
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(k), nil); d < least {
			best, least = k, d
		}
	}
	return best
}

// oneOf lists alternatives in words.
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
