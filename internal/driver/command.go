package driver

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/blang/semver"

	"github.com/hubwright/hubwright/internal/heap"
)

// command is the Automation API's view of the engine. It answers by itself what needs no launch, keeps the engine out of the terminal's
// process group so that a Ctrl-C reaches only us, and sends it exactly the signals a person asked for.
type command struct {
	engine     Engine
	log        io.Writer
	interrupts <-chan Interrupt
	tied       bool // the engine dies with us
	launches   atomic.Int64
	tether     func() (*os.File, error)
	onLaunch   func(pid int)
	extra      []string // arguments added to the Automation API's next launches
	last       ended    // of the last launch: the Automation API's errors keep it to themselves
}

// ended is how a launch ended.
type ended struct {
	code    int
	stderr  string
	stopped bool // a person asked for it
	killed  bool // and then for worse
}

// Version implements auto.PulumiCommand without a launch.
func (c *command) Version() semver.Version { return c.engine.Version }

// Run implements auto.PulumiCommand.
func (c *command) Run(ctx context.Context, workdir string, stdin io.Reader, stdout, stderr []io.Writer, env []string, args ...string) (string, string, int, error) {
	if answer, ok := answered(args); ok {
		return answer, "", 0, nil
	}
	if c.log != nil {
		stdout, stderr = append(stdout, c.log), append(stderr, c.log)
	}
	return c.launch(ctx, workdir, stdin, stdout, stderr, env, append(slices.Clone(args), c.extra...)...)
}

// answered gives the calls that the Automation API makes around an operation and whose answer the driver does not use: selecting the stack
// (every operation names it) and, after an update, outputs and history (the events hold the outputs).
func answered(args []string) (string, bool) {
	switch {
	case len(args) >= 2 && args[0] == "stack" && args[1] == "select":
		return "", true
	case len(args) >= 2 && args[0] == "stack" && args[1] == "output":
		return "{}", true
	case len(args) >= 2 && args[0] == "stack" && args[1] == "history":
		return "[]", true
	}
	return "", false
}

// notInherited are variables of a surrounding engine or of tracing switches that would change what the launched engine does.
var notInherited = []string{"PULUMI_MONITOR", "PULUMI_ENGINE", "PULUMI_PROJECT", "PULUMI_STACK", "PULUMI_DEBUG_COMMANDS"}

// passphrase is the variable with a stack's passphrase; with _FILE behind it, that of the file that holds it.
const passphrase = "PULUMI_CONFIG_PASSPHRASE"

// launch starts the engine, whose output is not logged here since it may hold what a caller asked for in plaintext, and waits for its end. The context's end asks it to stop cleanly and waits for as long as that takes.
func (c *command) launch(ctx context.Context, workdir string, stdin io.Reader, stdout, stderr []io.Writer, env []string, args ...string) (string, string, int, error) {
	c.launches.Add(1)
	if !slices.Contains(args, "--non-interactive") {
		args = append([]string{"--non-interactive"}, args...)
	}
	var outBuf, errBuf bytes.Buffer
	cmd := exec.Command(c.engine.Path, args...)
	cmd.Dir = workdir
	cmd.Env = append(inherited(env), env...)
	cmd.Env = append(cmd.Env, "PULUMI_AUTOMATION_API=true", "PATH="+filepath.Dir(c.engine.Path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if os.Getenv("GOGC") == "" {
		cmd.Env = append(cmd.Env, "GOGC="+strconv.Itoa(heap.Percent))
	}
	cmd.Stdin = stdin
	cmd.Stdout = io.MultiWriter(append(stdout, &outBuf)...)
	cmd.Stderr = io.MultiWriter(append(stderr, &errBuf)...)
	cmd.SysProcAttr = ownGroup()
	if c.tied {
		tied(cmd.SysProcAttr)
	}
	if c.tether != nil {
		file, err := c.tether()
		if err != nil {
			return "", "", -1, err
		}
		if file != nil {
			cmd.ExtraFiles = []*os.File{file}
			defer func() { _ = file.Close() }()
		}
	}
	c.last = ended{}
	started, exited := make(chan error, 1), make(chan error, 1)
	go func() { // on one thread from beginning to end, since the tie is to the thread that starts it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return "", "", -1, err
	}
	if c.onLaunch != nil {
		c.onLaunch(cmd.Process.Pid)
	}
	err := c.wait(ctx, cmd, exited)
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	c.last.code, c.last.stderr = code, errBuf.String()
	return outBuf.String(), errBuf.String(), code, err
}

func (c *command) wait(ctx context.Context, cmd *exec.Cmd, exited <-chan error) error {
	done := ctx.Done()
	for {
		select {
		case err := <-exited:
			return err
		case <-done:
			done = nil
			c.last.stopped = true
			_ = cmd.Process.Signal(os.Interrupt)
		case i := <-c.interrupts:
			c.last.stopped = true
			if i == Kill {
				c.last.killed = true
				_ = cmd.Process.Kill()
			} else {
				_ = cmd.Process.Signal(os.Interrupt)
			}
		}
	}
}

// inherited is our own environment without what must not reach the engine. A passphrase in it would count more than the file that env names.
func inherited(env []string) []string {
	hasFile := slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, passphrase+"_FILE=") })
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(notInherited, name) || name == "PATH" || hasFile && name == passphrase
	})
}
