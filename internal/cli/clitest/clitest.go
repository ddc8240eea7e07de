// Package clitest has tests use the program as a person does: on a copy of the shipped deployment, in processes of its own, with the real engine and the
// sandbox.
package clitest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/cli"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/shipped"
)

// asProgram is the variable with which a test binary is started to be the program.
const asProgram = "HUBWRIGHT_TEST_AS_PROGRAM"

// Main is the TestMain of a package that uses deployments: its test binary is the program too, when a Deployment starts it or the engine does.
func Main(m *testing.M) {
	if cli.StartedByEngine(os.Args, os.Getenv) {
		pulumi.Run(cli.Program()) // exits by itself
		return
	}
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args))
	}
	os.Exit(m.Run())
}

// Deployment is a copy of the shipped deployment for one test.
type Deployment struct {
	// Dir is its folder, and the working directory of the program.
	Dir string
	// Env are the program's variables: this process's own, and those with which it asks nobody and reaches nothing outside.
	Env []string

	t *testing.T
}

// New copies what the repository ships; change may edit a file's text on the way.
func New(t *testing.T, change func(name, text string) string) *Deployment {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the engine")
	}
	enginetest.Engine(t)
	d := &Deployment{Dir: t.TempDir(), Env: append(os.Environ(), asProgram+"=1", "HUBWRIGHT_OFFLINE=1", "CI=1", "HUBWRIGHT_SANDBOX_QUIET=20ms"), t: t}
	if err := shipped.Copy(reference.Root(), d.Dir, change); err != nil {
		t.Fatal(err)
	}
	return d
}

// Command is the program with arguments that hold no blanks, to be started; it is killed when the context ends.
func (d *Deployment) Command(ctx context.Context, args string) *exec.Cmd {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, strings.Fields(args)...)
	cmd.Dir, cmd.Env = d.Dir, d.Env
	return cmd
}

// Run runs the program with arguments that hold no blanks.
func (d *Deployment) Run(args string) Ran {
	d.t.Helper()
	return d.Feed("", args)
}

// Feed runs the program with a text on its standard input.
func (d *Deployment) Feed(in, args string) Ran {
	d.t.Helper()
	var out, errs bytes.Buffer
	cmd := d.Command(context.Background(), args)
	cmd.Stdin = strings.NewReader(in)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	r := Ran{args, cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	if strings.Contains(r.Err, "goroutine ") || strings.Contains(r.Err, "panic:") {
		d.t.Errorf("hubwright %s shows a stack trace:\n%s", args, r.Err)
	}
	return r
}

// Must runs the program and fails the test unless it ends with the exit code.
func (d *Deployment) Must(code int, args string) Ran {
	d.t.Helper()
	r := d.Run(args)
	if r.Code != code {
		d.t.Fatalf("hubwright %s: exit %d, want %d\n%s%s", args, r.Code, code, r.Out, r.Err)
	}
	return r
}

// Read gives the text of a file of the deployment.
func (d *Deployment) Read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.Dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

// Edit replaces a text, at the first place where it stands in a file of the deployment.
func (d *Deployment) Edit(name, old, replacement string) {
	d.t.Helper()
	text := d.Read(name)
	if !strings.Contains(text, old) {
		d.t.Fatalf("%s holds no %q", name, old)
	}
	if err := os.WriteFile(filepath.Join(d.Dir, name), []byte(strings.Replace(text, old, replacement, 1)), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// Objects lists the simulated world as "kind id" lines.
func (d *Deployment) Objects() []string {
	d.t.Helper()
	list, _ := d.Must(0, "sandbox list -o json").JSON(d.t)["objects"].([]any)
	var out []string
	for _, o := range list {
		m, _ := o.(map[string]any)
		out = append(out, m["kind"].(string)+" "+m["id"].(string))
	}
	return out
}
