package clitest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/driver/enginetest"
)

// Door is the other way in: the engine started by a person, with a Go host that runs the program as a prebuilt binary.
type Door struct {
	t   *testing.T
	env []string
	cwd string
}

// Serve starts `hubwright sandbox serve` and returns the door that its variables open, beside which further ones are set.
func (d *Deployment) Serve(env string, more ...string) *Door {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	host, err := enginetest.NewGoHost(self)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(host.Close)
	cmd := d.Command(d.t.Context(), "sandbox serve "+env)
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	engine := enginetest.Engine(d.t)
	o := &Door{t: d.t, env: append(os.Environ(), host.Env(), "PATH="+filepath.Dir(engine.Path)+":"+os.Getenv("PATH"))}
	o.env = append(o.env, more...)
	host.Environ = more
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		v, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(v, "=")
		value = strings.Trim(value, "'")
		if name == "PULUMI_CWD" {
			o.cwd = value
			return o
		}
		o.env = append(o.env, name+"="+value)
		host.Environ = append(host.Environ, name+"="+value)
	}
	d.t.Fatal("sandbox serve ended before it served")
	return nil
}

// Pulumi runs the engine as a person would, who has it ask nothing, and gives all that it says.
func (o *Door) Pulumi(args ...string) string {
	o.t.Helper()
	out, err := o.Try(args...)
	if err != nil {
		o.t.Fatalf("pulumi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Pulumi for what may fail.
func (o *Door) Try(args ...string) (string, error) {
	o.t.Helper()
	cmd := exec.Command(enginetest.Engine(o.t).Path, append(args, "--non-interactive")...)
	cmd.Dir, cmd.Env = o.cwd, o.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
