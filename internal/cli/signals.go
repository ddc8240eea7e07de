package cli

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// errInterrupted is a Ctrl-C, or SIGTERM, that came while nothing was under way that has a way of its own to stop.
var errInterrupted = &coded{err: errors.New("interrupted"), code: exitInterrupted}

// signals hands a person's Ctrl-C to whoever listened last: to a prompt before the operation around it.
type signals struct {
	mu        sync.Mutex
	listeners []chan os.Signal
	all       bool // whoever listens gets it, since several operations are under way
}

// toAll has signals go to all that listen from now on, until it is told to stop.
func (s *signals) toAll() (stop func()) {
	set := func(all bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = all
	}
	set(true)
	return func() { set(false) }
}

// listen takes what comes from now on, until it is told to stop.
func (s *signals) listen() (<-chan os.Signal, func()) {
	mine := make(chan os.Signal, 4)
	s.mu.Lock()
	s.listeners = append(s.listeners, mine)
	s.mu.Unlock()
	return mine, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, l := range s.listeners {
			if l == mine {
				s.listeners = append(s.listeners[:i], s.listeners[i+1:]...)
				return
			}
		}
	}
}

// deliver hands a signal over; false says that nobody listens.
func (s *signals) deliver(sig os.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		return false
	}
	to := s.listeners[len(s.listeners)-1:]
	if s.all {
		to = s.listeners
	}
	for _, l := range to {
		select {
		case l <- sig:
		default: // it has enough of them already
		}
	}
	return true
}

// until is a context that ends with a signal, and for what cause.
func (s *signals) until(ctx context.Context, cause error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	caught, stop := s.listen()
	go func() {
		select {
		case <-caught:
			cancel(cause)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}

// interruptible acts until a Ctrl-C, of which it then tells what it leaves.
func (a *app) interruptible(ctx context.Context, left string, act func(context.Context) error) error {
	interrupted := &coded{err: errors.New("interrupted; " + left), code: exitInterrupted, hint: "the same command again goes on from there"}
	ctx, stop := a.signals.until(ctx, interrupted)
	defer stop()
	err := act(ctx)
	if err != nil && errors.Is(context.Cause(ctx), interrupted) {
		return interrupted
	}
	return err
}

// toEnd is how long a verb may take to end when it is interrupted. What it has opened and not closed then is as after a kill, which all of it survives.
const toEnd = 3 * time.Second

// route hands out what the system sends. When nobody listens, the verb's context ends, and after a while the process.
func (s *signals) route(from <-chan os.Signal, interrupt func(), exit func(code int)) {
	for sig := range from {
		if s.deliver(sig) {
			continue
		}
		interrupt()
		time.AfterFunc(toEnd, func() { exit(exitInterrupted) })
	}
}

// Ask puts a question, which a Ctrl-C ends.
func (a *app) Ask(question string) (string, error) {
	ctx, stop := a.signals.until(context.Background(), errInterrupted)
	defer stop()
	return a.Term.Ask(ctx, question)
}

// AskSecret reads a secret, which a Ctrl-C ends.
func (a *app) AskSecret(question string) (string, error) {
	ctx, stop := a.signals.until(context.Background(), errInterrupted)
	defer stop()
	return a.Term.AskSecret(ctx, question)
}
