package secretfile_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/hubwright/hubwright/internal/secretfile"
)

// An identity that cannot be used is told of as what it is, without anything of what is in it.
func TestIdentityThatIsNone(t *testing.T) {
	recipient := identity(t)
	text := seal(t, secretfile.Keys{}, recipients(t, []string{recipient}, nil))
	own := os.Getenv("SOPS_AGE_KEY")
	t.Setenv("SOPS_AGE_KEY", "")
	if err := os.Unsetenv("SOPS_AGE_KEY"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.txt")
	for name, test := range map[string]struct{ content, file, want string }{
		"absent":        {"", filepath.Join(dir, "none.txt"), `SOPS_AGE_KEY_FILE names "` + filepath.Join(dir, "none.txt") + `", which does not exist`},
		"a folder":      {"", dir, "which is no file"},
		"empty":         {"# nothing\n", file, "which holds no age identity"},
		"a recipient":   {"# created\n" + recipient + "\n", file, "which has a recipient on line 2, which encrypts and does not open"},
		"another text":  {"planted-password\n", file, "which has on line 1 what is no age identity"},
		"a damaged one": {own[:len(own)-3] + "\n", file, "which has on line 1 what is no age identity"},
	} {
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SOPS_AGE_KEY_FILE", test.file)
		_, err := secretfile.Keys{}.Open(t.Context(), "a.yaml", text)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), own[20:40]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("SOPS_AGE_KEY", "# of the team\nplanted-key")
	if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", text); err == nil || !strings.Contains(err.Error(), "SOPS_AGE_KEY has on word 1 what is no age identity") || strings.Contains(err.Error(), "planted") {
		t.Errorf("in the variable: %v", err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY", stranger.String())
	t.Setenv("SOPS_AGE_KEY_FILE", filepath.Join(dir, "none.txt"))
	if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", text); err == nil || !strings.Contains(err.Error(), "is its recipient; besides, SOPS_AGE_KEY_FILE names") {
		t.Errorf("beside another one: %v", err)
	}
}

// Without AWS credentials that is said, once it is known for all files, and not how the SDK found out.
func TestNoAWSCredentials(t *testing.T) {
	identity(t)
	keys, _, arn := withKey(t)
	text := seal(t, keys, recipients(t, nil, []string{arn}))
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
	asked := 0
	instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusNotFound) // an instance without a role
	}))
	t.Cleanup(instance.Close)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.URL)
	machine := secretfile.Keys{Machine: &secretfile.Machine{}}
	for range 3 {
		_, err := machine.Open(t.Context(), "a.yaml", text)
		if want := "a.yaml: cannot be opened with any of its 1 keys\n  " + arn + ": there are no AWS credentials here: sign in (`aws sso login`, AWS_PROFILE)"; err == nil || err.Error() != want {
			t.Errorf("it says\n%v\nwant\n%s", err, want)
		}
	}
	if asked != 2 { // for a token, and without one
		t.Errorf("the instance was asked %d times", asked)
	}
	_, err := machine.New(t.Context(), "a.yaml", []byte(plain), recipients(t, nil, []string{arn}))
	if want := "a.yaml: its key cannot be encrypted for " + arn + ": there are no AWS credentials here: sign in (`aws sso login`, AWS_PROFILE)"; err == nil || err.Error() != want {
		t.Errorf("it says\n%v\nwant\n%s", err, want)
	}
}
