package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

func (a *app) images() *cli.Command {
	env := &cli.StringFlag{Name: "env", Usage: "the `ENV` whose images they are (default: the only one)"}
	registry := &cli.StringFlag{Name: "registry", Usage: "the `HOST` of another registry than the account's in ECR"}
	return &cli.Command{
		Name: "images", Usage: "the images that are built here: list, tag, build, scan, prune", HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("images: there is no %q%s", c.Args().First(), nearest(c.Args().First(), subNames(c.Command)))
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			verb("list", "the images, their tags, whether the registry has them and the gate has admitted them", "ENV", []cli.Flag{registry}, a.imagesList),
			verb("tag", "the tag that names an image's content, without Docker and without a network", "NAME", []cli.Flag{env}, a.imagesTag),
			verb("build", "build the images that the registry lacks, with a Docker daemon", "[NAME…]", []cli.Flag{
				env, registry,
				&cli.BoolFlag{Name: "push", Usage: "push what is built, under the tag of its content"},
				&cli.BoolFlag{Name: "no-cache", Usage: "build anew, every step, also what the registry has"},
				&cli.StringFlag{Name: "platform", Usage: "build for this `PLATFORM`, such as linux/arm64, whatever the configuration says; the tag is another then"},
			}, a.imagesBuild),
			verb("scan", "hold the images in the registry to the gate, and record the verdicts", "ENV [NAME…]", []cli.Flag{
				registry,
				&cli.StringFlag{Name: "for", Usage: "scan what runs on ENV by the gate of this `TO`, as a promotion to it will ask"},
			}, a.imagesScan),
			verb("prune", "delete from the registry what no environment needs, nor is among the last; shown first", "ENV", []cli.Flag{
				registry,
				&cli.IntFlag{Name: "keep", Usage: "keep the last `N` of each repository, used or not (default: registry.keepImages)"},
			}, a.imagesPrune),
		},
	}
}

// imagesList lists the images of an environment.
func (a *app) imagesList(c *cli.Context, g globals) error {
	stack, err := a.namedStack(c, g)
	if err != nil {
		return err
	}
	plan, err := images.Plan(c.Context, stack, imagehash.DefaultCache())
	if err != nil {
		return err
	}
	return a.withStore(c.Context, g, stack, c.String("registry"), "nothing was changed", func(ctx context.Context, store *imagestore.Store) error {
		list, unasked, err := store.List(ctx, stack, plan)
		if err != nil {
			return err
		}
		a.sayUnasked(unasked)
		if g.output == "json" {
			out := result.Images{Head: result.Of("images", stack.Environment), Sandbox: g.sandbox, Registry: store.Host, Images: list, Unasked: []string{}}
			for _, u := range unasked {
				out.Unasked = append(out.Unasked, u.Error())
			}
			return a.printJSON(out)
		}
		return a.showImages(list, store.Now())
	})
}

// sayUnasked says why the registry could not be asked, once for all images to which the same happened.
func (a *app) sayUnasked(unasked []error) {
	var said []oci.Kind
	for _, err := range unasked {
		var known *oci.Error
		if errors.As(err, &known) {
			if slices.Contains(said, known.Kind) {
				continue
			}
			said = append(said, known.Kind)
		}
		a.Say("%s what the registry has is not known: %v", a.Paint(term.Yellow, "note:"), err)
		if hint := hintOf(err); hint != "" {
			a.Say("%s %s", a.Paint(term.Cyan, "hint:"), hint)
		}
	}
}

func (a *app) showImages(list []imagestore.Image, now time.Time) error {
	if len(list) == 0 {
		a.Say("no image is configured")
		return nil
	}
	rows := [][]string{{"NAME", "TAG", "DIGEST", "SIZE", "AGE", "IN REGISTRY", "ADMITTED", "USED BY"}}
	for i := range list {
		img := &list[i]
		tag, age, size, user := cmp.Or(img.Tag, "-"), "-", "-", slices.Clone(img.Hubs)
		if img.Pinned {
			tag += " (pinned)"
		}
		if img.Since != nil {
			age = ageOf(now.Sub(*img.Since))
		}
		if img.Size > 0 {
			size = sizeOf(img.Size)
		}
		for _, name := range img.BaseOf {
			user = append(user, "image "+name)
		}
		rows = append(rows, []string{img.Name, tag, shortDigest(img.Digest), size, age, img.InRegistry, img.Admitted, cmp.Or(strings.Join(user, ", "), "-")})
	}
	if err := a.Table(rows); err != nil {
		return err
	}
	for i := range list {
		for _, r := range list[i].Reasons {
			a.Say("%s %s is not admitted: %s", a.Paint(term.Yellow, "note:"), list[i].Name, r)
		}
	}
	return nil
}

// shortDigest is as much of a digest as tells images apart for a person.
func shortDigest(digest string) string {
	const enough = len("sha256:") + 12
	return cmp.Or(digest[:min(len(digest), enough)], "-")
}

// sizeOf is a number of bytes for a person, in the decimal units that Docker shows.
func sizeOf(n int64) string {
	const unit = 1000
	f, suffix := float64(n), "B"
	for _, s := range []string{"kB", "MB", "GB", "TB"} {
		if f < unit {
			break
		}
		f, suffix = f/unit, s
	}
	return fmt.Sprintf("%.3g %s", f, suffix)
}

// ageOf is a time gone by for a person.
func ageOf(d time.Duration) string {
	switch days := int(d.Hours() / 24); {
	case days >= 2:
		return fmt.Sprintf("%dd", days)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
}

// imagesTag prints the tag of an image's content. Without --env it is that of all environments, when they agree.
func (a *app) imagesTag(c *cli.Context, g globals) error {
	if c.Args().Len() != 1 {
		return usage("tag: which image? (%s)", c.Command.ArgsUsage)
	}
	name := c.Args().First()
	root, err := findProject(g.dir)
	if err != nil {
		return err
	}
	envs := []string{c.String("env")}
	if envs[0] == "" {
		if envs, err = environmentsOf(root); err != nil {
			return err
		}
	}
	var tags, of, pinned, known []string
	for _, env := range envs {
		stack, err := config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
		if err != nil {
			return err
		}
		if stack.Image(name) == nil {
			known = append(known, imageNames(stack)...)
			continue
		}
		plan, err := images.Plan(c.Context, stack, imagehash.DefaultCache())
		if err != nil {
			return err
		}
		switch img := plan[slices.IndexFunc(plan, func(i *images.Image) bool { return i.Name == name })]; {
		case img.Pin != "":
			pinned = append(pinned, env+" to "+img.Pin)
		default:
			tags, of = append(tags, img.Tag), append(of, env)
		}
	}
	switch {
	case len(tags) == 0 && len(pinned) > 0:
		return usage("image %s is built nowhere: it is pinned, in %s", name, strings.Join(pinned, ", "))
	case len(tags) == 0:
		return usage("there is no image %q%s", name, nearest(name, known))
	case slices.ContainsFunc(tags, func(t string) bool { return t != tags[0] }):
		var each []string
		for i, env := range of {
			each = append(each, env+": "+tags[i])
		}
		return usage("image %s is not the same in every environment: which one? (--env; %s)", name, strings.Join(each, ", "))
	}
	if g.output == "json" {
		return a.printJSON(result.ImageTag{Head: result.Of("image-tag", of[0]), Image: name, Tag: tags[0]})
	}
	a.Print("%s", tags[0])
	return nil
}

func imageNames(stack *config.Stack) []string {
	var names []string
	for _, i := range stack.Images {
		names = append(names, i.Name)
	}
	return names
}

// namedStack loads the configuration of the one environment that a verb takes.
func (a *app) namedStack(c *cli.Context, g globals) (*config.Stack, error) {
	env, err := environment(c)
	if err != nil {
		return nil, err
	}
	return a.stackOf(g, env)
}

// knowsImages says which of some names is no image of the environment.
func knowsImages(stack *config.Stack, names []string) error {
	for _, name := range names {
		if stack.Image(name) == nil {
			return usage("%s has no image %q%s", stack.Environment, name, nearest(name, imageNames(stack)))
		}
	}
	return nil
}

// stackOf loads the configuration of an environment.
func (a *app) stackOf(g globals, env string) (*config.Stack, error) {
	a.flagged = g.sandbox && a.getenv("HUBWRIGHT_SANDBOX") == ""
	root, err := findProject(g.dir)
	if err != nil {
		return nil, err
	}
	return config.Load(root, env, nil, config.Options{Sandbox: g.sandbox})
}
