package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	dir := filepath.Join(t.TempDir(), "sky")
	run := func(code int, args ...string) string {
		t.Helper()
		a, out, errs := testApp(t)
		if got := a.run(t.Context(), append([]string{"hubwright"}, args...)); got != code {
			t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, code, out, errs)
		}
		return out.String() + errs.String()
	}
	right := []string{"init", dir, "--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org"}
	with := func(more ...string) []string { return append(append([]string{}, right...), more...) }
	for want, args := range map[string][]string{
		"--account is needed":      {"init", dir},
		`"githb" is none of mast`:  with("--auth", "githb"),
		"is not ENV=NAME":          with("--domain", "stagng=a.example.org"),
		"--domain staging=NAME":    {"init", dir, "--account", "162808325377", "--auth", "github", "--admin", "dmd"},
		"is not an AWS account id": with("--account", "1628"),
		"is not in the zone":       with("--domain", "staging=a.example.com"),
		"one directory, not 2":     {"init", dir, dir},
	} {
		wants(t, run(exitUsage, args...), want)
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%q wrote something", args)
		}
	}
	wants(t, run(exitDone, right...), "is a deployment with the environments staging, prod", "hubwright up staging -C "+dir+" --sandbox")
	wants(t, run(exitDone, "-C", dir, "validate"), "staging ok", "prod ok", "secrets.hub.oauth.clientSecret: is missing")
	wants(t, run(exitDone, "-C", dir, "values", "staging", "singleuser.memory.limit"), "15G")
	for _, file := range []string{"Pulumi.yaml", "Pulumi.staging.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.HasPrefix(string(text), "# yaml-language-server: $schema=https://") {
			t.Errorf("%s does not begin with its schema: %v\n%s", file, err, text)
		}
	}
	run(exitDone, right...) // a second time it finds what it would write
	wants(t, run(exitStopped, with("--auth", "google")...), "has files that differ", "Pulumi.yaml", "nothing was changed")
}
