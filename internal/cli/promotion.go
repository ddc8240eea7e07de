package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/term"
)

// promotion brings the images that were tested on one environment to where another takes them from.
type promotion struct {
	*app
	from         *tested
	to           *config.Stack
	store        *imagestore.Store
	copier       *registries
	registry     string            // that --registry names
	repositories map[string]string // the environment's own, by the images' names; none before its first update
}

// bring holds the images to the gate, copies those that are elsewhere, and gives their references. Nothing is copied unless all are admitted.
func (p *promotion) bring(ctx context.Context) (map[string]string, error) {
	moves, err := p.moves(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.there(ctx, moves); err != nil {
		return nil, err
	}
	refused, err := p.store.Refused(ctx, p.to, moves)
	if err != nil {
		return nil, err
	}
	if len(refused) > 0 {
		return nil, p.refusal(refused)
	}
	refs := map[string]string{}
	for i := range moves {
		if err := p.move(ctx, &moves[i]); err != nil {
			return nil, err
		}
		refs[moves[i].Name] = moves[i].Reference()
	}
	return refs, nil
}

// moves are the images, each with the repository it is to be in.
func (p *promotion) moves(ctx context.Context) ([]imagestore.Move, error) {
	here := map[string]string{}
	var unknown []string
	for name := range p.from.pins.Images {
		switch {
		case p.to.Image(name) == nil:
			unknown = append(unknown, name)
		case p.registry != "":
			here[name] = images.Repository(p.to, p.registry, name)
		default:
			here[name] = p.repositories[name]
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, usage("%s runs images that %s does not have in its configuration: %s", p.from.stack.Environment, p.to.Environment, strings.Join(unknown, ", "))
	}
	moves := imagestore.Moves(p.from.pins.Images, p.from.tags, here)
	for i := range moves {
		m := &moves[i]
		if m.Digest() == "" {
			return nil, fmt.Errorf("%s runs image %s as %s, which says no digest: update it first", p.from.stack.Environment, m.Name, m.From)
		}
		if m.To == "" {
			if err := p.mayPull(m); err != nil {
				return nil, err
			}
		}
		if !m.Stays() && m.Tag == "" {
			m.Tag = p.tagInRegistry(ctx, m)
		}
	}
	return moves, nil
}

// there looks whether each image is where it comes from, or already where it is to be.
func (p *promotion) there(ctx context.Context, moves []imagestore.Move) error {
	places := map[string][]string{}
	for i := range moves {
		m := &moves[i]
		places[m.Name] = []string{m.From}
		if !m.Stays() {
			places[m.Name] = append(places[m.Name], m.To+"@"+m.Digest())
		}
	}
	env := p.from.stack.Environment
	return p.present(ctx, p.store, places, fmt.Sprintf("`hubwright images build --env %s --push` builds what its registry lacks; `hubwright up %s` deploys that, and it can be promoted", env, env))
}

// mayPull says whether an environment that has no repository for an image yet can take it from where it is.
func (p *promotion) mayPull(m *imagestore.Move) error {
	from, to := p.from.stack, p.to
	at, inECR := oci.ParseECRHost(oci.RegistryOf(m.From))
	if account := to.Deployment.AccountID; inECR && at.Account != account && !slices.Contains(from.Registry.PullAccounts, account) {
		return stopped(
			fmt.Sprintf("add %q to registry.pullAccounts of %s and `hubwright up %s`; once %s has repositories of its own, images are copied there", account, from.Environment, from.Environment, to.Environment),
			"%s has no repository for image %s before its first update, and its account %s may not pull from that of %s; nothing was changed", to.Environment, m.Name, account, from.Environment,
		)
	}
	p.noteOnce("%s has no repositories before its first update, so it takes what is promoted from those of %s; the next promotion copies it", to.Environment, from.Environment)
	return nil
}

// knownTags are the tags of images' contents, where the state says it of a build, or the reference does.
func knownTags(refs, builds map[string]string) map[string]string {
	tags := map[string]string{}
	for name, ref := range refs {
		_, pinned, _ := images.SplitPin(ref)
		for _, tag := range []string{builds[name], pinned} {
			if _, names := imagehash.Key(tag); names {
				tags[name] = tag
				break
			}
		}
	}
	return tags
}

// tagInRegistry is the tag of an image's content that its registry has for it; "" when it tells of none.
func (p *promotion) tagInRegistry(ctx context.Context, m *imagestore.Move) string {
	found, err := p.store.Registry.Look(ctx, m.Repository()+"@"+m.Digest())
	if err != nil {
		return "" // one of its digest does as well
	}
	for _, tag := range found.Tags {
		if _, names := imagehash.Key(tag); names {
			return tag
		}
	}
	return ""
}

// refusal tells what the gate does not admit, all of it.
func (p *promotion) refusal(refused []imagestore.Refusal) error {
	from, to := p.from.stack.Environment, p.to.Environment
	text := fmt.Sprintf("the gate of %s does not admit what runs on %s, and nothing was changed:", to, from)
	for _, r := range refused {
		text += fmt.Sprintf("\n  image %s, %s: %s", r.Image, shortDigest(r.Digest), strings.Join(r.Reasons, "; "))
	}
	return stopped(fmt.Sprintf("`hubwright images scan %s --for %s` tests and scans it; docs/gate.md says what a finding, or an allowance that has ended, needs", from, to), "%s", text)
}

// move brings one image.
func (p *promotion) move(ctx context.Context, m *imagestore.Move) error {
	if m.Stays() {
		return nil
	}
	progress := p.NewProgress()
	defer progress.Stop()
	what := fmt.Sprintf("copying image %s to %s", m.Name, m.To)
	progress.Begin(m.Name, what)
	copied, err := p.store.Bring(ctx, p.copier, m, func(done, total int64) {
		const all = 100
		progress.Begin(m.Name, fmt.Sprintf("%s, %d%%", what, done*all/max(total, 1)))
	})
	if err != nil {
		return err
	}
	how := "it was there"
	switch {
	case p.copier.simulated(m.From):
		how = "noted alone: a simulated image has no content to copy"
	case copied.Sent+copied.Mounted+copied.There > 0:
		how = fmt.Sprintf("%s sent, %s were there", sizeOf(copied.Sent), sizeOf(copied.Mounted+copied.There))
	}
	progress.End(m.Name, fmt.Sprintf("  %s   image %s to %s, %s", p.Paint(term.Green, "copied"), m.Name, m.To, how))
	return nil
}
