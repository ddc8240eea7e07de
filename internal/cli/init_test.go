package cli

import (
	"errors"
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
		`--env: "a" is there twice; name each once`:                  with("--env", "a", "--env", "a"),
		`--env: "two words" cannot be an environment`:                with("--env", "two words"),
		`--env: "../out" cannot be an environment`:                   with("--env", "../out"),
		"--domain: a has two, x.science.example.org and y.science":   with("--env", "a", "--domain", "a=x.science.example.org", "--domain", "a=y.science.example.org"),
		`--name: "my hub" is not a name of lower-case letters`:       with("--name", "my hub"),
		"--auth: dummy lets anybody in, and is for the sandbox":      with("--auth", "dummy"),
		`--admin: "dmd" is nobody's name: without one hosted domain`: with("--auth", "google"),
		"--auth-domain is needed":                                    with("--auth", "cognito"),
		"--idp is needed":                                            with("--auth", "cilogon"),
		`--idp: "email" is not ENTITY=CLAIM`:                         with("--auth", "cilogon", "--idp", "email"),
		"--idp: is for --auth cilogon":                               with("--idp", "a=b"),
		`--token-url: "http://a.org/t" is not an https URL`: with("--auth", "oauth", "--authorize-url", "https://a.org/a", "--token-url", "http://a.org/t",
			"--userdata-url", "https://a.org/u", "--username-claim", "email"),
		`--organization: "a b" is not a GitHub organization`: with("--organization", "a b"),
		"--account is needed":                                {"init", dir},
		`"githb" is none of mast`:                            with("--auth", "githb"),
		"is not ENV=NAME":                                    with("--domain", "stagng=a.example.org"),
		"--domain staging=NAME":                              {"init", dir, "--account", "162808325377", "--auth", "github", "--admin", "dmd"},
		"is not an AWS account id":                           with("--account", "1628"),
		"is not in the zone":                                 with("--domain", "staging=a.example.com"),
		"one directory, not 2":                               {"init", dir, dir},
	} {
		wants(t, run(exitUsage, args...), want)
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%q wrote something", args)
		}
	}
	// One that is wrong hides none of the others.
	wants(t, run(exitUsage, "init", dir, "--account", "1628", "--auth", "githb", "--env", "a", "--env", "a", "--region", "mars", "--name", "A B"), `--account: "1628" is not an AWS account id`,
		`--auth: "githb" is none of mast`, `--env: "a" is there twice`, `--region: "mars" is not an AWS region`, `--name: "A B" is not a name`, "--admin is needed", "--domain a=NAME is needed")
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
	wants(t, run(exitStopped, with("--organization", "institute:team")...), "has files that differ", "Pulumi.yaml", "nothing was changed")
}

// Every way to log in that init offers gives a deployment that validates; the dummy one in the sandbox.
func TestInitOfEveryLogin(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	for auth, more := range map[string][]string{
		"mast": nil, "github": {"--organization", "institute:team"}, "google": {"--hosted-domain", "science.example.org"}, "cognito": {"--auth-domain", "hubs.auth.us-east-1.amazoncognito.com"},
		"cilogon": {"--idp", "https://github.com/login/oauth/authorize=preferred_username", "--idp", "urn:mace:incommon:example.org=eppn"},
		"oauth":   {"--authorize-url", "https://a.org/a", "--token-url", "https://a.org/t", "--userdata-url", "https://a.org/u?x=y", "--username-claim", "email"},
		"dummy":   {"--sandbox"},
	} {
		dir := filepath.Join(t.TempDir(), "sky")
		validate := []string{"-C", dir, "validate"}
		if auth == "dummy" {
			validate = append(validate, "--sandbox")
		}
		for _, args := range [][]string{
			append([]string{"init", dir, "--account", "162808325377", "--admin", "dmd", "--zone", "science.example.org", "--auth", auth}, more...), validate,
		} {
			a, out, errs := testApp(t)
			if got := a.run(t.Context(), append([]string{"hubwright"}, args...)); got != exitDone {
				t.Fatalf("%q: exit %d\n%s%s", args, got, out, errs)
			}
		}
		text, err := os.ReadFile(filepath.Join(dir, "Pulumi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, setting := range more {
			if !strings.HasPrefix(setting, "--") && !strings.Contains(string(text), strings.Split(setting, "=")[0]) {
				t.Errorf("%s: %s is not in\n%s", auth, setting, text)
			}
		}
	}
}

// init writes nothing through a link, and a file in the place of a folder is told of.
func TestInitIsBlocked(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "hubs"), nil, 0o600), os.Symlink(filepath.Join(elsewhere, "new.yaml"), filepath.Join(dir, "Pulumi.yaml"))); err != nil {
		t.Fatal(err)
	}
	a, _, errs := testApp(t)
	code := a.run(t.Context(), []string{"hubwright", "init", dir, "--name", "sky", "--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org"})
	if code != exitStopped {
		t.Errorf("exit %d", code)
	}
	wants(t, errs.String(), "Pulumi.yaml leads out of it by a link, to "+filepath.Join(elsewhere, "new.yaml"), "hubs is no folder, but hubs/hub/common.yaml belongs into it", "nothing was changed")
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("it wrote %v, %v", entries, err)
	}
}
