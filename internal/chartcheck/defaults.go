package chartcheck

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"sigs.k8s.io/yaml"

	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/values"
)

// The layers of a chart's own values: those of a chart around others count more than theirs.
const (
	defaultsLayer = "chart defaults"
	wrapperLayer  = "wrapper chart"
)

// Defaults are a chart's own values, and those of the charts in it, as the lowest layers of a hub's values. folder is what messages call the chart's
// folder; empty means its name.
func Defaults(ch *chart.Chart, folder string) ([]values.Layer, error) {
	return defaults(ch, cmp.Or(folder, ch.Name()), nil)
}

func defaults(ch *chart.Chart, folder string, under []string) ([]values.Layer, error) {
	var out []values.Layer
	for _, sub := range ch.Dependencies() {
		below, err := defaults(sub, path.Join(folder, "charts", sub.Name()), append(slices.Clone(under), sub.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	if len(ch.Values) == 0 {
		return out, nil
	}
	data, err := yaml.Marshal(ch.Values)
	if err != nil {
		return nil, fmt.Errorf("the defaults of chart %s: %w", ch.Name(), err)
	}
	name := defaultsLayer
	if len(ch.Dependencies()) > 0 {
		name = wrapperLayer
	}
	layer := values.Layer{Name: name, File: path.Join(folder, "values.yaml"), Data: data, Under: under}
	for _, f := range ch.Raw {
		if f.Name == "values.yaml" {
			layer.Places = f.Data
		}
	}
	return append(out, layer), nil
}

// Unknown are the keys of values that no default and no schema of a chart has, and none of the charts in it, so that most likely nothing reads them.
// What stands below an empty default, or where a schema lets through any key, is not looked at.
func Unknown(ch *chart.Chart, computed *values.Computed) problem.Problems {
	u := &unknown{computed: computed}
	u.chart(ch, nil, computed.Values, nil)
	return u.found.Sorted()
}

type unknown struct {
	computed *values.Computed
	found    problem.Problems
}

// chart looks at the values of a chart. given are defaults for it from the chart that it is part of.
func (u *unknown) chart(ch *chart.Chart, given, vals map[string]any, at values.Path) {
	own := maps.Clone(vals)
	for _, sub := range ch.Dependencies() {
		if v, ok := own[sub.Name()].(map[string]any); ok {
			above, _ := ch.Values[sub.Name()].(map[string]any)
			u.chart(sub, above, v, append(slices.Clone(at), sub.Name()))
		}
		delete(own, sub.Name())
	}
	for _, key := range []string{"global", "tags"} { // which Helm itself reads
		delete(own, key)
	}
	var schema map[string]any
	if len(ch.Schema) > 0 && json.Unmarshal(ch.Schema, &schema) != nil {
		return // Check says so
	}
	if len(ch.Values) == 0 && len(given) == 0 && schema == nil {
		return // a chart that says nothing of what it reads
	}
	u.object([]map[string]any{ch.Values, given}, schema, own, at)
}

// object looks at an object, of which there are defaults and perhaps a schema.
func (u *unknown) object(defaults []map[string]any, schema, vals map[string]any, at values.Path) {
	for _, key := range slices.Sorted(maps.Keys(vals)) {
		p := append(slices.Clone(at), key)
		next, open := within(schema, key)
		known := next != nil
		var below []map[string]any
		for _, d := range defaults {
			v, has := d[key]
			known = known || has
			m, _ := v.(map[string]any)
			open = open || has && len(m) == 0 && next == nil // anything may stand there
			below = append(below, m)
		}
		switch v, isObject := vals[key].(map[string]any); {
		case open:
		case !known:
			u.add(p, defaults, schema)
		case isObject:
			u.object(below, next, v, p)
		}
	}
}

// within is the schema of a key in an object of that schema, nil when it has none. open says that anything may stand there.
func within(schema map[string]any, key string) (next map[string]any, open bool) {
	for _, more := range []string{"$ref", "allOf", "anyOf", "oneOf", "patternProperties"} {
		if schema[more] != nil {
			return nil, true
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	switch p := properties[key].(type) {
	case map[string]any:
		return p, len(p) == 0
	case bool:
		return nil, p
	}
	switch p := schema["additionalProperties"].(type) {
	case map[string]any:
		return p, len(p) == 0
	case bool:
		return nil, p
	}
	return nil, schema != nil && properties == nil
}

func (u *unknown) add(p values.Path, defaults []map[string]any, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	known := render.TakenKeys(properties)
	for _, d := range defaults {
		known = slices.AppendSeq(known, maps.Keys(d))
	}
	slices.Sort(known)
	u.found = append(u.found, at(u.computed, p, "is in no default of the chart and not in its schema, so most likely nothing reads it", instead(p, known)))
}
