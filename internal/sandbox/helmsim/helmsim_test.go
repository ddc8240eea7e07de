package helmsim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
)

type m = map[string]any

// newClient is a client of a cluster without controllers of its own: settle plays them.
func newClient(t *testing.T, settle func(api kubeapi.API)) *Client {
	t.Helper()
	w := simtest.World(t)
	api := kubeapi.Of(w, "lab")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &Client{API: api, Waiter: kubeapi.Waiter{
		Now: func() time.Time { return now },
		Settle: func(context.Context, string) (time.Time, error) {
			if settle != nil {
				settle(api)
			}
			return time.Time{}, nil
		},
		Sleep: func(_ context.Context, until time.Time) error { now = until; return nil },
	}}
}

func chartOf(templates map[string]string) *chart.Chart {
	ch := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "test", Version: "1.0.0"}}
	for name, text := range templates {
		ch.Templates = append(ch.Templates, &common.File{Name: "templates/" + name, Data: []byte(text)})
	}
	return ch
}

func config(name, value string, annotations ...string) string {
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
	if len(annotations) > 0 {
		text += "  annotations:\n    " + strings.Join(annotations, "\n    ") + "\n"
	}
	return text + "data: {v: \"" + value + "\"}\n"
}

const neverReady = "apiVersion: v1\nkind: Service\nmetadata: {name: public}\nspec: {type: LoadBalancer}\n"

func data(t *testing.T, c *Client, name string) string {
	t.Helper()
	obj, err := c.API.Get(t.Context(), kubeapi.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: name})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return kubeapi.Text(obj, "data", "v")
}

func history(t *testing.T, c *Client) (out []string) {
	t.Helper()
	revisions, err := c.History(t.Context(), "default", "r")
	if err != nil {
		return nil
	}
	for _, r := range revisions {
		out = append(out, fmt.Sprintf("%d %s", r.Version, r.Info.Status))
	}
	return out
}

func same(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var opts = Options{Timeout: time.Minute}

func TestInstallUpgradeRollbackUninstall(t *testing.T) {
	c, ctx := newClient(t, nil), t.Context()
	first := chartOf(map[string]string{"a.yaml": config("a", `{{ .Values.v }}`), "b.yaml": config("b", "once")})
	if _, err := c.Install(ctx, first, m{"v": "1"}, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	second := chartOf(map[string]string{"a.yaml": config("a", `{{ .Values.v }}`), "kept.yaml": config("kept", "x", "helm.sh/resource-policy: keep")})
	if _, err := c.Upgrade(ctx, second, m{"v": "2"}, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	if data(t, c, "a") != "2" || data(t, c, "b") != "" {
		t.Errorf("after the upgrade a=%q, b=%q", data(t, c, "a"), data(t, c, "b"))
	}
	if _, err := c.Rollback(ctx, "default", "r", 0, opts); err != nil {
		t.Fatal(err)
	}
	if data(t, c, "a") != "1" || data(t, c, "b") != "once" {
		t.Errorf("after the rollback a=%q, b=%q", data(t, c, "a"), data(t, c, "b"))
	}
	same(t, []string{"1 superseded", "2 superseded", "3 deployed"}, history(t, c))
	if err := c.Uninstall(ctx, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	if data(t, c, "a") != "" || data(t, c, "kept") != "x" || history(t, c) != nil {
		t.Errorf("after the removal a=%q, kept=%q, history %v", data(t, c, "a"), data(t, c, "kept"), history(t, c))
	}
	err := c.Uninstall(ctx, "default", "r", opts)
	if err == nil || err.Error() != "uninstall: Release not loaded: r: release: not found" {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := c.Upgrade(ctx, second, m{}, "default", "r", opts); err == nil || !strings.Contains(err.Error(), `"r" has no deployed releases`) {
		t.Errorf("upgrade of nothing: %v", err)
	}
}

func TestFailures(t *testing.T) {
	good := chartOf(map[string]string{"a.yaml": config("a", "1")})
	bad := chartOf(map[string]string{"a.yaml": config("a", "2"), "new.yaml": config("new", "x"), "s.yaml": neverReady})
	tests := []struct {
		name    string
		opts    Options
		install bool // of the bad chart; else an upgrade to it
		want    string
		history []string
		a, new  string
	}{
		{"install", opts, true, "context deadline exceeded", []string{"1 failed"}, "2", "x"},
		{"install, atomic", Options{Timeout: time.Minute, Atomic: true}, true, "release r failed, and has been uninstalled due to atomic being set: context deadline exceeded", nil, "", ""},
		{"upgrade", opts, false, "context deadline exceeded", []string{"1 deployed", "2 failed"}, "2", "x"},
		{"upgrade, cleaned up", Options{Timeout: time.Minute, CleanupOnFail: true}, false, "context deadline exceeded", []string{"1 deployed", "2 failed"}, "2", ""},
		{"upgrade, atomic", Options{Timeout: time.Minute, Atomic: true}, false, "release r failed, and has been rolled back due to atomic being set: context deadline exceeded", []string{"1 superseded", "2 failed", "3 deployed"}, "1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, nil)
			var err error
			if tt.install {
				_, err = c.Install(t.Context(), bad, m{}, "default", "r", tt.opts)
			} else {
				if _, err := c.Install(t.Context(), good, m{}, "default", "r", tt.opts); err != nil {
					t.Fatal(err)
				}
				_, err = c.Upgrade(t.Context(), bad, m{}, "default", "r", tt.opts)
			}
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			same(t, tt.history, history(t, c))
			if data(t, c, "a") != tt.a || data(t, c, "new") != tt.new {
				t.Errorf("a=%q new=%q, want %q %q", data(t, c, "a"), data(t, c, "new"), tt.a, tt.new)
			}
		})
	}
}

// TestCutOff: what is cut off stays pending, blocks everything but a rollback, and is superseded by one.
func TestCutOff(t *testing.T) {
	c := newClient(t, nil)
	good := chartOf(map[string]string{"a.yaml": config("a", "1")})
	if _, err := c.Install(t.Context(), good, m{}, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sleep := c.Sleep
	c.Sleep = func(context.Context, time.Time) error { cancel(); return ctx.Err() }
	_, err := c.Upgrade(ctx, chartOf(map[string]string{"a.yaml": config("a", "2"), "s.yaml": neverReady}), m{}, "default", "r", opts)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	c.Sleep = sleep
	same(t, []string{"1 deployed", "2 pending-upgrade"}, history(t, c))
	if _, err := c.Upgrade(t.Context(), good, m{}, "default", "r", opts); !errors.Is(err, ErrPending) {
		t.Errorf("upgrade over a pending one: %v", err)
	}
	if _, err := c.Install(t.Context(), good, m{}, "default", "r", opts); !errors.Is(err, ErrNameInUse) {
		t.Errorf("install over a pending one: %v", err)
	}
	if _, err := c.Rollback(t.Context(), "default", "r", 1, opts); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Upgrade(t.Context(), good, m{}, "default", "r", opts); err != nil {
		t.Errorf("after the rollback: %v", err)
	}
	same(t, []string{"1 superseded", "2 superseded", "3 superseded", "4 deployed"}, history(t, c))
}

func TestHooksRunByWeight(t *testing.T) {
	hook := func(name, weight, policy string) string {
		return config(name, "x", "helm.sh/hook: pre-install", `helm.sh/hook-weight: "`+weight+`"`, "helm.sh/hook-delete-policy: "+policy)
	}
	job := "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: job\n  annotations: {helm.sh/hook: post-install}\nspec: {template: {spec: {containers: [{name: c, image: i}]}}}\n"
	var asked int
	c := newClient(t, func(api kubeapi.API) {
		if asked++; asked < 2 {
			return
		}
		obj, err := api.Get(t.Context(), kubeapi.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: "default", Name: "job"})
		if err != nil {
			return
		}
		obj["status"] = m{"succeeded": 1.0}
		if _, err := api.Update(t.Context(), obj); err != nil {
			t.Error(err)
		}
	})
	ch := chartOf(map[string]string{
		"late.yaml": hook("late", "5", "hook-succeeded"), "early.yaml": hook("early", "-5", "before-hook-creation"), "job.yaml": job, "a.yaml": config("a", "1"),
	})
	rel, err := c.Install(t.Context(), ch, m{}, "default", "r", opts)
	if err != nil {
		t.Fatal(err)
	}
	if data(t, c, "early") != "x" || data(t, c, "late") != "" {
		t.Errorf("early=%q stays, late=%q is deleted after it succeeded", data(t, c, "early"), data(t, c, "late"))
	}
	for _, h := range rel.Hooks {
		if h.LastRun.Phase != "Succeeded" {
			t.Errorf("hook %s: %s", h.Name, h.LastRun.Phase)
		}
	}
}

func TestHookThatTimesOut(t *testing.T) {
	job := "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: job\n  annotations: {helm.sh/hook: %s}\nspec: {template: {spec: {containers: [{name: c, image: i}]}}}\n"
	c := newClient(t, nil)
	_, err := c.Install(t.Context(), chartOf(map[string]string{"job.yaml": fmt.Sprintf(job, "pre-install"), "a.yaml": config("a", "1")}), m{}, "default", "r", opts)
	if err == nil || err.Error() != "failed pre-install: 1 error occurred:\n\t* timed out waiting for the condition\n\n" {
		t.Errorf("install: %v", err)
	}
	if data(t, c, "a") != "" {
		t.Error("the objects were made although the hook before them failed")
	}
	_, err = c.Upgrade(t.Context(), chartOf(map[string]string{"job.yaml": fmt.Sprintf(job, "pre-upgrade")}), m{}, "default", "r", opts)
	if err == nil || !strings.HasPrefix(err.Error(), "pre-upgrade hooks failed: 1 error occurred:") {
		t.Errorf("upgrade: %v", err)
	}
	same(t, []string{"1 failed", "2 failed"}, history(t, c))
	if _, err := c.Upgrade(t.Context(), chartOf(map[string]string{"a.yaml": config("a", "1")}), m{}, "default", "r", opts); err != nil {
		t.Errorf("the way out of failed revisions: %v", err)
	}
}

func TestRefusedBeforeAnythingIsRecorded(t *testing.T) {
	tests := []struct{ name, template, want string }{
		{"unknown kind", "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: x}\n", `no matches for kind "Thing" in version "example.org/v1"` + "\nensure CRDs are installed first"},
		{"no YAML", "a: b: c\n", "YAML parse error on test/templates/a.yaml"},
		{"failing template", `{{ fail "not so" }}`, "not so"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, nil)
			_, err := c.Install(t.Context(), chartOf(map[string]string{"a.yaml": tt.template}), m{}, "default", "r", opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if h := history(t, c); h != nil {
				t.Errorf("recorded: %v", h)
			}
		})
	}
}

func TestRefusedByTheServer(t *testing.T) {
	c := newClient(t, nil)
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {accessModes: [%s], resources: {requests: {storage: 1Gi}}}\n"
	if _, err := c.Install(t.Context(), chartOf(map[string]string{"c.yaml": fmt.Sprintf(claim, "ReadWriteOnce")}), m{}, "default", "r", Options{NoWait: true}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Upgrade(t.Context(), chartOf(map[string]string{"c.yaml": fmt.Sprintf(claim, "ReadWriteMany")}), m{}, "default", "r", Options{NoWait: true})
	if err == nil || !strings.Contains(err.Error(), `cannot patch "c" with kind PersistentVolumeClaim: PersistentVolumeClaim "c" is invalid: spec.accessModes`) {
		t.Errorf("error %v", err)
	}
	same(t, []string{"1 deployed", "2 failed"}, history(t, c))
}

func TestCreatesItsNamespaceWhenAsked(t *testing.T) {
	c := newClient(t, nil)
	ch := chartOf(map[string]string{"a.yaml": config("a", "1")})
	if _, err := c.Install(t.Context(), ch, m{}, "elsewhere", "r", opts); err == nil || !strings.Contains(err.Error(), `namespaces "elsewhere" not found`) {
		t.Errorf("without a namespace: %v", err)
	}
	if _, err := c.Install(t.Context(), ch, m{}, "elsewhere", "r", Options{Timeout: time.Minute, CreateNamespace: true}); err != nil {
		t.Error(err)
	}
}

// TestLookupSeesTheCluster: a secret that the chart makes up stays the same over upgrades.
func TestLookupSeesTheCluster(t *testing.T) {
	c := newClient(t, nil)
	text := `{{ $old := lookup "v1" "ConfigMap" .Release.Namespace "a" }}` + config("a", `{{ dig "data" "v" (randAlphaNum 8) $old }}`) +
		"---\n" + config("count", `{{ len (lookup "v1" "ConfigMap" .Release.Namespace "").items }}`)
	ch := chartOf(map[string]string{"a.yaml": text})
	if _, err := c.Install(t.Context(), ch, m{}, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	first := data(t, c, "a")
	if _, err := c.Upgrade(t.Context(), ch, m{}, "default", "r", opts); err != nil {
		t.Fatal(err)
	}
	if first == "" || data(t, c, "a") != first || data(t, c, "count") != "2" {
		t.Errorf("made up %q, then %q; %q objects listed", first, data(t, c, "a"), data(t, c, "count"))
	}
}

func TestOutlines(t *testing.T) {
	for _, name := range []string{"jupyterhub", "cluster-autoscaler"} {
		ch, origin := Outline(name, "9.9.9")
		if ch == nil || origin != OutlineOrigin || ch.Metadata.Version != "9.9.9" || len(ch.Schema) == 0 {
			t.Errorf("%s: %+v", name, ch)
		}
		if ch, _ := Outline(name, ">=4"); ch.Metadata.Version == ">=4" {
			t.Errorf("%s takes a constraint for its version", name)
		}
	}
	if ch, _ := Outline("grafana", "1.0.0"); ch != nil {
		t.Error("there is an outline of grafana")
	}
}
