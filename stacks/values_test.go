package stacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

// A secret that is there, but no text, stops an update where it is written, and is not called missing.
func TestMisshapenSecretsStop(t *testing.T) {
	dir := t.TempDir()
	text := "proxy:\n  secretToken: 12345\nhub:\n  config:\n    GitHubOAuthenticator: [planted]\n"
	if err := os.WriteFile(filepath.Join(dir, "common.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := config.Hub{Name: "hub", Domain: "hub.example.org", Values: []config.File{{File: "common.yaml"}}}
	h.Auth.Type = config.AuthGitHub
	stack := &config.Stack{Dir: dir, Environment: "staging", Settings: config.Settings{Hubs: []config.Hub{h}}}
	_, err := readHubs(t.Context(), stack, map[string]config.HubSecrets{}, &Reader{})
	if err == nil {
		t.Fatal("it is let through")
	}
	const way = ": cannot be there, since hub.config.GitHubOAuthenticator is a list, but an object is wanted; write its keys below it, each on a line of its own"
	want := []string{
		"the secrets of staging:",
		"common.yaml:2: secrets.hub.proxyToken: is a number, but text is wanted; put it in quotes, and write it anew: of a number YAML keeps some 16 digits; or: hubwright secrets set staging proxyToken --hub hub",
		"common.yaml:5: secrets.hub.oauth.clientId" + way, "common.yaml:5: secrets.hub.oauth.clientSecret" + way,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}
