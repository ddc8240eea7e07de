package clitest

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hubwright/hubwright/internal/needs"
)

// Commit commits the deployment's files as they are, in a repository that is made with the first commit.
func (d *Deployment) Commit(message string) {
	d.t.Helper()
	needs.Command(d.t, "git", "git")
	git := func(args ...string) {
		d.t.Helper()
		cmd := exec.Command("git", append([]string{"-C", d.Dir, "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgSign=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			d.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(d.Dir, ".git")); err != nil {
		git("init", "--quiet")
		if err := os.WriteFile(filepath.Join(d.Dir, ".gitignore"), []byte(".hubwright/\n"), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	git("add", "--all")
	git("commit", "--quiet", "--message", message)
}
