package term

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Progress shows what an operation is doing: on a live terminal one line that is rewritten, elsewhere a line for each thing that ended.
type Progress struct {
	t       *Term
	start   time.Time
	mu      sync.Mutex
	active  map[string]string
	done    int
	failed  int
	stop    chan struct{}
	stopped sync.WaitGroup
}

// NewProgress starts showing progress.
func (t *Term) NewProgress() *Progress {
	p := &Progress{t: t, start: time.Now(), active: map[string]string{}, stop: make(chan struct{})}
	if t.Live {
		p.stopped.Go(p.animate)
	}
	return p
}

func (p *Progress) animate() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		case <-p.stop:
			p.mu.Lock()
			p.clear()
			p.mu.Unlock()
			return
		}
	}
}

const lineWidth = 100

func (p *Progress) draw() {
	names := slices.Sorted(maps.Values(p.active))
	text := fmt.Sprintf("%s  %d done, %d under way", time.Since(p.start).Round(100*time.Millisecond), p.done, len(names))
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	if r := []rune(text); len(r) > lineWidth {
		text = string(r[:lineWidth-1]) + "…"
	}
	_, _ = fmt.Fprintf(p.t.Err, "\r\x1b[K%s", p.t.Paint(Dim, text))
}

func (p *Progress) clear() { _, _ = fmt.Fprint(p.t.Err, "\r\x1b[K") }

// Begin says that work on something has begun.
func (p *Progress) Begin(id, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active[id] = name
}

// End says that it has ended; line is shown unless it is empty.
func (p *Progress) End(id, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, was := p.active[id]; !was && line == "" {
		return
	}
	delete(p.active, id)
	p.done++
	p.print(line)
}

// Fail says that it failed.
func (p *Progress) Fail(id, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.active, id)
	p.failed++
	p.print(line)
}

// Note shows a line beside the progress.
func (p *Progress) Note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print(line)
}

func (p *Progress) print(line string) {
	if line == "" {
		return
	}
	if p.t.Live {
		p.clear()
	}
	_, _ = fmt.Fprintln(p.t.Err, line)
}

// Stop ends the display and leaves the terminal clean.
func (p *Progress) Stop() {
	close(p.stop)
	p.stopped.Wait()
}
