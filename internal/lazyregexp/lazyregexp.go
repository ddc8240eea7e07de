// Package lazyregexp has regular expressions that are compiled when they are first used. Patterns of names stand in package variables all over
// the program, most of them of no use to any one command; compiled at every start they took a fifth of it. The name and the idea are those of the
// package of this name in the Go toolchain.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is compiled at its first use. Its methods are those of [regexp.Regexp].
type Regexp struct {
	pattern string
	compile func() *regexp.Regexp
}

// New keeps a pattern. One that does not compile panics when it is first used.
func New(pattern string) *Regexp {
	return &Regexp{pattern, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })}
}

// String is the pattern.
func (r *Regexp) String() string { return r.pattern }

// MatchString reports whether s contains a match.
func (r *Regexp) MatchString(s string) bool { return r.compile().MatchString(s) }

// FindString is the text of the first match, "" without one.
func (r *Regexp) FindString(s string) string { return r.compile().FindString(s) }

// FindStringSubmatch is the first match and those of its groups, nil without one.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.compile().FindStringSubmatch(s) }

// FindAllStringSubmatch is the first n matches with those of their groups, all of them with -1.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.compile().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex is the first n matches with those of their groups as pairs of positions, all of them with -1.
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.compile().FindAllStringSubmatchIndex(s, n)
}

// ReplaceAllString puts repl in the place of each match; $1 in it stands for a group.
func (r *Regexp) ReplaceAllString(s, repl string) string {
	return r.compile().ReplaceAllString(s, repl)
}

// ReplaceAllStringFunc puts what repl makes of each match in its place.
func (r *Regexp) ReplaceAllStringFunc(s string, repl func(string) string) string {
	return r.compile().ReplaceAllStringFunc(s, repl)
}
