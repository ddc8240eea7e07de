package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Who listened last gets a signal; when nobody listens, the verb's context ends.
func TestSignals(t *testing.T) {
	s := &signals{}
	outer, stopOuter := s.listen()
	inner, stopInner := s.listen()
	if !s.deliver(os.Interrupt) || len(inner) != 1 || len(outer) != 0 {
		t.Errorf("inner %d, outer %d", len(inner), len(outer))
	}
	stopInner()
	if !s.deliver(os.Interrupt) || len(outer) != 1 {
		t.Errorf("outer %d", len(outer))
	}
	stopOuter()
	if s.deliver(os.Interrupt) {
		t.Error("somebody took a signal that nobody waits for")
	}
	ctx, interrupt := context.WithCancelCause(t.Context())
	caught := make(chan os.Signal, 1)
	caught <- os.Interrupt
	close(caught)
	s.route(caught, func() { interrupt(errInterrupted) }, func(int) {})
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		t.Error(context.Cause(ctx))
	}
}

// Ctrl-C at a prompt ends the command, and nothing was done.
func TestCtrlCAtAPrompt(t *testing.T) {
	a, _, errs := testApp(t)
	a.Interactive, a.In = true, readerFunc(func([]byte) (int, error) {
		a.signals.deliver(os.Interrupt)
		select {} // the person gives no answer
	})
	dir := filepath.Join(t.TempDir(), "new")
	if code := a.run(t.Context(), []string{"hubwright", "init", "--name", "x", dir}); code != exitInterrupted || !strings.Contains(errs.String(), "error: interrupted") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", dir, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

var _ io.Reader = readerFunc(nil)
