package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
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
	for _, part := range []string{"Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml", "hubs", "images"} {
		err := filepath.WalkDir(filepath.Join(b.root, part), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			file, err := filepath.Rel(b.root, path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if change != nil {
				data = []byte(change(file, string(data)))
			}
			to := filepath.Join(dir, file)
			return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o600))
		})
		if err != nil {
			return "", err
		}
	}
	return dir, nil
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
