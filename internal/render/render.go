// Package render turns a chart and values into manifests with Helm's own engine, and finds charts: in a folder, in a cache, in a
// repository. It needs no cluster; a look-up function stands in for one where templates ask for live objects.
package render

import (
	"context"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

// DefaultKubeVersion is the Kubernetes version that charts are rendered for when none is given.
const DefaultKubeVersion = "1.33"

// Release is what a template sees as .Release.
type Release struct {
	Name, Namespace string
	// Revision counts from 1; 0 counts as 1.
	Revision int
	// Upgrade is false for the first installation.
	Upgrade bool
}

// Options tune a rendering; the zero value is right without a cluster.
type Options struct {
	// KubeVersion is the cluster's version, such as "1.33".
	KubeVersion string
	// Lookup answers the templates' lookup function. nil: it finds nothing.
	Lookup Lookup
	// SkipSchema leaves the values unchecked against the charts' JSON schemas.
	SkipSchema bool
}

// Manifest is one rendered object.
type Manifest struct {
	// Source is the template it comes from, with the chart's name before it.
	Source string
	// Content is the YAML text, Object the same in plain JSON types.
	Content string
	Object  map[string]any
}

// Rendered is what a chart gives for values.
type Rendered struct {
	// Manifests are in the order in which Helm installs them.
	Manifests []Manifest
	// Hooks are in no order but that of their kinds; Helm runs them by weight.
	Hooks []*release.Hook
	// CRDs are the chart's custom resource definitions, which Helm installs before all else.
	CRDs []Manifest
	// Notes is the rendered NOTES.txt.
	Notes string
	// Values are the values given, over the chart's defaults.
	Values map[string]any
}

// Text is all manifests as one YAML stream, as `helm get manifest` prints it.
func (r *Rendered) Text() string {
	var b strings.Builder
	for _, m := range r.Manifests {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", m.Source, m.Content)
	}
	return b.String()
}

// Render renders a chart. Errors are Helm's: values that break the schema read "values don't meet the specifications of the schema(s) in
// the following chart(s): …".
func Render(ctx context.Context, ch *chart.Chart, values map[string]any, rel Release, opts Options) (*Rendered, error) {
	if t := ch.Metadata.Type; t != "" && t != "application" {
		return nil, fmt.Errorf("%s charts are not installable", t)
	}
	caps, err := capabilities(opts.KubeVersion)
	if err != nil {
		return nil, err
	}
	if err := compatible(ch, caps); err != nil {
		return nil, err
	}
	if ch, err = withDependencies(ch, values); err != nil {
		return nil, err
	}
	top, err := util.ToRenderValuesWithSchemaValidation(ch, values, common.ReleaseOptions{
		Name: rel.Name, Namespace: rel.Namespace, Revision: max(rel.Revision, 1), IsUpgrade: rel.Upgrade, IsInstall: !rel.Upgrade,
	}, caps, opts.SkipSchema)
	if err != nil {
		return nil, err
	}
	var files map[string]string
	if opts.Lookup != nil {
		files, err = engine.RenderWithClientProvider(ch, top, provider{ctx, opts.Lookup})
	} else {
		files, err = engine.Engine{}.RenderWithContext(ctx, ch, top)
	}
	if err != nil {
		return nil, err
	}
	out := &Rendered{}
	out.Values, _ = top["Values"].(common.Values)
	out.Notes = notes(files)
	if err := out.sort(ch, files, caps); err != nil {
		return nil, err
	}
	return out, nil
}

// notes takes the NOTES.txt of the chart itself out of the files; subcharts' are dropped.
func notes(files map[string]string) string {
	var text string
	for name, content := range files {
		if path.Base(name) != "NOTES.txt" {
			continue
		}
		if strings.Count(name, "/") == 2 { // <chart>/templates/NOTES.txt
			text = content
		}
		delete(files, name)
	}
	return text
}

func (r *Rendered) sort(ch *chart.Chart, files map[string]string, caps *common.Capabilities) error {
	hooks, generic, err := releaseutil.SortManifests(files, caps.APIVersions, releaseutil.InstallOrder)
	if err != nil {
		return err
	}
	r.Hooks = hooks
	for _, m := range generic {
		parsed, err := Parse(m.Name, m.Content)
		if err != nil {
			return err
		}
		r.Manifests = append(r.Manifests, parsed...)
	}
	for _, crd := range ch.CRDObjects() {
		parsed, err := Parse(crd.Filename, string(crd.File.Data))
		if err != nil {
			return err
		}
		r.CRDs = append(r.CRDs, parsed...)
	}
	return nil
}

// Parse splits a YAML stream into its objects; empty documents are left out.
func Parse(source, text string) ([]Manifest, error) {
	docs := releaseutil.SplitManifests(text)
	keys := make([]string, 0, len(docs))
	for k := range docs {
		keys = append(keys, k)
	}
	sort.Sort(releaseutil.BySplitManifestsOrder(keys))
	var out []Manifest
	for _, k := range keys {
		var obj map[string]any
		if err := yaml.Unmarshal([]byte(docs[k]), &obj); err != nil {
			return nil, fmt.Errorf("YAML parse error on %s: %w", source, err)
		}
		if len(obj) > 0 {
			out = append(out, Manifest{Source: sourceOf(docs[k], source), Content: docs[k], Object: obj})
		}
	}
	return out, nil
}

// sourceOf reads the comment that Text writes before each manifest.
func sourceOf(doc, fallback string) string {
	for line := range strings.Lines(doc) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "# Source: "); ok {
			return s
		}
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			break
		}
	}
	return fallback
}

func capabilities(kubeVersion string) (*common.Capabilities, error) {
	if kubeVersion == "" {
		kubeVersion = DefaultKubeVersion
	}
	v, err := common.ParseKubeVersion(kubeVersion)
	if err != nil {
		return nil, fmt.Errorf("kubernetes version %q: %w", kubeVersion, err)
	}
	caps := common.DefaultCapabilities.Copy()
	caps.KubeVersion = *v
	return caps, nil
}

func compatible(ch *chart.Chart, caps *common.Capabilities) error {
	want := ch.Metadata.KubeVersion
	if want == "" {
		return nil
	}
	version := caps.KubeVersion.String()
	c, err := semver.NewConstraint(want)
	if err != nil {
		return fmt.Errorf("chart %s: kubeVersion %q is no version constraint: %w", ch.Name(), want, err)
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return fmt.Errorf("kubernetes version %q: %w", version, err)
	}
	if !c.Check(v) {
		return fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", want, version)
	}
	return nil
}
