package oci

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// session is signed in to a repository.
type session struct {
	client  *Client
	repo    name.Repository
	scheme  string
	http    *http.Client
	options []remote.Option
	puller  *remote.Puller
	pusher  *remote.Pusher
}

// open signs in to a repository, or gives the session that is. A first session with a registry costs it one request that asks how to sign in (ECR: none),
// and the token server one for each repository; after that, what is asked is all that is sent.
func (c *Client) open(ctx context.Context, repo name.Repository, scopes ...string) (*session, error) {
	key := repo.Name() + " " + strings.Join(scopes, " ")
	v, _ := c.sessions.LoadOrStore(key, new(once[*session]))
	return v.(*once[*session]).get(func() (*session, error) { return c.signIn(ctx, repo, scopes) })
}

func (c *Client) pulling(ctx context.Context, repo name.Repository) (*session, error) {
	return c.open(ctx, repo, repo.Scope(transport.PullScope))
}

// pushing also asks to read another repository of the same registry, whose layers can then be mounted.
func (c *Client) pushing(ctx context.Context, repo, from name.Repository) (*session, error) {
	scopes := []string{repo.Scope(transport.PushScope)}
	if from.Registry == repo.Registry && from != repo {
		scopes = append(scopes, from.Scope(transport.PullScope))
	}
	return c.open(ctx, repo, scopes...)
}

func (c *Client) signIn(ctx context.Context, repo name.Repository, scopes []string) (*session, error) {
	auth, err := authn.Resolve(ctx, c.keychain, repo)
	if err != nil {
		return nil, err
	}
	challenge, err := c.challenge(ctx, repo.Registry)
	if err != nil {
		return nil, err
	}
	s := &session{client: c, repo: repo, scheme: "https"}
	if challenge.Insecure {
		s.scheme = "http"
	}
	way := &scheming{scheme: s.scheme, host: repo.RegistryStr(), next: transport.NewUserAgent(c.base, "hubwright")}
	token, err := exchange(ctx, repo.Registry, auth, way, scopes, challenge)
	if err != nil {
		return nil, err
	}
	signed, err := transport.FromToken(repo.Registry, auth, way, challenge, token)
	if err != nil {
		return nil, err
	}
	s.http = &http.Client{Transport: signed}
	// What is below retries already, and heeds the context while it waits.
	s.options = []remote.Option{remote.WithTransport(signed), remote.WithRetryBackoff(remote.Backoff{Steps: 1})}
	if s.puller, err = remote.NewPuller(s.options...); err != nil {
		return nil, err
	}
	s.pusher, err = remote.NewPusher(s.options...)
	return s, err
}

// exchange gets a token for scopes where the registry wants tokens.
func exchange(ctx context.Context, registry name.Registry, auth authn.Authenticator, way http.RoundTripper, scopes []string, challenge *transport.Challenge) (*transport.Token, error) {
	if !strings.EqualFold(challenge.Scheme, "bearer") {
		return &transport.Token{}, nil
	}
	config, err := authn.Authorization(ctx, auth)
	if err != nil {
		return nil, err
	}
	if config.RegistryToken != "" {
		return &transport.Token{Token: config.RegistryToken}, nil
	}
	token, err := transport.Exchange(ctx, registry, auth, way, scopes, challenge)
	if err != nil {
		return nil, err
	}
	if token.Token == "" { // some registries fill this one in
		token.Token = token.AccessToken
	}
	return token, nil
}

// challenge is how a registry wants to be spoken to: with TLS or without, with tokens or passwords.
func (c *Client) challenge(ctx context.Context, registry name.Registry) (*transport.Challenge, error) {
	host := registry.RegistryStr()
	if _, ok := ParseECRHost(host); ok {
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html#registry-auth-http-api
		return &transport.Challenge{Scheme: "basic"}, nil
	}
	v, _ := c.registries.LoadOrStore(host, new(once[*transport.Challenge]))
	return v.(*once[*transport.Challenge]).get(func() (*transport.Challenge, error) {
		challenge, err := transport.Ping(ctx, registry, &only{"https", c.base})
		if err == nil || !mayBePlain(host, c.options.Insecure) || status(err) != 0 {
			return challenge, err
		}
		insecure, nameErr := name.NewRegistry(host, name.Insecure)
		if nameErr != nil {
			return nil, nameErr
		}
		plain, plainErr := transport.Ping(ctx, insecure, &only{"http", c.base})
		if plainErr != nil {
			// A registry with TLS answers 400 to a request without: then the first error is the one to tell.
			if status(plainErr) == http.StatusBadRequest {
				return nil, err
			}
			return nil, plainErr
		}
		return plain, nil
	})
}

var errScheme = errors.New("the other scheme is tried on its own")

// only lets requests of one scheme pass, because transport.Ping tries both at a time.
type only struct {
	scheme string
	next   http.RoundTripper
}

func (t *only) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.scheme {
		return nil, errScheme
	}
	return t.next.RoundTrip(req)
}

// scheming speaks to the registry with the scheme that it answered to, whatever the addresses say that it gives for uploads; a registry behind a
// proxy with TLS often does not know of it.
type scheming struct {
	scheme, host string
	next         http.RoundTripper
}

func (t *scheming) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == t.host && req.URL.Scheme != t.scheme {
		at := *req.URL
		at.Scheme = t.scheme
		req = req.WithContext(req.Context())
		req.URL = &at
	}
	return t.next.RoundTrip(req)
}
