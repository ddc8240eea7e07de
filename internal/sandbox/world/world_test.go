package world

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *World {
	t.Helper()
	w, err := Open(dir, Options{Quiet: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func put(t *testing.T, w *World, id string, props map[string]any) {
	t.Helper()
	if err := w.Update(func(tx *Tx) error { return tx.Put(&Object{Kind: "box", ID: id, Props: props}) }); err != nil {
		t.Fatal(err)
	}
}

func ids(t *testing.T, w *World) string {
	t.Helper()
	var out []string
	if err := w.View(func(tx *Tx) error {
		for _, o := range tx.List("box") {
			out = append(out, o.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestWorldPersists(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	put(t, w, "b", map[string]any{"size": 3.0})
	put(t, w, "a", nil)
	if err := w.Update(func(tx *Tx) error { return errors.Join(tx.Set("account", "1"), tx.Delete("box", "a")) }); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if got := ids(t, again); got != "b" {
		t.Errorf("after reopening there are %q", got)
	}
	_ = again.View(func(tx *Tx) error {
		if tx.Setting("account") != "1" || tx.Get("box", "b").Props["size"] != 3.0 {
			t.Errorf("setting %q, object %v", tx.Setting("account"), tx.Get("box", "b"))
		}
		return nil
	})
}

func TestFailedTransactionChangesNothing(t *testing.T) {
	w := open(t, t.TempDir())
	boom := errors.New("boom")
	err := w.Update(func(tx *Tx) error { return errors.Join(tx.Put(&Object{Kind: "box", ID: "a"}), boom) })
	if !errors.Is(err, boom) || ids(t, w) != "" {
		t.Errorf("error %v, objects %q", err, ids(t, w))
	}
	if err := w.View(func(tx *Tx) error { return tx.Put(&Object{}) }); err == nil {
		t.Error("a view could write")
	}
}

func TestTwoWorldsOnOneFolderSeeEachOther(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	var wg sync.WaitGroup
	for _, w := range []*World{a, b} {
		wg.Go(func() {
			for range 50 {
				_ = w.Update(func(tx *Tx) error {
					n := len(tx.List("box"))
					return tx.Put(&Object{Kind: "box", ID: "box-" + string(rune('A'+n/26)) + string(rune('a'+n%26))})
				})
			}
		})
	}
	wg.Wait()
	if n := len(strings.Fields(ids(t, a))); n != 100 {
		t.Errorf("100 transactions of two writers made %d objects", n)
	}
	if ids(t, a) != ids(t, b) {
		t.Error("the two see different worlds")
	}
}

func TestTornLastLineIsDropped(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	put(t, w, "a", nil)
	path := filepath.Join(dir, journalName)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("12345678 {\"puts\":[{\"kind\":\"box"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	again := open(t, dir)
	put(t, again, "b", nil)
	if got := ids(t, open(t, dir)); got != "a b" {
		t.Errorf("after a torn write there are %q", got)
	}
}

func TestDamageIsToldAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "world")
	w := open(t, dir)
	put(t, w, "a", nil)
	put(t, w, "b", nil)
	path := filepath.Join(dir, journalName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte(`"id":"a"`), []byte(`"id":"x"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Line != 2 || damaged.File != path {
		t.Fatalf("a damaged world opens with %v", err)
	}
	kept, err := Reset(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kept, journalName)); err != nil {
		t.Errorf("the old world was not kept: %v", err)
	}
	if got := ids(t, open(t, dir)); got != "" {
		t.Errorf("a new world holds %q", got)
	}
}

func TestSecretsAreSealed(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	sealed := w.Seal("planted-secret")
	put(t, w, "a", map[string]any{"v": sealed})
	data, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("planted-secret")) {
		t.Error("the journal holds the secret in plaintext")
	}
	if got, err := open(t, dir).Unseal(sealed); err != nil || got != "planted-secret" {
		t.Errorf("unsealed %q, %v", got, err)
	}
	if _, err := open(t, t.TempDir()).Unseal(sealed); err == nil {
		t.Error("another world's key opened it")
	}
}

func TestVirtualTimeOverlaps(t *testing.T) {
	w := open(t, t.TempDir())
	start, real := w.Clock.Now(), time.Now()
	var wg sync.WaitGroup
	for _, d := range []time.Duration{10 * time.Minute, 3 * time.Minute, 10 * time.Minute} {
		wg.Go(func() {
			defer w.Clock.Enter()()
			if err := w.Clock.Sleep(context.Background(), d); err != nil {
				t.Error(err)
			}
			if d == 3*time.Minute { // goes on while the others sleep
				_ = w.Clock.Sleep(context.Background(), 2*time.Minute)
			}
		})
	}
	wg.Wait()
	if got := w.Clock.Now().Sub(start); got != 10*time.Minute {
		t.Errorf("three overlapping calls took %s of virtual time, want 10m", got)
	}
	if took := time.Since(real); took > 5*time.Second {
		t.Errorf("they took %s of real time", took)
	}
}

func TestClockStandsStillWhileSomebodyWorks(t *testing.T) {
	w := open(t, t.TempDir())
	leave := w.Clock.Enter()
	done := make(chan error, 1)
	start := w.Clock.Now()
	go func() { done <- w.Clock.Until(context.Background(), start.Add(time.Hour)) }()
	select {
	case <-done:
		t.Fatal("time passed while a call was at work")
	case <-time.After(100 * time.Millisecond):
	}
	leave()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := w.Clock.Now().Sub(start); got != time.Hour {
		t.Errorf("the clock moved on by %s", got)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	w := open(t, t.TempDir())
	defer w.Clock.Enter()() // keeps the clock still
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Clock.Until(ctx, w.Clock.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestFaults(t *testing.T) {
	w := open(t, t.TempDir())
	now := w.Clock.Now()
	set := func(f ...Fault) {
		t.Helper()
		if err := w.Update(func(tx *Tx) error { return tx.SetFaults(f) }); err != nil {
			t.Fatal(err)
		}
	}
	hit := func(kind, op string) bool {
		t.Helper()
		_, message, err := w.Fault(kind, op)
		if err != nil {
			t.Fatal(err)
		}
		return message != ""
	}
	set(Fault{Kind: "aws:eks/*", Op: "create", Message: "Throttling", Times: 2})
	for i, want := range []bool{true, true, false} {
		if got := hit("aws:eks/cluster:Cluster", "create"); got != want {
			t.Errorf("call %d of a fault for two times: %v", i, got)
		}
	}
	set(Fault{Kind: "aws:eks/*", Op: "create", Message: "x"})
	if hit("aws:ec2/vpc:Vpc", "create") || hit("aws:eks/cluster:Cluster", "delete") {
		t.Error("a fault hits other kinds or operations")
	}
	set(Fault{Kind: "*", Op: "*", Message: "later", From: now.Add(time.Hour)})
	if hit("a:b/c:D", "read") {
		t.Error("a fault of a later time hits now")
	}
	w.Clock.Advance(2 * time.Hour)
	if !hit("a:b/c:D", "read") {
		t.Error("a fault does not hit when its time has come")
	}
	set(Fault{Kind: "*", Op: "*", Message: "some", Rate: 0.5})
	hits := 0
	for i := range 200 {
		put(t, w, "n", map[string]any{"n": float64(i)})
		if hit("a:b/c:D", "read") {
			hits++
		}
	}
	if hits < 60 || hits > 140 {
		t.Errorf("a fault of rate 0.5 hit %d of 200 calls", hits)
	}
	for _, bad := range []Fault{{}, {Kind: "x", Op: "destroy", Message: "m"}, {Kind: "x", Op: "*", Message: "m", Rate: 2}, {Kind: "x", Op: "*"}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
