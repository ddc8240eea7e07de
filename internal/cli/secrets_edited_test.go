package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/stacks"
)

// editing is a hub's file of secrets with a content, open for one person to edit.
func editing(t *testing.T, plain string) (*secretsOf, *secretfile.File) {
	t.Helper()
	dir, recipient := withAge(t)
	stack, err := config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := secretfile.Recipients([]string{recipient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := secretfile.Keys{}.New(t.Context(), "a.yaml", []byte(plain), groups)
	if err != nil {
		t.Fatal(err)
	}
	hub := &stack.Hubs[0]
	a, _, _ := testApp(t)
	files, err := a.secretFiles(t.Context(), stacks.Secrets{}, stack)
	if err != nil {
		t.Fatal(err)
	}
	return &secretsOf{app: a, stack: stack, hub: hub, files: files, file: hub.SecretFiles[0].File}, f
}

// What YAML would make something else of, and what would not be encrypted, is told with its line before it becomes the file, and without what it is.
func TestWhatIsNotSaved(t *testing.T) {
	const (
		before = "proxy: {secretToken: planted}\n"
		file   = "hubs/hub/secrets/staging.yaml"
		quote  = "put it in quotes, and write it anew"
	)
	digits := strings.Repeat("1234567890", 6) + "1234"
	s, f := editing(t, before)
	for name, test := range map[string]struct {
		edited string
		want   []string
	}{
		"as it should be": {"proxy:\n  secretToken: planted-b\nhub: {db: {password: \"12345\"}, config: {CryptKeeper: {keys: [planted-c]}}}\nport: 5432\n", nil},
		"digits without quotes": {"proxy:\n  secretToken: " + digits + "\nhub:\n  db:\n    password: 12345678\n  custom: " + digits + "\n  small: 7\n", []string{
			file + ":2: secrets.hub.proxyToken: is a number, but text is wanted; " + quote,
			file + ":5: hub.db.password: is a number, but has the name of a secret, which is text; " + quote,
			file + ":6: hub.custom: is a number of more digits than a number keeps; " + quote,
		}},
		"a list for a text": {"proxy:\n  secretToken: [planted-d]\nhub:\n  db:\n    password:\n      - planted-e\n", []string{
			file + ":2: secrets.hub.proxyToken: is a list, but text is wanted; hubwright secrets set staging proxyToken",
			file + ":6: hub.db.password[0]: is in a list, but password is the name of one secret, which is text",
		}},
		"a text for an object": {"hub:\n  config: planted-f\n", []string{
			file + ":2: secrets.hub.cookieSecret: cannot be there, since hub.config is text, but an object is wanted",
			file + ":2: secrets.hub.cryptKey: cannot be there", file + ":2: secrets.hub.oauth.clientId: cannot be there",
			file + ":2: secrets.hub.oauth.clientSecret: cannot be there", file + ":2: secrets.hub.proxyToken: cannot be there",
		}},
		"nothing":       {"", []string{file + ": is empty: every secret in it would be gone; leave the editor without saving"}},
		"comments only": {"# gone\n", []string{file + ": is empty"}},
		"in plaintext": {"hub:\n  db:\n    password_unencrypted: planted-g\n  all_unencrypted:\n    a: planted-h\n", []string{
			file + ":3: hub.db.password_unencrypted: would be in plaintext in the file: sops encrypts nothing below a key that ends in _unencrypted, such as password_unencrypted; give the key another name",
			file + ":5: hub.all_unencrypted.a: would be in plaintext",
		}},
		"no YAML":     {"proxy:\n  secretToken: planted-k\n bad\n", []string{file + ":"}},
		"a key twice": {"proxy:\n  secretToken: planted-i\n  secretToken: planted-j\n", []string{file + ":3: proxy.secretToken: is there twice, on line 2 and on line 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.replace(f, []byte(before), []byte(test.edited))
			var found config.Problems
			if err != nil && !errors.As(err, &found) {
				t.Fatal(err)
			}
			if len(found) != len(test.want) {
				t.Fatalf("found are\n%v", err)
			}
			for i, p := range found {
				if !strings.HasPrefix(p.String(), test.want[i]) {
					t.Error(cmp.Diff(test.want[i], p.String()))
				}
			}
			if err != nil && (strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "1234")) {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
	if err := s.replace(f, []byte("{}\n"), []byte("# still nothing\n")); err != nil {
		t.Errorf("one that was empty before: %v", err)
	}
}

// What other tools left in plaintext in an encrypted file is found, and a plaintext that has such a key is not made one.
func TestPlaintextInAnEncryptedFile(t *testing.T) {
	dir, recipient := withAge(t)
	const file = "hubs/hub/secrets/staging.yaml"
	groups, err := secretfile.Recipients([]string{recipient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := "hub:\n  db:\n    password_unencrypted: planted-a\n  note_unencrypted: planted-b\n"
	f, err := secretfile.Keys{}.New(t.Context(), file, []byte(plain), groups)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.FromSlash(file))
	if err := f.Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	said := secretsRun(t, dir, "", exitUsage, "secrets", "check", "staging")
	wants(t, said, file+":3: hub.db.password_unencrypted: is in plaintext in the encrypted file: sops encrypts nothing below a key that ends in _unencrypted; consider it known", file+":4: hub.note_unencrypted: is in plaintext")
	wants(t, secretsRun(t, dir, "x", exitUsage, "secrets", "set", "staging", "hub.db.password_unencrypted"), "password_unencrypted would be in plaintext in the file")

	if err := os.WriteFile(path, []byte(plain+"proxy: {secretToken: 1234567890123456789012}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said += secretsRun(t, dir, "", exitUsage, "secrets", "init", "staging", "--age", recipient)
	wants(t, said, file+":3: hub.db.password_unencrypted: would be in plaintext", file+":5: secrets.hub.proxyToken: is a number, but text is wanted")
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), plain) {
		t.Errorf("the file was changed: %v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(dir, secretfile.RulesFile)); err == nil {
		t.Error("a rule was written")
	}
	if strings.Contains(said, "planted") || strings.Contains(said, "12345") {
		t.Errorf("a secret is told:\n%s", said)
	}
}

// A secret that is there, but no text, is not called missing: not by check, nor by validate, nor beside what set has done.
func TestNumberIsNotMissing(t *testing.T) {
	dir, recipient := withAge(t)
	const file = "hubs/hub/secrets/staging.yaml"
	secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient)
	f := openSecrets(t, dir, file)
	if err := f.Replace([]byte("hub:\n  config:\n    GenericOAuthenticator:\n      client_id: 12345\n      client_secret: planted\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(t.Context(), filepath.Join(dir, filepath.FromSlash(file))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"secrets", "check", "staging"}, {"validate", "staging"}} {
		said := secretsRun(t, dir, "", exitUsage, args...)
		wants(t, said, file+":4: secrets.hub.oauth.clientId: is a number, but text is wanted; put it in quotes")
		if strings.Contains(said, "clientId: is missing") || strings.Contains(said, "12345") {
			t.Errorf("%v says\n%s", args, said)
		}
	}
	wants(t, secretsRun(t, dir, "x", exitDone, "secrets", "set", "staging", "hub.db.password"), "hub.oauth.clientId is a number, but text is wanted")
}

func TestSetOfWhatNobodyKnows(t *testing.T) {
	dir, recipient := withAge(t)
	secretsRun(t, dir, "", exitDone, "secrets", "init", "staging", "--age", recipient)
	for key, want := range map[string]string{
		"oauth.clientSecrt": `"oauth.clientSecrt" is none of proxyToken, cookieSecret, cryptKey, oauth.clientId, oauth.clientSecret, tls.certificate, tls.key; did you mean "oauth.clientSecret"?`,
		"oauth.client_id":   `did you mean "oauth.clientId"?`,
		"oauth.realm":       `"oauth.realm" is none of`,
		"tls.cert.pem":      `"tls.cert.pem" is none of`,
		"hub..password":     `nor a path of values such as hub.db.password`,
		"hub.extraEnv[0]":   "leads into a list, which is set as a whole: `hubwright secrets edit staging`",
	} {
		wants(t, secretsRun(t, dir, "planted", exitUsage, "secrets", "set", "staging", key), want)
	}
	secretsRun(t, dir, "planted", exitDone, "secrets", "set", "staging", `hub.extraConfig.a\.b`)
	if v, ok := openSecrets(t, dir, "hubs/hub/secrets/staging.yaml").Get("hub", "extraConfig", "a.b"); !ok || v != "planted" {
		t.Errorf("it reads %v", v)
	}
}

// Secrets in texts of plain files are told with their line and a remedy, and shown by no verb.
func TestSecretsInTextsOfPlainFiles(t *testing.T) {
	dir := layered(t, map[string]string{
		"hubs/hub/common.yaml":  "hub:\n  db:\n    url: postgres://hub:planted-a@db/hub\n  extraConfig:\n    login: |\n      c.X.client_id = \"known\"\n      c.X.client_secret = \"planted-b\"\n",
		"hubs/hub/staging.yaml": "", "hubs/hub/manifests/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {url: 'redis://:planted-c@r'}\n",
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:hubs:\n    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, manifests: [hubs/hub/manifests/a.yaml]}\n",
		"key.pem":             "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("QUJD", 16) + "\n-----END PRIVATE KEY-----\n",
	})
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	for verb, code := range map[string]int{"validate": exitDone, "secrets check": exitUsage} {
		said := secretsRun(t, dir, "", code, append(strings.Fields(verb), "staging")...)
		wants(t, said, "hubs/hub/common.yaml:3: hub.db.url: holds a password in a URL, in a file that is not encrypted; consider it known, make it anew, and have the whole text in the file of secrets: hubwright secrets set staging hub.db.url --hub hub",
			"hubs/hub/manifests/a.yaml:4: holds a password in a URL, in a file that is not encrypted; consider it known", "hubs/hub/common.yaml:7: hub.extraConfig.login: holds the text of client_secret, in a file that is not encrypted")
		if strings.Contains(said, "planted") {
			t.Errorf("%s tells a secret:\n%s", verb, said)
		}
	}
	for _, form := range [][]string{{}, {"--origin"}, {"-o", "json"}} {
		said := secretsRun(t, dir, "", exitDone, append([]string{"values", "staging", "--set-file", "custom.pem=key.pem"}, form...)...)
		if strings.Contains(said, "planted") || strings.Contains(said, "QUJD") || strings.Count(said, "[secret]") < 3 || !strings.Contains(said, "known") {
			t.Errorf("values %v:\n%s", form, said)
		}
	}
}
