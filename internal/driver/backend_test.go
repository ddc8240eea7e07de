package driver

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBackend(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"PULUMI_HOME": filepath.Join(dir, "home")}
	get := func(name string) string { return env[name] }
	holds := func(project, url, from string) {
		t.Helper()
		if u, f := Backend(project, get); u != url || f != from {
			t.Errorf("%q of %q, want %q of %q", u, f, url, from)
		}
	}
	holds("", "", "")
	if _, err := os.Stat(env["PULUMI_HOME"]); err == nil {
		t.Error("the folder was made")
	}
	env["PULUMI_HOME"] = dir
	file := filepath.Join(dir, "credentials.json")
	for text, url := range map[string]string{`{"current": "s3://roman"}`: "s3://roman", `{"accounts": {}}`: "", "sealed": ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		from := BackendOfLogin
		if url == "" {
			from = ""
		}
		holds("", url, from)
	}
	holds("file://~", "file://~", BackendOfProject)
	env["PULUMI_BACKEND_URL"] = "s3://other"
	holds("file://~", "s3://other", BackendOfEnvironment)
}
