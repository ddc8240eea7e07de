package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
)

// gated is a deployment of two environments and one image, whose scanner finds what is in a file, and an image in a registry that is that of staging.
type gated struct {
	*testing.T
	dir string
	a   *app
	// staging is the registry of the image, from its reference by digest.
	staging *registrytest.Registry
	from    string
}

// critical is a finding.
const critical = `{"ruleId": "CVE-1", "message": {"text": "bad"}}`

func newGated(t *testing.T) *gated {
	t.Helper()
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	const file = "config:\n  aws:region: us-east-1\n  hubwright:dns: null\n  hubwright:images: [{name: user-image, context: images/user-image}]\n  hubwright:hubs:\n" +
		"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: user-image}\n  hubwright:registry: {gate: {scanner: {command: [./scanner, \"{image}\"], format: sarif}, timeoutSeconds: 2}}\n"
	g := &gated{T: t, dir: layered(t, map[string]string{
		"Pulumi.staging.yaml": file, "Pulumi.prod.yaml": file, "images/user-image/Dockerfile": "FROM scratch\nCOPY Dockerfile /user-image\n",
		"hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": "", "hubs/hub/prod.yaml": "",
	}), staging: registrytest.New(t, registrytest.Options{})}
	g.a, _, _ = testApp(t)
	g.a.copying = oci.Options{Silence: 500 * time.Millisecond, Retry: oci.Retry{Tries: 3, First: time.Millisecond, Longest: 10 * time.Millisecond}}
	g.from = "roman-sit-staging-user-image@" + g.staging.Push(t, "roman-sit-staging-user-image", g.tag(), time.Now())
	g.finds("")
	return g
}

// tag is that of the image's content.
func (g *gated) tag() string {
	g.Helper()
	code, tag, errs := do(g.T, g.dir, "images tag user-image")
	if code != exitDone {
		g.Fatal(errs)
	}
	return strings.TrimSpace(tag)
}

// digest is the image's.
func (g *gated) digest() string { _, d := config.SplitRef(g.from); return d }

// finds has the scanner find something, or do something else.
func (g *gated) finds(results string, instead ...string) {
	g.Helper()
	text := "cat <<'E'\n" + `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "test", "rules": [{"id": "CVE-1", "properties": {"security-severity": "9.8"}}]}}, "results": [` + results + "]}]}\nE\n"
	if err := os.WriteFile(filepath.Join(g.dir, "scanner"), []byte("#!/bin/sh\n"+strings.Join(append(instead, text), "\n")), 0o700); err != nil { //nolint:gosec // it is run
		g.Fatal(err)
	}
}

// scans has the image scanned by the gate of staging.
func (g *gated) scans(code int) {
	g.Helper()
	if got, out, errs := do(g.T, g.dir, "images scan staging --registry "+g.staging.Host); got != code {
		g.Fatalf("exit %d, %s%s", got, out, errs)
	}
}

// says puts something into an environment's file.
func (g *gated) says(env, old, replacement string) {
	g.Helper()
	file := filepath.Join(g.dir, "Pulumi."+env+".yaml")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), old) {
		g.Fatal(err, string(text))
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600); err != nil {
		g.Fatal(err)
	}
}

// promotion is that of what runs on staging, from a host, to the repositories of prod in a registry.
func (g *gated) promotion(from, to string) *promotion {
	g.Helper()
	load := func(env string) *config.Stack {
		s, err := config.Load(g.dir, env, nil, config.Options{})
		if err != nil {
			g.Fatal(err)
		}
		return s
	}
	staging, prod := load("staging"), load("prod")
	tested := &tested{stack: staging, pins: config.Pins{Images: map[string]string{"user-image": from + "/" + g.from}}, tags: map[string]string{"user-image": g.tag()}}
	store, copier := g.a.storeOf(prod, nil, to)
	return &promotion{app: g.a, from: tested, to: prod, store: store, copier: copier, registry: to}
}

// empty fails the test when a registry has a tag of prod's repository.
func (g *gated) empty(host string) {
	g.Helper()
	if tags, err := oci.New(oci.Options{}).Tags(g.Context(), host+"/roman-sit-prod-user-image"); !oci.Is(err, oci.NotFound) || len(tags) > 0 {
		g.Errorf("there is %v, %v", tags, err)
	}
}

// What the gate has not admitted is not promoted, for whatever reason, and nothing of it is copied.
func TestPromotionHoldsTheGate(t *testing.T) {
	tomorrow := time.Now().AddDate(0, 0, 1).UTC().Format(time.DateOnly)
	for _, test := range []struct {
		name string
		set  func(*gated)
		late time.Duration // how much later it is promoted
		want []string
	}{
		{name: "nobody has looked at it", set: func(*gated) {}, want: []string{"no admission is recorded of it"}},
		{
			name: "a critical finding", set: func(g *gated) {
				g.scans(exitDone)
				g.finds(critical)
				g.scans(exitStopped)
			},
			want: []string{"1 finding is critical, and none is permitted: CVE-1"},
		},
		{
			name: "an allowance that has expired", set: func(g *gated) {
				for _, env := range []string{"staging", "prod"} {
					g.says(env, "timeoutSeconds", `allow: [{id: CVE-1, reason: a test, expires: `+tomorrow+`}], timeoutSeconds`)
				}
				g.finds(critical)
				g.scans(exitDone)
			},
			late: 48 * time.Hour, want: []string{"admitted with an allowance of CVE-1, which expired on " + tomorrow + " (a test)"},
		},
		{
			name: "a silent scanner", set: func(g *gated) {
				g.finds("", "exec sleep 30")
				g.scans(exitStopped)
			},
			want: []string{"no admission is recorded of it"},
		},
		{
			name: "another gate", set: func(g *gated) {
				g.scans(exitDone)
				g.says("prod", "timeoutSeconds", "threshold: high, timeoutSeconds")
			},
			want: []string{"under another policy: the threshold was critical and is high"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, prod := newGated(t), registrytest.New(t, registrytest.Options{})
			test.set(g)
			p := g.promotion(g.staging.Host, prod.Host)
			p.store.Now = func() time.Time { return time.Now().Add(test.late) }
			refs, err := p.bring(t.Context())
			if err == nil || codeOf(err) != exitStopped {
				t.Fatalf("%v, %v", refs, err)
			}
			for _, want := range append(test.want, "the gate of prod does not admit what runs on staging, and nothing was changed:\n  image user-image, "+g.digest()[:19]+": ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
			if hint := hintOf(err); !strings.Contains(hint, "`hubwright images scan staging --for prod`") {
				t.Errorf("hint %q", hint)
			}
			g.empty(prod.Host)
		})
	}
}

// An image that has left the registry is told of before anything is copied; one that is already where it is to be, is enough.
func TestPromotionOfWhatIsGone(t *testing.T) {
	g, prod := newGated(t), registrytest.New(t, registrytest.Options{})
	g.scans(exitDone)
	gone := func(from string) error {
		p := g.promotion(g.staging.Host, prod.Host)
		p.from.pins.Images["user-image"] = from
		_, err := p.bring(t.Context())
		return err
	}
	never := g.staging.Host + "/roman-sit-staging-user-image@sha256:" + strings.Repeat("0", 64)
	err := gone(never)
	if codeOf(err) != exitStopped || !strings.Contains(err.Error(), "has left the registry, and nothing was deployed:\n  image user-image: "+never) {
		t.Errorf("%v", err)
	}
	if hint := hintOf(err); !strings.Contains(hint, "`hubwright images build --env staging --push`") {
		t.Errorf("hint %q", hint)
	}
	g.empty(prod.Host)
	if err := gone(g.staging.Host + "/" + g.from); err != nil {
		t.Fatal(err)
	}
	if err := gone(g.staging.Host + "/another@" + g.digest()); err != nil {
		t.Errorf("it is in prod's repository, and yet: %v", err)
	}
}

// What is admitted is copied by digest, with its admission, under the tag of its content, or of its digest where that tag was built there too.
func TestPromotionCopies(t *testing.T) {
	g, prod := newGated(t), registrytest.New(t, registrytest.Options{})
	g.scans(exitDone)
	bring := func() {
		t.Helper()
		refs, err := g.promotion(g.staging.Host, prod.Host).bring(t.Context())
		if want := prod.Host + "/roman-sit-prod-user-image@" + g.digest(); err != nil || refs["user-image"] != want {
			t.Fatalf("%v, %v, want %s", refs, err, want)
		}
	}
	bring()
	client := oci.New(oci.Options{})
	if d, err := client.Resolve(t.Context(), prod.Host+"/roman-sit-prod-user-image:"+g.tag()); err != nil || d.Digest != g.digest() {
		t.Errorf("the tag is %v, %v", d, err)
	}
	bring() // again it is no change

	// The admission there is enough from then on, also when staging's registry is gone with everything in it.
	g.staging.Stop()
	p := g.promotion(g.staging.Host, prod.Host)
	p.from.pins.Images["user-image"] = prod.Host + "/roman-sit-prod-user-image@" + g.digest()
	if refs, err := p.bring(t.Context()); err != nil || len(refs) != 1 {
		t.Errorf("%v, %v", refs, err)
	}

	// A later verdict there counts, whatever staging's says.
	other := newGated(t)
	other.scans(exitDone)
	there := registrytest.New(t, registrytest.Options{})
	if _, err := other.promotion(other.staging.Host, there.Host).bring(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // verdicts have the time to the second
	other.finds(critical)
	other.says("prod", "  hubwright:registry", "  hubwright:pins: {images: {user-image: "+there.Host+"/roman-sit-prod-user-image@"+other.digest()+"}}\n  hubwright:registry")
	if code, _, errs := do(t, other.dir, "images scan prod --registry "+there.Host); code != exitStopped {
		t.Fatal(errs)
	}
	if _, err := other.promotion(other.staging.Host, there.Host).bring(t.Context()); codeOf(err) != exitStopped || !strings.Contains(err.Error(), "CVE-1") {
		t.Error(err)
	}

	// Where the content was built, too, its tag stays.
	built := registrytest.New(t, registrytest.Options{})
	theirs := built.Push(t, "roman-sit-prod-user-image", other.tag(), time.Now().Add(-time.Hour))
	refs, err := other.promotion(other.staging.Host, built.Host).bring(t.Context())
	if err != nil || refs["user-image"] != built.Host+"/roman-sit-prod-user-image@"+other.digest() {
		t.Fatal(refs, err)
	}
	tags, err := client.Tags(t.Context(), built.Host+"/roman-sit-prod-user-image")
	if d, lookErr := client.Resolve(t.Context(), built.Host+"/roman-sit-prod-user-image:"+other.tag()); err != nil || lookErr != nil || d.Digest != theirs || len(tags) != 3 || !strings.HasPrefix(tags[0], "d1-") {
		t.Errorf("%v, %v, %v, %v", tags, d, err, lookErr)
	}
}

// A registry in trouble is tried again, then told of; nothing is tagged there, and the same command goes on.
func TestPromotionThroughTrouble(t *testing.T) {
	g := newGated(t)
	g.scans(exitDone)
	answer := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
			}
			return r.Method == http.MethodPost
		}
	}
	for _, test := range []struct {
		name    string
		instead func(http.ResponseWriter, *http.Request) bool
		kind    oci.Kind
		hint    string
	}{
		{"401", answer(http.StatusUnauthorized), oci.NotSignedIn, "docker login"},
		{"429", answer(http.StatusTooManyRequests), oci.Limited, "wait"},
		{"500", answer(http.StatusInternalServerError), oci.Unavailable, "same command again"},
		{"silence", func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that nobody waits any more
				<-r.Context().Done()
			}
			return r.Method == http.MethodPost
		}, oci.Silent, "same command again"},
		{"cut off", func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch {
				panic(http.ErrAbortHandler)
			}
			return false
		}, oci.Unavailable, "same command again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			prod := registrytest.New(t, registrytest.Options{})
			var well atomic.Bool
			host := prod.Behind(t, func(w http.ResponseWriter, r *http.Request) bool { return !well.Load() && test.instead(w, r) })
			p := g.promotion(g.staging.Host, host)
			refs, err := p.bring(t.Context())
			if !oci.Is(err, test.kind) || codeOf(err) != exitFailed || !strings.Contains(hintOf(err), test.hint) || strings.Count(err.Error(), "image user-image") != 1 {
				t.Errorf("%v, %v, hint %q", refs, err, hintOf(err))
			}
			g.empty(prod.Host)
			well.Store(true)
			if _, err := g.promotion(g.staging.Host, host).bring(t.Context()); err != nil {
				t.Errorf("when it is well again: %v", err)
			}
		})
	}
}

// A Ctrl-C ends a copy, and a tag is there only with everything that it names.
func TestPromotionInterrupted(t *testing.T) {
	g, prod := newGated(t), registrytest.New(t, registrytest.Options{})
	g.scans(exitDone)
	ctx, stop := context.WithCancelCause(t.Context())
	interrupted := &coded{err: errors.New("interrupted"), code: exitInterrupted}
	host := prod.Behind(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that nobody waits any more
			stop(interrupted)
			<-r.Context().Done()
		}
		return ctx.Err() != nil
	})
	if refs, err := g.promotion(g.staging.Host, host).bring(ctx); codeOf(err) != exitInterrupted {
		t.Errorf("%v, %v", refs, err)
	}
	g.empty(prod.Host)
	if _, err := g.promotion(g.staging.Host, prod.Host).bring(t.Context()); err != nil {
		t.Error(err)
	}
}

// What cannot be promoted for its configuration is said before anything is asked.
func TestPromotionOfWhatIsNotConfigured(t *testing.T) {
	g := newGated(t)
	p := g.promotion("127.0.0.1:1", "")
	p.from.pins.Images["other"] = "127.0.0.1:1/other@" + g.digest()
	if _, err := p.bring(t.Context()); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "does not have in its configuration: other") {
		t.Error(err)
	}
	// Another account's images can be pulled when it lets this one.
	delete(p.from.pins.Images, "other")
	p.from.pins.Images["user-image"] = "999999999999.dkr.ecr.us-east-1.amazonaws.com/" + g.from
	if _, err := p.bring(t.Context()); codeOf(err) != exitStopped || !strings.Contains(err.Error(), "its account 162808325377 may not pull") || !strings.Contains(hintOf(err), "registry.pullAccounts of staging") {
		t.Errorf("%v, %s", err, hintOf(err))
	}
	p.from.stack.Registry.PullAccounts = []string{"162808325377"}
	moves, err := p.moves(t.Context())
	if err != nil || len(moves) != 1 || !moves[0].Stays() {
		t.Errorf("%+v, %v", moves, err)
	}
	if got := images.Repository(p.to, "r", "user-image"); got != "r/roman-sit-prod-user-image" {
		t.Error(got)
	}
}
