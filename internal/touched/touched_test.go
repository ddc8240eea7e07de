package touched_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/gitsource/gittest"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/touched"
)

const project = `name: hubwright
runtime: go
config:
  hubwright:deployment:
    default: {name: sky, accountId: "162808325377", owner: dmd, outside: [../common]}
  hubwright:images:
    default:
      - {name: lab, context: images/lab}
  hubwright:hubs:
    default:
      - name: hub
        chart: {path: charts/wrapper}
        templates: hubs/hub/templates
        manifests: ["more/${env}.yaml", ../common/claims.yaml]
        valuesFromFiles: {hub.extraFiles.a.stringData: announcements.py}
        auth: {type: github}
`

// deployment is one in the folder deploy of a repository, with two environments of which one has its image pinned.
func deployment(t *testing.T) (top, dir string) {
	t.Helper()
	needs.Command(t, "git", "git")
	top = t.TempDir()
	dir = filepath.Join(top, "deploy")
	gittest.Run(t, top, "init", "--quiet", "--initial-branch=main")
	write(t, top, map[string]string{
		"README.md": "x", "common/claims.yaml": "x", "common/other.yaml": "x",
		"deploy/Pulumi.yaml": project, "deploy/.gitignore": ".hubwright/\n",
		"deploy/Pulumi.staging.yaml":  "config:\n  aws:region: us-east-1\n",
		"deploy/Pulumi.prod.yaml":     "config:\n  aws:region: us-west-2\n  hubwright:pins:\n    images: {lab: r/sky-prod-lab@sha256:" + strings.Repeat("a", 64) + "}\n",
		"deploy/hubs/hub/common.yaml": "a: 1\n", "deploy/hubs/hub/staging.yaml": "a: 2\n", "deploy/hubs/hub/prod.yaml": "a: 3\n",
		"deploy/hubs/hub/templates/page.html": "x", "deploy/more/staging.yaml": "x", "deploy/more/prod.yaml": "x", "deploy/announcements.py": "x",
		"deploy/charts/wrapper/values.yaml": "x", "deploy/images/lab/Dockerfile": "FROM scratch\n", "deploy/images/labs/x": "x", "deploy/docs.md": "x",
		"shared.yaml": "x",
	})
	if err := os.Symlink("../../shared.yaml", filepath.Join(dir, "hubs", "all.yaml")); err != nil {
		t.Fatal(err)
	}
	commit(t, top)
	return top, dir
}

func write(t *testing.T, top string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(top, name)
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func commit(t *testing.T, top string) string {
	t.Helper()
	gittest.Run(t, top, "add", "-A")
	gittest.Run(t, top, "commit", "--quiet", "-m", "by hand")
	return gittest.Run(t, top, "rev-parse", "HEAD")
}

// What each file touches, whether it is committed or not.
func TestFind(t *testing.T) {
	both := []string{"prod", "staging"}
	for name, test := range map[string]struct {
		files map[string]string // from the top; "" takes one away
		want  []string
	}{
		"nothing":                                  {nil, nil},
		"beside the deployment":                    {map[string]string{"README.md": "y", "common/other.yaml": "y", "deploy/docs.md": "y", "deploy/images/labs/x": "y"}, nil},
		"what git ignores":                         {map[string]string{"deploy/.hubwright/sandbox/world": "y"}, nil},
		"the project":                              {map[string]string{"deploy/Pulumi.yaml": project + "# y\n"}, both},
		"a stack":                                  {map[string]string{"deploy/Pulumi.staging.yaml": "config:\n  aws:region: us-east-2\n"}, []string{"staging"}},
		"one that cannot be read any more":         {map[string]string{"deploy/Pulumi.prod.yaml": "config: [\n"}, []string{"prod"}},
		"common values":                            {map[string]string{"deploy/hubs/hub/common.yaml": "a: 2\n"}, both},
		"values of one":                            {map[string]string{"deploy/hubs/hub/prod.yaml": "a: 2\n"}, []string{"prod"}},
		"a file of secrets that is new":            {map[string]string{"deploy/hubs/hub/secrets/staging.yaml": "a: 2\n"}, []string{"staging"}},
		"a template":                               {map[string]string{"deploy/hubs/hub/templates/page.html": "y"}, both},
		"a template taken away":                    {map[string]string{"deploy/hubs/hub/templates/page.html": ""}, both},
		"a manifest":                               {map[string]string{"deploy/more/prod.yaml": "y"}, []string{"prod"}},
		"a manifest outside":                       {map[string]string{"common/claims.yaml": "y"}, both},
		"a text among values":                      {map[string]string{"deploy/announcements.py": "y"}, both},
		"a chart":                                  {map[string]string{"deploy/charts/wrapper/templates/x.yaml": "y"}, both},
		"an image, pinned in prod":                 {map[string]string{"deploy/images/lab/environment.yml": "y"}, []string{"staging"}},
		"what a link leads to":                     {map[string]string{"shared.yaml": "y"}, both},
		"a hub without a text that the base names": {map[string]string{"deploy/Pulumi.yaml": strings.Replace(project, "        templates: hubs/hub/templates\n", "", 1)}, both},
		"the file that says the version":           {map[string]string{"ci/version": "y"}, both},
	} {
		t.Run(name, func(t *testing.T) {
			top, dir := deployment(t)
			write(t, top, test.files)
			for _, base := range []string{"HEAD", "HEAD^"} {
				if base == "HEAD^" {
					gittest.Run(t, top, "add", "-A")
					gittest.Run(t, top, "commit", "--quiet", "--allow-empty", "-m", "the change")
				}
				r, err := touched.Find(t.Context(), dir, base, "ci/version")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, names(r)); diff != "" {
					t.Errorf("against %s (-want +got):\n%s", base, diff)
				}
			}
		})
	}
}

func names(r *touched.Report) (out []string) {
	for _, e := range r.Environments {
		out = append(out, e.Name)
	}
	return out
}

// An environment has its account, its region and the files that it is touched by; new ones and those that are gone are told apart.
func TestReport(t *testing.T) {
	top, dir := deployment(t)
	base := gittest.Run(t, top, "rev-parse", "HEAD")
	write(t, top, map[string]string{
		"deploy/Pulumi.prod.yaml": "", "deploy/Pulumi.dev.yaml": "config:\n  aws:region: eu-west-1\n", "common/claims.yaml": "y", "deploy/hubs/hub/staging.yaml": "a: 5\n",
	})
	r, err := touched.Find(t.Context(), dir, "main")
	if err != nil {
		t.Fatal(err)
	}
	want := &touched.Report{
		Base: base, Removed: []string{"prod"}, Environments: []touched.Environment{
			{Name: "dev", Account: "162808325377", Region: "eu-west-1", Added: true, Files: []string{"../common/claims.yaml", "Pulumi.dev.yaml"}},
			{Name: "staging", Account: "162808325377", Region: "us-east-1", Files: []string{"../common/claims.yaml", "hubs/hub/staging.yaml"}},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Where the deployment directory holds the program's source, that is each environment's: what is compiled or may be embedded, and nothing else.
func TestProgram(t *testing.T) {
	top, dir := deployment(t)
	write(t, dir, map[string]string{
		"go.mod": "module m\n", "main.go": "package main\n", "internal/a/a.go": "package a\n", "internal/a/text.tmpl": "x", "internal/a/more/x.yaml": "x",
		"internal/a/testdata/x.txt": "x", "internal/a/a_test.go": "package a\n", "tools/go.mod": "module tools\n", "tools/tools.go": "package tools\n", "images/lab/run.go": "package main\n",
	})
	commit(t, top)
	for name, touches := range map[string]bool{
		"go.mod": true, "go.sum": true, "main.go": true, "internal/a/a.go": true, "internal/a/b.go": true, "internal/a/text.tmpl": true, "internal/a/more/x.yaml": true,
		"internal/a/testdata/x.txt": false, "internal/a/a_test.go": false, "tools/go.mod": false, "tools/tools.go": false, "docs.md": false, "images/labs/x": false,
		".cache/go-mod/x/x.go": false,
	} {
		write(t, dir, map[string]string{name: "// changed\n"})
		r, err := touched.Find(t.Context(), dir, "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Equal(names(r), []string{"prod", "staging"}); got != touches || !touches && len(r.Environments) > 0 {
			t.Errorf("%s touches %v", name, names(r))
		}
		gittest.Run(t, top, "reset", "--quiet", "--hard")
		gittest.Run(t, top, "clean", "--quiet", "-fd")
	}
	write(t, dir, map[string]string{"images/lab/run.go": "package main // changed\n"})
	if r, err := touched.Find(t.Context(), dir, "HEAD"); err != nil || !slices.Equal(names(r), []string{"staging"}) {
		t.Errorf("an image's source touches %v, %v", names(r), err)
	}
}

// A deployment that is new, or was not readable, touches all there is.
func TestWithoutABase(t *testing.T) {
	top := t.TempDir()
	gittest.Run(t, top, "init", "--quiet", "--initial-branch=main")
	write(t, top, map[string]string{"README.md": "x"})
	commit(t, top)
	write(t, top, map[string]string{"Pulumi.yaml": project, "Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n"})
	r, err := touched.Find(t.Context(), top, "HEAD")
	if err != nil || len(r.Environments) != 1 || !r.Environments[0].Added {
		t.Fatalf("%+v, %v", r, err)
	}
	write(t, top, map[string]string{"Pulumi.yaml": "{[", "Pulumi.staging.yaml": "x: 1\n"})
	commit(t, top)
	write(t, top, map[string]string{"Pulumi.yaml": project})
	if r, err = touched.Find(t.Context(), top, "HEAD"); err != nil || len(r.Environments) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestWrongBase(t *testing.T) {
	top, dir := deployment(t)
	clone := filepath.Join(t.TempDir(), "clone")
	write(t, top, map[string]string{"README.md": "y"})
	first := gittest.Run(t, top, "rev-parse", "HEAD")
	commit(t, top)
	gittest.Run(t, top, "clone", "--quiet", "--depth=1", "file://"+top, clone)
	empty := t.TempDir()
	gittest.Run(t, empty, "init", "--quiet")
	for _, test := range []struct{ dir, base, want, hint string }{
		{t.TempDir(), "HEAD", "is in no git repository", "git init"},
		{dir, "mian", `there is no commit "mian" in the repository`, "git fetch"},
		{dir, "--output=x", "names no commit", "HEAD^1"},
		{dir, "", "names no commit", "HEAD^1"},
		{dir, "HEAD:README.md", "there is no commit", ""},
		{filepath.Join(clone, "deploy"), first, "which is a shallow one", "git fetch --unshallow"},
		{filepath.Join(clone, "deploy"), "HEAD^1", "which is a shallow one", "fetch-depth"},
		{empty, "HEAD", "has no commit yet", "commit the deployment"},
	} {
		_, err := touched.Find(t.Context(), test.dir, test.base)
		var wrong *touched.BaseError
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Reason, test.want) || !strings.Contains(wrong.Hint, test.hint) {
			t.Errorf("%s against %q: %v", test.dir, test.base, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := touched.Find(t.Context(), dir, "HEAD"); err == nil || !strings.Contains(err.Error(), "there is no git on PATH") {
		t.Error(err)
	}
}
