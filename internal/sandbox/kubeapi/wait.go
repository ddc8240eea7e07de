package kubeapi

import (
	"context"
	"time"
)

// pollEvery is how often it is looked again where nothing is known to happen by itself.
const pollEvery = 30 * time.Second

// Waiter is how time passes for a cluster, be it virtual or real.
type Waiter struct {
	// Now is the time.
	Now func() time.Time
	// Settle lets the cluster's controllers do what is due in a namespace and returns when something more happens; zero: not known. A
	// cluster that is real does so by itself.
	Settle func(ctx context.Context, namespace string) (next time.Time, err error)
	// Sleep waits until t.
	Sleep func(ctx context.Context, t time.Time) error
}

// Until waits until done says so; false means that the time-out passed first.
func (w Waiter) Until(ctx context.Context, namespace string, timeout time.Duration, done func() (bool, error)) (bool, error) {
	deadline := w.Now().Add(timeout)
	for {
		next, err := w.Settle(ctx, namespace)
		if err != nil {
			return false, err
		}
		if ok, err := done(); ok || err != nil {
			return ok, err
		}
		now := w.Now()
		if !now.Before(deadline) {
			return false, nil
		}
		wake := now.Add(pollEvery)
		if next.After(now) {
			wake = next
		}
		if wake.After(deadline) {
			wake = deadline
		}
		if err := w.Sleep(ctx, wake); err != nil {
			return false, err
		}
	}
}
