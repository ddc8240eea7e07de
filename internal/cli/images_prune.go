package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

// imagesPrune takes out of an environment's repositories what nothing needs any more.
func (a *app) imagesPrune(c *cli.Context, g globals) error {
	stack, err := a.namedStack(c, g)
	if err != nil {
		return err
	}
	keep := stack.Registry.KeepImages
	if c.IsSet("keep") {
		keep = c.Int("keep")
	}
	if keep < 0 {
		return usage("--keep is %d: a number of images, from 0 on", keep)
	}
	used, err := a.usedImages(c.Context, g, stack, cmp.Or(c.String("registry"), images.Registry(stack)))
	if err != nil {
		return err
	}
	return a.withStore(c.Context, g, stack, c.String("registry"), "what was deleted stays so", func(ctx context.Context, store *imagestore.Store) error {
		return a.prune(ctx, g, stack, store, used, keep)
	})
}

// prune shows what goes, asks, and deletes it.
func (a *app) prune(ctx context.Context, g globals, stack *config.Stack, store *imagestore.Store, used imagestore.Used, keep int) error {
	surplus, left, err := store.Surplus(ctx, stack, used, keep)
	if err != nil {
		return err
	}
	out := result.Pruning{Head: result.Of("pruning", stack.Environment), Sandbox: g.sandbox, Keep: keep, Surplus: append([]imagestore.Surplus{}, surplus...), Left: left}
	var bytes int64
	rows := [][]string{}
	for i := range surplus {
		s := &surplus[i]
		bytes += s.Size
		size := "-"
		if s.Size > 0 {
			size = sizeOf(s.Size)
		}
		rows = append(rows, []string{s.Repository, strings.Join(s.Tags, ", "), shortDigest(s.Digest), size, ageOf(store.Now().Sub(s.Since))})
	}
	if len(rows) > 0 && g.output != "json" {
		if err := a.Table(append([][]string{{"REPOSITORY", "TAG", "DIGEST", "SIZE", "AGE"}}, rows...)); err != nil {
			return err
		}
	}
	a.Say("%s", leftInWords(left, keep))
	if len(surplus) == 0 {
		a.Say("nothing is to be deleted")
	} else if err := a.confirmPrune(g, len(surplus), bytes); err != nil {
		if g.output == "json" { // which then says what would go
			return errors.Join(err, a.printJSON(out))
		}
		return err
	}
	err = store.Remove(ctx, surplus, func(repository string, n int) {
		out.Deleted += n
		a.Say("%s %s of %s", a.Paint(term.Green, "deleted:"), numberOf(n, "image"), repository)
	})
	if err != nil {
		return err
	}
	if g.output == "json" {
		return a.printJSON(out)
	}
	return nil
}

func (a *app) confirmPrune(g globals, n int, bytes int64) error {
	if g.yes {
		return nil
	}
	size := ""
	if bytes > 0 {
		size = ", up to " + sizeOf(bytes)
	}
	answer, err := a.Ask(fmt.Sprintf("Delete %s from the registry%s? [y/N]", numberOf(n, "image"), size))
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return stopped("", "not confirmed; nothing was deleted")
	}
	return nil
}

// leftInWords says what is left alone.
func leftInWords(l imagestore.Left, keep int) string {
	text := fmt.Sprintf("left: %s in use, %d more among the last %d of each repository", numberOf(l.Used, "image"), l.Recent, keep)
	if l.Foreign > 0 {
		text += fmt.Sprintf(", %d with tags that somebody else has given", l.Foreign)
	}
	if l.Ageless > 0 {
		text += fmt.Sprintf(", %d whose age nobody knows", l.Ageless)
	}
	return text
}

func numberOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// usedImages are the images that the environments of a deployment need: those of their configurations as they are now, and those of their states. When one of
// them cannot be read, nothing may be deleted.
func (a *app) usedImages(ctx context.Context, g globals, stack *config.Stack, host string) (imagestore.Used, error) {
	envs, err := environmentsOf(stack.Dir)
	if err != nil {
		return nil, err
	}
	used := imagestore.Used{}
	for _, env := range envs {
		unknown := func(err error) error {
			var problems config.Problems
			code := exitFailed
			if errors.As(err, &problems) {
				code = exitUsage
			}
			return &coded{err: fmt.Errorf("which images %s needs is not known, so none is deleted: %w", env, err), code: code, hint: cmp.Or(hintOf(err), fmt.Sprintf("`hubwright validate %s` shows what is wrong with its files", env))}
		}
		other, err := config.Load(stack.Dir, env, nil, config.Options{Sandbox: g.sandbox})
		if err != nil {
			return nil, unknown(err)
		}
		plan, err := images.Plan(ctx, other, imagehash.DefaultCache())
		if err != nil {
			return nil, unknown(err)
		}
		at := images.Registry(other)
		if host != images.Registry(stack) { // --registry
			at = host
		}
		used.Plan(other, at, plan)
		if err := a.deployedImages(ctx, g, env, used); err != nil {
			return nil, unknown(err)
		}
	}
	return used, nil
}

// deployedImages adds the images that an environment was deployed with.
func (a *app) deployedImages(ctx context.Context, g globals, env string, used imagestore.Used) error {
	s, err := a.look(ctx, g, env)
	if err != nil {
		return err
	}
	state, err := s.State(ctx, env)
	err = errors.Join(err, s.Close())
	var known *driver.Error
	if errors.As(err, &known) && known.Kind == driver.NoStack {
		return nil
	}
	if err != nil {
		return err
	}
	return addDigests(state, env, used)
}

var digests = lazyregexp.New(`sha256:[0-9a-f]{64}`)

// addDigests adds every digest that stands anywhere in a state: in its outputs, its images, its releases. It may be one too many, which is kept.
func addDigests(state *driver.State, env string, used imagestore.Used) error {
	add := func(v any) error {
		text, err := json.Marshal(v)
		for _, d := range digests.FindAllStringSubmatch(string(text), -1) {
			used[d[0]] = env
		}
		return err
	}
	if err := add(state.Outputs); err != nil {
		return err
	}
	for i := range state.Resources {
		if err := errors.Join(add(state.Resources[i].Inputs), add(state.Resources[i].Outputs)); err != nil {
			return err
		}
	}
	return nil
}
