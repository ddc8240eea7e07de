package values

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/deploydir"
)

// withSecrets is a plain layer and a secret one over it.
func withSecrets(t *testing.T) *Computed {
	t.Helper()
	c, err := Compute(Options{Layers: []Layer{
		{Name: "common", File: "common.yaml", Data: []byte(`
proxy: {secretToken: in-the-open, https: {manual: {key: PEM, cert: C}, enabled: true}}
hub:
  config: {GenericOAuthenticator: {client_id: known, token_url: https://t}, CryptKeeper: {keys: [k1]}}
  existingSecret: mine
  extraEnv: [{name: A, value: "1"}]
imagePullSecrets: [{name: pull}]
singleuser: {memory: {limit: 1G}}
`)},
		{Name: "secrets", File: "secrets.yaml", Secret: true, Data: []byte(`
hub:
  config: {GenericOAuthenticator: {client_secret: "s3cr3t"}}
  extraEnv: [{name: A, value: "2"}, {name: DB, value: hunter22}]
  nothing: null
empty: {}
`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSecretsAreSplitOff(t *testing.T) {
	c := withSecrets(t)
	plain, secret := c.Split()
	m := func(kv ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			out[kv[i].(string)] = kv[i+1]
		}
		return out
	}
	wantPlain := m(
		"proxy", m("https", m("enabled", true, "manual", m("cert", "C"))),
		"hub", m("config", m("GenericOAuthenticator", m("client_id", "known", "token_url", "https://t")), "existingSecret", "mine", "nothing", nil),
		"imagePullSecrets", []any{m("name", "pull")}, "singleuser", m("memory", m("limit", "1G")), "empty", m(),
	)
	wantSecret := m(
		"proxy", m("secretToken", "in-the-open", "https", m("manual", m("key", "PEM"))),
		"hub", m("config", m("GenericOAuthenticator", m("client_secret", "s3cr3t"), "CryptKeeper", m("keys", []any{"k1"})),
			"extraEnv", []any{m("name", "A", "value", "2"), m("name", "DB", "value", "hunter22")}),
	)
	if diff := cmp.Diff(wantPlain, plain); diff != "" {
		t.Errorf("plain: %s", diff)
	}
	if diff := cmp.Diff(wantSecret, secret); diff != "" {
		t.Errorf("secret: %s", diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := withSecrets(t)
	shown, _ := c.Shown(nil)
	want := map[string]any{
		"proxy": map[string]any{"secretToken": Masked, "https": map[string]any{"enabled": true, "manual": map[string]any{"cert": "C", "key": Masked}}},
		"hub": map[string]any{
			"config": map[string]any{
				"GenericOAuthenticator": map[string]any{"client_id": "known", "token_url": "https://t", "client_secret": Masked},
				"CryptKeeper":           map[string]any{"keys": []any{Masked}},
			},
			"existingSecret": "mine", "nothing": nil,
			"extraEnv": []any{map[string]any{"name": Masked, "value": Masked}, map[string]any{"name": Masked, "value": Masked}},
		},
		"imagePullSecrets": []any{map[string]any{"name": "pull"}}, "singleuser": map[string]any{"memory": map[string]any{"limit": "1G"}}, "empty": map[string]any{},
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	said := c.Scrub("the value hunter22 of s3cr3t and in-the-open and 1G")
	if said != "the value [secret] of [secret] and [secret] and 1G" {
		t.Error(said)
	}
	for _, n := range c.Notes {
		for _, secret := range []string{"hunter22", "s3cr3t"} {
			if strings.Contains(n.String(), secret) {
				t.Errorf("a note holds a secret: %s", n)
			}
		}
	}
}

// A list of secrets that a higher layer replaces is told of without what was in it.
func TestNotesHoldNoSecrets(t *testing.T) {
	c, err := Compute(Options{Layers: []Layer{
		{Name: "secrets", File: "secrets.yaml", Secret: true, Data: []byte("a: [hunter22, x]")}, {Name: "b", File: "b.yaml", Data: []byte("a: []")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Notes.Error(); strings.Contains(got, "hunter") || !strings.Contains(got, "2 of 2 items are gone") {
		t.Error(got)
	}
}

func TestTextOfAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.py"), []byte("import os\n# 1: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: []Layer{
		{Name: "common", File: "common.yaml", Data: []byte("hub: {extraFiles: {a: {mountPath: /a.py}}}")},
		{Name: "file", File: "a.py", Text: ParsePath("hub.extraFiles.a.stringData")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"hub": map[string]any{"extraFiles": map[string]any{"a": map[string]any{"mountPath": "/a.py", "stringData": "import os\n# 1: x\n"}}}}
	if diff := cmp.Diff(want, c.Values); diff != "" {
		t.Error(diff)
	}
	if got := c.OriginOf(ParsePath("hub.extraFiles.a.stringData")); got.String() != "a.py:1" || got.Layer != "file" {
		t.Errorf("it comes from %v", got)
	}
	_, err = Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: []Layer{{Name: "file", File: "b.py", Text: ParsePath("a.b")}}})
	if err == nil || !strings.Contains(err.Error(), "b.py: does not exist") {
		t.Errorf("a missing file: %v", err)
	}
}

// A text that holds a secret is shown without it, told of with its line, and a secret as a whole where it is deployed.
func TestSecretsInTexts(t *testing.T) {
	dir := t.TempDir()
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("QUJD", 16) + "\n-----END PRIVATE KEY-----\n"
	for name, text := range map[string]string{"key.pem": key, "a.py": "import os\n\nc.X.client_secret = 'planted-b'\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Compute(Options{Files: deploydir.Dir{Path: dir}, Layers: []Layer{
		{Name: "common", File: "common.yaml", Data: []byte(`hub:
  db:
    url: postgres://hub:planted-a@db/hub
  extraConfig:
    login: |
      import os
      c.X.client_id = "known"
      c.X.client_secret = "planted-c"
      c.X.other_secret = os.environ["OTHER"]
    plain: |
      c.X.client_secret = os.environ["SECRET"]
`)},
		{Name: "file", File: "a.py", Text: ParsePath("hub.extraFiles.a.stringData")},
		{Name: "secrets", File: "secrets.yaml", Secret: true, Data: []byte("hub: {extraConfig: {hidden: 'a_secret = \"planted-d\"'}}")},
	}, Sets: []Set{{Kind: SetFile, Text: "hub.custom.pem=key.pem"}}})
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := c.Shown(nil)
	want := map[string]any{"hub": map[string]any{
		"db": map[string]any{"url": "postgres://hub:" + Masked + "@db/hub"}, "custom": map[string]any{"pem": Masked + "\n"},
		"extraConfig": map[string]any{
			"login": "import os\nc.X.client_id = \"known\"\nc.X.client_secret = \"" + Masked + "\"\nc.X.other_secret = os.environ[\"OTHER\"]\n",
			"plain": "c.X.client_secret = os.environ[\"SECRET\"]\n", "hidden": Masked,
		},
		"extraFiles": map[string]any{"a": map[string]any{"stringData": "import os\n\nc.X.client_secret = '" + Masked + "'\n"}},
	}}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	var told []string
	for _, e := range c.Exposed() {
		told = append(told, e.String()+" "+e.Path.String()+": "+e.What)
	}
	if diff := cmp.Diff([]string{
		"--set-file hub.custom.pem: a private key", "common.yaml:3 hub.db.url: a password in a URL", "common.yaml:8 hub.extraConfig.login: the text of client_secret",
		"a.py:3 hub.extraFiles.a.stringData: the text of client_secret",
	}, told); diff != "" {
		t.Error(diff)
	}
	plain, secret := c.Split()
	left, _ := at(plain, ParsePath("hub.extraConfig"))
	if diff := cmp.Diff(map[string]any{"plain": "c.X.client_secret = os.environ[\"SECRET\"]\n"}, left); diff != "" {
		t.Error(diff)
	}
	if hidden, _ := at(secret, ParsePath("hub.db.url")); hidden != "postgres://hub:planted-a@db/hub" {
		t.Errorf("hidden is %v", hidden)
	}
	if got := c.Scrub("import os: line 3 has planted-c, not " + strings.Repeat("QUJD", 16)); got != "import os: line 3 has "+Masked+", not "+Masked {
		t.Error(got)
	}
}

// In a list a secret's name stands beside it, and hides it as a key does.
func TestSecretsByTheNameBesideThem(t *testing.T) {
	c, err := Compute(Options{Layers: []Layer{{Name: "common", File: "common.yaml", Data: []byte(`
hub:
  extraEnv: [{name: DB_PASSWORD, value: planted-a}, {name: LEVEL, value: "2"}]
  services: [{name: culler, apiToken: planted-b}]
singleuser:
  extraEnv: [{name: API_TOKEN, valueFrom: {secretKeyRef: {name: tokens, key: a}}}, {name: SECRET, value: ""}]
  one: {name: TOKEN, value: planted-c}
`)}}})
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := c.Shown(nil)
	pair := func(name string, value any) map[string]any { return map[string]any{"name": name, "value": value} }
	want := map[string]any{
		"hub": map[string]any{
			"extraEnv": []any{pair("DB_PASSWORD", Masked), pair("LEVEL", "2")}, "services": []any{map[string]any{"name": "culler", "apiToken": Masked}},
		},
		"singleuser": map[string]any{
			"extraEnv": []any{map[string]any{"name": "API_TOKEN", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "tokens", "key": "a"}}}, pair("SECRET", "")},
			"one":      pair("TOKEN", Masked),
		},
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	plain, _ := c.Split()
	if text := fmt.Sprint(plain); strings.Contains(text, "planted") || !strings.Contains(text, "secretKeyRef") {
		t.Errorf("what may be seen is %s", text)
	}
	var exposed []string
	for _, e := range c.Exposed() {
		exposed = append(exposed, fmt.Sprintf("%s %s:%d", e.Path, e.File, e.Line))
	}
	if diff := cmp.Diff([]string{"hub.extraEnv[0].value common.yaml:3", "hub.services[0].apiToken common.yaml:4", "singleuser.one.value common.yaml:7"}, exposed); diff != "" {
		t.Error(diff)
	}
	if said := c.Scrub("a planted-a, b planted-b, c planted-c"); strings.Contains(said, "planted") {
		t.Error(said)
	}
}
