package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMirrorLeavesTheUsersFilesAndKeepsItsOwnKeys(t *testing.T) {
	root, mirror := t.TempDir(), t.TempDir()
	project := "name: hubwright # ours\nruntime:\n  name: go\nbackend:\n  url: s3://bucket\n"
	stack := "secretsprovider: awskms://alias/x?region=us-east-1\nencryptedkey: QUJD\nconfig:\n  aws:region: us-east-1 # here\n  hubwright:secrets:\n    hub:\n      proxyToken:\n        secure: v1:abc\n  hubwright:dns: {zone: example.org}\n"
	write(t, filepath.Join(root, "Pulumi.yaml"), project)
	write(t, filepath.Join(root, "Pulumi.staging.yaml"), stack)
	mirrorBoth := func() string {
		t.Helper()
		if err := mirrorProject(root, mirror); err != nil {
			t.Fatal(err)
		}
		if err := mirrorStack(root, mirror, "staging"); err != nil {
			t.Fatal(err)
		}
		return read(t, filepath.Join(mirror, "Pulumi.staging.yaml"))
	}
	got := mirrorBoth()
	for _, gone := range []string{"secretsprovider", "encryptedkey", "secure", "v1:abc"} {
		if strings.Contains(got, gone) {
			t.Errorf("the mirror holds %q:\n%s", gone, got)
		}
	}
	if !strings.Contains(got, "zone: example.org") || !strings.Contains(got, "# here") {
		t.Errorf("the mirror lost configuration:\n%s", got)
	}
	if p := read(t, filepath.Join(mirror, "Pulumi.yaml")); strings.Contains(p, "s3://") || !strings.Contains(p, "main: "+root) {
		t.Errorf("the mirrored project is:\n%s", p)
	}
	// The engine writes its salt, the sandbox its secrets and pins; a change of the user's file must keep them.
	write(t, filepath.Join(mirror, "Pulumi.staging.yaml"), "encryptionsalt: v1:salt\nconfig:\n  hubwright:secrets:\n    secure: v1:ours\n  hubwright:pins: {charts: {hub: 4.1.0}}\n  aws:region: old\n")
	write(t, filepath.Join(root, "Pulumi.staging.yaml"), strings.Replace(stack, "us-east-1 # here", "us-west-2", 1))
	got = mirrorBoth()
	for _, want := range []string{"encryptionsalt: v1:salt", "secure: v1:ours", "4.1.0", "us-west-2"} {
		if !strings.Contains(got, want) {
			t.Errorf("the mirror lost %q:\n%s", want, got)
		}
	}
	if read(t, filepath.Join(root, "Pulumi.yaml")) != project {
		t.Error("the user's Pulumi.yaml was changed")
	}
}

func TestTrialSecretsAreKept(t *testing.T) {
	s := &Sandbox{opts: Options{Home: t.TempDir()}}
	first, err := s.TrialSecrets("staging", "", []Hub{{"hub", "a.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.TrialSecrets("staging", first, []Hub{{"hub", "a.example.org"}, {"two", "b.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	_, token, found := strings.Cut(first, `"proxyToken":"`)
	if !found || !strings.Contains(again, token[:64]) {
		t.Error("a second hub gave the first another token")
	}
	if !strings.Contains(again, `"two"`) {
		t.Error("the second hub has no secrets")
	}
	if _, err := s.TrialSecrets("staging", "{damaged", nil); err == nil || strings.Contains(err.Error(), "damaged,") {
		t.Errorf("damaged secrets give %v", err)
	}
}
