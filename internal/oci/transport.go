package oci

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Retry says how a registry that fails is tried again: with waits that double, from First to Longest, unless it names the wait itself (Retry-After).
type Retry struct {
	// Tries is how often something is tried in a row without any advance; 0 is six.
	Tries int
	// First and Longest are the first wait and the limit of all; a registry that asks for a longer one is told of at once. 0 is half a second and
	// one minute.
	First, Longest time.Duration
}

func (r Retry) orDefault() Retry {
	if r.Tries == 0 {
		r.Tries = 6
	}
	if r.First == 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Longest == 0 {
		r.Longest = time.Minute
	}
	return r
}

// attempts are the tries of one thing.
type attempts struct {
	Retry
	say    func(format string, args ...any)
	failed int
	waits  backoff.ExponentialBackOff
}

func (o Options) attempts() *attempts {
	return &attempts{Retry: o.Retry, say: o.Say, waits: backoff.ExponentialBackOff{
		InitialInterval: o.Retry.First, MaxInterval: o.Retry.Longest, Multiplier: 2, RandomizationFactor: 0.25,
	}}
}

// advanced says that something went well, so that the tries begin anew.
func (a *attempts) advanced() {
	a.failed = 0
	a.waits.Reset()
}

// again waits until the next try after a failure. It gives the failure back when there is none: it would fail again, or has failed often enough.
func (a *attempts) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if a.failed++; a.failed >= a.Tries || !transient(err) {
		return err
	}
	wait := a.waits.NextBackOff()
	if asked := new(delayedError); errors.As(err, &asked) && asked.after > 0 {
		if asked.after > a.Longest {
			return err
		}
		wait = asked.after
	}
	_, cause, _ := classify(err)
	a.say("%s; trying again in %s", cause, wait.Round(100*time.Millisecond))
	return pause(ctx, wait)
}

// transient reports whether what failed may go well another time.
func transient(err error) bool {
	var answer *transport.Error
	var ours *Error
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var dns *net.DNSError
	var restart *restartError
	switch {
	case errors.As(err, &restart):
		return true
	case errors.Is(err, context.Canceled), errors.As(err, &ours), errors.Is(err, errPlain), errors.Is(err, errScheme), speaksNoTLS(err):
		return false
	case errors.As(err, &verification), errors.As(err, &authority):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &answer):
		return passing(answer.StatusCode)
	}
	return true
}

// speaksNoTLS reports whether TLS was answered with something else; the transport says it in one way, the client above it in another.
func speaksNoTLS(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

func passing(status int) bool {
	return slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, status)
}

// delayedError is an answer that may name a wait.
type delayedError struct {
	error
	after time.Duration
}

func (e *delayedError) Unwrap() error { return e.error }

// answered is nil when a registry's answer has one of the statuses, and otherwise what it says.
func answered(resp *http.Response, statuses ...int) error {
	if err := transport.CheckError(resp, statuses...); err != nil {
		return &delayedError{err, retryAfter(resp)}
	}
	return nil
}

// retryAfter is the wait that an answer asks for, in either of its forms (RFC 9110, section 10.2.3), or 0.
func retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// transport is the way to registries: retried, watched, and closed to credentials without TLS.
func (o Options) transport() http.RoundTripper {
	next := o.Transport
	if next == nil {
		// HTTP/1 gives each layer a connection of its own; HTTP/2 would send all through one, whose windows limit it.
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		next = &http.Transport{
			Proxy:       http.ProxyFromEnvironment,
			DialContext: (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			Protocols:   protocols, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 16,
			ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
			DisableCompression: true, // a blob is bytes, whatever is in it
		}
	}
	return &retrying{o, &watching{o.Silence, &guarding{o.Insecure, next}}}
}

const bufferSize = 128 << 10

// retrying sends a request again when the registry fails, unless it has a body that can be sent only once: whoever sends that knows how to go on.
type retrying struct {
	options Options
	next    http.RoundTripper
}

func (t *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return t.next.RoundTrip(req)
	}
	ctx, tries := req.Context(), t.options.attempts()
	for {
		this := req.WithContext(ctx)
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			this.Body = body
		}
		resp, err := t.next.RoundTrip(this)
		if err == nil {
			if !passing(resp.StatusCode) {
				return resp, nil
			}
			// The body is read here, so that the connection is free for the next try and whoever asked can read it after the last.
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
			_ = resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(text))
			err = answered(resp, http.StatusOK)
			resp.Body = io.NopCloser(bytes.NewReader(text))
		}
		if err := tries.again(ctx, err); err != nil {
			if asked := new(delayedError); resp == nil || ctx.Err() != nil || errors.As(err, &asked) && asked.after > tries.Longest {
				return nil, err // the wait that is asked for stands in the error alone
			}
			return resp, nil
		}
	}
}

// watching ends a request in which the registry lets time pass without a byte. Time that the caller takes to give or take bytes does not count.
type watching struct {
	silence time.Duration
	next    http.RoundTripper
}

func (t *watching) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{silence: t.silence, cancel: cancel}
	w.timer = time.AfterFunc(t.silence, func() { cancel(&silentError{t.silence}) })
	this := req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		this.Body = &watchedRequest{req.Body, w}
	}
	resp, err := t.next.RoundTrip(this)
	w.sent.Store(true)
	w.timer.Stop()
	if err != nil {
		err = w.cause(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedResponse{resp.Body, w, ctx}
	return resp, nil
}

type watch struct {
	silence time.Duration
	timer   *time.Timer
	cancel  context.CancelCauseFunc
	sent    atomic.Bool // there is an answer, or none will come: what is still read of the request's body counts no more
}

// cause is the silence, when that is why an error came.
func (w *watch) cause(ctx context.Context, err error) error {
	if silent := new(silentError); errors.As(context.Cause(ctx), &silent) {
		return silent
	}
	return err
}

type watchedRequest struct {
	io.ReadCloser
	watch *watch
}

func (b *watchedRequest) Read(p []byte) (int, error) {
	if b.watch.sent.Load() {
		return b.ReadCloser.Read(p)
	}
	b.watch.timer.Stop()
	defer func() {
		b.watch.timer.Reset(b.watch.silence)
		if b.watch.sent.Load() {
			b.watch.timer.Stop()
		}
	}()
	return b.ReadCloser.Read(p)
}

type watchedResponse struct {
	io.ReadCloser
	watch *watch
	ctx   context.Context
}

func (b *watchedResponse) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.silence)
	n, err := b.ReadCloser.Read(p)
	b.watch.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.watch.cause(b.ctx, err)
	}
	return n, err
}

func (b *watchedResponse) Close() error {
	b.watch.timer.Stop()
	b.watch.cancel(nil)
	return b.ReadCloser.Close()
}

// guarding refuses to speak without TLS to what is neither this machine nor allowed by name.
type guarding struct {
	insecure []string
	next     http.RoundTripper
}

func (t *guarding) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !mayBePlain(req.URL.Host, t.insecure) {
		return nil, errPlain
	}
	return t.next.RoundTrip(req)
}

func mayBePlain(host string, insecure []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(insecure, host)
}
