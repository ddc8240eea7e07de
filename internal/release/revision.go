package release

import (
	"fmt"
	"strings"
	"time"

	release "helm.sh/helm/v4/pkg/release/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/yaml"
)

// Revision is what Helm has recorded of a release's newest revision.
type Revision struct {
	// Number counts revisions from 1.
	Number int
	// Status is Helm's word: deployed, failed, pending-upgrade.
	Status string
	// Description is what Helm says of how it ended.
	Description string
	// Deployed is when.
	Deployed time.Time
	// Chart, ChartVersion and AppVersion are the chart's, the last of what it deploys.
	Chart, ChartVersion, AppVersion string
	// Objects are those of its manifest.
	Objects []Object

	config, defaults map[string]any
}

// Object is an object of a release's manifest.
type Object struct{ Kind, Namespace, Name string }

// Newest is a release's newest revision; nil when there is no such release.
func Newest(cluster typedv1.SecretsGetter, namespace, name string) (*Revision, error) {
	_, revisions, err := history(cluster, namespace, name)
	if err != nil || len(revisions) == 0 {
		return nil, err
	}
	return revisionOf(revisions[0])
}

func revisionOf(r *release.Release) (*Revision, error) {
	out := &Revision{Number: r.Version, config: r.Config}
	if r.Info != nil {
		out.Status, out.Description, out.Deployed = string(r.Info.Status), r.Info.Description, r.Info.LastDeployed
	}
	if r.Chart != nil {
		out.defaults = r.Chart.Values
		if m := r.Chart.Metadata; m != nil {
			out.Chart, out.ChartVersion, out.AppVersion = m.Name, m.Version, m.AppVersion
		}
	}
	for _, doc := range strings.Split("\n"+r.Manifest, "\n---") {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			return nil, fmt.Errorf("the manifest of release %s/%s, revision %d: %w", r.Namespace, r.Name, r.Version, err)
		}
		if head.Kind == "" {
			continue
		}
		if head.Metadata.Namespace == "" {
			head.Metadata.Namespace = r.Namespace
		}
		out.Objects = append(out.Objects, Object{head.Kind, head.Metadata.Namespace, head.Metadata.Name})
	}
	return out, nil
}

// Value is what the release's values have at a path: those that were given, or else the chart's own. nil when neither has it.
func (r *Revision) Value(path ...string) any {
	if v := at(r.config, path); v != nil {
		return v
	}
	return at(r.defaults, path)
}

// Given is what the values have at a path that the release was given beside the chart's own; nil for nothing.
func (r *Revision) Given(path ...string) any { return at(r.config, path) }

func at(values map[string]any, path []string) any {
	var v any = values
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}
