package stacks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// What a hub's files come to is computed once for all who ask, until the hub is configured otherwise.
func TestReaderReadsOnce(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY", id.String())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	dir := t.TempDir()
	groups, err := secretfile.Recipients([]string{id.Recipient().String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(password string) {
		f, err := secretfile.Keys{}.New(t.Context(), "secrets.yaml", []byte("hub: {db: {password: "+password+"}}\n"), groups)
		if err := errors.Join(err, f.Write(t.Context(), filepath.Join(dir, "secrets.yaml")), os.WriteFile(filepath.Join(dir, "common.yaml"), []byte("a: 1\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	stack := &config.Stack{Dir: dir}
	hub := config.Hub{Name: "hub", Values: []config.File{{File: "common.yaml"}}, SecretFiles: []config.File{{File: "secrets.yaml"}}}
	reader := &stacks.Reader{}
	password := func(hub config.Hub) any {
		computed, err := reader.Values(t.Context(), stack, &hub)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := computed.At(values.Path{"hub", "db", "password"})
		return v
	}
	if got := password(hub); got != "first" {
		t.Errorf("the password is %v", got)
	}
	write("second")
	if got := password(hub); got != "first" {
		t.Errorf("the file was read again: the password is %v", got)
	}
	hub.Domain = "hub.example.org"
	if got := password(hub); got != "second" {
		t.Errorf("of a hub that is configured otherwise the password is %v", got)
	}

	if err := os.WriteFile(filepath.Join(dir, "secrets.yaml"), []byte("a: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hub.Name = "other"
	_, err = reader.Values(t.Context(), stack, &hub)
	var unopened *stacks.UnopenedError
	if !errors.As(err, &unopened) {
		t.Errorf("a plaintext gives %v", err)
	}
}
