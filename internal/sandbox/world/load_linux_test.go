package world

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestClockStandsStillWhileACallerWorks(t *testing.T) {
	w := open(t, t.TempDir())
	caller := exec.Command("sh", "-c", "while :; do :; done")
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = caller.Process.Kill()
			_ = caller.Wait()
		}
	}
	defer end()
	w.Clock.Watch(caller.Process.Pid)
	done, start := make(chan error, 1), w.Clock.Now()
	go func() { done <- w.Clock.Until(context.Background(), start.Add(time.Hour)) }()
	select {
	case <-done:
		t.Fatal("the clock moved on although a caller was at work")
	case <-time.After(200 * time.Millisecond): // forty times the quiet moment
	}
	end()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := w.Clock.Now().Sub(start); got != time.Hour {
		t.Errorf("the clock moved on by %s", got)
	}
}

func TestClockPassesOverACallerThatWaits(t *testing.T) {
	w := open(t, t.TempDir())
	caller := exec.Command("sleep", "60")
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = caller.Process.Kill()
		_ = caller.Wait()
	}()
	w.Clock.Watch(caller.Process.Pid)
	if err := w.Clock.Until(t.Context(), w.Clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}
