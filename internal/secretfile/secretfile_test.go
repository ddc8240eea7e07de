package secretfile_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/getsops/sops/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
	"github.com/hubwright/hubwright/internal/secretfile"
)

const plain = `# of the hub
proxy:
  secretToken: planted-token
hub:
  config:
    GenericOAuthenticator:
      client_id: "12345"
      client_secret: planted-secret
  list:
    - planted-one
    - number: 7
      deep: true
  pem: |
    line one
    line two
`

// identity makes an age identity, puts it into the environment, and returns its recipient.
func identity(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOPS_AGE_KEY", id.String())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // no other identity of this machine counts
	t.Setenv("HOME", t.TempDir())
	return id.Recipient().String()
}

func recipients(t *testing.T, ages, arns []string) []sops.KeyGroup {
	t.Helper()
	groups, err := secretfile.Recipients(ages, arns)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func seal(t *testing.T, k secretfile.Keys, groups []sops.KeyGroup) []byte {
	t.Helper()
	f, err := k.New(t.Context(), "a.yaml", []byte(plain), groups)
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSealAndOpen(t *testing.T) {
	recipient := identity(t)
	text := seal(t, secretfile.Keys{}, recipients(t, []string{recipient}, nil))
	for _, secret := range []string{"planted", "12345", "line one", "of the hub"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is there in plaintext:\n%s", secret, text)
		}
	}
	if !secretfile.Encrypted(text) || secretfile.Encrypted([]byte(plain)) {
		t.Error("encrypted and plain are not told apart")
	}
	f, err := secretfile.Keys{}.Open(t.Context(), "a.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Plain()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, string(got)); diff != "" {
		t.Error(diff)
	}
	names, err := secretfile.RecipientsOf("a.yaml", text)
	if err != nil || len(names) != 1 || names[0] != recipient {
		t.Errorf("recipients %q, %v", names, err)
	}
}

// Sealing again changes the lines of what has changed, and sops' own.
func TestLittleChanges(t *testing.T) {
	text := seal(t, secretfile.Keys{}, recipients(t, []string{identity(t)}, nil))
	f, err := secretfile.Keys{}.Open(t.Context(), "a.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for value, path := range map[string][]string{"planted-other": {"proxy", "secretToken"}, "planted-new": {"hub", "config", "JupyterHub", "cookie_secret"}} {
		if err := f.Set(value, path...); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Set("x", "proxy", "secretToken", "below"); err == nil || !strings.Contains(err.Error(), "proxy.secretToken is no object") {
		t.Errorf("below a text: %v", err)
	}
	if v, ok := f.Get("proxy", "secretToken", "below"); ok {
		t.Errorf("below a text there is %v", v)
	}
	if v, ok := f.Get("hub", "config", "JupyterHub", "cookie_secret"); !ok || v != "planted-new" {
		t.Errorf("it reads %v", v)
	}
	after, err := f.Seal()
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	old := strings.Split(string(text), "\n")
	for _, line := range strings.Split(string(after), "\n") {
		if key, _, _ := strings.Cut(strings.TrimSpace(line), ":"); key != "lastmodified" && !strings.Contains("\n"+strings.Join(old, "\n")+"\n", "\n"+line+"\n") {
			changed = append(changed, key)
		}
	}
	if diff := cmp.Diff([]string{"secretToken", "JupyterHub", "cookie_secret", "mac"}, changed); diff != "" {
		t.Error(diff)
	}
	if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", after); err != nil {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	text := string(seal(t, secretfile.Keys{}, recipients(t, []string{identity(t)}, nil)))
	other := string(seal(t, secretfile.Keys{}, recipients(t, []string{identity(t)}, nil))) // for an identity that is lost at the next line
	identity(t)
	_, err := secretfile.Keys{}.Open(t.Context(), "a.yaml", []byte(other))
	var lost *secretfile.KeyError
	if !errors.As(err, &lost) || len(lost.Tried) != 1 || !strings.Contains(err.Error(), "none of this machine's age identities is its recipient") {
		t.Errorf("another's file: %v", err)
	}
	t.Setenv("SOPS_AGE_KEY", "")
	if err := os.Unsetenv("SOPS_AGE_KEY"); err != nil {
		t.Fatal(err)
	}
	if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "has no age identity: name its file with SOPS_AGE_KEY_FILE") {
		t.Errorf("no identity: %v", err)
	}

	recipient := identity(t)
	text = string(seal(t, secretfile.Keys{}, recipients(t, []string{recipient}, nil)))
	unsummed, _, _ := strings.Cut(text, "  mac:")
	for name, test := range map[string]struct{ text, want string }{
		"plaintext":      {plain, "is not encrypted, but stands where an encrypted file belongs"},
		"a line more":    {strings.Replace(text, "hub:", "more: 1\nhub:", 1), "was changed"},
		"a value spoilt": {strings.Replace(text, "client_id: ENC[AES256_GCM,data:", "client_id: ENC[AES256_GCM,data:AA", 1), "was changed by hand or damaged"},
		"no checksum":    {unsummed, "has no checksum"},
		"no metadata":    {"a: 1\nsops: nonsense\n", "the metadata of sops in it is damaged"},
	} {
		if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"twice": "a: planted-1\na: planted-2\n", "no YAML": "a: [planted", "a list": "- planted", "two": "a: 1\n---\nb: planted\n", "sops": "sops: {}\na: planted\n"} {
		_, err := secretfile.Keys{}.New(t.Context(), "a.yaml", []byte(text), recipients(t, []string{recipient}, nil))
		if err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, wrong := range [][2][]string{{{"age1nothing"}, nil}, {nil, {"alias/key"}}} {
		if _, err := secretfile.Recipients(wrong[0], wrong[1]); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}

func TestRekey(t *testing.T) {
	first := identity(t)
	text := seal(t, secretfile.Keys{}, recipients(t, []string{first}, nil))
	f, err := secretfile.Keys{}.Open(t.Context(), "a.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	second := identity(t)
	if err := f.Rekey(t.Context(), recipients(t, []string{second}, nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "secrets", "a.yaml")
	if err := f.Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(after), first) {
		t.Error("the first recipient is still there")
	}
	if _, err := (secretfile.Keys{}).Open(t.Context(), "a.yaml", after); err != nil {
		t.Error(err)
	}
}

// withKey is a world with a KMS key, and the way to it.
func withKey(t *testing.T) (secretfile.Keys, *sandbox.Sandbox, string) {
	t.Helper()
	box, err := sandbox.Open(sandbox.Options{Root: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	const arn = "arn:aws:kms:us-east-1:162808325377:key/0a1b2c3d-0000-4000-8000-000000000001"
	err = box.World.Update(func(tx *world.Tx) error {
		return errors.Join(
			tx.Put(&world.Object{Kind: "aws:kms/key:Key", ID: "0a1b2c3d-0000-4000-8000-000000000001", Props: map[string]any{"arn": arn}}),
			tx.Put(&world.Object{Kind: "aws:kms/alias:Alias", ID: "alias/hub", Props: map[string]any{"targetKeyId": "0a1b2c3d-0000-4000-8000-000000000001"}}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return secretfile.Keys{KMS: &secretfile.KMS{
		Client: sandbox.AWSClient(box.AWS()), Credentials: sandbox.AWSCredentials, Identity: "arn:aws:iam::162808325377:user/dmd",
	}}, box, arn
}

func TestKMS(t *testing.T) {
	identity(t)
	keys, box, arn := withKey(t)
	for _, name := range []string{arn, "arn:aws:kms:us-east-1:162808325377:alias/hub"} {
		text := seal(t, keys, recipients(t, nil, []string{name}))
		f, err := keys.Open(t.Context(), "a.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Plain(); err != nil || string(got) != plain {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	_, err := keys.New(t.Context(), "a.yaml", []byte(plain), recipients(t, nil, []string{"arn:aws:kms:us-east-1:162808325377:alias/none"}))
	if err == nil || !strings.Contains(err.Error(), "NotFoundException") {
		t.Errorf("a key that is not there: %v", err)
	}

	text := seal(t, keys, recipients(t, nil, []string{arn}))
	if err := box.World.Update(func(tx *world.Tx) error { return tx.Delete("aws:kms/key:Key", "0a1b2c3d-0000-4000-8000-000000000001") }); err != nil {
		t.Fatal(err)
	}
	_, err = keys.Open(context.Background(), "a.yaml", text)
	if err == nil || !strings.Contains(err.Error(), arn+" as arn:aws:iam::162808325377:user/dmd: NotFoundException") {
		t.Errorf("a key that is gone: %v", err)
	}
}

func TestRules(t *testing.T) {
	recipient := identity(t)
	dir := t.TempDir()
	if _, err := secretfile.Rule(dir, "hubs/hub/secrets/staging.yaml"); !errors.Is(err, secretfile.ErrNoRule) {
		t.Errorf("without a file of rules: %v", err)
	}
	text, err := secretfile.RuleFor([]byte("# ours\ncreation_rules:\n  - path_regex: other/.*\n    age: "+recipient+"\n"), `hubs/.*/secrets/staging\.yaml$`, []string{recipient}, []string{"arn:aws:kms:us-east-1:162808325377:alias/hub"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# ours\n") {
		t.Errorf("the comment is gone:\n%s", text)
	}
	if err := os.WriteFile(filepath.Join(dir, secretfile.RulesFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	groups, err := secretfile.Rule(dir, "hubs/hub/secrets/staging.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{recipient, "arn:aws:kms:us-east-1:162808325377:alias/hub"}, secretfile.Names(groups)); diff != "" {
		t.Error(diff)
	}
	if _, err := secretfile.Rule(dir, "hubs/hub/secrets/prod.yaml"); !errors.Is(err, secretfile.ErrNoRule) {
		t.Errorf("a file that no rule fits: %v", err)
	}
}

// Whatever stands in a file, its metadata above all, it is opened or refused, without a panic and without an end that never comes.
func FuzzOpen(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	f.Setenv("SOPS_AGE_KEY", id.String())
	f.Setenv("HOME", f.TempDir())
	f.Setenv("XDG_CONFIG_HOME", f.TempDir())
	groups, err := secretfile.Recipients([]string{id.Recipient().String()}, nil)
	if err != nil {
		f.Fatal(err)
	}
	made, err := secretfile.Keys{}.New(f.Context(), "a.yaml", []byte(plain), groups)
	if err != nil {
		f.Fatal(err)
	}
	text, err := made.Seal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("a: ENC[AES256_GCM,data:,iv:,tag:,type:str]\nsops: {version: 3.9.0, age: [{recipient: x, enc: y}], mac: z}\n"))
	f.Add([]byte("sops: {kms: [], lastmodified: '2020'}\n"))
	f.Add([]byte("sops: [1]\n"))
	keys := secretfile.Keys{KMS: &secretfile.KMS{Client: &http.Client{Transport: nowhere{}}, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}}
	f.Fuzz(func(_ *testing.T, data []byte) {
		secretfile.Encrypted(data)
		_, _ = secretfile.RecipientsOf("a.yaml", data)
		opened, err := keys.Open(context.Background(), "a.yaml", data)
		if err != nil {
			return
		}
		if _, err := opened.Plain(); err == nil {
			_, _ = opened.Seal()
		}
	})
}

// nowhere answers no request.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no network")
}
