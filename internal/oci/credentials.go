package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// RegistryAuth is what a Docker daemon is given to push to a registry or pull from it, as its API has it in the header X-Registry-Auth; "" where there are no
// credentials. It is a secret. https://docs.docker.com/reference/api/engine/version/v1.47/#section/Authentication
func (c *Client) RegistryAuth(ctx context.Context, registry string) (string, error) {
	r, err := name.NewRegistry(registry, name.StrictValidation)
	if err != nil {
		return "", &Error{Kind: BadName, Message: fmt.Sprintf("%q names no registry", registry), Hint: "a host, with its port where it has one", Err: err}
	}
	auth, err := authn.Resolve(ctx, c.keychain, r)
	if err != nil {
		return "", failure("finding the credentials of", registry, err)
	}
	config, err := authn.Authorization(ctx, auth)
	if err != nil {
		return "", failure("finding the credentials of", registry, err)
	}
	if *config == (authn.AuthConfig{}) {
		return "", nil
	}
	text, err := json.Marshal(map[string]string{
		"username": config.Username, "password": config.Password, "identitytoken": config.IdentityToken, "registrytoken": config.RegistryToken, "serveraddress": registry,
	})
	if err != nil {
		return "", err
	}
	return base64.URLEncoding.EncodeToString(text), nil
}
