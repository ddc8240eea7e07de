package imagehash

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/hubwright/hubwright/internal/problem"
)

// dockerignore is the file that keeps files out of a build, and, after a Dockerfile's name, the one that does so for that Dockerfile:
// https://docs.docker.com/build/concepts/context/#dockerignore-files
const dockerignore = ".dockerignore"

// ignores reads the patterns of what stays out of the build, and gives the file that they are of, "" without one. The Dockerfile's own file comes first, and then the context's does not count, as BuildKit
// has it (dockerui.Client.ReadEntrypoint and dockerIgnorePatterns):
// https://github.com/moby/buildkit/blob/v0.31.0/frontend/dockerui/config.go
func (p place) ignores() (patterns []string, file string, err error) {
	for _, name := range []string{p.dockerfileName + dockerignore, p.name(dockerignore)} {
		full := filepath.Join(p.root, filepath.FromSlash(name))
		if _, err := os.Lstat(full); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		full, problems := p.find(name, false, "the ignore file", "its place")
		if len(problems) > 0 {
			return nil, "", problems
		}
		text, err := os.ReadFile(full)
		if err != nil {
			return nil, "", problem.Problems{{File: name, Message: "the ignore file cannot be read: " + reason(err), Hint: "make it readable"}}
		}
		patterns, err := parseIgnores(name, text)
		if err != nil {
			return nil, "", err
		}
		patterns, err = p.takeBack(patterns)
		return patterns, full, err
	}
	return nil, "", nil
}

// parseIgnores reads an ignore file. All patterns that are none are told of, with their lines.
func parseIgnores(name string, text []byte) ([]string, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, problem.Problems{{File: name, Message: "it is no ignore file: " + err.Error(), Hint: "give one pattern on each line"}}
	}
	if !slices.ContainsFunc(patterns, func(p string) bool { return check(p) != nil }) {
		return patterns, nil
	}
	var problems problem.Problems
	number := 0
	for line := range bytes.Lines(text) {
		number++
		one, _ := ignorefile.ReadAll(bytes.NewReader(line))
		for _, p := range one {
			if err := check(p); err != nil {
				problems = append(problems, problem.Problem{
					File: name, Line: number, Message: fmt.Sprintf("%q is not a pattern: %v", p, err),
					Hint: "close every [, put no \\ at the end and a pattern after every !; a \\ before a character takes it as it is",
				})
			}
		}
	}
	return nil, problems.Err()
}

// check says whether a pattern is one. Some that are not are only found when they are matched, which an exception is not before something is excluded:
// those become a regular expression that is none, for which it takes a range, an escape or what is not UTF-8.
func check(pattern string) error {
	_, err := patternmatcher.New([]string{pattern})
	if err != nil || !strings.ContainsAny(pattern, `[\`) && utf8.ValidString(pattern) {
		return err
	}
	m, err := patternmatcher.New([]string{strings.TrimPrefix(pattern, "!")})
	if err == nil {
		_, err = m.MatchesOrParentMatches("file")
	}
	return err
}

// takeBack adds what takes the Dockerfile and .dockerignore back in, where they are excluded, as Docker's command line does.
func (p place) takeBack(patterns []string) ([]string, error) {
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{p.inContext(), dockerignore} {
		if name == "" {
			continue
		}
		if out, err := m.MatchesOrParentMatches(name); err != nil {
			return nil, err
		} else if out {
			patterns = append(patterns, "!"+name)
		}
	}
	return patterns, nil
}

// A matcher matches paths of the context against the patterns. It is not safe to use from two goroutines at once.
type matcher struct {
	*patternmatcher.PatternMatcher
	// literal means that no exception to the patterns has a wildcard, so that it is known which directories it can reach into.
	literal bool
}

func newMatcher(patterns []string) (*matcher, error) {
	pm, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	m := &matcher{pm, true}
	for _, p := range pm.Patterns() {
		if p.Exclusion() && strings.ContainsAny(withoutTrailingGlob(p), `*[]?^\`) {
			m.literal = false
		}
	}
	return m, nil
}

// passedOver reports whether nothing in an excluded directory can be taken back in. It is the rule of BuildKit (filterFS.Walk), word for word, so that
// what is passed over there is passed over here: https://github.com/tonistiigi/fsutil/blob/0257b3308df4/filter.go
func (m *matcher) passedOver(dir string) bool {
	if !m.literal {
		return false
	}
	for _, p := range m.Patterns() {
		if p.Exclusion() && strings.HasPrefix(withoutTrailingGlob(p)+"/", dir+"/") {
			return false
		}
	}
	return true
}

func withoutTrailingGlob(p *patternmatcher.Pattern) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.ToSlash(p.String()), "/**"), "/*")
}
