package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
	"github.com/hubwright/hubwright/internal/shipped"
)

// bed is what the figures are measured on: a folder and, where it is needed, the program as a binary and an engine.
type bed struct {
	root, dir, binary string
	engine            driver.Engine
	host              *enginetest.GoHost
}

func newBed(ctx context.Context, program bool) (*bed, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "Pulumi.yaml")); err != nil {
		return nil, errors.New("run it from the repository's root")
	}
	b := &bed{root: root}
	if b.dir, err = os.MkdirTemp("", "hubwright-bench-"); err != nil {
		return nil, err
	}
	if !program {
		return b, nil
	}
	b.binary = filepath.Join(b.dir, "hubwright")
	say("building the program")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.binary, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building: %w\n%s", err, out)
	}
	if b.engine, err = (driver.Locator{Say: say}).Locate(ctx); err != nil {
		return nil, err
	}
	b.host, err = enginetest.NewGoHost(b.binary)
	return b, err
}

func (b *bed) close() {
	if b.host != nil {
		b.host.Close()
	}
	_ = os.RemoveAll(b.dir)
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// deployment copies the shipped deployment into a folder of its own. change may edit a file on the way.
func (b *bed) deployment(name string, change func(file, text string) string) (string, error) {
	dir := filepath.Join(b.dir, name)
	return dir, shipped.Copy(b.root, dir, change)
}

// cost is what a command took.
type cost struct {
	wall   time.Duration
	memory int64 // KiB: the largest resident set of a single process of it
	out    string
}

// measure runs a command to its end.
func measure(dir string, env []string, name string, args ...string) (cost, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	c := cost{wall: time.Since(start), out: out.String()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = u.Maxrss
	}
	if err != nil {
		return c, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, c.out)
	}
	return c, nil
}

// served is a running `hubwright sandbox serve`, whose variables make any engine work on the simulated services.
type served struct {
	cmd *exec.Cmd
	env []string
	cwd string
}

func (b *bed) serve(dir, env string) (*served, error) {
	cmd := exec.Command(b.binary, "sandbox", "serve", env)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HUBWRIGHT_OFFLINE=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &served{cmd: cmd, env: append(os.Environ(), b.host.Env(), "PATH="+filepath.Dir(b.engine.Path)+":"+os.Getenv("PATH"))}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		v, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(v, "=")
		value = strings.Trim(value, "'")
		if name == "PULUMI_CWD" {
			s.cwd = value
			return s, nil
		}
		s.env = append(s.env, name+"="+value)
	}
	return nil, errors.New("sandbox serve ended before it served")
}

func (s *served) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// direct makes a copy of a deployment that knows of no sandbox, but for the files that name its secrets, and the variables that make `hubwright` work on
// what is served as it does on real services.
func (b *bed) direct(dir string, s *served) (string, []string, error) {
	to := dir + "-direct"
	for _, part := range []string{"hubs", "images"} {
		if err := os.CopyFS(filepath.Join(to, part), os.DirFS(filepath.Join(dir, part))); err != nil {
			return "", nil, err
		}
	}
	files, err := filepath.Glob(filepath.Join(s.cwd, "Pulumi*.yaml"))
	if err != nil {
		return "", nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), data, 0o600); err != nil {
			return "", nil, err
		}
	}
	env := slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return strings.HasPrefix(v, "HUBWRIGHT_SANDBOX=") })
	return to, append(env, "HUBWRIGHT_OFFLINE=1"), nil
}
