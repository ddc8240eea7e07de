// Package chartcheck holds a hub's values to its chart before anything reaches a cluster: to the chart's own JSON schema, and to its templates. What
// they refuse is said with the file and line that brought it.
package chartcheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/values"
)

// Check finds what a chart refuses of values: all that its schema does, or, when that is content, what its templates say.
func Check(ctx context.Context, ch *chart.Chart, computed *values.Computed, rel render.Release, kubeVersion string) (problem.Problems, error) {
	all, err := util.CoalesceValues(ch, computed.Values)
	if err != nil {
		return nil, fmt.Errorf("the values over the defaults of chart %s: %w", ch.Name(), err)
	}
	found, err := render.Violations(ch, all)
	if err != nil {
		return nil, err
	}
	var problems problem.Problems
	for _, v := range found {
		hint := ""
		if v.Unknown {
			hint = instead(v.Path, v.Known)
		}
		problems = append(problems, at(computed, v.Path, v.Message, hint))
	}
	if len(problems) > 0 {
		return problems.Sorted(), nil
	}
	if _, err := render.Render(ctx, ch, computed.Values, rel, render.Options{KubeVersion: kubeVersion, SkipSchema: true}); err != nil {
		path := named(computed, err.Error())
		problems = append(problems, at(computed, path, "the chart's templates refuse the values: "+words(err.Error()), moved(path)))
	}
	return problems, nil
}

// instead says what there may be in the place of a key that the chart does not know, which is the path's last, among those that it knows there.
func instead(path values.Path, known []string) string {
	if hint := moved(path); hint != "" {
		return hint
	}
	if near := problem.Nearest(path[len(path)-1], known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// at is a problem at the place where a value was written. A value that is in no file is the chart's own.
func at(computed *values.Computed, path values.Path, message, hint string) problem.Problem {
	origin := computed.OriginOf(path)
	if origin.File == "" {
		origin.File = "values"
	}
	return problem.Problem{File: origin.File, Line: origin.Line, Path: path.String(), Message: computed.Scrub(message), Hint: hint}
}

// words is what a template says by `fail`, without what Helm's engine says of where in the chart it stands.
func words(text string) string {
	if where, said, ok := strings.Cut(text, "): "); ok && strings.Contains(where, "execution error at (") {
		text = said
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
