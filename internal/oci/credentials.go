package oci

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Credentials are where a registry's credentials come from: those given, then ECR's for an ECR registry, then the user's Docker configuration with its
// credential helpers, then none.
type Credentials struct {
	// Given are by registry, as its name stands before the first slash of an image's.
	Given map[string]Login
	// ECR gives the way to AWS with credentials of, or for, an account. nil leaves ECR registries to the Docker configuration.
	ECR func(ctx context.Context, account string) (aws.Config, error)
}

// Login is a name and a password, or a token in its place. It stays in memory.
type Login struct{ Username, Password string }

// String is there so that no log shows a password.
func (l Login) String() string { return l.Username + ":[secret]" }

// GoString is there so that no log shows a password.
func (l Login) GoString() string { return l.String() }

// dockerAge is after how long the Docker configuration is asked again: its helpers may give tokens that last an hour.
const dockerAge = 15 * time.Minute

func (c Credentials) keychain() authn.Keychain {
	chain := []authn.Keychain{given(c.Given)}
	if c.ECR != nil {
		chain = append(chain, &ecrKeychain{config: c.ECR, now: time.Now})
	}
	return authn.NewMultiKeychain(append(chain, authn.RefreshingKeychain(authn.DefaultKeychain, dockerAge))...)
}

type given map[string]Login

func (g given) Resolve(target authn.Resource) (authn.Authenticator, error) {
	host := target.RegistryStr()
	login, ok := g[host]
	if !ok && host == name.DefaultRegistry {
		login, ok = g["docker.io"]
	}
	if !ok {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: login.Username, Password: login.Password}), nil
}
