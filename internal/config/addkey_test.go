package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAddKey(t *testing.T) {
	const provider = "secretsprovider: awskms://alias/roman?region=us-east-1"
	for name, test := range map[string]struct{ before, want string }{
		"at the end":         {"# ours\nconfig:\n  a: 1 # one\n  # more\n", "# ours\nconfig:\n  a: 1 # one\n  # more\n" + provider + "\n"},
		"no newline":         {"config:\n  a: 1", "config:\n  a: 1\n" + provider + "\n"},
		"only a comment":     {"# nothing yet\n", "# nothing yet\n" + provider + "\n"},
		"there already":      {"secretsprovider: passphrase\n", ""},
		"JSON":               {`{"config": {}}`, ""},
		"no mapping":         {"- a\n", ""},
		"an open quotation":  {"a: 'b\n", ""},
		"another document":   {"a: b\n---\nc: d\n", ""},
		"an open block text": {"description: |\n  text\n", "description: |\n  text\n" + provider + "\n"},
	} {
		file := filepath.Join(t.TempDir(), "Pulumi.staging.yaml")
		if err := os.WriteFile(file, []byte(test.before), 0o640); err != nil {
			t.Fatal(err)
		}
		err := AddKey(file, "secretsprovider", provider)
		got, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		want := test.want
		if want == "" {
			want = test.before
		}
		if string(got) != want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v", name, info)
		}
	}
}
