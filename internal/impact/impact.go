// Package impact says what a change of a stack's Helm releases comes to in the cluster, and what it means for the people who work there: a chart is
// rendered with the values before and after, without any secret, and the objects are compared.
package impact

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/manifest"
	"github.com/hubwright/hubwright/internal/render"
)

// ReleaseType is the type of Helm releases in the graph.
const ReleaseType = "kubernetes:helm.sh/v3:Release"

// Charts finds charts.
type Charts interface {
	Chart(ctx context.Context, req render.Request) (*render.Found, error)
}

// Release is a Helm release's inputs before and after a change, as the engine shows them, which is without secrets: one reads manifest.Secret, and
// manifest.Changed after when it is another than before.
type Release struct {
	URN string
	// Before and After are nil where there is none.
	Before, After map[string]any
}

// Impact is what a change of releases comes to.
type Impact struct {
	// Manifests are the objects that do not stay the same, and Effects what that means for people, release by release.
	Manifests []change.Manifest
	Effects   []change.Effect
	// Notes say what could not be compared, and why.
	Notes []string
}

// Of compares what the releases render before and after. kubeVersion is the cluster's, such as "1.33". What cannot be rendered is told of in a note.
func Of(ctx context.Context, charts Charts, kubeVersion string, releases []Release) (*Impact, error) {
	out := &Impact{}
	for _, r := range releases {
		name := HubOf(r.URN)
		diffs, err := compare(ctx, charts, kubeVersion, r)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("%s: what changes in the cluster is not shown: %v", name, err))
			continue
		}
		namespace := textAt(r.After, "namespace")
		if r.After == nil {
			namespace = textAt(r.Before, "namespace")
		}
		for _, d := range diffs {
			m := change.Manifest{Hub: name, Kind: d.Kind, Namespace: d.Namespace, Name: d.Name, Op: d.Op, Diff: d.Diff}
			if m.Namespace == "" {
				m.Namespace = namespace
			}
			out.Manifests = append(out.Manifests, m)
		}
		if r.Before != nil && r.After != nil {
			out.Effects = append(out.Effects, effects(name, diffs)...)
		}
	}
	return out, nil
}

// HubOf is the name of the hub, or of what else it is, whose release a URN names.
func HubOf(urn string) string {
	return strings.TrimSuffix(urn[strings.LastIndex(urn, "::")+2:], "-release")
}

// compare renders a release before and after.
func compare(ctx context.Context, charts Charts, kubeVersion string, r Release) ([]manifest.Difference, error) {
	was, err := renderOf(ctx, charts, kubeVersion, r.Before, nil)
	if err != nil {
		return nil, fmt.Errorf("as it is deployed: %w", err)
	}
	is, err := renderOf(ctx, charts, kubeVersion, r.After, was.objects)
	if err != nil {
		return nil, err
	}
	before, after := slices.Concat(was.objects, was.hooks), slices.Concat(is.objects, is.hooks)
	diffs := manifest.Compare(before, after)
	if is.random && len(diffs) > 0 && r.Before != nil && r.After != nil {
		again, err := renderOf(ctx, charts, kubeVersion, r.After, was.objects)
		if err != nil {
			return nil, err
		}
		diffs = manifest.Compare(before, after, slices.Concat(again.objects, again.hooks)...)
	}
	return slices.DeleteFunc(diffs, func(d manifest.Difference) bool { // a hook that does not run this time is none that goes
		return r.After != nil && d.Op == manifest.Delete && isHook(d.Before)
	}), nil
}

// hookAnnotation is by what Helm knows a hook.
const hookAnnotation = "helm.sh/hook"

// isHook says whether an object is made for the time of an upgrade alone: https://helm.sh/docs/topics/charts_hooks/.
func isHook(o manifest.Object) bool {
	return (&unstructured.Unstructured{Object: o}).GetAnnotations()[hookAnnotation] != ""
}

// rendering is what a release renders.
type rendering struct {
	objects, hooks []manifest.Object
	random         bool // the chart may make up values
}

// renderOf renders a release; live are the objects that its templates find in the cluster.
func renderOf(ctx context.Context, charts Charts, kubeVersion string, inputs map[string]any, live []manifest.Object) (*rendering, error) {
	out := &rendering{}
	if inputs == nil {
		return out, nil
	}
	ch, err := charts.Chart(ctx, requestOf(inputs))
	if err != nil {
		return nil, err
	}
	vals, _ := inputs["values"].(map[string]any)
	rel := render.Release{Name: textAt(inputs, "name"), Namespace: textAt(inputs, "namespace"), Revision: 2, Upgrade: true}
	made, err := render.Render(ctx, ch.Chart, vals, rel, render.Options{KubeVersion: kubeVersion, SkipSchema: true, Lookup: lookup(live)})
	if err != nil {
		return nil, fmt.Errorf("the chart's templates: %w", err)
	}
	out.random = ch.Random()
	for _, m := range slices.Concat(made.CRDs, made.Manifests) {
		out.objects = append(out.objects, m.Object)
	}
	for _, h := range made.Hooks {
		parsed, err := render.Parse(h.Path, h.Manifest)
		if err != nil {
			return nil, err
		}
		for _, m := range parsed {
			out.hooks = append(out.hooks, m.Object)
		}
	}
	return out, nil
}

// requestOf names the chart of a release's inputs.
func requestOf(inputs map[string]any) render.Request {
	repository, _ := inputs["repositoryOpts"].(map[string]any)
	return render.Request{Name: textAt(inputs, "chart"), Version: textAt(inputs, "version"), Repository: textAt(repository, "repo")}
}

func textAt(m map[string]any, key string) string {
	text, _ := m[key].(string)
	return text
}

// lookup finds among the objects that were rendered before what templates look for in the cluster, so that they keep what they made up then.
func lookup(live []manifest.Object) render.Lookup {
	return func(_ context.Context, apiVersion, kind, namespace, name string) ([]map[string]any, error) {
		var found []map[string]any
		for _, o := range live {
			u := unstructured.Unstructured{Object: o}
			if u.GetAPIVersion() != apiVersion || u.GetKind() != kind || name != "" && u.GetName() != name {
				continue
			}
			if in := u.GetNamespace(); in != "" && namespace != "" && in != namespace {
				continue
			}
			found = append(found, o)
		}
		if len(found) == 0 && name != "" {
			return nil, apierrors.NewNotFound(schema.GroupResource{Resource: strings.ToLower(kind)}, name)
		}
		return found, nil
	}
}
