package controllers

import (
	"context"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Waiter lets virtual time pass for a simulated cluster, and its controllers work meanwhile. It is for use within a call that has entered
// the world's clock.
func Waiter(w *world.World, cluster string) kubeapi.Waiter {
	return kubeapi.Waiter{
		Now: w.Clock.Now,
		Settle: func(_ context.Context, namespace string) (next time.Time, err error) {
			err = w.Update(func(tx *world.Tx) error {
				next, err = Settle(w, tx, cluster, namespace)
				return err
			})
			return next, err
		},
		Sleep: func(ctx context.Context, t time.Time) error { return w.Clock.Sleep(ctx, t.Sub(w.Clock.Now())) },
	}
}
