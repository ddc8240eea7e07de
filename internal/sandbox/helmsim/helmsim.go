// Package helmsim is the life cycle of Helm releases: install, upgrade, rollback, uninstall, with Helm's own engine, values, ordering and
// storage, over the interface to the Kubernetes API. The steps, their order, the statuses and the messages are those of Helm's action
// library (https://github.com/helm/helm/tree/main/pkg/action), whose weight would more than double the binary.
package helmsim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hubwright/hubwright/internal/render"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
)

// Client makes releases in one cluster.
type Client struct {
	API kubeapi.API
	// Waiter is how time passes in it.
	kubeapi.Waiter
	// KubeVersion is the cluster's version; empty: render.DefaultKubeVersion.
	KubeVersion string
	// Origin says which chart is used, for an annotation on every object and in the record. Optional.
	Origin string
}

// OriginAnnotation is on every object of a release, saying which chart it was made from.
const OriginAnnotation = "sandbox.hubwright/chart"

// Options are Helm's own, by its names.
type Options struct {
	// Timeout limits each wait.
	Timeout time.Duration
	// NoWait does not wait until what was made is ready.
	NoWait          bool
	WaitForJobs     bool
	DisableHooks    bool
	Atomic          bool
	CreateNamespace bool
	Replace         bool
	SkipCRDs        bool
	CleanupOnFail   bool
	ResetValues     bool
	ReuseValues     bool
	SkipSchema      bool
	Description     string
	// MaxHistory is how many revisions are kept; 0: all.
	MaxHistory int
}

// FailedError says that an operation was recorded, as a failed revision.
type FailedError struct {
	Release *release.Release
	Err     error
}

func (e *FailedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *FailedError) Unwrap() error { return e.Err }

// ErrPending is what an operation gets while the newest revision is pending, be it that another one runs or that it was cut off.
var ErrPending = errors.New("another operation (install/upgrade/rollback) is in progress")

// ErrNameInUse is what an install of a name gets that has a revision already.
var ErrNameInUse = errors.New("cannot re-use a name that is still in use")

// operation is what the steps of one install, upgrade, rollback or uninstall share.
type operation struct {
	*Client
	ctx       context.Context //nolint:containedctx // lives as long as one call
	store     *storage.Storage
	name      string
	namespace string
	opts      Options
}

func (c *Client) begin(ctx context.Context, namespace, name string, opts Options) *operation {
	return &operation{Client: c, ctx: ctx, store: c.store(ctx, namespace, opts.MaxHistory), name: name, namespace: namespace, opts: opts}
}

// Install makes a release. A *FailedError comes with a failed revision, any other error with none.
func (c *Client) Install(ctx context.Context, ch *chart.Chart, values map[string]any, namespace, name string, opts Options) (*release.Release, error) {
	o := c.begin(ctx, namespace, name, opts)
	if err := o.available(); err != nil {
		return nil, err
	}
	rel, crds, err := o.render(ch, values, 1, common.StatusPendingInstall)
	if err != nil {
		return nil, err
	}
	if opts.CreateNamespace {
		_, err := c.API.Create(ctx, kubeapi.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace, "labels": map[string]any{"name": namespace}}})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, err
		}
	}
	if !opts.SkipCRDs {
		if err := o.crds(crds); err != nil {
			return nil, err
		}
	}
	target, err := o.objects(rel.Manifest)
	if err != nil {
		return nil, err
	}
	if err := o.conflicts(target, nil, "install"); err != nil {
		return nil, err
	}
	if err := o.store.Create(rel); err != nil {
		return nil, err
	}
	if err := o.install(rel, target); err != nil {
		return rel, o.failed(rel, err)
	}
	rel.SetStatus(common.StatusDeployed, describe(opts, "Install complete"))
	return rel, o.store.Update(rel)
}

func (o *operation) install(rel *release.Release, target []kubeapi.Object) error {
	if err := o.hooks(rel, release.HookPreInstall); err != nil {
		return fmt.Errorf("failed pre-install: %w", err)
	}
	if err := o.apply(nil, target); err != nil {
		return err
	}
	if err := o.wait(target); err != nil {
		return err
	}
	if err := o.hooks(rel, release.HookPostInstall); err != nil {
		return fmt.Errorf("failed post-install: %w", err)
	}
	return nil
}

// available says whether the name can be installed.
func (o *operation) available() error {
	last, err := o.Last(o.ctx, o.namespace, o.name)
	if err != nil || last == nil {
		return err
	}
	if st := last.Info.Status; o.opts.Replace && (st == common.StatusUninstalled || st == common.StatusFailed) {
		return nil
	}
	return ErrNameInUse
}

// render makes the record of a new revision.
func (o *operation) render(ch *chart.Chart, values map[string]any, revision int, status common.Status) (*release.Release, []render.Manifest, error) {
	out, err := render.Render(o.ctx, ch, values, render.Release{
		Name: o.name, Namespace: o.namespace, Revision: revision, Upgrade: status == common.StatusPendingUpgrade,
	}, render.Options{KubeVersion: o.KubeVersion, Lookup: o.lookup, SkipSchema: o.opts.SkipSchema})
	if err != nil {
		return nil, nil, err
	}
	return &release.Release{
		Name: o.name, Namespace: o.namespace, Chart: o.annotated(ch), Config: values, Version: revision,
		Manifest: out.Text(), Hooks: out.Hooks,
		Info: &release.Info{FirstDeployed: o.Now(), LastDeployed: o.Now(), Status: status, Description: preparing[status], Notes: out.Notes},
	}, out.CRDs, nil
}

// annotated returns the chart with its origin in its metadata, for the record.
func (o *operation) annotated(ch *chart.Chart) *chart.Chart {
	if o.Origin == "" {
		return ch
	}
	out, meta := *ch, *ch.Metadata
	meta.Annotations = maps.Clone(meta.Annotations)
	if meta.Annotations == nil {
		meta.Annotations = map[string]string{}
	}
	meta.Annotations[OriginAnnotation] = o.Origin
	out.Metadata = &meta
	return &out
}

var preparing = map[common.Status]string{
	common.StatusPendingInstall: "Initial install underway", common.StatusPendingUpgrade: "Preparing upgrade",
}

func (o *operation) lookup(ctx context.Context, apiVersion, kind, namespace, name string) ([]map[string]any, error) {
	ref := kubeapi.Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	if name == "" {
		return o.API.List(ctx, ref, nil)
	}
	obj, err := o.API.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return []map[string]any{obj}, nil
}

// failed records that a revision failed, and with Atomic takes it back.
func (o *operation) failed(rel *release.Release, cause error) error {
	if err := o.ctx.Err(); err != nil {
		return err // cut off: what is recorded stays pending, as when the process is killed
	}
	rel.SetStatus(common.StatusFailed, fmt.Sprintf("Release %q failed: %s", o.name, cause))
	err := o.store.Update(rel)
	if err == nil && o.opts.Atomic {
		if uerr := o.Uninstall(o.ctx, o.namespace, o.name, Options{Timeout: o.opts.Timeout, DisableHooks: o.opts.DisableHooks}); uerr != nil {
			return fmt.Errorf("an error occurred while uninstalling the release. original install error: %w: %w", cause, uerr)
		}
		return fmt.Errorf("release %s failed, and has been uninstalled due to atomic being set: %w", o.name, cause)
	}
	return &FailedError{rel, errors.Join(cause, err)}
}

func describe(opts Options, text string) string {
	if opts.Description != "" {
		return opts.Description
	}
	return text
}

// Uninstall removes a release with everything it made, and its history. Objects with the policy "keep" stay.
func (c *Client) Uninstall(ctx context.Context, namespace, name string, opts Options) error {
	o := c.begin(ctx, namespace, name, opts)
	history, err := c.History(ctx, namespace, name)
	if err == nil && len(history) == 0 {
		err = driver.ErrReleaseNotFound
	}
	if err != nil {
		return fmt.Errorf("uninstall: Release not loaded: %s: %w", name, err)
	}
	rel := history[len(history)-1]
	rel.Info.Deleted = c.Now()
	rel.SetStatus(common.StatusUninstalling, "Deletion in progress (or silently failed)")
	if err := o.hooks(rel, release.HookPreDelete); err != nil {
		return err
	}
	if err := o.store.Update(rel); err != nil {
		return err
	}
	objects, err := o.objects(rel.Manifest)
	if err != nil {
		return err
	}
	if err := o.remove(objects); err != nil {
		return fmt.Errorf("failed to delete release: %s: %w", name, err)
	}
	if err := o.hooks(rel, release.HookPostDelete); err != nil {
		return err
	}
	for _, r := range history {
		if _, err := o.store.Delete(name, r.Version); err != nil {
			return err
		}
	}
	return nil
}
