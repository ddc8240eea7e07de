package secretname

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var keyBody = strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n", 3)

func TestIn(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----\n" + keyBody + "-----END PRIVATE KEY-----"
	for text, want := range map[string]string{
		"a\n" + key + "\nb": "a\n[secret]\nb",
		"-----BEGIN RSA PRIVATE KEY-----\n" + keyBody + "-----END RSA PRIVATE KEY-----\n":     "[secret]\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + keyBody:                                     "[secret]", // cut off
		`{"private_key": "` + strings.ReplaceAll(key, "\n", `\n`) + `"}`:                      `{"private_key": "[secret]"}`,
		"-----BEGIN CERTIFICATE-----\n" + keyBody + "-----END CERTIFICATE-----\n" + key:       "-----BEGIN CERTIFICATE-----\n" + keyBody + "-----END CERTIFICATE-----\n[secret]",
		"postgresql+psycopg2://hub:hunter2!@db.example.org:5432/hub":                          "postgresql+psycopg2://hub:[secret]@db.example.org:5432/hub",
		"proxy = 'http://:s3cr3t@proxy:3128' # and redis://:an0ther@r/0":                      "proxy = 'http://:[secret]@proxy:3128' # and redis://:[secret]@r/0",
		`c.GenericOAuthenticator.client_secret = "planted-secret"`:                            `c.GenericOAuthenticator.client_secret = "[secret]"`,
		"API_TOKEN: str = 'abcd1234'":                                                         "API_TOKEN: str = '[secret]'",
		`os.environ["HUB_PASSWORD"] = r"a.b+c"` + "\n":                                        `os.environ["HUB_PASSWORD"] = r"[secret]"` + "\n",
		`c.JupyterHub.services = [{"name": "culler", "api_token": "planted-token"}]`:          `c.JupyterHub.services = [{"name": "culler", "api_token": "[secret]"}]`,
		"connect(user='hub', password='planted-one', db='x')\nexport TOKEN=\"planted-two\"\n": "connect(user='hub', password='[secret]', db='x')\nexport TOKEN=\"[secret]\"\n",
		`password = "a\"b\\c"`:                `password = "[secret]"`,
		"# c.X.client_secret = 'planted-old'": "# c.X.client_secret = '[secret]'",
		`url = "https://u:planted-a@h/"` + "\n" + `token = "planted-b"` + "\nurl2='ftp://u:planted-c@h'": `url = "https://u:[secret]@h/"` + "\n" + `token = "[secret]"` + "\nurl2='ftp://u:[secret]@h'",
	} {
		if got := Mask(text, "[secret]"); got != want {
			t.Error(cmp.Diff(want, got))
		}
	}
}

// What stands in the place of a secret, says where one is, or only looks like one is none.
func TestInPassesOver(t *testing.T) {
	for _, text := range []string{
		"", "http://example.org:8080/hub@2", "mailto:a@b", "https://user@example.org/", "git@github.com:a/b",
		"postgres://user:password@host/db", "postgres://user:pass@host/db", "https://<user>:<password>@host", "postgres://hub:***@db/hub", "https://me:changeme@h",
		`f"postgresql://{user}:{password}@{host}/hub"`, "postgres://hub:$(DB_PASSWORD)@db/hub", "postgres://hub:${DB_PASSWORD}@db", "postgres://hub:$PW@db", "'postgres://%s:%s@%s' % x",
		"postgres://hub:{{ .Values.db.password }}@db", "postgres://hub:%(password)s@db",
		"-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----\n" + keyBody + "-----END PUBLIC KEY-----",
		`c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]`, `c.X.client_secret = os.getenv("CLIENT_SECRET", "")`, `token = get_config("custom.token")`,
		`c.X.client_secret = open("/etc/secret").read()`, `c.X.client_secret = ""`, `c.X.client_secret = "changeme"`, `c.X.client_secret = '<your secret>'`, `c.X.client_secret = "{{ secret }}"`,
		`c.X.client_secret = f"{prefix}-{number}"`, `c.X.client_secret = "$CLIENT_SECRET"`, `c.X.client_secret = "${CLIENT_SECRET}"`, `token_variable = "HUB_API_TOKEN"`, `token = "HUB_API_TOKEN"`,
		`secret = "/run/secrets/hub"`, `credentials = "./creds.json"`, `credentials = "~/.aws/credentials"`, `{"token": "access_token"}`, `grant = {"token": "token"}`,
		`c.X.token_url = "https://example.org/token"`, `userdata_token_method = "header"`, `help_for_token = "Paste it here"`, `token = "Paste your token here"`, `if token == "planted": pass`,
		`if token != "planted": pass`, `c.KubeSpawner.image_pull_secrets = ["pull"]`, `imagePullSecret: "pull"`, `c.X.secret_name = "hub-secret"`, "token = 12345678", `token = "abc"`,
		`c.JupyterHub.log_level = "DEBUG"`, `{"tokens": ["a", "b"]}`, `password = "dummy"`,
	} {
		if found := In(text); len(found) > 0 {
			t.Errorf("%q: taken for %s is %q", text, found[0].What, text[found[0].Start:found[0].End])
		}
	}
}

// Whatever a text is, what is found in it is in it, in order and apart.
func FuzzIn(f *testing.F) {
	f.Add("postgres://hub:hunter22@db\n" + `secret = "planted"` + "\n-----BEGIN PRIVATE KEY-----\n" + keyBody)
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, found := range In(text) {
			if found.Start < at || found.End <= found.Start || found.End > len(text) {
				t.Fatalf("%q: %+v after %d", text, found, at)
			}
			at = found.End
		}
		Mask(text, "[secret]")
	})
}
