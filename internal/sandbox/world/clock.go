package world

import (
	"context"
	"sync"
	"time"
)

// Clock is virtual time, moved on by those who wait for it. When everyone who called in is asleep, nothing has happened for a quiet moment of
// real time and the processes that call are idle, the clock jumps to the earliest waking: ten minutes take none, and what overlaps in the real
// services overlaps here.
type Clock struct {
	quiet time.Duration // 0 for quietWatched or quietUnwatched
	pace  time.Duration // real time a virtual minute takes at least

	mu       sync.Mutex
	callers  map[int]time.Duration // by process: for how long it had worked when it was last looked at
	looked   time.Time             // when that was, in real time
	now      time.Time
	busy     int    // calls in progress that are not asleep
	events   uint64 // counts everything that happens, to see quiet moments
	sleepers map[*sleeper]struct{}
	moving   bool // the goroutine that moves the clock is running
}

type sleeper struct {
	until time.Time
	wake  chan struct{}
}

// For how long nothing may happen before the clock moves on. A caller that saves its state takes up to about 40 ms between two calls; a jump in
// between makes times too long. Of one that is watched it is known that it works.
const (
	quietWatched   = 20 * time.Millisecond
	quietUnwatched = 50 * time.Millisecond
)

// quietMoment is the quiet moment as things are.
func (c *Clock) quietMoment() time.Duration {
	switch {
	case c.quiet > 0:
		return c.quiet
	case len(c.callers) > 0:
		return quietWatched
	}
	return quietUnwatched
}

func newClock(now time.Time, opts Options) *Clock {
	return &Clock{now: now, quiet: opts.Quiet, pace: opts.Pace, callers: map[int]time.Duration{}, sleepers: map[*sleeper]struct{}{}}
}

// Watch names a process that calls into the cloud. The clock stands still while it works, since its next call may be about to come.
func (c *Clock) Watch(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[pid] = 0
}

// working says whether a caller has worked since this was last asked, for more than a small part of the time between. It costs about a
// millisecond.
func (c *Clock) working() bool {
	now := time.Now()
	little := now.Sub(c.looked) / 5
	c.looked = now
	atWork := false
	for pid, before := range c.callers {
		sofar := load(pid)
		if sofar == 0 {
			delete(c.callers, pid)
			continue
		}
		c.callers[pid] = sofar
		atWork = atWork || sofar-before > little
	}
	return atWork
}

// Now is the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Enter marks the beginning of a call into the cloud; the clock stands still until the call sleeps or leaves.
func (c *Clock) Enter() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy++
	c.events++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy--
		c.events++
	}
}

// Sleep waits, within a call that entered, until the virtual clock has moved on by d, or the context ends.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	until := c.now.Add(d)
	c.busy--
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.busy++
		c.mu.Unlock()
	}()
	return c.Until(ctx, until)
}

// Until waits, outside of any call, until the virtual clock shows t, or the context ends.
func (c *Clock) Until(ctx context.Context, t time.Time) error {
	c.mu.Lock()
	c.events++
	if !t.After(c.now) {
		c.mu.Unlock()
		return nil
	}
	s := &sleeper{until: t, wake: make(chan struct{})}
	c.sleepers[s] = struct{}{}
	if !c.moving {
		c.moving = true
		go c.move()
	}
	c.mu.Unlock()
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.sleepers, s)
		c.events++
		c.mu.Unlock()
		return ctx.Err()
	}
}

// move jumps from waking to waking while anyone sleeps. A quiet moment is counted in short ticks, so that it grows by itself on a
// loaded machine, on which the engine is slow too.
func (c *Clock) move() {
	const ticks = 10
	var seen uint64
	var still int
	tick := quietWatched / ticks
	for {
		time.Sleep(tick)
		c.mu.Lock()
		tick = c.quietMoment() / ticks
		if len(c.sleepers) == 0 {
			c.moving = false
			c.mu.Unlock()
			return
		}
		if c.busy > 0 || c.events != seen {
			seen, still = c.events, 0
		} else {
			still++
		}
		atWork := still >= ticks/2 && still%(ticks/2) == 0 && c.working() // in the second half of the moment counts
		if still < ticks || atWork {
			still %= ticks
			c.mu.Unlock()
			continue
		}
		next := c.earliest()
		step := next.Sub(c.now)
		c.mu.Unlock()
		if c.pace > 0 {
			time.Sleep(time.Duration(float64(c.pace) * step.Minutes()))
		}
		c.mu.Lock()
		if c.events == seen {
			c.advance(next)
		}
		still = 0
		c.mu.Unlock()
	}
}

func (c *Clock) earliest() time.Time {
	var next time.Time
	for s := range c.sleepers {
		if next.IsZero() || s.until.Before(next) {
			next = s.until
		}
	}
	return next
}

// advance sets the clock and wakes everyone who is due.
func (c *Clock) advance(to time.Time) {
	if to.After(c.now) {
		c.now = to
	}
	for s := range c.sleepers {
		if !s.until.After(c.now) {
			delete(c.sleepers, s)
			c.events++
			close(s.wake)
		}
	}
}

// Advance moves the clock by hand, as a person poking at the sandbox would, and returns the new time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events++
	c.advance(c.now.Add(d))
	return c.now
}
