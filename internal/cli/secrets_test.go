package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/secretfile"
)

// withAge is a deployment, and the recipient whose identity this machine has.
func withAge(t *testing.T) (dir, recipient string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY", id.String())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	return layered(t, map[string]string{"hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": ""}), id.Recipient().String()
}

// secretsRun runs a verb with a text on its standard input.
func secretsRun(t *testing.T, dir, in string, code int, args ...string) string {
	t.Helper()
	a, out, errs := testApp(t)
	a.In = strings.NewReader(in)
	if got := a.run(t.Context(), append([]string{"hubwright", "-C", dir}, args...)); got != code {
		t.Fatalf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errs)
	}
	return out.String() + errs.String()
}

func wants(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestSecretsFromNothing(t *testing.T) {
	dir, recipient := withAge(t)
	own := os.Getenv("SOPS_AGE_KEY")
	const file = "hubs/hub/secrets/staging.yaml"
	wants(t, secretsRun(t, dir, "x", exitUsage, "secrets", "set", "staging", "oauth.clientId"), "no rule of .sops.yaml says who may open it", "`hubwright secrets init staging`")
	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "init", "staging", "--age", "age1nobody"), `"age1nobody" is no age recipient`)
	wants(t, secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient), "written: .sops.yaml has a rule for "+file, file+" is encrypted for "+recipient,
		"hub.oauth.clientSecret is missing; register a client with the callback https://hub.science.stsci.edu/hub/oauth_callback, then: hubwright secrets set staging oauth.clientSecret --hub hub")
	wants(t, secretsRun(t, dir, "", exitDone, "secrets", "init", "staging"), "is encrypted already, for "+recipient)
	other, theirs := withAge(t)
	withAge(t) // whose identity is this machine's from now on
	wants(t, secretsRun(t, other, "", exitDone, "secrets", "init", "staging", "--age", theirs), "you cannot open it yourself: "+file+": cannot be opened with any of its 1 keys")
	t.Setenv("SOPS_AGE_KEY", own)

	secretsRun(t, dir, "planted-id\n", exitDone, "secrets", "set", "staging", "oauth.clientId")
	secretsRun(t, dir, "planted-secret\n", exitDone, "secrets", "set", "staging", "oauth.clientSecret")
	secretsRun(t, dir, "planted-db", exitDone, "secrets", "set", "staging", "hub.db.password")
	wants(t, secretsRun(t, dir, "\n", exitUsage, "secrets", "set", "staging", "oauth.clientSecret"), "nothing was given")
	wants(t, secretsRun(t, dir, "x", exitUsage, "secrets", "set", "staging", "clientSecret"), `"clientSecret" is none of proxyToken`)
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("planted")) {
		t.Errorf("a secret is there in plaintext:\n%s", text)
	}

	shown := secretsRun(t, dir, "", exitDone, "values", "staging", "--origin")
	wants(t, shown, "hub.config.GenericOAuthenticator.client_secret", "[secret]", file+":12", "secrets")
	for _, form := range [][]string{{"values", "staging"}, {"values", "staging", "-o", "json"}, {"validate", "staging"}} {
		if got := secretsRun(t, dir, "", exitDone, form...); strings.Contains(got, "planted") {
			t.Errorf("%v shows a secret:\n%s", form, got)
		}
	}
	wants(t, secretsRun(t, dir, "", exitDone, "validate", "staging"), "a hub waits for this: Pulumi.staging.yaml", "secrets.hub.tls.key: is missing")

	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "rotate", "staging", "cryptkey", "--yes"), `did you mean "cryptKey"`)
	wants(t, secretsRun(t, dir, "", exitStopped, "secrets", "rotate", "staging", "cookieSecret"), "everybody has to log in again", "a confirmation is needed")
	before := openSecrets(t, dir, file)
	for _, key := range rotations() {
		secretsRun(t, dir, "", exitDone, "secrets", "rotate", "staging", key, "--yes")
	}
	after := openSecrets(t, dir, file)
	for _, path := range [][]string{{"proxy", "secretToken"}, {"hub", "config", "JupyterHub", "cookie_secret"}} {
		a, _ := before.Get(path...)
		b, _ := after.Get(path...)
		if a == b || b == nil {
			t.Errorf("%v was not made anew: %v", path, b)
		}
	}
	old, _ := before.Get("hub", "config", "CryptKeeper", "keys")
	keys, _ := after.Get("hub", "config", "CryptKeeper", "keys")
	if list, _ := keys.([]any); len(list) != 2 || list[1] != old.([]any)[0] {
		t.Errorf("the keys are %v", keys)
	}
}

func openSecrets(t *testing.T, dir, file string) *secretfile.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	f, err := secretfile.Keys{}.Open(t.Context(), file, text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSecretsCheck(t *testing.T) {
	needs.Command(t, "git", "git")
	dir, recipient := withAge(t)
	const file = "hubs/hub/secrets/staging.yaml"
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("hubs/hub/common.yaml", "hub:\n  services:\n    culler:\n      apiToken: planted-in-the-open\n")
	write(file, "proxy: {secretToken: planted-weak}\nhub: {config: {GenericOAuthenticator: {client_id: a, client_secret: changeme}}}\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging"), file+": is not encrypted, but stands where an encrypted file belongs", "is in the history of git in plaintext",
		"hubs/hub/common.yaml:4: hub.services.culler.apiToken: looks like a secret, in a file that is not encrypted")
	wants(t, secretsRun(t, dir, "", exitUsage, "validate", "staging"), "is not encrypted, but stands where an encrypted file belongs")
	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "edit", "staging"), "is not encrypted", "`hubwright secrets init staging` encrypts it")
	wants(t, secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient), "is in the history of git in plaintext", "hub.oauth.clientSecret is a placeholder", "hub.proxyToken is not 64 hexadecimal digits")

	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(dir, secretfile.RulesFile))
	if err != nil {
		t.Fatal(err)
	}
	write(secretfile.RulesFile, strings.ReplaceAll(string(rules), recipient, other.Recipient().String()))
	said := secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging")
	wants(t, said, recipient+" can open it, whom no rule of .sops.yaml names; hubwright secrets rotate staging recipients",
		other.Recipient().String()+" cannot open it, whom the rule of .sops.yaml names; hubwright secrets rotate staging recipients", "is a placeholder", "is not 64 hexadecimal digits")
	if strings.Contains(said, "planted") || strings.Contains(said, "changeme") {
		t.Errorf("a secret is shown:\n%s", said)
	}
	before, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, secretsRun(t, dir, "", exitStopped, "secrets", "rotate", "staging", "recipients", "--yes"), "you could not open it any more: "+file, "would be closed to you; nothing was changed", "add yourself to the rule in .sops.yaml", "--without-me")
	if after, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
	write(secretfile.RulesFile, strings.ReplaceAll(string(rules), recipient, other.Recipient().String()+","+recipient))
	secretsRun(t, dir, "", exitDone, "secrets", "rotate", "staging", "recipients", "--yes")
	if said := secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging"); strings.Contains(said, "open it") {
		t.Errorf("recipients and rule are one:\n%s", said)
	}
	write(secretfile.RulesFile, strings.ReplaceAll(string(rules), recipient, other.Recipient().String()))
	secretsRun(t, dir, "", exitDone, "secrets", "rotate", "staging", "recipients", "--yes", "--without-me")
	wants(t, secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging"), "none of this machine's age identities is its recipient")
}
