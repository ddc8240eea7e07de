package imagebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// world is a daemon and a registry that note what is asked of them.
type world struct {
	done   []string
	has    map[string]string // digests by reference
	logins map[string]string // by registry
	down   error
	fail   map[string]error // of builds and pushes, by reference
	atPush func()
}

func (w *world) Look(_ context.Context, image string) (oci.Stored, error) {
	if w.down != nil {
		return oci.Stored{}, w.down
	}
	if d := w.has[image]; d != "" {
		return oci.Stored{Digest: d}, nil
	}
	return oci.Stored{}, &oci.Error{Kind: oci.NotFound, Message: image + " is not there"}
}

func (w *world) RegistryAuth(_ context.Context, registry string) (string, error) {
	return w.logins[registry], nil
}

func (w *world) Build(ctx context.Context, b dockerd.Build, _ func(dockerd.Step)) (string, error) {
	var sent bytes.Buffer
	if err := b.Context(ctx, &sent); err != nil || sent.Len() == 0 {
		return "", fmt.Errorf("no context: %w", err)
	}
	name := short(b.Tag)
	w.done = append(w.done, fmt.Sprintf("build %s %s %s of %s, anew %v", name, b.Dockerfile, b.Platform, short(b.Args["BASE_IMAGE"]), b.NoCache))
	if w.atPush != nil {
		w.atPush()
	}
	return "sha256:id", w.fail["build "+name]
}

func (w *world) Push(_ context.Context, ref, auth string) (string, error) {
	w.done = append(w.done, "push "+short(ref)+" "+auth)
	if err := w.fail["push "+short(ref)]; err != nil {
		return "", err
	}
	w.has[ref] = digest(short(ref))
	return w.has[ref], nil
}

func (w *world) Pull(_ context.Context, ref, _, auth string) error {
	w.done = append(w.done, "pull "+short(ref)+" "+auth)
	return nil
}

func digest(name string) string { return fmt.Sprintf("sha256:%064x", name) }

// short is a reference without what is the same everywhere: base, or base@sha256:….
func short(ref string) string {
	ref = strings.TrimPrefix(ref, "registry.test/lab-staging-")
	name, digest, by := strings.Cut(ref, "@")
	name, _, _ = strings.Cut(name, ":")
	if by {
		return name + "@" + digest
	}
	return name
}

func planned(t *testing.T, pins map[string]string) (*config.Stack, []*images.Image) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base": "FROM private.test/os:1\n", "user": "ARG BASE_IMAGE=base\nFROM ${BASE_IMAGE}\n", "other": "FROM scratch\nCOPY . /\n",
	} {
		file := filepath.Join(dir, name, "Dockerfile")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s := &config.Stack{Dir: dir, Environment: "staging"}
	s.Deployment.Name = "lab"
	for _, name := range []string{"user", "other", "base"} {
		s.Images = append(s.Images, config.Image{Name: name, Context: name, Dockerfile: "Dockerfile", Platform: "linux/arm64"})
	}
	s.Pins.Images = pins
	plan, err := images.Plan(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, plan
}

func TestRun(t *testing.T) {
	const file = " Dockerfile linux/arm64 of "
	silent := &oci.Error{Kind: oci.Silent, Message: "no answer"}
	for _, test := range []struct {
		name          string
		names         []string
		push, noCache bool
		pins          map[string]string
		has           []string // images that the registry has
		set           func(*world)
		done          []string
		states        string
		note, wrong   string
	}{
		{
			name: "all, each after what it is built of, the local one", done: []string{"build base" + file + ", anew false", "build user" + file + "base, anew false", "build other" + file + ", anew false"},
			states: "base built, user built, other built",
		},
		{
			name: "pushed, and taken by digest from then on", names: []string{"user"}, push: true, set: func(w *world) { w.logins["registry.test"] = "AUTH" },
			done: []string{
				"build base" + file + ", anew false", "push base AUTH", "build user" + file + "base@" + digest("base") + ", anew false", "push user AUTH",
			},
			states: "base pushed, user pushed",
		},
		{name: "what the registry has is not built", names: []string{"user"}, has: []string{"base"}, done: []string{"build user" + file + "base@" + digest("base") + ", anew false"}, states: "base present, user built"},
		{
			name: "one with credentials is fetched", names: []string{"user"}, has: []string{"base"}, set: func(w *world) { w.logins["registry.test"] = "AUTH" },
			done: []string{"pull base@" + digest("base") + " AUTH", "build user" + file + "base@" + digest("base") + ", anew false"}, states: "base present, user built",
		},
		{name: "nothing to do", has: []string{"base", "user", "other"}, push: true, states: "base present, user present, other present"},
		{name: "anew is only what is asked for", names: []string{"user"}, noCache: true, has: []string{"base", "user"}, done: []string{"build user" + file + "base@" + digest("base") + ", anew true"}, states: "base present, user built"},
		{name: "a tag never moves", names: []string{"other"}, noCache: true, push: true, has: []string{"other"}, wrong: "image other: registry.test/lab-staging-other:"},
		{name: "a pinned one is no build", names: []string{"user"}, pins: map[string]string{"base": "elsewhere.test/base@sha256:1"}, done: []string{"build user" + file + "elsewhere.test/base@sha256:1, anew false"}, states: "base pinned, user built"},
		{name: "a base with credentials is fetched first", names: []string{"base"}, set: func(w *world) { w.logins["private.test"] = "KEY" }, done: []string{"pull private.test/os KEY", "build base" + file + ", anew false"}, states: "base built"},
		{name: "without the registry it is built", names: []string{"other"}, set: func(w *world) { w.down = silent }, done: []string{"build other" + file + ", anew false"}, states: "other built", note: "no answer"},
		{name: "and not pushed", names: []string{"other"}, push: true, set: func(w *world) { w.down = silent }, wrong: "image other: no answer"},
		{
			name: "a build that fails ends it", set: func(w *world) { w.fail["build user"] = errors.New("exit code 1") },
			done: []string{"build base" + file + ", anew false", "build user" + file + "base, anew false"}, states: "base built", wrong: "image user: building it failed: exit code 1",
		},
		{
			name: "no repository", names: []string{"other"}, push: true, set: func(w *world) { w.fail["push other"] = errors.New("name unknown: The repository does not exist") },
			done: []string{"build other" + file + ", anew false", "push other "}, wrong: "`hubwright up staging` makes the repository",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack, plan := planned(t, test.pins)
			w := &world{has: map[string]string{}, logins: map[string]string{}, fail: map[string]error{}}
			for _, img := range plan {
				if slices.Contains(test.has, img.Name) {
					w.has[images.Repository(stack, "registry.test", img.Name)+":"+img.Tag] = digest(img.Name)
				}
			}
			if test.set != nil {
				test.set(w)
			}
			var notes string
			b := &Builder{
				Engine: w, Registry: w, Host: "registry.test", Push: test.push, NoCache: test.noCache,
				Begin: func(string) {}, Step: func(string, dockerd.Step) {}, Note: func(format string, args ...any) { notes += fmt.Sprintf(format, args...) },
			}
			out, err := b.Run(t.Context(), stack, plan, test.names)
			var states []string
			for _, i := range out {
				states = append(states, i.Name+" "+i.State)
			}
			if diff := cmp.Diff(test.done, w.done); diff != "" {
				t.Errorf("done (-want +got):\n%s", diff)
			}
			if got := strings.Join(states, ", "); got != test.states {
				t.Errorf("%s, want %s", got, test.states)
			}
			told := fmt.Sprint(err)
			if known := (*Error)(nil); errors.As(err, &known) {
				told += "\n" + known.Hint
			}
			if (err != nil) != (test.wrong != "") || !strings.Contains(told, test.wrong) || !strings.Contains(notes, test.note) {
				t.Errorf("error %s, notes %q", told, notes)
			}
		})
	}
}

// Whoever pushes the same content first has the tag.
func TestPushedMeanwhile(t *testing.T) {
	stack, plan := planned(t, nil)
	w := &world{has: map[string]string{}}
	i := slices.IndexFunc(plan, func(i *images.Image) bool { return i.Name == "other" })
	w.atPush = func() { w.has[images.Repository(stack, "registry.test", "other")+":"+plan[i].Tag] = "sha256:theirs" }
	var notes string
	b := &Builder{
		Engine: w, Registry: w, Host: "registry.test", Push: true,
		Begin: func(string) {}, Step: func(string, dockerd.Step) {}, Note: func(format string, args ...any) { notes += fmt.Sprintf(format, args...) },
	}
	out, err := b.Run(t.Context(), stack, plan, []string{"other"})
	if err != nil || len(out) != 1 || out[0].Digest != "sha256:theirs" || out[0].State != Present || len(w.done) != 1 || !strings.Contains(notes, "sha256:theirs") {
		t.Errorf("%+v, %v, %q, %s", out, err, w.done, notes)
	}
}
