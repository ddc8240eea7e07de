package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// member is an environment of several that are worked on at once, with what came of it.
type member struct {
	env    string
	said   bytes.Buffer // what there is to say to a person
	change *change.Change
	err    error
}

// previewFleet previews several environments at once and shows what came of each, in their order. One that fails does not keep the others from
// it; the error is then that of the first that did. A Ctrl-C stops those under way, and no others are begun.
func (a *app) previewFleet(ctx context.Context, g globals, envs []string) (changed bool, err error) {
	if _, err := a.locator.Locate(ctx); err != nil { // once, and with its progress on show
		return false, err
	}
	box := &sharedSandbox{}
	members := make([]*member, len(envs))
	for i, env := range envs {
		members[i] = &member{env: env, err: errInterrupted}
	}
	a.atOnce(members, func(m *member) {
		own := a.beside(&m.said, box)
		res, err := own.previewOne(ctx, g, m.env)
		if m.err = err; err == nil {
			m.change = res.Change
		}
	})
	if err := errors.Join(box.close(), a.showFleet(g, members)); err != nil {
		return false, err
	}
	for _, m := range members {
		changed = changed || m.change != nil && m.change.Summary.Changes() > 0
		if code := m.code(); err == nil && code != exitDone {
			err = &coded{err: errQuiet, code: code}
		}
	}
	return changed, err
}

// atOnce acts on several environments at a time: on one more than there are cores, since each waits for its services now and then.
func (a *app) atOnce(members []*member, act func(*member)) {
	progress := a.NewProgress()
	defer progress.Stop()
	defer a.signals.toAll()()
	caught, stop := a.signals.listen()
	defer stop()
	var stopped atomic.Bool
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-caught:
			stopped.Store(true)
			progress.Note("stopping: nothing new is begun, what is under way ends first")
		case <-done:
		}
	}()
	room := make(chan struct{}, runtime.GOMAXPROCS(0)+1)
	var wg sync.WaitGroup
	for _, m := range members {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			if stopped.Load() {
				return
			}
			progress.Begin(m.env, m.env)
			act(m)
			progress.End(m.env, fmt.Sprintf("  %s: %s", m.env, m.inShort()))
		})
	}
	wg.Wait()
}

// beside is an app for one of several environments that are worked on at once: what it says is kept, and what it opens is shared.
func (a *app) beside(said *bytes.Buffer, box *sharedSandbox) *app {
	quiet, own := *a.Term, *a
	quiet.In, quiet.Err, quiet.Live, quiet.Interactive = strings.NewReader(""), said, false, false
	own.Term, own.noted, own.box = &quiet, map[string]bool{}, box
	own.locator.Say = own.Say
	return &own
}

// code is the exit code that this one alone would end with.
func (m *member) code() int {
	switch {
	case m.err != nil:
		return codeOf(m.err)
	case m.change.Blocked():
		return exitStopped
	}
	return exitDone
}

// inShort says in a few words what came of it.
func (m *member) inShort() string {
	switch m.code() {
	case exitDone:
		return m.change.Summary.Text()
	case exitStopped:
		return "stopped"
	case exitInterrupted:
		return "interrupted"
	}
	return "failed"
}

// showFleet shows what came of each, and how many there are of a kind.
func (a *app) showFleet(g globals, members []*member) error {
	doc := result.Fleet{Schema: result.Schema("fleet"), Environments: []result.Previewed{}}
	said := map[string]bool{} // much of it holds for all
	for _, m := range members {
		for line := range strings.Lines(m.said.String()) {
			if !said[line] {
				_, _ = a.Err.Write([]byte(line))
			}
			said[line] = true
		}
		p := result.Previewed{Environment: m.env, Change: m.change, Code: m.code()}
		if m.err != nil {
			p.Error, p.Hint = m.err.Error(), hintOf(m.err)
		}
		doc.Add(p)
		switch {
		case m.err != nil:
			a.report(fmt.Errorf("%s: %w", m.env, m.err))
		case g.output != "json":
			if err := a.showChange(g, m.change, ""); err != nil {
				return err
			}
		}
	}
	if g.output == "json" {
		return a.printJSON(doc)
	}
	a.Say("%s", doc.Summary)
	return nil
}

// sharedSandbox is the sandbox of a deployment of which several environments are worked on at once. A nil one has each open its own.
type sharedSandbox struct {
	mu  sync.Mutex
	box *sandbox.Sandbox
}

// open gives the sandbox that is open already, or opens it.
func (s *sharedSandbox) open(open func() (*sandbox.Sandbox, error)) (*sandbox.Sandbox, error) {
	if s == nil {
		return open()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.box != nil {
		return s.box, nil
	}
	box, err := open()
	if err == nil {
		s.box = box
	}
	return box, err
}

// close closes it.
func (s *sharedSandbox) close() error {
	if s.box == nil {
		return nil
	}
	return s.box.Close()
}

// leave closes a sandbox, unless others are at work in it.
func (a *app) leave(box *sandbox.Sandbox) error {
	if a.box != nil {
		return nil
	}
	return box.Close()
}
