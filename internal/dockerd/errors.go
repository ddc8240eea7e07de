package dockerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// GoneError says that the daemon went away while it was at work.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return "the Docker daemon has gone: " + e.Err.Error() }
func (e *GoneError) Unwrap() error { return e.Err }

// SilentError says that the daemon told nothing of what it sends or fetches, which it does while a registry does not answer it.
type SilentError struct{ After time.Duration }

func (e *SilentError) Error() string {
	return fmt.Sprintf("the registry does not answer the daemon, which has told nothing for %s", e.After)
}

// failure is what ended a request: the context's cause when that is done, and otherwise the error, as a *GoneError when nobody is there any more.
func failure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case client.IsErrConnectionFailed(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &GoneError{err}
	}
	return err
}

// watch ends a context when nothing is heard for a time. heard says that something was; done ends the watch.
func watch(ctx context.Context, silence time.Duration) (watched context.Context, heard, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(&SilentError{silence}) })
	return watched, func() { timer.Reset(silence) }, func() {
		timer.Stop()
		cancel(nil)
	}
}
