// Package oci looks at images in registries and copies them from one to another, by digest and without a pull to disk: ECR, and any other registry
// of the OCI distribution protocol (https://github.com/opencontainers/distribution-spec). A tag never moves: to put one that names other content is
// an error, also where the registry would let it. The user's Docker configuration is read and never written.
package oci

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Options say how registries are spoken to. The zero value is right for a person's machine, but for ECR, which needs Credentials.ECR.
type Options struct {
	Credentials Credentials
	// Insecure are the hosts, ports included, of registries that may be spoken to without TLS. Those of this machine (127.0.0.1, localhost) may
	// anyway, when they do not answer with TLS; all others may not.
	Insecure []string
	// Transport is the way to registries; nil is one that heeds the proxies of the environment and the system's certificates.
	Transport http.RoundTripper
	// Silence is for how long a registry may let a request wait without a byte before the request counts as failed; 0 is two minutes.
	Silence time.Duration
	// Retry says how often, and how long, a registry that fails is tried.
	Retry Retry
	// Jobs is how many layers are copied at a time; 0 is four.
	Jobs int
	// Say tells a person that something is tried again; nil is nobody.
	Say func(format string, args ...any)
}

// Client works on registries. It keeps what it learns of them (addresses, tokens), so a program has one; it may be used by many goroutines.
type Client struct {
	options  Options
	keychain authn.Keychain
	base     http.RoundTripper

	registries sync.Map // by host: *once[*transport.Challenge]
	sessions   sync.Map // by repository and scopes: *once[*session]
}

// New makes a client. It speaks to nobody yet.
func New(o Options) *Client {
	if o.Silence == 0 {
		o.Silence = 2 * time.Minute
	}
	if o.Jobs == 0 {
		o.Jobs = 4
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	o.Retry = o.Retry.orDefault()
	c := &Client{options: o, keychain: o.Credentials.keychain()}
	c.base = o.transport()
	return c
}

// once makes something at the first call that succeeds, and gives the same to all later ones.
type once[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
}

func (o *once[T]) get(f func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.v, nil
	}
	v, err := f()
	if err == nil {
		o.v, o.done = v, true
	}
	return v, err
}

// reference is what a name such as registry.example.org/hub/user-image:tag stands for. Names are whole: the registry is part of them.
func reference(s string) (name.Reference, error) {
	ref, err := name.ParseReference(s, name.StrictValidation)
	if err != nil || strings.Contains(s, "://") {
		return nil, &Error{Kind: BadName, Message: fmt.Sprintf("%q names no image in a registry", s), Hint: "REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST", Err: err}
	}
	return ref, nil
}

// repository is what a name without tag and digest stands for.
func repository(s string) (name.Repository, error) {
	repo, err := name.NewRepository(s, name.StrictValidation)
	if err != nil {
		return name.Repository{}, &Error{Kind: BadName, Message: fmt.Sprintf("%q names no repository in a registry", s), Hint: "REGISTRY/REPOSITORY, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/hub/user-image", Err: err}
	}
	return repo, nil
}

// pause waits, or less when the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// RegistryOf is the registry of an image as a Dockerfile has it, where a name without one is Docker Hub's.
func RegistryOf(image string) string {
	ref, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return name.DefaultRegistry
	}
	return ref.Context().RegistryStr()
}
