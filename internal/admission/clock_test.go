package admission

import (
	"context"
	"time"
)

// noon is when the tests take place.
var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// fakeClock is a clock that waits in no time, and notes how long it did.
type fakeClock struct {
	now   time.Time
	waits []time.Duration
	woken func() // called on each waking
}

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	if c.woken != nil {
		c.woken()
	}
	return ctx.Err() //nolint:wrapcheck // as the real one
}

// subject is the image that the tests are about.
var subject = Subject{Repository: "162808325377.dkr.ecr.us-east-1.amazonaws.com/roman/user-image", Digest: digest}
