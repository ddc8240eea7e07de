package secrets_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// The secrets live in the CodeCommit repository that the stack makes: the first update makes it, what is set is pushed to it, the next update reads it
// from there and records the commit, and it goes when it is destroyed.
func TestSecretsInCodeCommit(t *testing.T) {
	t.Parallel()
	needs.Command(t, "git", "git")
	d := clitest.New(t, func(name, text string) string {
		if name == "Pulumi.staging.yaml" {
			return text + "  hubwright:secretstore: {codecommit: {enabled: true}, files: {codecommit: true}}\n"
		}
		return text
	})
	cache := "XDG_CACHE_HOME=" + t.TempDir()
	d.Env = append(d.Env, "HUBWRIGHT_SANDBOX_SECRETS=none", cache, "PATH="+filepath.Dir(enginetest.Engine(t).Path)+":"+os.Getenv("PATH"),
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.org", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.org")
	d.Must(2, "secrets init staging --sandbox").Has(t, "the CodeCommit repository is not there yet", "`hubwright up staging --sandbox` makes it")
	d.Must(0, "up staging --sandbox --yes").Has(t, "where nothing is yet", "hub hub waits for its secrets and is left out for now")

	repository := filepath.Join(sandbox.Home(d.Dir), "codecommit", "roman-sit-staging-secrets.git")
	d.Must(0, "secrets init staging --sandbox").Has(t, "pushed: hubs/hub/secrets/staging.yaml to main of file://"+repository, "encrypted for arn:aws:kms:us-east-1:162808325377:key/")
	certificate, key := pair(t, "roman-sit-staging.science.stsci.edu")
	for name, text := range map[string]string{"oauth.clientId": "id-1", "oauth.clientSecret": "planted-oauth", "tls.certificate": certificate, "tls.key": key} {
		if r := d.Feed(text, "secrets set staging "+name+" --sandbox"); r.Code != 0 {
			t.Fatal(r)
		}
	}
	if _, err := os.Stat(filepath.Join(d.Dir, "hubs", "hub", "secrets", "staging.yaml")); err == nil {
		t.Error("a file is in the deployment directory")
	}
	out, err := exec.Command("git", "--git-dir="+repository, "rev-parse", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(out))
	d.Must(0, "secrets check staging --sandbox").Has(t, "at "+commit+", the head of main", "staging ok")
	d.Must(0, "up staging --sandbox --yes").Has(t, "the secrets of staging are those of file://"+repository+" at "+commit, "hub-release")
	d.Must(0, "outputs staging --sandbox -o json").Has(t, `"commit": "`+commit+`"`)
	d.Must(0, "status staging --sandbox").Has(t, "staging (sandbox): healthy")

	// Through the other door it is the same.
	door := d.Serve("staging", cache)
	if out := door.Pulumi("preview", "--stack", "staging", "--expect-no-changes"); !strings.Contains(out, "unchanged") {
		t.Errorf("pulumi previews\n%s", out)
	}
	d.ScanForSecrets(t, map[string]string{"oauth": "planted-oauth", "key": strings.Split(key, "\n")[1]})

	d.Must(0, "destroy staging --sandbox --with-data --confirm staging")
	d.Must(2, "secrets set staging oauth.clientId --sandbox").Has(t, "the CodeCommit repository is not there yet")
	if _, err := os.Stat(repository); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the repository outlives its deletion: %v", err)
	}
}
