package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/cli"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/reference"
)

// The test binary is the program too: started with asProgram set, or by the engine, it is hubwright.
const asProgram = "HUBWRIGHT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if cli.StartedByEngine(os.Args, os.Getenv) {
		pulumi.Run(cli.Program())
		return
	}
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args))
	}
	flag.Parse()
	os.Exit(m.Run())
}

// deployment is a copy of the shipped deployment, to be worked on by the program in processes of its own.
type deployment struct {
	t   *testing.T
	dir string
	env []string
}

// newDeployment copies what the repository ships; change may edit a file's text on the way.
func newDeployment(t *testing.T, change func(name, text string) string) *deployment {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the engine")
	}
	enginetest.Engine(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{t: t, dir: t.TempDir(), env: append(os.Environ(), asProgram+"=1", "HUBWRIGHT_OFFLINE=1", "CI=1", "HUBWRIGHT_SANDBOX_QUIET=20ms")}
	for _, part := range []string{"Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml", "hubs", "images"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if change != nil {
				data = []byte(change(name, string(data)))
			}
			to := filepath.Join(d.dir, name)
			return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// ran is what a command came to.
type ran struct {
	args     string
	code     int
	out, err string
}

func (d *deployment) command(ctx context.Context, args string) *exec.Cmd {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, strings.Fields(args)...)
	cmd.Dir, cmd.Env = d.dir, d.env
	return cmd
}

// run runs the program with arguments that hold no blanks.
func (d *deployment) run(args string) ran { return d.feed("", args) }

// feed runs the program with a text on its standard input.
func (d *deployment) feed(in, args string) ran {
	d.t.Helper()
	var out, errs bytes.Buffer
	cmd := d.command(context.Background(), args)
	cmd.Stdin = strings.NewReader(in)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	r := ran{args, cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	if strings.Contains(r.err, "goroutine ") || strings.Contains(r.err, "panic:") {
		d.t.Errorf("hubwright %s shows a stack trace:\n%s", args, r.err)
	}
	return r
}

// String is the command and all that it said.
func (r ran) String() string { return fmt.Sprintf("$ hubwright %s\n%s%s", r.args, r.out, r.err) }

// must runs the program and fails the test unless it ends with the code.
func (d *deployment) must(code int, args string) ran {
	d.t.Helper()
	r := d.run(args)
	if r.code != code {
		d.t.Fatalf("hubwright %s: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	return r
}

// has fails the test unless the command's output or chatter holds all of the texts.
func (r ran) has(t *testing.T, texts ...string) ran {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("hubwright %s: %q is not in\n%s%s", r.args, text, r.out, r.err)
		}
	}
	return r
}

// json decodes the command's result.
func (r ran) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("hubwright %s: the result is no JSON: %v\n%s", r.args, err, r.out)
	}
	reference.Fits(t, []byte(r.out))
	return v
}

func (d *deployment) read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

func (d *deployment) edit(name, old, replacement string) {
	d.t.Helper()
	text := d.read(name)
	if !strings.Contains(text, old) {
		d.t.Fatalf("%s holds no %q", name, old)
	}
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(strings.Replace(text, old, replacement, 1)), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// objects lists the simulated world as "kind id" lines.
func (d *deployment) objects() []string {
	d.t.Helper()
	list, _ := d.must(0, "sandbox list -o json").json(d.t)["objects"].([]any)
	var out []string
	for _, o := range list {
		m, _ := o.(map[string]any)
		out = append(out, m["kind"].(string)+" "+m["id"].(string))
	}
	return out
}

var createCount = regexp.MustCompile(`(\d+) to create`)

func TestLifeOfADeployment(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	project, staging := d.read("Pulumi.yaml"), d.read("Pulumi.staging.yaml")

	d.must(1, "status staging --sandbox").has(t, "nothing is deployed", "hubwright up staging")
	preview := d.must(3, "preview staging --sandbox --detailed-exitcode")
	if m := createCount.FindStringSubmatch(preview.out); m == nil || m[1] == "0" {
		t.Errorf("the first preview creates nothing:\n%s", preview.out)
	}
	d.must(4, "up staging --sandbox").has(t, "a confirmation is needed", "add --yes")
	d.must(0, "up staging --sandbox --yes").has(t, "created", "on AWS about", "https://", "built-in outlines stood in for the charts cluster-autoscaler", "and jupyterhub")

	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")
	d.must(0, "up staging --sandbox").has(t, "no change")
	url := d.must(0, "url staging --sandbox")
	if !strings.HasPrefix(url.out, "https://") || strings.Count(url.out, "\n") != 1 {
		t.Errorf("url printed %q", url.out)
	}
	status := d.must(0, "status staging --sandbox -o json").json(t)
	if status["healthy"] != true || status["schema"] != "hubwright/status/v1" || fmt.Sprint(status["resources"]) != createCount.FindStringSubmatch(preview.out)[1] {
		t.Errorf("status is %v", status)
	}
	d.must(0, "drift staging --sandbox --detailed-exitcode").has(t, "no change")

	t.Run("a change of values shows its leaf", func(t *testing.T) {
		d.edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
		r := d.must(3, "preview staging --sandbox --detailed-exitcode -o json")
		r.json(t)
		var c struct {
			Steps []struct {
				Op, Type string
				Diff     []struct{ Path, Old, New string }
			}
		}
		if err := json.Unmarshal([]byte(r.out), &c); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range c.Steps {
			for _, p := range s.Diff {
				found = found || p.Path == "values.singleuser.memory.limit" && p.Old == "15G" && p.New == "16G"
			}
		}
		if !found {
			t.Errorf("the memory limit is not in the change: %s", r.out)
		}
		d.must(0, "up staging --sandbox --yes").has(t, "1 updated")
	})

	t.Run("the user's files are as they were", func(t *testing.T) {
		if d.read("Pulumi.yaml") != project || d.read("Pulumi.staging.yaml") != staging {
			t.Error("a Pulumi file was rewritten")
		}
	})

	t.Run("no planted secret in state, world or events", func(*testing.T) { d.scanForSecrets(d.planted("staging")) })

	t.Run("another account is refused and nothing is touched", func(t *testing.T) {
		before := d.objects()
		d.must(0, "sandbox set account=999999999999")
		d.edit("hubs/hub/common.yaml", "limit: 16G", "limit: 17G")
		d.must(4, "up staging --sandbox --yes").has(t, "162808325377", "999999999999", "nothing was touched")
		for _, destroy := range []string{"destroy staging --sandbox --yes", "destroy staging --sandbox --with-data --confirm staging"} {
			d.must(4, destroy).has(t, "162808325377", "999999999999", "nothing was touched")
		}
		d.must(0, "sandbox set account=162808325377")
		if after := d.objects(); strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Error("the world was changed")
		}
		d.edit("hubs/hub/common.yaml", "limit: 17G", "limit: 16G")
	})

	t.Run("a failed upgrade is taken back, told of, and not promoted", func(t *testing.T) {
		before := d.read("hubs/hub/staging.yaml")
		d.edit("hubs/hub/staging.yaml", before, before+"\nhub: {nodeSelector: {nope: \"1\"}}\n")
		d.must(1, "up staging --sandbox --yes").has(t, "has been rolled back due to atomic being set", "hint: the hub did not become ready in time")
		d.must(5, "status staging --sandbox").has(t, "staging (sandbox): not healthy", "failed", "mend its values, then `hubwright up staging --sandbox`")
		d.must(5, "status staging --sandbox --recorded").has(t, "failed")
		d.must(4, "promote staging prod --sandbox --yes").has(t, "staging is not healthy")
		d.edit("hubs/hub/staging.yaml", d.read("hubs/hub/staging.yaml"), before)
		d.must(0, "up staging --sandbox --yes").has(t, "1 updated")
		d.must(0, "status staging --sandbox").has(t, "healthy")
	})

	t.Run("another region is refused", func(t *testing.T) {
		d.edit("Pulumi.staging.yaml", "aws:region: us-east-1", "aws:region: us-west-2")
		d.must(4, "up staging --sandbox --yes").has(t, "staging is deployed in us-east-1, but the configuration says us-west-2", "nothing was touched")
		d.edit("Pulumi.staging.yaml", "aws:region: us-west-2", "aws:region: us-east-1")
	})

	t.Run("promotion pins and updates", func(t *testing.T) {
		d.must(0, "promote staging prod --sandbox --yes").has(t, "pinned in Pulumi.prod.yaml", "sha256:", "created")
		d.must(0, "status prod --sandbox").has(t, "prod (sandbox): healthy")
		staging := d.must(0, "outputs staging --sandbox -o json").json(t)["outputs"].(map[string]any)
		prod := d.must(0, "outputs prod --sandbox -o json").json(t)["outputs"].(map[string]any)
		if a, b := staging["images"].(map[string]any), prod["images"].(map[string]any); len(a) == 0 || a["user-image"] != b["user-image"] {
			t.Errorf("staging runs %v, prod %v", a, b)
		}
	})

	t.Run("drift is found, accepted and mended", func(t *testing.T) {
		var record string
		for _, o := range d.objects() {
			if id, ok := strings.CutPrefix(o, "aws:route53/record:Record "); ok && strings.Contains(id, "staging") || ok && record == "" {
				record = id
			}
		}
		d.must(0, "sandbox delete aws:route53/record:Record "+record)
		envs := []string{"staging", "prod"}
		drifted := ""
		for _, env := range envs {
			if d.run("drift "+env+" --sandbox --detailed-exitcode").code == 3 {
				drifted = env
			}
		}
		if drifted == "" {
			t.Fatal("no drift was found")
		}
		d.must(5, "status "+drifted+" --sandbox").has(t, "drifted: delete")
		d.must(0, "refresh "+drifted+" --sandbox --yes")
		d.must(0, "up "+drifted+" --sandbox --yes").has(t, "1 created")
	})

	t.Run("destroy keeps data until it is named", func(t *testing.T) {
		d.must(4, "destroy staging --sandbox").has(t, "a confirmation is needed")
		d.must(0, "destroy staging --sandbox --yes").has(t, "kept, because they hold data", "storage-homes  efs FileSystem")
		if !strings.Contains(strings.Join(d.objects(), "\n"), "aws:efs/fileSystem:FileSystem") {
			t.Error("the homes are gone")
		}
		d.must(5, "status staging --sandbox").has(t, "not healthy", "absent", "`hubwright up staging --sandbox` deploys it again")
		d.must(1, "url staging --sandbox").has(t, "the hubs were destroyed", "resources that hold data are kept")
		d.must(0, "outputs staging --sandbox").has(t, "the hub hub was destroyed")
		d.must(4, "promote staging prod --sandbox --yes").has(t, "staging is not healthy")
		d.must(4, "destroy staging --sandbox --with-data --confirm staging").has(t, "prod runs the image user-image from the registry of staging", "nothing was changed")
		d.must(4, "destroy prod --sandbox --with-data --yes").has(t, "--confirm prod")
		d.must(4, "destroy prod --sandbox --with-data --confirm staging").has(t, "is not the environment's name")
		d.must(0, "destroy prod --sandbox --with-data --confirm prod")
		d.must(0, "destroy staging --sandbox --with-data --confirm staging")
		for _, o := range d.objects() {
			for _, data := range []string{"aws:efs/", "aws:ec2/vpc", "aws:ecr/repository:", "aws:eks/"} {
				if strings.HasPrefix(o, data) {
					t.Errorf("left after everything was destroyed: %s", o)
				}
			}
		}
	})
}
