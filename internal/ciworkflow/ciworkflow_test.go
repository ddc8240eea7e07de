package ciworkflow

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/reference"
)

// odd is a deployment that has something of everything that is written differently.
func odd() *Deployment {
	return &Deployment{
		Command: "hubwright ci github", Prefix: "hubs of/physics/", Version: "v1.2.3", Branch: "release/2", Schedule: "0 4 * * 1-5", Image: "registry.example.org/go@sha256:" + strings.Repeat("0", 64),
		Environments: []Environment{
			{Name: "dev", Account: "111111111111", Region: "eu-west-1", After: "staging", File: "stacks/Pulumi.dev.yaml"},
			{Name: "on", Account: "222222222222", Region: "cn-north-1", File: "stacks/Pulumi.on.yaml"},
			{Name: "staging", Account: "111111111111", Region: "eu-west-1", Images: true, File: "stacks/Pulumi.staging.yaml"},
			{Name: "v1.0", Account: "111111111111", Region: "eu-west-1", File: "stacks/Pulumi.v1.0.yaml"},
		},
		Deployed: []string{"dev", "staging"}, Promotions: []Promotion{{"staging", "on"}, {"staging", "v1.0"}}, Secrets: []string{"PIP_TOKEN", "SOPS_AGE_KEY"},
	}
}

// The files of a deployment with something of everything are golden. Those of the shipped one are in internal/cli.
func TestFiles(t *testing.T) {
	for _, forge := range Forges {
		files, err := odd().Files(forge)
		if err != nil {
			t.Fatal(err)
		}
		reference.Golden(t, filepath.Join("testdata", forge), files)
	}
}

var pinned = regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+( # .*)?$`)

// What must hold of every workflow, whatever the deployment.
func TestSafety(t *testing.T) {
	plain := &Deployment{Command: "x", Branch: "main", Schedule: "23 5 * * *", Environments: []Environment{{Name: "a", Account: "1", Region: "us-east-1", File: "Pulumi.a.yaml"}, {Name: "prod", Account: "1", Region: "us-east-1", File: "Pulumi.prod.yaml"}}, Deployed: []string{"a"}, Promotions: []Promotion{{"a", "prod"}}}
	source := odd()
	source.Source = true
	for _, d := range []*Deployment{odd(), plain, source} {
		files, err := d.Files(GitHub)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			for line := range strings.Lines(string(data)) {
				if use, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "- "), "uses: "); ok && !strings.HasPrefix(use, "./.github/") {
					if !pinned.MatchString(use) {
						t.Errorf("%s: %q is not pinned", name, use)
					}
				}
			}
			if strings.Contains(string(data), "pull_request_target:") || strings.Contains(string(data), "secrets: inherit") {
				t.Errorf("%s runs strangers' code with secrets", name)
			}
			if strings.HasSuffix(name, "action.yml") {
				continue
			}
			checkWorkflow(t, name, data)
		}
	}
}

// workflow is what is looked at of one.
type workflow struct {
	On          any
	Permissions map[string]string
	Jobs        map[string]struct {
		If          string
		Environment string
		Permissions map[string]string
		Concurrency struct {
			CancelInProgress bool `yaml:"cancel-in-progress"`
		}
		TimeoutMinutes int `yaml:"timeout-minutes"`
		Steps          []struct {
			Uses, Run string
			With      map[string]any
		}
	}
}

func checkWorkflow(t *testing.T, name string, data []byte) {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, data)
	}
	if w.Permissions == nil || len(w.Permissions) > 0 {
		t.Errorf("%s: the workflow itself has permissions %v", name, w.Permissions)
	}
	for id, job := range w.Jobs {
		aws, persists := false, false
		for _, s := range job.Steps {
			aws = aws || strings.HasPrefix(s.Uses, "aws-actions/")
			if strings.Contains(s.Run, "${{") {
				t.Errorf("%s: %s: what an expression gives is part of a script: %q", name, id, s.Run)
			}
			if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
				persists = true
			}
		}
		if aws != (job.Permissions["id-token"] == "write") {
			t.Errorf("%s: %s: uses AWS is %t, its permissions are %v", name, id, aws, job.Permissions)
		}
		if persists != (job.Permissions["contents"] == "write") || aws && persists {
			t.Errorf("%s: %s: it keeps a token of git, with permissions %v", name, id, job.Permissions)
		}
		if job.TimeoutMinutes == 0 || job.Permissions == nil {
			t.Errorf("%s: %s has no bounds", name, id)
		}
		if job.Environment != "" && job.Concurrency.CancelInProgress {
			t.Errorf("%s: %s: an update may be cancelled", name, id)
		}
	}
}

// GitLab's file is YAML, its jobs are bounded to pipelines, and only those with a role get a token.
func TestGitLab(t *testing.T) {
	files, err := odd().Files(GitLab)
	if err != nil {
		t.Fatal(err)
	}
	data := files[".gitlab/hubwright-hubs-of-physics.yml"]
	var jobs map[string]map[string]any
	if err := yaml.Unmarshal(data, &jobs); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	for name, job := range jobs {
		if strings.HasPrefix(name, ".") || name == "variables" {
			continue
		}
		if job["rules"] == nil || job["script"] == nil {
			t.Errorf("%s has no rules or no script", name)
		}
		if aws := !strings.HasPrefix(name, "sandbox-"); aws != (job["extends"] == ".hubwright-hubs-of-physics-aws") {
			t.Errorf("%s extends %v", name, job["extends"])
		}
		if strings.HasPrefix(name, "deploy-") || strings.HasPrefix(name, "promote-") {
			if job["resource_group"] == nil || job["interruptible"] != false || job["environment"] == nil {
				t.Errorf("%s may run beside another: %v", name, job)
			}
		}
	}
	if n := len(jobs); n != 2+1+3*4+2+2 {
		t.Errorf("there are %d jobs: %v", n, slices.Sorted(maps.Keys(jobs)))
	}
}

func TestStates(t *testing.T) {
	d := odd()
	first, err := d.Files(GitHub)
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		to := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	state := func(files map[string][]byte) map[string]State {
		t.Helper()
		list, err := Compare(top, files)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]State{}
		for _, f := range list {
			_, short, _ := strings.Cut(filepath.Base(f.Path), "physics-")
			out[short] = f.State
			if (f.Diff != "") != (f.State == Outdated || f.State == Changed || f.State == Foreign) {
				t.Errorf("%s is %s: %q", f.Path, f.State, f.Diff)
			}
		}
		return out
	}
	if diff := cmp.Diff(map[string]State{"": New, "deploy.yml": New, "drift.yml": New, "preview.yml": New, "promote.yml": New}, state(first)); diff != "" {
		t.Error(diff)
	}
	for name, text := range first {
		write(name, text)
	}
	d.Schedule = "1 1 * * *"
	second, err := d.Files(GitHub)
	if err != nil {
		t.Fatal(err)
	}
	const at = ".github/workflows/hubwright-hubs-of-physics-"
	write(at+"preview.yml", append(first[at+"preview.yml"], "# mine\n"...))
	write(at+"deploy.yml", []byte("name: mine\n"))
	write(at+"promote.yml", []byte(strings.ReplaceAll(string(first[at+"promote.yml"]), "\n", "\r\n")))
	if diff := cmp.Diff(map[string]State{"": Same, "deploy.yml": Changed, "drift.yml": Outdated, "preview.yml": Changed, "promote.yml": Same}, state(second)); diff != "" {
		t.Error(diff)
	}
	d.Promotions = nil
	third, err := d.Files(GitHub)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := Left(top, d.Prefix, third, GitHub); err != nil || !slices.Equal(left, []string{at + "promote.yml"}) {
		t.Errorf("%v, %v", left, err)
	}
	write(".gitlab-ci.yml", []byte("build: {script: make}\n"))
	lab, err := d.Files(GitLab)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Compare(top, lab)
	if err != nil || len(list) != 2 || list[0].State != Foreign || Includes(top, d.Prefix) {
		t.Errorf("%v, %v", list, err)
	}
	write(".gitlab-ci.yml", []byte("include: [{local: .gitlab/hubwright-hubs-of-physics.yml}]\n"))
	if !Includes(top, d.Prefix) {
		t.Error("what is included is not found")
	}
}

// GoVersion is that of go.mod.
func TestGoVersion(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-print", filepath.Join(reference.Root(), "go.mod")).Output()
	if err != nil || !regexp.MustCompile(`(?m)^go `+regexp.QuoteMeta(GoVersion)+`(\.\d+)?$`).Match(out) {
		t.Errorf("go.mod wants another Go than %s: %v", GoVersion, err)
	}
}
