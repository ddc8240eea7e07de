package helmsim

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// Upgrade brings a release to a chart and values. A *FailedError comes with a failed revision, any other error with none.
func (c *Client) Upgrade(ctx context.Context, ch *chart.Chart, values map[string]any, namespace, name string, opts Options) (*release.Release, error) {
	o := c.begin(ctx, namespace, name, opts)
	last, current, err := o.current()
	if err != nil {
		return nil, err
	}
	if opts.ReuseValues && !opts.ResetValues {
		values = util.CoalesceTables(kubeapi.Clone(values), kubeapi.Clone(current.Config))
	}
	rel, crds, err := o.render(ch, values, last.Version+1, common.StatusPendingUpgrade)
	if err != nil {
		return nil, err
	}
	rel.Info.FirstDeployed = current.Info.FirstDeployed
	if !opts.SkipCRDs {
		if err := o.crds(crds); err != nil {
			return nil, err
		}
	}
	before, err := o.objects(current.Manifest)
	if err != nil {
		return nil, fmt.Errorf("unable to build kubernetes objects from current release manifest: %w", err)
	}
	target, err := o.objects(rel.Manifest)
	if err != nil {
		return nil, err
	}
	if err := o.conflicts(target, before, "update"); err != nil {
		return nil, err
	}
	if err := o.store.Create(rel); err != nil {
		return nil, err
	}
	if err := o.upgrade(rel, before, target); err != nil {
		return rel, o.upgradeFailed(rel, current, before, target, err)
	}
	if current.Info.Status == common.StatusDeployed || current.Version != last.Version {
		current.Info.Status = common.StatusSuperseded
		if err := o.store.Update(current); err != nil {
			return rel, err
		}
	}
	rel.SetStatus(common.StatusDeployed, describe(opts, "Upgrade complete"))
	return rel, o.store.Update(rel)
}

// current returns the newest revision, and the one that is to be replaced: the deployed one, or the newest when none is.
func (o *operation) current() (last, current *release.Release, err error) {
	if last, err = o.Last(o.ctx, o.namespace, o.name); err != nil {
		return nil, nil, err
	}
	if last == nil {
		return nil, nil, driver.NewErrNoDeployedReleases(o.name)
	}
	if last.Info.Status.IsPending() {
		return nil, nil, ErrPending
	}
	if last.Info.Status == common.StatusDeployed {
		return last, last, nil
	}
	found, err := o.store.Deployed(o.name)
	if errors.Is(err, driver.ErrNoDeployedReleases) && (last.Info.Status == common.StatusFailed || last.Info.Status == common.StatusSuperseded) {
		return last, last, nil
	}
	if err != nil {
		return nil, nil, err
	}
	current, ok := found.(*release.Release)
	if !ok {
		return nil, nil, fmt.Errorf("release %s: stored in a form that is not known here (%T)", o.name, found)
	}
	return last, current, nil
}

func (o *operation) upgrade(rel *release.Release, before, target []kubeapi.Object) error {
	if err := o.hooks(rel, release.HookPreUpgrade); err != nil {
		return fmt.Errorf("pre-upgrade hooks failed: %w", err)
	}
	if err := o.apply(before, target); err != nil {
		return err
	}
	if err := o.wait(target); err != nil {
		return err
	}
	if err := o.hooks(rel, release.HookPostUpgrade); err != nil {
		return fmt.Errorf("post-upgrade hooks failed: %w", err)
	}
	return nil
}

// upgradeFailed records that the new revision failed. The objects stay as they are, unless Atomic or CleanupOnFail say otherwise.
func (o *operation) upgradeFailed(rel, current *release.Release, before, target []kubeapi.Object, cause error) error {
	if err := o.ctx.Err(); err != nil {
		return err // cut off: what is recorded stays pending, as when the process is killed
	}
	rel.SetStatus(common.StatusFailed, fmt.Sprintf("Upgrade %q failed: %s", o.name, cause))
	if err := o.store.Update(rel); err != nil {
		return errors.Join(cause, err)
	}
	if o.opts.CleanupOnFail {
		if err := o.remove(without(target, before)); err != nil {
			return &FailedError{rel, fmt.Errorf("an error occurred while cleaning up resources. original upgrade error: %w: %w", cause, err)}
		}
	}
	if o.opts.Atomic {
		if _, err := o.Rollback(o.ctx, o.namespace, o.name, current.Version, o.opts); err != nil {
			return &FailedError{rel, fmt.Errorf("an error occurred while rolling back the release. original upgrade error: %w: %w", cause, err)}
		}
		return &FailedError{rel, fmt.Errorf("release %s failed, and has been rolled back due to atomic being set: %w", o.name, cause)}
	}
	return &FailedError{rel, cause}
}

// Rollback makes a new revision of an earlier one; revision 0 means the one before the newest. It is the way out of a pending revision.
func (c *Client) Rollback(ctx context.Context, namespace, name string, revision int, opts Options) (*release.Release, error) {
	o := c.begin(ctx, namespace, name, opts)
	history, err := c.History(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	last := history[len(history)-1]
	if revision == 0 {
		revision = last.Version - 1
	}
	var earlier *release.Release
	for _, r := range history {
		if r.Version == revision {
			earlier = r
		}
	}
	if earlier == nil {
		return nil, fmt.Errorf("release has no %d version", revision)
	}
	rel := &release.Release{
		Name: name, Namespace: namespace, Chart: earlier.Chart, Config: earlier.Config, Manifest: earlier.Manifest, Hooks: earlier.Hooks, Version: last.Version + 1,
		Info: &release.Info{
			FirstDeployed: last.Info.FirstDeployed, LastDeployed: c.Now(), Status: common.StatusPendingRollback, Notes: earlier.Info.Notes,
			Description: describe(opts, fmt.Sprintf("Rollback to %d", revision)), RollbackRevision: revision,
		},
	}
	before, err := o.objects(last.Manifest)
	if err != nil {
		return nil, err
	}
	target, err := o.objects(rel.Manifest)
	if err != nil {
		return nil, err
	}
	if err := o.store.Create(rel); err != nil {
		return nil, err
	}
	if err := o.rollback(rel, before, target); err != nil {
		if cut := ctx.Err(); cut != nil {
			return rel, cut
		}
		last.Info.Status = common.StatusSuperseded
		rel.SetStatus(common.StatusFailed, fmt.Sprintf("Rollback %q failed: %s", name, err))
		return rel, &FailedError{rel, errors.Join(err, o.store.Update(last), o.store.Update(rel))}
	}
	for _, r := range history {
		if r.Info.Status == common.StatusDeployed || r == last && r.Info.Status.IsPending() {
			r.Info.Status = common.StatusSuperseded
			if err := o.store.Update(r); err != nil {
				return rel, err
			}
		}
	}
	rel.Info.Status = common.StatusDeployed
	return rel, o.store.Update(rel)
}

func (o *operation) rollback(rel *release.Release, before, target []kubeapi.Object) error {
	if err := o.hooks(rel, release.HookPreRollback); err != nil {
		return err
	}
	if err := o.apply(before, target); err != nil {
		return err
	}
	if err := o.wait(target); err != nil {
		return fmt.Errorf("release %s failed: %w", o.name, err)
	}
	return o.hooks(rel, release.HookPostRollback)
}
