package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrNotRecorded says that nothing is recorded of an image.
var ErrNotRecorded = errors.New("no admission is recorded")

// Store keeps records by the digest of the image. What it gives has been believed.
type Store interface {
	// Put records a verdict on an image. An earlier one is no longer what Get gives.
	Put(ctx context.Context, digest string, r *Record) error
	// Get is the last verdict on an image. The error is ErrNotRecorded without one, *TamperedError when it is not to be believed.
	Get(ctx context.Context, digest string) (*Record, error)
}

// Carry takes the record of an image from one store to another: a promotion between registries takes it along with the image.
func Carry(ctx context.Context, from, to Store, digest string) error {
	r, err := from.Get(ctx, digest)
	if err != nil {
		return fmt.Errorf("taking an admission along: %w", err)
	}
	if err := to.Put(ctx, digest, r); err != nil {
		return fmt.Errorf("taking an admission along: %w", err)
	}
	return nil
}

// Memory keeps records for as long as it lives. The zero value is empty.
type Memory struct {
	mu    sync.Mutex
	texts map[string][]byte
}

// Put records a verdict.
func (m *Memory) Put(_ context.Context, digest string, r *Record) error {
	if err := r.Believe(digest); err != nil {
		return err
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.texts == nil {
		m.texts = map[string][]byte{}
	}
	m.texts[digest] = text
	return nil
}

// Get is the last verdict.
func (m *Memory) Get(_ context.Context, digest string) (*Record, error) {
	m.mu.Lock()
	text, found := m.texts[digest]
	m.mu.Unlock()
	if !found {
		return nil, fmt.Errorf("%w of %s", ErrNotRecorded, short(digest))
	}
	return believed(text, digest)
}

// believed reads a record and holds it to the image that it was found with.
func believed(text []byte, digest string) (*Record, error) {
	r, err := parseRecord(text)
	if err != nil {
		return nil, &TamperedError{digest, err.Error()}
	}
	if err := r.Believe(digest); err != nil {
		return nil, err
	}
	return r, nil
}
