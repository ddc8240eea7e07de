package stacks

import (
	"context"
	"reflect"
	"sync"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// Reader computes the values of hubs, with their files of secrets opened: each hub's once, for all who ask, so that what is checked, previewed and
// deployed is the same. It is safe for concurrent use. The zero value opens files with what the machine has.
type Reader struct {
	// Keys open the files of secrets.
	Keys secretfile.Keys

	mu   sync.Mutex
	hubs map[string]*reading
}

// reading is what the files of one hub come to.
type reading struct {
	hub      config.Hub // as it was configured
	once     sync.Once
	computed *values.Computed
	err      error
}

// UnopenedError says that a hub's files of secrets cannot be read or opened.
type UnopenedError struct{ Err error }

func (e *UnopenedError) Error() string { return e.Err.Error() }
func (e *UnopenedError) Unwrap() error { return e.Err }

// Values are a hub's values. The error is *UnopenedError when its files of secrets are the reason.
func (r *Reader) Values(ctx context.Context, stack *config.Stack, hub *config.Hub) (*values.Computed, error) {
	in := r.reading(hub)
	in.once.Do(func() {
		opts := Values(stack, hub)
		texts, err := ReadSecrets(stack.Dir, hub)
		var layers []values.Layer
		if err == nil {
			layers, err = OpenSecrets(ctx, texts, r.Keys)
		}
		if err != nil {
			in.err = &UnopenedError{err}
			return
		}
		opts.Layers = append(opts.Layers, layers...)
		in.computed, in.err = values.Compute(opts)
	})
	if in.err != nil && ctx.Err() != nil {
		r.forget(hub.Name) // who asks next may have the time
	}
	return in.computed, in.err
}

// reading is the one of a hub: a new one when the hub is configured otherwise than it was.
func (r *Reader) reading(hub *config.Hub) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.hubs[hub.Name]
	if in == nil || !reflect.DeepEqual(in.hub, *hub) {
		in = &reading{hub: *hub}
		if r.hubs == nil {
			r.hubs = map[string]*reading{}
		}
		r.hubs[hub.Name] = in
	}
	return in
}

func (r *Reader) forget(hub string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.hubs, hub)
}
