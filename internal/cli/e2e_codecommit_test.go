package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// The secrets live in the CodeCommit repository that the stack makes: the first update makes it, what is set is pushed to it, the next update reads it
// from there and records the commit, and it goes when it is destroyed.
func TestSecretsInCodeCommit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	d := newDeployment(t, func(name, text string) string {
		if name == "Pulumi.staging.yaml" {
			return text + "  hubwright:secretstore: {codecommit: {enabled: true}, files: {codecommit: true}}\n"
		}
		return text
	})
	cache := "XDG_CACHE_HOME=" + t.TempDir()
	d.env = append(d.env, "HUBWRIGHT_SANDBOX_SECRETS=none", cache, "PATH="+filepath.Dir(enginetest.Engine(t).Path)+":"+os.Getenv("PATH"),
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.org", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.org")
	d.must(2, "secrets init staging --sandbox").has(t, "the CodeCommit repository is not there yet", "`hubwright up staging --sandbox` makes it")
	d.must(0, "up staging --sandbox --yes").has(t, "where nothing is yet", "hub hub waits for its secrets and is left out for now")

	repository := filepath.Join(sandbox.Home(d.dir), "codecommit", "roman-sit-staging-secrets.git")
	d.must(0, "secrets init staging --sandbox").has(t, "pushed: hubs/hub/secrets/staging.yaml to main of file://"+repository, "encrypted for arn:aws:kms:us-east-1:162808325377:key/")
	certificate, key := pair(t, "roman-sit-staging.science.stsci.edu")
	for name, text := range map[string]string{"oauth.clientId": "id-1", "oauth.clientSecret": "planted-oauth", "tls.certificate": certificate, "tls.key": key} {
		if r := d.feed(text, "secrets set staging "+name+" --sandbox"); r.code != 0 {
			t.Fatal(r)
		}
	}
	if _, err := os.Stat(filepath.Join(d.dir, "hubs", "hub", "secrets", "staging.yaml")); err == nil {
		t.Error("a file is in the deployment directory")
	}
	out, err := exec.Command("git", "--git-dir="+repository, "rev-parse", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(out))
	d.must(0, "secrets check staging --sandbox").has(t, "at "+commit+", the head of main", "staging ok")
	d.must(0, "up staging --sandbox --yes").has(t, "the secrets of staging are those of file://"+repository+" at "+commit, "hub-release")
	d.must(0, "outputs staging --sandbox -o json").has(t, `"commit": "`+commit+`"`)
	d.must(0, "status staging --sandbox").has(t, "staging (sandbox): healthy")

	// Through the other door it is the same.
	door := d.serve("staging", cache)
	if out := door.pulumi("preview", "--stack", "staging", "--expect-no-changes"); !strings.Contains(out, "unchanged") {
		t.Errorf("pulumi previews\n%s", out)
	}
	d.scanForSecrets(map[string]string{"oauth": "planted-oauth", "key": strings.Split(key, "\n")[1]})

	d.must(0, "destroy staging --sandbox --with-data --confirm staging")
	d.must(2, "secrets set staging oauth.clientId --sandbox").has(t, "the CodeCommit repository is not there yet")
	if _, err := os.Stat(repository); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the repository outlives its deletion: %v", err)
	}
}
