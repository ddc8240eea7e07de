// Package world keeps the sandbox's simulated cloud: objects of any kind by id, a virtual clock, faults to inject, and settings.
//
// A world lives in a folder as an append-only journal, one checksummed line a transaction. Several processes may use it at once:
// a transaction takes the folder's lock, reads what others have appended since, runs, and appends its own line. What a killed process
// had written stays written, as it would in a real cloud; a line that it had only begun is dropped.
package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Epoch is the virtual time at which every new world begins.
var Epoch = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// World is an open world. It is safe for concurrent use.
type World struct {
	// Clock is the world's virtual clock.
	Clock *Clock

	dir     string
	trace   string
	seal    sealer
	mu      sync.Mutex // serialises transactions of this process
	journal journal
	state   state
}

// state is what replaying the journal gives.
type state struct {
	objects  map[string]map[string]*Object // kind → id
	settings map[string]string
	faults   []Fault
	serial   uint64 // counts transactions
	now      time.Time
}

// Options tune a world; the zero value is right for use outside tests and benchmarks.
type Options struct {
	// Quiet is for how long nothing may happen before the virtual clock moves on. Default 20 ms when the callers are watched, else 50.
	Quiet time.Duration
	// Trace is a file to which a line is added for each call that takes virtual time: URN, operation, begin, end. Default: none.
	Trace string
	// Pace is how much real time a virtual minute takes at least. Default 0: none.
	Pace time.Duration
}

// Open opens the world in dir, making it when there is none. A journal that cannot be read gives a *DamagedError.
func Open(dir string, opts Options) (*World, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the sandbox's folder: %w", err)
	}
	sealer, err := openSealer(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	w := &World{dir: dir, trace: opts.Trace, seal: sealer, state: newState()}
	if w.journal, err = openJournal(filepath.Join(dir, journalName)); err != nil {
		return nil, err
	}
	if err := w.View(func(*Tx) error { return nil }); err != nil {
		return nil, errors.Join(err, w.journal.close())
	}
	w.Clock = newClock(w.state.now, opts)
	return w, nil
}

// Close releases the world's files. Everything was already written.
func (w *World) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal.close()
}

// Dir returns the folder the world lives in.
func (w *World) Dir() string { return w.dir }

func newState() state {
	return state{objects: map[string]map[string]*Object{}, settings: map[string]string{}, now: Epoch}
}

// View runs f on the newest state. What f reads must not be modified.
func (w *World) View(f func(*Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	unlock, err := w.journal.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.journal.replay(&w.state); err != nil {
		return err
	}
	return f(&Tx{w: w, readOnly: true})
}

// Update runs f on the newest state and appends what it changed as one transaction. When f returns an error nothing is changed.
func (w *World) Update(f func(*Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	unlock, err := w.journal.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.journal.replay(&w.state); err != nil {
		return err
	}
	tx := &Tx{w: w}
	if err := f(tx); err != nil {
		return err
	}
	if tx.empty() {
		return nil
	}
	if now := w.now(); now.After(w.state.now) {
		tx.entry.Now = now
	} else {
		tx.entry.Now = w.state.now
	}
	if err := w.journal.append(tx.entry); err != nil {
		return err
	}
	w.state.apply(tx.entry)
	return nil
}

func (w *World) now() time.Time {
	if w.Clock == nil {
		return w.state.now
	}
	return w.Clock.Now()
}

// Traced notes a call that began at a virtual time and ends now, when a trace is asked for.
func (w *World) Traced(urn, op string, began time.Time) error {
	if w.trace == "" {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f, err := os.OpenFile(w.trace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s\t%s\t%s\t%s\n", urn, op, began.Format(time.RFC3339), w.now().Format(time.RFC3339))
	return errors.Join(err, f.Close())
}

// Reset moves the world in dir aside, so that the next Open makes a new one, and returns where the old one was kept.
func Reset(dir string) (kept string, err error) {
	if _, err := os.Stat(dir); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		return "", err
	}
	for i := 1; ; i++ {
		kept = fmt.Sprintf("%s.kept-%d", filepath.Clean(dir), i)
		if _, err := os.Stat(kept); errors.Is(err, os.ErrNotExist) {
			return kept, os.Rename(dir, kept)
		}
	}
}
