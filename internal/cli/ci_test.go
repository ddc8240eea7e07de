package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/change"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

// runCI runs the program and gives its exit code and what it prints, results before the rest.
func runCI(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	a, o, e := testApp(t)
	code = a.run(t.Context(), append([]string{"hubwright"}, args...))
	return code, o.String(), e.String()
}

// inGit is a copy of the shipped deployment's files, or of what init writes, in a git repository.
func inGit(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sky")
	if code, out, errs := runCI(t, "init", dir, "--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org", "--ci", "none"); code != exitDone {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	gittest.Run(t, dir, "init", "--quiet", "--initial-branch=main")
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "--quiet", "-m", "new")
	return dir
}

// The files for the deployment that this repository ships are golden, and the repository's own preview is among them.
func TestCIOfTheShippedDeployment(t *testing.T) {
	for _, forge := range []string{"github", "gitlab"} {
		w := workflows{forge: forge, branch: mainBranch, schedule: everyNight, image: goImage, set: func(string) bool { return false }}
		d, err := w.deployment(reference.Root(), "")
		if err != nil {
			t.Fatal(err)
		}
		files, err := d.Files(forge)
		if err != nil {
			t.Fatal(err)
		}
		reference.Golden(t, filepath.Join("testdata", "ci", forge), files)
		for _, name := range []string{".github/actions/hubwright/action.yml", ".github/workflows/hubwright-preview.yml"} {
			if own, err := os.ReadFile(filepath.Join(reference.Root(), name)); forge == "github" && (err != nil || string(own) != string(files[name])) {
				t.Errorf("%s is not what `hubwright ci github` writes: %v", name, err)
			}
		}
	}
}

// Files are written once; a second run changes nothing; what is older is shown and asked for; what was edited is left, but by force.
func TestCIWrites(t *testing.T) {
	dir := inGit(t)
	run := func(code int, args ...string) string {
		t.Helper()
		got, out, errs := runCI(t, append([]string{"ci", "github", "-C", dir}, args...)...)
		if got != code {
			t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, code, out, errs)
		}
		return out + errs
	}
	const deploy = ".github/workflows/hubwright-deploy.yml"
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, deploy))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	wants(t, run(exitDone), "new      "+deploy, "5 files written", "a merge into main deploys staging", "staging is promoted to prod by hand", "HUBWRIGHT_PREVIEW_ROLE", "HUBWRIGHT_VERSION")
	wants(t, read(), "hubwright up \"$ENVIRONMENT\" --yes", "environment: staging", "branches: \"main\"")
	wants(t, run(exitDone), "nothing changes: 5 files as they would be written")
	wants(t, run(exitStopped, "--branch", "trunk"), "changes  "+deploy, "-    branches: \"main\"", "+    branches: \"trunk\"", "no terminal to ask on")
	wants(t, read(), "branches: \"main\"")
	wants(t, run(exitDone, "--branch", "trunk", "--hubwright", "v1.2.3", "--secret", "SOPS_AGE_KEY", "--yes"), "files written")
	wants(t, read(), "branches: \"trunk\"", "SOPS_AGE_KEY: ${{ secrets.SOPS_AGE_KEY }}", "# Made by: hubwright ci github --secret SOPS_AGE_KEY --branch trunk --hubwright v1.2.3\n")
	edited := read() + "# mine\n"
	if err := os.WriteFile(filepath.Join(dir, deploy), []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, run(exitStopped, "--yes"), "edited   "+deploy, "left as they are, since they were edited: "+deploy, "--force")
	if read() != edited {
		t.Error("an edited file was overwritten")
	}
	wants(t, run(exitDone, "--yes", "--force"), "changes  "+deploy, "1 file written")
	wants(t, run(exitDone, "--yes", "--promote", "none", "--deploy", "staging"), "hubwright-promote.yml is of an earlier time")
	wants(t, run(exitDone, "--yes", "--promote", "prod=staging", "--deploy", "none"), "prod is promoted to staging by hand", "hubwright-deploy.yml is of an earlier time")
}

// Everything that is wrong with the flags is told at once, and nothing is written.
func TestCIWrong(t *testing.T) {
	dir := inGit(t)
	code, _, errs := runCI(t, "ci", "gitlab", "-C", dir, "--env", "stagin", "--deploy", "x", "--promote", "staging", "--promote", "staging=prd", "--secret", "GITHUB_X", "--branch", "a'b",
		"--schedule", "daily", "--hubwright", "latest", "--image", "a b")
	if code != exitUsage {
		t.Error(code)
	}
	wants(t, errs, `--env: there is no environment "stagin": there are prod, staging; did you mean "staging"?`, `--deploy: there is no environment "x"`, `"staging" is not FROM=TO`,
		`--promote: there is no environment "prd"`, `--secret: "GITHUB_X"`, `--branch: "a'b"`, `--schedule: "daily" is not the five fields`, `--hubwright: "latest" is no version`, `--image: "a b"`)
	for want, args := range map[string][]string{
		`there is no "githb"; did you mean "github"?`: {"-C", dir, "ci", "githb"},
		"takes no argument":                           {"ci", "github", "staging", "-C", dir},
		"takes one commit":                            {"ci", "touched", "-C", dir},
		`there is no commit "mian"`:                   {"ci", "touched", "mian", "-C", dir},
		`there is no environment "stagin"`:            {"ci", "touched", "HEAD", "--env", "stagin", "-C", dir},
		`--ci: "githb" is none of github, gitlab`:     {"init", dir, "--ci", "githb"},
		"ci comment takes 2 arguments":                {"ci", "comment", "staging"},
		"ci issue takes 1 argument":                   {"ci", "issue", "--close"},
	} {
		if code, out, errs := runCI(t, args...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d\n%s%s", args, code, out, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ".gitlab")); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written")
	}
	plain := t.TempDir()
	if code, _, errs := runCI(t, "init", plain, "--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org", "--name", "sky"); code != exitDone {
		t.Fatal(errs)
	}
	code, _, errs = runCI(t, "ci", "touched", "HEAD", "-C", plain)
	if wants(t, errs, "is in no git repository", "hint: `git init` it"); code != exitUsage {
		t.Error(code)
	}
	code, _, errs = runCI(t, "ci", "github", "-C", plain)
	if wants(t, errs, "is in no git repository yet"); code != exitDone {
		t.Error(code)
	}
}

// init writes the workflows of the forge that is asked for; in a folder of a repository it says where they belong instead.
func TestInitWritesWorkflows(t *testing.T) {
	parent := t.TempDir()
	gittest.Run(t, parent, "init", "--quiet")
	right := []string{"--account", "162808325377", "--auth", "github", "--admin", "dmd", "--zone", "science.example.org"}
	for dir, test := range map[string]struct{ forge, file string }{
		filepath.Join(t.TempDir(), "sky"): {"github", ".github/workflows/hubwright-promote.yml"},
		filepath.Join(t.TempDir(), "sea"): {"gitlab", ".gitlab/hubwright.yml"},
		filepath.Join(parent, "sky"):      {"github", ""},
	} {
		for range 2 {
			code, _, errs := runCI(t, append([]string{"init", dir, "--ci", test.forge}, right...)...)
			if code != exitDone {
				t.Fatalf("%d\n%s", code, errs)
			}
			if test.file == "" {
				wants(t, errs, "the workflows belong in ", "hubwright ci github -C "+dir)
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, test.file)); err != nil {
				t.Error(err)
			}
		}
	}
	if code, _, errs := runCI(t, "ci", "gitlab", "-C", filepath.Join(parent, "sky"), "--hubwright", "v1.2.3"); code != exitDone {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(filepath.Join(parent, ".gitlab", "hubwright-sky.yml"))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, string(text), "- cd sky\n", "HUBWRIGHT_VERSION: v1.2.3")
}

// What is touched, in its three forms.
func TestCITouched(t *testing.T) {
	dir := inGit(t)
	if err := os.WriteFile(filepath.Join(dir, "hubs", "hub", "prod.yaml"), []byte("singleuser: {memory: {limit: 2G}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runCI(t, "ci", "touched", "HEAD", "-C", dir)
	if code != exitDone || out != "prod  hubs/hub/prod.yaml\n" {
		t.Errorf("%d %q %s", code, out, errs)
	}
	code, out, errs = runCI(t, "ci", "touched", "HEAD", "-C", dir, "--matrix")
	if want := `{"include":[{"environment":"prod","account":"162808325377","region":"us-east-1","added":false}]}` + "\n"; code != exitDone || out != want {
		t.Errorf("%d %q %s", code, out, errs)
	}
	code, out, errs = runCI(t, "ci", "touched", "HEAD", "-C", dir, "--matrix", "--env", "staging")
	if want := `{"include":[]}` + "\n"; code != exitDone || out != want { // which the workflow compares with
		t.Errorf("%d %q %s", code, out, errs)
	}
	code, out, errs = runCI(t, "ci", "touched", "main", "-C", dir, "-o", "json")
	reference.Fits(t, []byte(out))
	var r result.Touched
	if err := json.Unmarshal([]byte(out), &r); code != exitDone || err != nil || r.Base != gittest.Run(t, dir, "rev-parse", "HEAD") || len(r.Environments) != 1 || !slices.Equal(r.Environments[0].Files, []string{"hubs/hub/prod.yaml"}) {
		t.Errorf("%d %v %s %s", code, err, out, errs)
	}
	// The files that say which version is run are everybody's.
	if code, _, errs := runCI(t, "ci", "github", "-C", dir); code != exitDone {
		t.Fatal(errs)
	}
	if _, out, _ = runCI(t, "ci", "touched", "HEAD", "-C", dir, "--env", "staging"); out != "staging  .github/actions/hubwright/action.yml\n" {
		t.Error(out)
	}
	// A name that no stack may have is no job's.
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.$(id).yaml"), []byte("config: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs = runCI(t, "ci", "touched", "HEAD", "-C", dir, "--matrix"); code != exitUsage || out != "" || !strings.Contains(errs, `"$(id)" cannot be an environment's name`) {
		t.Errorf("%d %q %s", code, out, errs)
	}
}

// What a job puts on its pull request, and that it puts nothing of somebody else's there.
func TestCIComment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "preview.md")
	if code, _, errs := runCI(t, "ci", "comment", "staging", file); code != exitFailed || !strings.Contains(errs, "this is no job of GitHub Actions or GitLab CI") {
		t.Errorf("%d %s", code, errs)
	}
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("[]"))
			return
		}
		var in struct{ Title, Body string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		bodies = append(bodies, in.Title+"|"+in.Body)
		_, _ = w.Write([]byte(`{"html_url": "https://example.org/7#1"}`))
	}))
	defer server.Close()
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_API_URL": server.URL, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "x", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "5",
	} {
		t.Setenv(name, value)
	}
	text := change.Marker("staging") + "\n### `staging`: nothing changes\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runCI(t, "ci", "comment", "staging", file); code != exitDone || !strings.Contains(errs, "the comment of staging is made https://example.org/7#1") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := runCI(t, "ci", "comment", "prod", file); code != exitUsage || !strings.Contains(errs, "is not the Markdown of prod") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := runCI(t, "ci", "comment", "staging", filepath.Join(dir, "none.md")); code != exitDone {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := runCI(t, "ci", "issue", "staging", file); code != exitDone {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := runCI(t, "ci", "issue", "staging", "--close"); code != exitDone || !strings.Contains(errs, ": none") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := runCI(t, "ci", "issue", "staging", filepath.Join(dir, "none.md")); code != exitUsage {
		t.Errorf("%d %s", code, errs)
	}
	failed := change.Marker("staging") + "\n### `staging`: could not be previewed\n\n[The job's log](https://github.com/o/r/actions/runs/5) says why.\n"
	if want := []string{"|" + text, "|" + failed, "Drift in staging|" + text}; !slices.Equal(bodies, want) {
		t.Errorf("%q", bodies)
	}
}
