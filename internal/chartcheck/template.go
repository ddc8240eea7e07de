package chartcheck

import (
	"path"
	"slices"
	"strconv"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/values"
)

var (
	// templatePlace is where in a chart Helm's engine stopped: <chart>/templates/<file>, mostly with a line and a column.
	templatePlace = lazyregexp.New(`([^\s"()]+/templates/[^\s"():]+)(?::(\d+))?`)
	// reading is what the engine was at, and what it says of it.
	reading = lazyregexp.New(`(?s) at <([^>]*)>:\s*(.*)`)
	// valueRead is where a template reads a value.
	valueRead = lazyregexp.New(`\.Values((?:\.[A-Za-z_][A-Za-z0-9_-]*)+)`)
)

// linesBefore is how far above the place where a template gave up its reason is looked for: the conditions around a fail.
const linesBefore = 8

// refused is what a chart's template says against the values, told of the value that it is about: the one that it names, or else the one that it reads
// where it gives up. When that is none that anybody gave, it is told of the template.
func refused(ch *chart.Chart, computed *values.Computed, text string) problem.Problem {
	const says = "the chart's templates refuse the values: "
	said := words(text)
	if path := named(computed, said); len(path) > 0 && !reading.MatchString(text) {
		return at(computed, path, says+said, moved(path))
	}
	place := templatePlace.FindStringSubmatch(text)
	if place == nil {
		return at(computed, nil, says+said, "")
	}
	line, _ := strconv.Atoi(place[2])
	if path := readAt(ch, computed, place[1], line, text); path != nil {
		where := place[1]
		if line > 0 {
			where += ":" + place[2]
		}
		return at(computed, path, says+said+" ("+where+")", moved(path))
	}
	return problem.Problem{File: place[1], Line: line, Message: computed.Scrub("this template of the chart refuses the values: " + said)}
}

// words is what a template says by `fail`, or what Helm's engine says of it, without where in the chart that is.
func words(text string) string {
	if where, said, ok := strings.Cut(text, "): "); ok && strings.Contains(where, "execution error at (") {
		text = said
	} else if said, ok := strings.CutPrefix(text, "YAML parse error on "); ok {
		_, said, _ = strings.Cut(said, ": ")
		text = "with them it gives no YAML: " + strings.TrimPrefix(strings.TrimPrefix(said, "error converting YAML to JSON: "), "yaml: ")
	} else if at := reading.FindStringSubmatch(text); at != nil {
		text = at[1] + ": " + at[2]
		if strings.Contains(at[2], "nil pointer") || strings.Contains(at[2], "can't evaluate field") {
			text = "it reads " + at[1] + ", and there is no object that has that"
		}
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// named looks for the value that a template's message is about: the longest path of the values of which the message has the name, or, of an entry
// of extraFiles, its key in parentheses.
func named(computed *values.Computed, text string) values.Path {
	var best values.Path
	for _, leaf := range computed.Leaves(nil) {
		for n := len(leaf.Path); n > len(best); n-- {
			p := leaf.Path[:n]
			if strings.Contains(text, strings.TrimPrefix(p.String(), "jupyterhub.")) && n > 1 || slices.Contains(p, "extraFiles") && strings.Contains(text, "("+p[n-1]+")") {
				best = p
				break
			}
		}
	}
	return best
}

// readAt is the value that a template reads at a line, or nearest above it, among those of which a part was given; nil without one.
func readAt(ch *chart.Chart, computed *values.Computed, file string, line int, text string) values.Path {
	lines, under := templateOf(ch, file)
	if line < 1 || line > len(lines) {
		return nil
	}
	candidates := []string{}
	if at := reading.FindStringSubmatch(text); at != nil {
		candidates = append(candidates, at[1])
	}
	for n := line; n > max(line-linesBefore, 0); n-- {
		candidates = append(candidates, lines[n-1])
	}
	for _, c := range candidates {
		for _, read := range valueRead.FindAllStringSubmatch(c, -1) {
			path := append(slices.Clone(under), strings.Split(strings.TrimPrefix(read[1], "."), ".")...)
			if _, given := computed.At(path[:len(under)+1]); given {
				return path
			}
		}
	}
	return nil
}

// templateOf are the lines of a template, by its path from the chart's name on, and the path below which its chart's values stand.
func templateOf(ch *chart.Chart, file string) (lines []string, under values.Path) {
	for _, t := range ch.Templates {
		if path.Join(ch.ChartFullPath(), t.Name) == file {
			return strings.Split(string(t.Data), "\n"), nil
		}
	}
	for _, sub := range ch.Dependencies() {
		if lines, under = templateOf(sub, file); lines != nil {
			return lines, append(values.Path{sub.Name()}, under...)
		}
	}
	return nil, nil
}
