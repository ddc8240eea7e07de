// Package ci_test runs what the generated workflows run, as CI would: the scripts of each job, in a clone of a deployment that init made, in the sandbox.
package ci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/gitsource/gittest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// forge is a forge that keeps one comment and one issue, and notes what is asked of it.
type forge struct {
	*httptest.Server
	mu    sync.Mutex
	kept  map[string]string // the body of the comment and of the issue, by the end of their path
	asked []string
}

func newForge(t *testing.T) *forge {
	f := &forge{kept: map[string]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := "issue"
	if strings.Contains(r.URL.Path, "/comments") || strings.Contains(r.URL.Path, "/notes") {
		kind = "comment"
	}
	entry := func(body string) map[string]any {
		return map[string]any{
			"id": 1, "iid": 1, "number": 1, "body": body, "description": body, "user": map[string]any{"login": "github-actions[bot]"}, "author": map[string]any{"id": 1}, "html_url": "https://example.org/1",
		}
	}
	if r.Method == http.MethodGet {
		if r.URL.Path == "/user" {
			_ = json.NewEncoder(w).Encode(entry(""))
			return
		}
		list := []any{}
		if body, ok := f.kept[kind]; ok {
			list = append(list, entry(body))
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	var in map[string]string
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.asked = append(f.asked, r.Method+" "+kind)
	if in["state"] == "closed" || in["state_event"] == "close" {
		delete(f.kept, kind)
	} else {
		f.kept[kind] = in["body"] + in["description"]
	}
	_ = json.NewEncoder(w).Encode(entry(f.kept[kind]))
}

// made is a deployment that init made, in a repository with a pull request that is merged into main: more memory for servers on staging. It returns a
// clone of two commits, as checkouts of pull requests are.
func made(t *testing.T, ci string) *runner {
	t.Helper()
	d := clitest.New(t, nil)
	origin := filepath.Join(d.Dir, "sky")
	d.Must(0, "init "+origin+" --account 162808325377 --auth github --admin dmd --zone science.example.org --ci "+ci)
	gittest.Run(t, origin, "init", "--quiet", "--initial-branch=main")
	gittest.Run(t, origin, "add", "-A")
	gittest.Run(t, origin, "commit", "--quiet", "-m", "the deployment")
	gittest.Run(t, origin, "checkout", "--quiet", "-b", "more")
	if err := os.WriteFile(filepath.Join(origin, "hubs", "hub", "staging.yaml"), []byte("singleuser:\n  memory: {limit: 3G, guarantee: 2G}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, origin, "commit", "--quiet", "-am", "more memory")
	gittest.Run(t, origin, "checkout", "--quiet", "main")
	gittest.Run(t, origin, "merge", "--quiet", "--no-ff", "-m", "merged", "more")
	bin := filepath.Join(d.Dir, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "hubwright")); err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, dir: filepath.Join(d.Dir, "clone"), temp: filepath.Join(d.Dir, "temp")}
	if err := os.Mkdir(r.temp, 0o755); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, d.Dir, "clone", "--quiet", "--depth=2", "file://"+origin, r.dir)
	r.env = slices.Concat(d.Env, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HUBWRIGHT_SANDBOX=1", "GIT_CONFIG_GLOBAL=" + os.DevNull})
	return r
}

// drifted takes the record of a domain away, behind the back of its environment.
func (r *runner) drifted(t *testing.T, domain string) {
	t.Helper()
	if got := r.script([]string{"-e"}, `hubwright sandbox list -o json > "$RUNNER_TEMP/objects"`, "RUNNER_TEMP="+r.temp); got.code != 0 {
		t.Fatal(got.out)
	}
	var list struct{ Objects []struct{ Kind, ID string } }
	if err := json.Unmarshal([]byte(r.read("objects")), &list); err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Objects {
		if o.Kind == "aws:route53/record:Record" && strings.Contains(o.ID, "_"+domain) {
			if got := r.script([]string{"-e"}, `hubwright sandbox delete "$KIND" "$ID"`, "KIND="+o.Kind, "ID="+o.ID); got.code != 0 {
				t.Fatal(got.out)
			}
			return
		}
	}
	t.Fatalf("there is no record of %s in %v", domain, list.Objects)
}

// GitHub's workflows, from the pull request to drift in what was promoted.
func TestGitHub(t *testing.T) {
	t.Parallel()
	r, f := made(t, "github"), newForge(t)
	r.env = append(r.env, "GITHUB_ACTIONS=true", "GITHUB_API_URL="+f.URL, "GITHUB_REPOSITORY=o/r", "GITHUB_REF=refs/pull/7/merge", "GITHUB_SERVER_URL=https://github.com", "GITHUB_RUN_ID=5")
	const preview, promote, drift = "hubwright-preview.yml", "hubwright-promote.yml", "hubwright-drift.yml"

	r.github(preview, "touched", nil, 0)
	output := r.read("output")
	matrix := struct {
		Include []struct{ Environment, Account, Region string }
	}{}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(output, "matrix=")), &matrix); err != nil || len(matrix.Include) != 1 || matrix.Include[0].Environment != "staging" {
		t.Fatalf("%v: %q", err, output)
	}
	values := map[string]string{"matrix.environment": matrix.Include[0].Environment, "github.token": "x", "vars.HUBWRIGHT_DEPLOY_ROLE": "arn:aws:iam::162808325377:role/deploy"}
	r.github(preview, "sandbox", values, 0)
	for _, want := range []string{"### `staging`: 1 to update", "memory.limit", "`3G`", "in the sandbox"} {
		if !strings.Contains(r.read("summary"), want) {
			t.Errorf("%q is not in the summary\n%s", want, r.read("summary"))
		}
	}
	if len(f.asked) > 0 {
		t.Errorf("without credentials it asked the forge for %q", f.asked)
	}
	whole, err := os.ReadFile(filepath.Join(r.temp, "change-staging.json"))
	if err != nil || !strings.Contains(string(whole), `"schema": "hubwright/change/v1"`) {
		t.Errorf("%v\n%s", err, whole)
	}

	// The same with credentials, which the sandbox stands in for: one comment, whatever is pushed afterwards.
	r.github(preview, "preview", values, 0)
	r.github(preview, "preview", values, 0)
	if got := fmt.Sprint(f.asked); got != "[POST comment]" || !strings.HasPrefix(f.kept["comment"], "<!-- hubwright change staging -->\n") || !strings.Contains(f.kept["comment"], "`3G`") {
		t.Errorf("%s\n%s", got, f.kept["comment"])
	}

	// What a guard stops, and what cannot be previewed at all, is told in the same comment.
	stack := r.file("Pulumi.staging.yaml")
	r.write("Pulumi.staging.yaml", stack+"  hubwright:guards: {rules: [{name: frozen, when: 'true', message: nothing now}]}\n")
	r.github(preview, "preview", values, 4)
	if !strings.Contains(f.kept["comment"], "⛔ `frozen` **stops this**: nothing now") {
		t.Error(f.kept["comment"])
	}
	r.write("Pulumi.staging.yaml", stack+"  hubwright:gards: {}\n")
	r.write("../temp/preview.md", "") // each job has a folder of its own
	r.github(preview, "preview", values, 2)
	if got := fmt.Sprint(f.asked); got != "[POST comment PATCH comment PATCH comment]" || !strings.Contains(f.kept["comment"], "could not be previewed\n\n[The job's log](https://github.com/o/r/actions/runs/5)") {
		t.Errorf("%s\n%s", got, f.kept["comment"])
	}
	r.write("Pulumi.staging.yaml", stack)
	f.asked = nil

	r.github("hubwright-deploy.yml", "deploy-staging", map[string]string{"vars.HUBWRIGHT_DEPLOY_ROLE": ""}, 1)
	r.github("hubwright-deploy.yml", "deploy-staging", values, 0)
	r.github(promote, "promote-staging-prod", values, 0)
	if strings.Contains(r.read("output"), "pinned") { // the sandbox leaves one's own files alone
		t.Error(r.read("output"))
	}
	r.proposes(t, promote)

	r.github(drift, "drift-prod", values, 0)
	r.drifted(t, "sky.science.example.org")
	r.github(drift, "drift-prod", values, 0)
	if !strings.HasPrefix(f.kept["issue"], "<!-- hubwright change prod -->\n") || !strings.Contains(f.kept["issue"], "`prod`: ") {
		t.Errorf("the issue is %q", f.kept["issue"])
	}
	if got := r.script([]string{"-e"}, "hubwright refresh prod --yes; hubwright up prod --yes"); got.code != 0 {
		t.Fatal(got.out)
	}
	r.github(drift, "drift-prod", values, 0)
	if got := fmt.Sprint(f.asked); got != "[POST issue PATCH issue]" || f.kept["issue"] != "" {
		t.Errorf("%s, %q", got, f.kept["issue"])
	}
}

// proposes has the pins of a promotion proposed, with real services' change of the file made by hand.
func (r *runner) proposes(t *testing.T, workflow string) {
	t.Helper()
	r.write("Pulumi.prod.yaml", r.file("Pulumi.prod.yaml")+"  hubwright:pins: {charts: {hub: 4.4.0}}\n")
	got := r.script([]string{"-e"}, `git diff --patch -- Pulumi.prod.yaml > "$RUNNER_TEMP/pins.patch"; git checkout --quiet -- .`, "RUNNER_TEMP="+r.temp)
	if got.code != 0 {
		t.Fatal(got.out)
	}
	gh := filepath.Join(r.temp, "gh")
	if err := os.WriteFile(gh, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$RUNNER_TEMP/gh.args\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	own := *r
	own.env = append(own.env, "PATH="+r.temp+":"+os.Getenv("PATH"))
	own.github(workflow, "pins-staging-prod", map[string]string{"github.token": "x"}, 0)
	const branch = "hubwright/pins-prod-5"
	for _, want := range []string{"pr\ncreate\n", "--base\nmain\n", "--head\n" + branch + "\n", "https://github.com/o/r/actions/runs/5"} {
		if !strings.Contains(r.read("gh.args"), want) {
			t.Errorf("%q is not in\n%s", want, r.read("gh.args"))
		}
	}
	if shown := gittest.Run(t, r.dir, "ls-remote", "origin", branch); !strings.Contains(shown, branch) {
		t.Errorf("nothing was pushed: %s", shown)
	}
	if shown := gittest.Run(t, r.dir, "show", "--format=%an: %s", branch); !strings.Contains(shown, "github-actions[bot]: Pin in prod what was promoted from staging") || !strings.Contains(shown, "+  hubwright:pins: {charts: {hub: 4.4.0}}") {
		t.Error(shown)
	}
	gittest.Run(t, r.dir, "checkout", "--quiet", "main")
}

// GitLab's jobs, the same way.
func TestGitLab(t *testing.T) {
	t.Parallel()
	r, f := made(t, "gitlab"), newForge(t)
	base := gittest.Run(t, r.dir, "rev-parse", "HEAD^1")
	r.env = append(r.env, "GITLAB_CI=true", "CI_API_V4_URL="+f.URL, "CI_PROJECT_ID=3", "CI_MERGE_REQUEST_IID=7", "CI_MERGE_REQUEST_DIFF_BASE_SHA="+base, "HUBWRIGHT_PREVIEW_ROLE=arn:aws:iam::162808325377:role/look")
	const token, role = "HUBWRIGHT_GITLAB_TOKEN=x", "HUBWRIGHT_DEPLOY_ROLE=arn:aws:iam::162808325377:role/deploy"

	if out := r.gitlab("sandbox-prod", 0); !strings.Contains(out, "no environment is touched") || r.read("preview.md") != "" {
		t.Errorf("%s\n%s", out, r.read("preview.md"))
	}
	r.gitlab("sandbox-staging", 0)
	if text := r.read("preview.md"); !strings.Contains(text, "### `staging`: 1 to update") || !strings.Contains(text, "`3G`") {
		t.Error(text)
	}
	r.gitlab("preview-staging", 0)
	r.gitlab("preview-staging", 0, token)
	r.gitlab("preview-staging", 0, token)
	if got := fmt.Sprint(f.asked); got != "[POST comment]" || !strings.Contains(f.kept["comment"], "`3G`") {
		t.Errorf("%s\n%s", got, f.kept["comment"])
	}
	r.gitlab("deploy-staging", 1)
	r.gitlab("deploy-staging", 0, role)
	r.gitlab("promote-staging-prod", 0, role)
	r.gitlab("drift-prod", 0, token)
	r.drifted(t, "sky.science.example.org")
	r.gitlab("drift-prod", 0, token)
	if got := fmt.Sprint(f.asked); got != "[POST comment POST issue]" || !strings.Contains(f.kept["issue"], "`prod`: ") {
		t.Errorf("%s, %q", got, f.kept["issue"])
	}
}
