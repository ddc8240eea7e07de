// Package chartcheck holds a hub's values to its chart before anything reaches a cluster: to the chart's own JSON schema, and to its templates. What
// they refuse is said with the file and line that brought it.
package chartcheck

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/values"
)

// Check finds what a chart refuses of values: all that its schema does, or, when that is content, what its templates say.
func Check(ctx context.Context, ch *chart.Chart, computed *values.Computed, rel render.Release, kubeVersion string) (problem.Problems, error) {
	if wrong := misfits(ch, computed, computed.Values, nil); len(wrong) > 0 {
		return wrong, nil
	}
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
		problems = append(problems, refused(ch, computed, err.Error()))
	}
	return problems, nil
}

// misfits are values that stand where those of a chart in the chart belong, and are no object. Helm gives up at the first.
func misfits(ch *chart.Chart, computed *values.Computed, vals map[string]any, under values.Path) (found problem.Problems) {
	for _, sub := range ch.Dependencies() {
		path := append(slices.Clone(under), sub.Name())
		switch v, given := vals[sub.Name()]; below := v.(type) {
		case map[string]any:
			found = append(found, misfits(sub, computed, below, path)...)
		default:
			if given {
				found = append(found, at(computed, path, fmt.Sprintf("is %s, but the values of chart %s stand here, which are an object", kindOf(v), sub.Name()), "write them below this key, or take it out"))
			}
		}
	}
	return found.Sorted()
}

// kindOf is what people call a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "empty"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	}
	return "a number"
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
