package world

import (
	"context"
	"sync"
	"time"
)

// Clock is virtual time, moved on by those who wait for it. When everyone who called in is asleep and nothing has happened for a quiet
// moment of real time, the clock jumps to the earliest waking: ten minutes take none, and what overlaps in the real services overlaps here.
type Clock struct {
	quiet time.Duration
	pace  time.Duration // real time a virtual minute takes at least

	mu       sync.Mutex
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

func newClock(now time.Time, opts Options) *Clock {
	quiet := opts.Quiet
	if quiet == 0 {
		quiet = 50 * time.Millisecond // an engine that saves its state takes up to about 40 between two calls; a jump in between makes times too long
	}
	return &Clock{now: now, quiet: quiet, pace: opts.Pace, sleepers: map[*sleeper]struct{}{}}
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
	for {
		time.Sleep(c.quiet / ticks)
		c.mu.Lock()
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
		if still < ticks {
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
