package stacks

import (
	"context"
	"reflect"
	"sync"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// Reader computes the values of hubs, with their files of secrets opened: each hub's once, for all who ask, so that what is checked, previewed and
// deployed is the same. It is for one environment, and safe for concurrent use. The zero value uses what the machine has.
type Reader struct {
	Secrets

	mu    sync.Mutex
	hubs  map[string]*reading
	files *SecretFiles
	from  config.SecretStore // as it was configured when files was found
}

// reading is what the files of one hub come to.
type reading struct {
	hub      config.Hub // as it was configured
	files    *SecretFiles
	once     sync.Once
	computed *values.Computed
	err      error
}

// UnopenedError says that a hub's files of secrets cannot be read or opened.
type UnopenedError struct{ Err error }

func (e *UnopenedError) Error() string { return e.Err.Error() }
func (e *UnopenedError) Unwrap() error { return e.Err }

// Files finds the stack's files of secrets, once.
func (r *Reader) Files(ctx context.Context, stack *config.Stack) (*SecretFiles, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files != nil && reflect.DeepEqual(r.from, stack.SecretStore) {
		return r.files, nil
	}
	files, err := r.Secrets.Files(ctx, stack)
	if err != nil {
		return nil, err
	}
	r.files, r.from = files, stack.SecretStore
	return files, nil
}

// Values are a hub's values. The error is *UnopenedError when its files of secrets are the reason.
func (r *Reader) Values(ctx context.Context, stack *config.Stack, hub *config.Hub) (*values.Computed, error) {
	files, err := r.Files(ctx, stack)
	if err != nil {
		return nil, &UnopenedError{err}
	}
	in := r.reading(hub, files)
	in.once.Do(func() { in.computed, in.err = r.compute(ctx, stack, hub, files) })
	if in.err != nil && ctx.Err() != nil {
		r.forget(hub.Name) // who asks next may have the time
	}
	return in.computed, in.err
}

func (r *Reader) compute(ctx context.Context, stack *config.Stack, hub *config.Hub, files *SecretFiles) (*values.Computed, error) {
	texts, err := files.Read(ctx, hub)
	if err != nil {
		return nil, &UnopenedError{err}
	}
	layers, err := r.Open(ctx, texts)
	if err != nil {
		return nil, &UnopenedError{err}
	}
	opts := Values(stack, hub)
	opts.Layers = append(opts.Layers, layers...)
	return values.Compute(opts)
}

// reading is the one of a hub: a new one when the hub, or where its secrets are, is configured otherwise than it was.
func (r *Reader) reading(hub *config.Hub, files *SecretFiles) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.hubs[hub.Name]
	if in == nil || in.files != files || !reflect.DeepEqual(in.hub, *hub) {
		in = &reading{hub: *hub, files: files}
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
