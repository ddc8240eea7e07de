package sandbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// A sandbox of which a part is gone says which, and does not go on with half of it.
func TestPartsThatAreGone(t *testing.T) {
	for part, want := range map[string]string{
		"world": "is gone, while stacks have recorded what was in it", "world/key": "what the secrets in the world are encrypted with",
		"passphrase": "without which the stacks' secrets cannot be read",
	} {
		root := t.TempDir()
		box, err := sandbox.Open(sandbox.Options{Root: root, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		err = box.World.Update(func(tx *world.Tx) error { return tx.Set("account", "162808325377") })
		stack := filepath.Join(sandbox.Home(root), "state", ".pulumi", "stacks", "hubwright", "staging.json")
		if err := errors.Join(err, box.Close(), os.MkdirAll(filepath.Dir(stack), 0o700), os.WriteFile(stack, []byte("{}"), 0o600), os.RemoveAll(filepath.Join(sandbox.Home(root), part))); err != nil {
			t.Fatal(err)
		}
		_, err = sandbox.Open(sandbox.Options{Root: root, Offline: true})
		var damaged *world.DamagedError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is gone: %v", part, err)
		}
	}
}

// The services know who calls also when no configuration says so, as with ambient credentials.
func TestIdentityOfNobodyInParticular(t *testing.T) {
	box, err := sandbox.Open(sandbox.Options{Root: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	for _, want := range []string{"arn:aws:iam::162808325377:user/sandbox", "arn:aws:iam::162808325377:user/gough"} {
		account, caller, err := "", "", box.Provide(sandbox.Services{Account: "162808325377", Region: "us-east-1"})
		if err == nil {
			account, caller, err = box.Identity()
		}
		if err != nil || account != "162808325377" || caller != want {
			t.Errorf("%s, %s, %v; want %s", account, caller, err, want)
		}
		if err := box.World.Update(func(tx *world.Tx) error { return tx.Set("caller", "arn:aws:iam::162808325377:user/gough") }); err != nil {
			t.Fatal(err)
		}
	}
}
