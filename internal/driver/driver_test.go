package driver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// bed is a project with one simulated provider of one kind.
type bed struct {
	*driver.Driver
	world      *world.World
	program    pulumi.RunFunc
	interrupts chan driver.Interrupt
	dir        string
	onBegin    func() // called once, when work on the first resource has begun
}

const boxType = "aws:test/box:Box"

func newBed(t *testing.T, opts world.Options) *bed {
	t.Helper()
	engine := enginetest.Engine(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: hubwright # the project\nruntime: go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := world.Open(filepath.Join(dir, "world"), opts)
	if err != nil {
		t.Fatal(err)
	}
	served, err := provider.Serve(&provider.Provider{Package: "aws", Version: "6.83.2", World: w, Kinds: map[string]*provider.Kind{boxType: {
		Name: "box", ForceNew: []string{"box"},
		Create: func(tx *world.Tx, c *provider.Call) (string, map[string]any, error) {
			name := fmt.Sprint(c.In["box"])
			if tx.Get(boxType, name) != nil {
				return "", nil, fmt.Errorf("EntityAlreadyExists: Box with name %s already exists.", name)
			}
			return name, map[string]any{"arn": "arn:box/" + name}, nil
		},
		Takes: func(string, map[string]any) time.Duration { return time.Minute },
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		served.Stop()
		_ = w.Close()
	})
	b := &bed{world: w, interrupts: make(chan driver.Interrupt, 1), dir: dir}
	b.Driver = b.driver(engine, served.Port)
	return b
}

func (b *bed) driver(engine driver.Engine, port int) *driver.Driver {
	return driver.New(engine, driver.Options{
		Dir: b.dir, Program: func(ctx *pulumi.Context) error { return b.program(ctx) }, Interrupts: b.interrupts, SecretsProvider: "passphrase",
		OnEvent: func(e driver.Event) {
			if f := b.onBegin; f != nil && e.Phase == driver.Begin && e.Op == "create" {
				b.onBegin = nil
				f()
			}
		},
		Env: map[string]string{
			"PULUMI_DEBUG_PROVIDERS": fmt.Sprintf("aws:%d", port), "PULUMI_BACKEND_URL": "file://" + b.dir, "PULUMI_CONFIG_PASSPHRASE": "test",
			"PULUMI_HOME": filepath.Join(b.dir, "home"), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		},
	})
}

type box struct{ pulumi.CustomResourceState }

func boxes(n int, size string, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		for i := range n {
			name := fmt.Sprintf("box-%d", i)
			in := pulumi.Map{"box": pulumi.String(name), "size": pulumi.String(size), "key": pulumi.ToSecret(pulumi.String("planted-secret"))}
			if err := ctx.RegisterResource(boxType, name, in, &box{}, append(opts, pulumi.Version("6.83.2"))...); err != nil {
				return err
			}
		}
		ctx.Export("count", pulumi.Int(n))
		ctx.Export("token", pulumi.ToSecret(pulumi.String("planted-secret")))
		return nil
	}
}

func TestLifeOfAStack(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, world.Options{})

	b.program = boxes(3, "small")
	res, err := b.Preview(ctx, "staging")
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Change.Summary.Create; got != 4 { // the stack itself counts
		t.Errorf("preview of an empty stack creates %d, want 4", got)
	}
	if _, err = b.Up(ctx, "staging", ""); err != nil {
		t.Fatal(err)
	}
	before := b.Launches()
	res, err = b.Preview(ctx, "staging")
	if err != nil {
		t.Fatal(err)
	}
	if n := b.Launches() - before; n != 1 {
		t.Errorf("a preview launched the engine %d times, want 1", n)
	}
	if res.Change.Summary.Changes() != 0 || len(res.Change.Steps) != 0 {
		t.Errorf("an unchanged stack shows %+v %+v", res.Change.Summary, res.Change.Steps)
	}

	b.program = boxes(3, "large")
	before = b.Launches()
	const message = "larger: \"all\" of them\n\nand a second line"
	res, err = b.Up(ctx, "staging", message)
	if err != nil {
		t.Fatal(err)
	}
	if n := b.Launches() - before; n != 1 {
		t.Errorf("an update launched the engine %d times, want 1", n)
	}
	if len(res.Change.Steps) != 3 || res.Change.Steps[0].Diff[0].Path != "size" || res.Change.Steps[0].Diff[0].New != "large" {
		t.Errorf("the update's steps are %+v", res.Change.Steps)
	}
	if fmt.Sprint(res.Outputs["count"]) != "3" || res.Outputs["token"] != "[secret]" {
		t.Errorf("outputs after the update: %v", res.Outputs)
	}

	past, err := b.History(ctx, "staging")
	if err != nil || len(past) != 2 {
		t.Fatalf("the history: %+v, %v", past, err)
	}
	if p := past[0]; p.Number != 2 || p.Message != message || p.Kind != "update" || p.Result != "succeeded" || p.Start.IsZero() || p.End.Before(p.Start) || past[1].Number != 1 || past[1].Message != "" {
		t.Errorf("the history: %+v", past)
	}
	if past, err := b.History(ctx, "other"); err != nil || len(past) != 0 {
		t.Errorf("the history of a stack that is not there: %+v, %v", past, err)
	}

	if res, err = b.Destroy(ctx, "staging", false); err != nil {
		t.Fatal(err)
	}
	if res.Change.Summary.Delete != 4 {
		t.Errorf("destroy deleted %d, want 4", res.Change.Summary.Delete)
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "Pulumi.yaml"))
	if err != nil || string(data) != "name: hubwright # the project\nruntime: go\n" {
		t.Errorf("Pulumi.yaml was rewritten: %q, %v", data, err)
	}
}

func TestDestroyKeepsWhatIsProtected(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, world.Options{})
	b.program = boxes(2, "small", pulumi.Protect(true), pulumi.RetainOnDelete(true))
	if _, err := b.Up(ctx, "staging", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Destroy(ctx, "staging", false); err != nil {
		t.Fatal(err)
	}
	st, err := b.State(ctx, "staging")
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range st.Resources {
		if r.Type == boxType {
			kept++
		}
	}
	if kept != 2 {
		t.Fatalf("destroy kept %d of 2 protected boxes", kept)
	}
	if err := b.Release(ctx, "staging", func(r driver.Resource) bool { return r.Type == boxType }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Destroy(ctx, "staging", false); err != nil {
		t.Fatal(err)
	}
	_ = b.world.View(func(tx *world.Tx) error {
		if n := len(tx.List(boxType)); n != 0 {
			t.Errorf("%d boxes are left after a destroy with data", n)
		}
		return nil
	})
}

func TestStopIsClean(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, world.Options{Pace: 300 * time.Millisecond})
	b.program = chain(6)
	b.onBegin = func() { b.interrupts <- driver.Stop }
	_, err := b.Up(ctx, "staging", "")
	var known *driver.Error
	if !errors.As(err, &known) || known.Kind != driver.Interrupted {
		t.Fatalf("an interrupted update ended with %v", err)
	}
	if err := b.Check(ctx, "staging"); err != nil {
		t.Errorf("the state is not consistent after a clean stop: %v", err)
	}
	if _, err := b.Up(ctx, "staging", ""); err != nil {
		t.Errorf("going on after a clean stop: %v", err)
	}
}

func chain(n int) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		var last []pulumi.Resource
		for i := range n {
			name, r := fmt.Sprintf("box-%d", i), &box{}
			if err := ctx.RegisterResource(boxType, name, pulumi.Map{"box": pulumi.String(name)}, r, pulumi.DependsOn(last), pulumi.Version("6.83.2")); err != nil {
				return err
			}
			last = []pulumi.Resource{r}
		}
		return nil
	}
}

func TestKilledUpdateIsNoticedAndAdopted(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, world.Options{Pace: 2 * time.Second})
	b.program = chain(3)
	b.onBegin = func() {
		for n := 0; n == 0; time.Sleep(5 * time.Millisecond) { // the creation has been asked for
			_ = b.world.View(func(tx *world.Tx) error {
				n = len(tx.List(boxType))
				return nil
			})
		}
		b.interrupts <- driver.Kill
	}
	if _, err := b.Up(ctx, "staging", ""); err == nil {
		t.Fatal("a killed update ended well")
	}
	err := b.Check(ctx, "staging")
	var known *driver.Error
	if !errors.As(err, &known) || known.Kind != driver.CutOff || !strings.Contains(known.Message, "creating box-0") {
		t.Fatalf("after a kill the gate says %v", err)
	}
	lock, err := b.Locked(ctx, "staging")
	if err != nil || lock == nil || !lock.Dead || lock.Since == "" {
		t.Fatalf("the lock of a killed engine reads %+v, %v", lock, err)
	}
	if _, err := b.Up(ctx, "staging", ""); !errors.As(err, &known) || known.Kind != driver.Busy || !strings.Contains(known.Message, "has held it since") {
		t.Fatalf("a locked stack says %v", err)
	}
	if err := b.Unlock(ctx, "staging"); err != nil {
		t.Fatal(err)
	}
	st, err := b.State(ctx, "staging")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range st.Pending {
		found[p.URN] = p.Name // a box's id is its name
	}
	if err := b.Adopt(ctx, "staging", found); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Refresh(ctx, "staging", false); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Up(ctx, "staging", ""); err != nil {
		t.Fatalf("going on after recovery: %v", err)
	}
	_ = b.world.View(func(tx *world.Tx) error {
		if n := len(tx.List(boxType)); n != 3 {
			t.Errorf("%d boxes after recovery, want 3", n)
		}
		return nil
	})
}

func TestStateCutOffInWritingGoesBackToTheLastWhole(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, world.Options{})
	b.program = boxes(2, "small")
	if _, err := b.Up(ctx, "staging", ""); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(b.dir, ".pulumi", "stacks", "hubwright", "staging.json")
	whole, err := b.State(ctx, "staging")
	if err != nil {
		t.Fatal(err)
	}
	// Cut off in writing what the backend notes beside the state: nothing of the state is lost.
	if err := os.Truncate(file+".attrs", 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(ctx, "staging"); !driver.BrokenState(err) {
		t.Fatalf("notes cut off in writing say %v", err)
	}
	if err := b.Repair(ctx, "staging"); err != nil {
		t.Fatal(err)
	}
	if st, err := b.State(ctx, "staging"); err != nil || len(st.Resources) != len(whole.Resources) {
		t.Fatalf("after the repair the state is %+v, %v", st, err)
	}
	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(ctx, "staging"); !driver.BrokenState(err) || !strings.Contains(err.Error(), "the state cannot be read") {
		t.Fatalf("a state cut off in writing says %v", err)
	}
	if err := b.Repair(ctx, "staging"); err != nil {
		t.Fatal(err)
	}
	st, err := b.State(ctx, "staging")
	if err != nil || len(st.Resources) < 3 {
		t.Fatalf("after the repair the state is %+v, %v", st, err)
	}
	if _, err := os.Stat(file + ".damaged"); err != nil {
		t.Errorf("the damaged state was not kept: %v", err)
	}
}
