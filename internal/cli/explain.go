package cli

import (
	"context"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/impact"
	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// explain adds to what the engine found what a reviewer asks next: what comes of it in the cluster and for people, what each property is in their words, and
// where it was written.
func (s *session) explain(ctx context.Context, res *driver.Result) error {
	var releases []impact.Release
	for _, in := range res.Inputs {
		releases = append(releases, impact.Release{URN: in.URN, Before: in.Before, After: in.After})
	}
	found, err := impact.Of(ctx, s.chartSource(), s.stack.Cluster.Version, releases)
	if err != nil {
		return err
	}
	c := res.Change
	c.Manifests = append(c.Manifests, found.Manifests...)
	c.Effects = append(c.Effects, found.Effects...)
	c.Warnings = append(c.Warnings, found.Notes...)
	if outlines := s.outlines(); outlines != "" && len(found.Manifests) > 0 {
		c.Warnings = append(c.Warnings, "what changes in the cluster is seen through built-in outlines of the charts "+outlines+", which make less than the real ones")
	}
	for i := range c.Steps {
		s.explainStep(ctx, &c.Steps[i])
	}
	return nil
}

// explainStep says of a step's properties what they are and where they were written.
func (s *session) explainStep(ctx context.Context, step *change.Step) {
	if step.Op != "update" && step.Op != "replace" {
		return
	}
	var hub *config.Hub
	var computed *values.Computed
	if step.Type == impact.ReleaseType {
		if hub = s.stack.Hub(impact.HubOf(step.URN)); hub != nil {
			computed, _ = s.reader.Values(ctx, s.stack, hub) // those that cannot be read had the engine fail before
		}
	}
	for i := range step.Diff {
		p := &step.Diff[i]
		p.From = stacks.Origin(s.stack, step.URN, change.SplitPath(p.Path), computed)
		if hub != nil {
			p.Words = impact.Words(p.Path, hub.Chart.ValuesKey)
		}
	}
}

// chartSource is where the session's charts come from.
func (s *session) chartSource() *render.Source {
	if s.sandbox != nil {
		return s.sandbox.Charts
	}
	if s.charts == nil {
		s.charts = s.app.charts(s.stack.Dir, s.globals)
	}
	return s.charts
}
