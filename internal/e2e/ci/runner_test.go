package ci_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// runner runs the scripts of generated jobs as the runners of GitHub and GitLab do: with bash, which stops at the first command that fails, in a clone.
// Actions and what installs the program are left out: it is on PATH.
type runner struct {
	t *testing.T
	// dir is the clone, temp the folder of the job beside it.
	dir, temp string
	// env are the variables of the job besides the process's own.
	env []string
}

// ran is what a script came to.
type ran struct {
	code int
	out  string
}

// script runs a script of bash.
func (r *runner) script(flags []string, script string, env ...string) ran {
	r.t.Helper()
	file := filepath.Join(r.temp, "script.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command("bash", append(flags, file)...)
	cmd.Dir = r.dir
	cmd.Env = slices.Concat(r.env, env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	if strings.Contains(out.String(), "goroutine ") {
		r.t.Errorf("a stack trace:\n%s", out.String())
	}
	return ran{cmd.ProcessState.ExitCode(), out.String()}
}

// read is a file of the job; "" without one.
func (r *runner) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.temp, name))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return string(text)
}

// file is a file of the clone.
func (r *runner) file(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// write writes one.
func (r *runner) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// githubJob is a job of a workflow, as far as it is run here.
type githubJob struct {
	Env   map[string]string
	Steps []struct {
		ID, Name, Uses, Run, If string
		Env                     map[string]string
	}
}

var expression = regexp.MustCompile(`\$\{\{ *([^}]*?) *\}\}`)

// github runs the steps of a job that are scripts, one after the other, and returns what the job has printed. values are what its expressions stand for.
func (r *runner) github(workflow, job string, values map[string]string, code int) string {
	r.t.Helper()
	text := r.file(filepath.Join(".github", "workflows", workflow))
	var w struct {
		Defaults struct{ Run struct{ Shell string } }
		Jobs     map[string]githubJob
	}
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		r.t.Fatal(err)
	}
	j, ok := w.Jobs[job]
	if !ok || w.Defaults.Run.Shell != "bash" {
		r.t.Fatalf("%s has no job %s for bash", workflow, job)
	}
	fill := func(env map[string]string) (out []string) {
		for name, value := range env {
			out = append(out, name+"="+expression.ReplaceAllStringFunc(value, func(e string) string {
				value, ok := values[expression.FindStringSubmatch(e)[1]]
				if !ok {
					r.t.Fatalf("%s: %s: %s has no value here", workflow, job, e)
				}
				return value
			}))
		}
		return out
	}
	all, scripts, status := "", 0, 0
	for _, step := range j.Steps {
		if step.Run == "" || status != 0 && step.If != "${{ !cancelled() }}" {
			continue
		}
		scripts++
		env := slices.Concat(fill(j.Env), fill(step.Env), []string{
			"RUNNER_TEMP=" + r.temp, "GITHUB_OUTPUT=" + filepath.Join(r.temp, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(r.temp, "summary"), "GITHUB_WORKSPACE=" + r.dir,
		})
		// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#defaultsrunshell
		got := r.script([]string{"--noprofile", "--norc", "-eo", "pipefail"}, step.Run, env...)
		all += got.out
		if status == 0 {
			status = got.code
		}
	}
	if status != code || scripts == 0 {
		r.t.Fatalf("%s: %s: exit %d of %d scripts, want %d\n%s", workflow, job, status, scripts, code, all)
	}
	return all
}

// gitlab runs the script of a job, without what prepares it.
func (r *runner) gitlab(job string, code int, env ...string) string {
	r.t.Helper()
	text := r.file(filepath.Join(".gitlab", "hubwright.yml"))
	var jobs map[string]struct {
		Variables map[string]string
		Script    []string
	}
	if err := yaml.Unmarshal([]byte(text), &jobs); err != nil {
		r.t.Fatal(err)
	}
	j, ok := jobs[job]
	if !ok {
		r.t.Fatalf("there is no job %s", job)
	}
	vars := []string{"OUT=" + r.temp}
	for name, value := range j.Variables {
		vars = append(vars, name+"="+value)
	}
	// https://docs.gitlab.com/runner/shells/#shell-execution-order: one script, which stops at the first failure
	got := r.script([]string{"-eo", "pipefail"}, strings.Join(j.Script, "\n"), slices.Concat(vars, env)...)
	if got.code != code {
		r.t.Fatalf("%s: exit %d, want %d\n%s", job, got.code, code, got.out)
	}
	return got.out
}
