package cli_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// door is the other way in: the engine started by a person, with a Go host that runs the program as a prebuilt binary.
type door struct {
	t   *testing.T
	env []string
	cwd string
}

// serve starts `hubwright sandbox serve` and returns the door that its variables open, beside which further ones are set.
func (d *deployment) serve(env string, more ...string) *door {
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
	cmd := d.command(d.t.Context(), "sandbox serve "+env)
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
	o := &door{t: d.t, env: append(os.Environ(), host.Env(), "PATH="+filepath.Dir(engine.Path)+":"+os.Getenv("PATH"))}
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

// pulumi runs the engine as a person would.
func (o *door) pulumi(args ...string) string {
	o.t.Helper()
	cmd := exec.Command(enginetest.Engine(o.t).Path, append(args, "--non-interactive")...)
	cmd.Dir, cmd.Env = o.cwd, o.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("pulumi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// callStacks are what the state says of where resources were registered, by URN.
func (d *deployment) callStacks(env string) map[string][]string {
	d.t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct {
					URN        string `json:"urn"`
					StackTrace []struct {
						SourcePosition string `json:"sourcePosition"`
					} `json:"stackTrace"`
				} `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	file := filepath.Join(sandbox.Home(d.dir), "state", ".pulumi", "stacks", "hubwright", env+".json")
	if err := json.Unmarshal(readFile(file), &state); err != nil {
		d.t.Fatal(err)
	}
	out := map[string][]string{}
	for _, r := range state.Checkpoint.Latest.Resources {
		for _, f := range r.StackTrace {
			out[r.URN] = append(out[r.URN], f.SourcePosition)
		}
	}
	return out
}

func TestTwoDoorsOneProgram(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	d.must(0, "up staging --sandbox --yes")

	const role = "urn:pulumi:staging::hubwright::hubwright:aws:Credentials$aws:iam/role:Role::creds-role"
	if stack := strings.Join(d.callStacks("staging")[role], " "); !strings.Contains(stack, "components/creds/creds.go#") || strings.Contains(stack, "google.golang.org/grpc") {
		t.Errorf("the state's call stack of the deployer role is not just the program's own: %q", stack)
	}

	// After hubwright, pulumi sees no change …
	o := d.serve("staging")
	o.pulumi("preview", "-s", "staging", "--expect-no-changes")

	// … and after pulumi has changed something, hubwright sees none.
	d.edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	if out := o.pulumi("up", "-s", "staging", "--yes", "--skip-preview"); !strings.Contains(out, "1 updated") {
		t.Errorf("pulumi up did not update the release:\n%s", out)
	}
	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")
	d.must(0, "status staging --sandbox").has(t, "healthy")
}
