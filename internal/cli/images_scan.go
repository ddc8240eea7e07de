package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/admission"
	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/imagehash"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/imagestore"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/term"
)

// imagesScan holds images to the gate and records the verdicts: those that the registry has of what the files say, or with --for those that run in the
// environment, by the gate of the one that they are to be promoted to.
func (a *app) imagesScan(c *cli.Context, g globals) error {
	if !c.Args().Present() {
		return usage("scan: which environment? (%s)", c.Command.ArgsUsage)
	}
	env, names := c.Args().First(), c.Args().Tail()
	if to := c.String("for"); to != "" {
		return a.scanDeployed(c.Context, g, env, to, c.String("registry"), names)
	}
	stack, err := a.stackOf(g, env)
	if err != nil {
		return err
	}
	if err := knowsImages(stack, names); err != nil {
		return err
	}
	plan, err := images.Plan(c.Context, stack, imagehash.DefaultCache())
	if err != nil {
		return err
	}
	plan = slices.DeleteFunc(plan, func(i *images.Image) bool { return len(names) > 0 && !slices.Contains(names, i.Name) })
	return a.withStore(c.Context, g, stack, c.String("registry"), leftByScans, func(ctx context.Context, store *imagestore.Store) error {
		list, unasked, err := store.List(ctx, stack, plan)
		if err != nil {
			return err
		}
		if len(unasked) > 0 {
			return unasked[0]
		}
		var missing []string
		for i := range list {
			if list[i].InRegistry == imagestore.No {
				missing = append(missing, list[i].Name)
			}
		}
		if len(missing) > 0 {
			return &coded{
				err:  fmt.Errorf("the registry lacks what is to be scanned: %s", strings.Join(missing, ", ")),
				code: exitFailed, hint: fmt.Sprintf("`hubwright images build --push --env %s` builds and pushes it; an update does, too", env),
			}
		}
		return a.scan(ctx, g, stack, store, list)
	})
}

// leftByScans is what an interrupted scan leaves.
const leftByScans = "verdicts that were reached are recorded"

// scanDeployed scans what runs in an environment by the gate of another, as a promotion to that one will ask.
func (a *app) scanDeployed(ctx context.Context, g globals, env, to, registry string, names []string) error {
	if env == to {
		return usage("scan: what runs on %s is to be promoted to another environment than %s (--for)", env, to)
	}
	gate, err := a.stackOf(g, to)
	if err != nil {
		return err
	}
	list, err := a.deployedList(ctx, g, env)
	if err != nil {
		return err
	}
	var deployed []string
	for i := range list {
		deployed = append(deployed, list[i].Name)
	}
	for _, name := range names {
		if !slices.Contains(deployed, name) {
			return usage("no image %q runs on %s%s", name, env, nearest(name, deployed))
		}
	}
	list = slices.DeleteFunc(list, func(i imagestore.Image) bool { return len(names) > 0 && !slices.Contains(names, i.Name) })
	for i := range list {
		if err := knowsImages(gate, []string{list[i].Name}); err != nil {
			return err
		}
	}
	return a.withStore(ctx, g, gate, registry, leftByScans, func(ctx context.Context, store *imagestore.Store) error {
		return a.scan(ctx, g, gate, store, list)
	})
}

// deployedList are the images that an environment was deployed with.
func (a *app) deployedList(ctx context.Context, g globals, env string) ([]imagestore.Image, error) {
	s, err := a.look(ctx, g, env)
	if err != nil {
		return nil, err
	}
	outputs, err := s.Outputs(ctx, env, false)
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	var out []imagestore.Image
	refs := pinsOf(outputs).Images
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		repository, _, digest := images.SplitPin(refs[name])
		out = append(out, imagestore.Image{Name: name, Repository: repository, Digest: digest})
	}
	return out, nil
}

// scan has each image judged by the gate of a stack, and shows the verdicts.
func (a *app) scan(ctx context.Context, g globals, stack *config.Stack, store *imagestore.Store, list []imagestore.Image) error {
	out := result.Admissions{Head: result.Of("admissions", stack.Environment), Admitted: true, Images: []admission.Record{}, Unused: []string{}}
	var records []*admission.Record
	for i := range list {
		img := &list[i]
		a.Say("scanning image %s, %s", img.Name, shortDigest(img.Digest))
		r, err := a.admit(ctx, g, stack, store, img)
		if err != nil {
			return fmt.Errorf("image %s: %w", img.Name, err)
		}
		records, out.Images = append(records, r), append(out.Images, *r)
		out.Admitted = out.Admitted && r.Verdict.Admitted
		if g.output != "json" {
			if err := r.Text(a.Out); err != nil {
				return err
			}
		}
	}
	if len(list) == len(stack.Images) { // else they may be for another
		out.Unused = append(out.Unused, admission.Unused(records)...)
	}
	for _, u := range out.Unused {
		a.Say("%s the allowance of %s is for nothing that was found: it can go", a.Paint(term.Yellow, "note:"), u)
	}
	if g.output == "json" {
		if err := a.printJSON(out); err != nil {
			return err
		}
	}
	if !out.Admitted {
		return stopped("the reasons are above; docs/gate.md has what helps", "the gate refuses what was found")
	}
	return nil
}

// admit scans one image by what the configuration names for it.
func (a *app) admit(ctx context.Context, g globals, stack *config.Stack, store *imagestore.Store, img *imagestore.Image) (*admission.Record, error) {
	policy, clock := admission.PolicyOf(stack, stack.Image(img.Name)), storeClock{store.Now}
	records, err := store.Admissions(ctx, img.Repository, true)
	if err != nil {
		return nil, err
	}
	gate := &admission.Gate{Store: records, Clock: clock}
	if len(policy.Test) > 0 && !g.sandbox {
		engine, err := a.daemon(ctx, stack.Environment, "tested")
		if err != nil {
			return nil, err
		}
		defer func() { _ = engine.Close() }()
		gate.Tester = &daemonTester{engine, a.registryClient(stack, awsapi.Open), stack.Image(img.Name).BuildPlatforms()[0]}
	}
	if len(policy.Test) > 0 && g.sandbox {
		a.noteOnce("a simulated image runs nothing: the test of image %s is taken to be passed", img.Name)
		gate.Tester = passing{}
	}
	host, _, _ := strings.Cut(img.Repository, "/")
	of, inECR := oci.ParseECRHost(host)
	switch {
	case len(policy.Scanner) > 0 && !g.sandbox:
		login, err := a.registryClient(stack, awsapi.Open).DockerConfig(ctx, host)
		if err != nil {
			return nil, err
		}
		defer func() { _ = login.Close() }()
		gate.Scanner = &admission.Command{
			Words: policy.Scanner, Format: policy.Format, FindingsExitCodes: policy.FindingsExitCodes, Env: []string{"DOCKER_CONFIG=" + login.Dir}, Dir: stack.Dir, Clock: clock,
		}
	case !inECR:
		return nil, usage("%s is not in ECR, whose own scan is the default: name a scanner at registry.gate.scanner.command", img.Repository)
	default:
		if len(policy.Scanner) > 0 {
			a.noteOnce("the sandbox's ECR stands in for the scanner %s", policy.Scanner[0])
		}
		cfg, err := store.AWS(ctx, of.Region)
		if err != nil {
			return nil, err
		}
		gate.Scanner = &admission.ECR{API: ecr.NewFromConfig(cfg), Registry: of.Account, Clock: clock}
	}
	return gate.Admit(ctx, admission.Subject{Repository: img.Repository, Digest: img.Digest}, policy)
}

// daemonTester runs tests with a Docker daemon.
type daemonTester struct {
	engine   *dockerd.Engine
	registry *oci.Client
	platform string
}

// Test fetches the image and runs the command in it.
func (d *daemonTester) Test(ctx context.Context, subject admission.Subject, command []string) (admission.TestResult, error) {
	auth, err := d.registry.RegistryAuth(ctx, oci.RegistryOf(subject.Reference()))
	if err == nil {
		err = d.engine.Pull(ctx, subject.Reference(), d.platform, auth)
	}
	if err != nil {
		return admission.TestResult{}, err
	}
	begun := time.Now()
	code, output, err := d.engine.Run(ctx, subject.Reference(), command)
	return admission.TestResult{ExitCode: code, Output: output, Seconds: time.Since(begun).Seconds()}, err
}

// passing takes tests to be passed.
type passing struct{}

// Test runs nothing.
func (passing) Test(context.Context, admission.Subject, []string) (admission.TestResult, error) {
	return admission.TestResult{}, nil
}

// storeClock is the time of the services; what waits for them waits in real time.
type storeClock struct{ now func() time.Time }

func (c storeClock) Now() time.Time { return c.now() }

func (c storeClock) Sleep(ctx context.Context, d time.Duration) error {
	return admission.SystemClock{}.Sleep(ctx, d)
}
