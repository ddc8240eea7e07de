package render

import (
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// withDependencies returns the chart with those subcharts that its conditions switch off left out. A chart is shared between renderings,
// so one with dependencies is taken apart in a copy.
func withDependencies(ch *chart.Chart, values map[string]any) (*chart.Chart, error) {
	if len(ch.Metadata.Dependencies) == 0 {
		return ch, nil
	}
	present := map[string]bool{}
	for _, d := range ch.Dependencies() {
		present[d.Name()] = true
	}
	var missing []string
	for _, d := range ch.Metadata.Dependencies {
		if !present[d.Name] {
			missing = append(missing, d.Name)
		}
		if d.Alias != "" || len(d.ImportValues) > 0 {
			return nil, fmt.Errorf("chart %s: the dependency %s has an alias or imports values, which is not rendered here", ch.Name(), d.Name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(missing, ", "))
	}
	files := make([]*archive.BufferedFile, 0, len(ch.Raw))
	for _, f := range ch.Raw {
		files = append(files, &archive.BufferedFile{Name: f.Name, Data: f.Data, ModTime: f.ModTime})
	}
	fresh, err := loader.LoadFiles(files)
	if err != nil {
		return nil, err
	}
	var kept []*chart.Chart
	for _, sub := range fresh.Dependencies() {
		if enabled(fresh, sub.Name(), values) {
			kept = append(kept, sub)
		}
	}
	fresh.SetDependencies(kept...)
	return fresh, nil
}

// enabled evaluates a dependency's condition: the first of its comma-separated paths that is a boolean in the values, or in the chart's
// defaults, decides (https://helm.sh/docs/topics/charts/#tags-and-condition-fields-in-dependencies).
func enabled(ch *chart.Chart, name string, values map[string]any) bool {
	for _, d := range ch.Metadata.Dependencies {
		if d.Name != name {
			continue
		}
		for _, p := range strings.Split(d.Condition, ",") {
			for _, layer := range []map[string]any{values, ch.Values} {
				if on, ok := at(layer, strings.Split(strings.TrimSpace(p), ".")).(bool); ok {
					return on
				}
			}
		}
	}
	return true
}

func at(values map[string]any, p []string) any {
	v, ok := values[p[0]]
	if !ok || len(p) == 1 {
		return v
	}
	m, _ := v.(map[string]any)
	return at(m, p[1:])
}
