package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/bundle"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/guard"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/term"
	"github.com/hubwright/hubwright/stacks"
)

func (a *app) rollback() *cli.Command {
	return verb("rollback", "the bundle before, or that of deployment N; frees a stuck release first", "ENV", []cli.Flag{
		&cli.IntFlag{Name: "to", Usage: "the `NUMBER` of a deployment in the history"},
		&cli.BoolFlag{Name: "keep-values", Usage: "go back to its images and charts, and leave the hubs' files as they are"}, overrideFlag, noVerifyFlag,
	}, func(c *cli.Context, g globals) error {
		env, err := environment(c)
		if err != nil {
			return err
		}
		return a.goBack(c.Context, g, env, wayBackOptions{to: c.Int("to"), keepValues: c.Bool("keep-values"), overrides: c.StringSlice("override"), unverified: c.Bool("no-verify")})
	})
}

// wayBackOptions say how far to go back: to the deployment of a number, or the one before for 0.
type wayBackOptions struct {
	to         int
	keepValues bool // the hubs' files stay as they are
	overrides  []string
	unverified bool
}

// goBack has an environment run an earlier bundle.
func (a *app) goBack(ctx context.Context, g globals, env string, opts wayBackOptions) error {
	back, err := a.planRollback(ctx, g, env, opts)
	if err != nil {
		return err
	}
	g.over, g.again = back.over, back.again
	s, err := a.open(ctx, g, env)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	s.unverified = opts.unverified
	s.verb, s.from = "rollback", fmt.Sprintf("#%d", back.to.Number)
	// That charts go back is what is asked for.
	s.overrides = append([]string{guard.ChartDowngrade + "=asked for: rollback to deployment " + s.from}, opts.overrides...)
	if err := s.pinAndUpdate(ctx, fmt.Sprintf("deployment %d brought", back.to.Number), back.pins, false); err != nil {
		return err
	}
	if len(back.pins.Images) > 0 {
		a.Say("%s its images are pinned from now on: take them out of hubwright:pins for what is built from the files to be used again", a.Paint(term.Yellow, "note:"))
	}
	if len(back.over) > 0 {
		a.Say("%s the cluster has these files as they were at commit %s, and the directory does not: revert them, or the next update goes forward again: %s",
			a.Paint(term.Yellow, "note:"), gitsource.Short(back.to.Record.Commit), strings.Join(slices.Sorted(maps.Keys(back.over)), ", "))
	}
	return nil
}

// wayBack is what a rollback puts in the place of what there is.
type wayBack struct {
	to   *bundle.Deployment
	pins config.Pins
	over map[string][]byte
	// again are the hubs whose releases were freed from an upgrade that was cut off: what that has changed in the cluster is put back, though the state does
	// not know of it.
	again map[string]string
}

// planRollback frees what an update left behind, finds the deployment to go back to, and gets its files.
func (a *app) planRollback(ctx context.Context, g globals, env string, opts wayBackOptions) (back *wayBack, err error) {
	s, err := a.look(ctx, g, env)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, err := s.deployments(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(d bundle.Deployment) bool { return d.Record != nil && d.Result == succeeded }) {
		return nil, s.nothingBefore()
	}
	found, err := s.recover(ctx)
	if err != nil {
		return nil, err
	}
	cutOff := len(found.Pending)+len(found.Freed)+len(found.Uninstalled) > 0
	back = &wayBack{again: map[string]string{}}
	if back.to, err = s.goal(all, opts.to, cutOff); err != nil {
		return nil, err
	}
	for i := range s.stack.Hubs {
		h := &s.stack.Hubs[i]
		if slices.Contains(found.Freed, h.Namespace+"/"+s.stack.ReleaseName(h.Name)) {
			back.again[h.Name] = fmt.Sprintf("back to deployment %d after an upgrade that was cut off at %s", back.to.Number, time.Now().UTC().Format(time.RFC3339))
		}
	}
	target := back.to.Record.Bundle
	state, err := s.State(ctx, s.env)
	if err != nil {
		return nil, err
	}
	running, _ := bundle.Read(state.Outputs)
	if back.pins, err = s.pinsFor(ctx, target, append(bundles(all), running)); err != nil {
		return nil, err
	}
	if !opts.keepValues {
		if back.over, err = s.filesOf(ctx, back.to.Record); err != nil {
			return nil, err
		}
	}
	if err := s.asPromoted(back, target); err != nil {
		return nil, err
	}
	if err := s.sameCharts(target); err != nil {
		return nil, err
	}
	s.app.Say("%s goes back to deployment %d of %s (bundle %s): images, charts and values. Secrets are those of now, and everything else in the cloud stays as it is configured",
		env, back.to.Number, back.to.Started.Local().Format("2006-01-02 15:04"), target.ID())
	return back, nil
}

// nothingBeforeError says of an environment that it has nothing to go back to.
type nothingBeforeError struct{ env string }

func (e *nothingBeforeError) Error() string {
	return e.env + ": there is nothing to go back to: no other bundle was deployed there successfully"
}

func (s *session) nothingBefore() error {
	return &coded{err: &nothingBeforeError{s.env}, code: exitStopped, hint: fmt.Sprintf("`hubwright history %s` lists what is recorded", s.env)}
}

// goal is the deployment that a rollback goes back to: of that number, or the newest that succeeded with another bundle than the one that is there; whatever
// its bundle after one that was cut off.
func (s *session) goal(all []bundle.Deployment, number int, cutOff bool) (*bundle.Deployment, error) {
	if number != 0 {
		d, err := s.recorded(all, number)
		if err == nil && d.Result != succeeded {
			return nil, stopped("go back to one that succeeded", "%s: deployment %d %s", s.env, number, d.Result)
		}
		return d, err
	}
	newest := slices.IndexFunc(all, func(d bundle.Deployment) bool { return d.Record != nil })
	if newest < 0 {
		return nil, s.nothingBefore()
	}
	known := bundles(all)
	is := all[newest].Record.Bundle.Filled(known...)
	for i := range all[newest:] {
		d := &all[newest+i]
		if d.Record == nil || d.Result != succeeded {
			continue
		}
		if !cutOff && all[newest].Result == succeeded && len(bundle.Compare(is, d.Record.Bundle.Filled(known...))) == 0 {
			continue
		}
		return d, nil
	}
	return nil, s.nothingBefore()
}

// succeeded is the engine's word for an update that ended well.
const succeeded = "succeeded"

// pinsFor are the pins that a bundle comes to. An image that was built by the very update has its digest from another bundle with the same tag, or else from the
// registry, where tags name contents and never move. One that has left its registry is an error.
func (s *session) pinsFor(ctx context.Context, b bundle.Bundle, known []bundle.Bundle) (config.Pins, error) {
	store, _ := s.app.storeOf(s.stack, s.sandbox, "")
	pins, recorded := config.Pins{Images: map[string]string{}, Charts: map[string]string{}}, map[string][]string{}
	for name, image := range b.Filled(known...).Images {
		ref := image.Ref
		if s.stack.Image(name) == nil {
			continue // it is not configured any more, so nothing runs it
		}
		switch {
		case ref != "":
			recorded[name] = []string{ref}
		case image.Tag == "":
			return pins, stopped(s.otherWays(), "image %s: its digest is not recorded, so it cannot be gone back to", name)
		default:
			repository := images.Repository(s.stack, store.Host, name)
			found, err := store.Registry.Look(ctx, repository+":"+image.Tag)
			switch {
			case oci.Is(err, oci.NotFound):
				return pins, leftRegistry(s.otherWays(), fmt.Sprintf("image %s: %s:%s", name, repository, image.Tag))
			case err != nil:
				return pins, fmt.Errorf("image %s: its digest is not recorded, and the registry could not be asked: %w", name, err)
			}
			ref = repository + "@" + found.Digest
		}
		pins.Images[name] = ref
	}
	if err := s.app.present(ctx, store, recorded, s.otherWays()); err != nil {
		return pins, err
	}
	for hub, chart := range b.Charts {
		if h := s.stack.Hub(hub); h != nil && h.Chart.Path == "" && chart.Version != "" {
			pins.Charts[hub] = chart.Version
		}
	}
	return pins, nil
}

// otherWays are what to do when a deployment cannot be gone back to.
func (s *session) otherWays() string {
	return fmt.Sprintf("go back to a deployment whose images are there (`hubwright history %s`, then --to N), or forward: change the files and `hubwright up %s`, which builds what is not there", s.env, s.env)
}

// asPromoted has the pins say what was tested, where the environment is one that is promoted to: what it goes back to was, too.
func (s *session) asPromoted(back *wayBack, target bundle.Bundle) error {
	pins, err := config.ReadPins(s.pinsFile())
	if err != nil || !pins.Promoted() {
		return err
	}
	back.pins.From, back.pins.Files = pins.From, map[string]string{}
	for name := range pins.Files { // those that the environment shares with where it was tested
		if digest, was := target.Files[name]; was {
			back.pins.Files[name] = digest
		}
	}
	for hub, chart := range target.Charts {
		if h := s.stack.Hub(hub); h != nil && chart.Digest != "" {
			back.pins.Files[chartFile(h)] = chart.Digest
		}
	}
	back.pins.Bundle = pinsID(back.pins)
	return nil
}

// sameCharts says of charts in folders that they have to be put back by hand: the engine reads them from there.
func (s *session) sameCharts(b bundle.Bundle) error {
	now, err := stacks.ChartDigests(s.stack)
	if err != nil {
		return err
	}
	for hub, digest := range now {
		if was := b.Charts[hub].Digest; was != "" && was != digest {
			return stopped(fmt.Sprintf("put the folder %s back first, such as by git checkout", s.stack.Hub(hub).Chart.Path), "hub %s: its chart's folder is another than it was then", hub)
		}
	}
	return nil
}

// filesOf are the hubs' files as they were when a bundle was deployed, where they differ from what there is now.
func (s *session) filesOf(ctx context.Context, r *bundle.Record) (map[string][]byte, error) {
	now, err := stacks.BundleFiles(s.stack)
	if err != nil {
		return nil, err
	}
	over := map[string][]byte{}
	var missing []string
	for name, digest := range r.Bundle.Files {
		if now[name] == digest {
			continue
		}
		data, err := gitsource.FileAt(ctx, s.stack.Dir, r.Commit, name)
		if err != nil || stacks.FileDigest(name, data) != digest {
			missing = append(missing, name)
			continue
		}
		over[name] = data
	}
	for name := range now {
		if _, was := r.Bundle.Files[name]; !was {
			over[name] = nil
		}
	}
	if len(missing) == 0 {
		return over, nil
	}
	slices.Sort(missing)
	why := "the deployment's directory was in no git repository then"
	switch {
	case r.Dirty:
		why = fmt.Sprintf("they were edited, and not committed, at commit %s", gitsource.Short(r.Commit))
	case r.Commit != "":
		why = fmt.Sprintf("commit %s does not have them as they were: fetch the whole history", gitsource.Short(r.Commit))
	}
	return nil, stopped("put them back by hand and go `up`, or leave them as they are with --keep-values", "these files are not to be had as they were: %s; %s", strings.Join(missing, ", "), why)
}
