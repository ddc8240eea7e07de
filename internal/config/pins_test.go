package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWritePins(t *testing.T) {
	pins := Pins{Images: map[string]string{"user-image": "registry/a@sha256:1"}, Charts: map[string]string{"hub": "4.2.0"}}
	const block = "  hubwright:pins:\n    charts:\n      hub: 4.2.0\n    images:\n      user-image: registry/a@sha256:1\n"
	for _, test := range []struct{ name, before, after string }{
		{"added behind the rest", "# ours\nconfig:\n  aws:region: us-east-1 # here\n", "# ours\nconfig:\n  aws:region: us-east-1 # here\n" + block},
		{
			"replaced in place, comments and order kept", "config:\n  a:b: 1\n  hubwright:pins:\n    images:\n      user-image: old\n  # about the zone\n  hubwright:dns: {zone: x}\n",
			"config:\n  a:b: 1\n" + block + "  # about the zone\n  hubwright:dns: {zone: x}\n",
		},
		{"before what follows config", "config:\n  a:b: 1\n\n# salt\nencryptionsalt: v1\n", "config:\n  a:b: 1\n" + block + "\n# salt\nencryptionsalt: v1\n"},
		{"without config", "encryptionsalt: v1", "encryptionsalt: v1\nconfig:\n" + block},
		{"lists at the key's own indent", "config:\n  a:b:\n  - 1\n  - 2\n", "config:\n  a:b:\n  - 1\n  - 2\n" + block},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
			if err := os.WriteFile(file, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			undo, err := WritePins(file, pins)
			if err != nil {
				t.Fatal(err)
			}
			check := func(want string) {
				t.Helper()
				if got, err := os.ReadFile(file); err != nil || string(got) != want {
					t.Errorf("%v, the file is\n%s\nwant\n%s", err, got, want)
				}
			}
			check(test.after)
			if _, err := WritePins(file, pins); err != nil {
				t.Fatal(err)
			}
			check(test.after) // a second time changes nothing
			if err := undo(); err != nil {
				t.Fatal(err)
			}
			check(test.before)
		})
	}
	file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
	if err := os.WriteFile(file, []byte("config: {a:b: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WritePins(file, pins); err == nil {
		t.Error("a config in one line was rewritten")
	}
}
