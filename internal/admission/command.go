package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is a scanner that is a command.
type Command struct {
	// Words are the command, without a shell. {image} stands for the image by its digest, {digest} for the digest.
	Words []string
	// Format is the form of its report on standard output; "" or FormatAuto looks at the report.
	Format string
	// FindingsExitCodes are the exit codes that mean that there are findings. Any other but 0 is a failure.
	FindingsExitCodes []int
	// Env is added to the environment, such as DOCKER_CONFIG with the registry's credentials.
	Env []string
	// Dir is where it runs.
	Dir string
	// Clock says how late it is, for reports that do not.
	Clock Clock
}

const (
	// maxReport bounds a report, in bytes. One of an image with thousands of findings has a few megabytes.
	maxReport = 64 << 20
	// maxComplaint is how much of the end of standard error is kept, in bytes.
	maxComplaint = 4 << 10
	// grace is how long a scanner that is asked to end may take for it.
	grace = 2 * time.Second
)

// Scan runs the command and reads its report. When the time is over, or ctx is done, the command and every process that it started are ended.
func (c *Command) Scan(ctx context.Context, subject Subject, patience time.Duration) (*Report, error) {
	words := slices.Clone(c.Words)
	for i := range words {
		words[i] = strings.NewReplacer("{image}", subject.Reference(), "{digest}", subject.Digest).Replace(words[i])
	}
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	limited, stop := context.WithCancel(timed)
	defer stop()
	out, complaint := &report{full: stop}, &tail{most: maxComplaint}
	cmd := exec.CommandContext(limited, words[0], words[1:]...) //nolint:gosec // the configuration names it
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = out, complaint, c.Dir, append(environment(), c.Env...)
	err := runGroup(cmd)
	name := words[0]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err() //nolint:wrapcheck // it is the caller's own
	case out.over:
		return nil, &NoResultError{Why: fmt.Sprintf("%s wrote more than %d MiB, and was ended", name, maxReport>>20), Hint: "have it write its report alone to standard output"}
	case timed.Err() != nil:
		return nil, &NoResultError{
			Why:  fmt.Sprintf("there was no result of %s after %s, and it was ended", name, patience),
			Hint: "run it by hand to see what it waits for, or allow it more time with gate.timeoutSeconds",
		}
	}
	var exit *exec.ExitError
	code := 0
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		code = exit.ExitCode()
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return nil, &NoResultError{Why: fmt.Sprintf("there is no %s here", name), Hint: "install it, or name another scanner with gate.scanner.command"}
	case err != nil:
		return nil, &NoResultError{Why: sentence(fmt.Sprintf("%s did not end by itself (%v)", name, err), complaint.last())}
	}
	if code != 0 && !slices.Contains(c.FindingsExitCodes, code) {
		return nil, &NoResultError{
			Why:  sentence(fmt.Sprintf("%s failed with exit code %d", name, code), complaint.last()),
			Hint: "if that is how it says that there are findings, list the code at gate.scanner.findingsExitCodes",
		}
	}
	r, err := Parse(c.Format, out.kept.Bytes())
	if err != nil {
		return nil, &NoResultError{Why: sentence(fmt.Sprintf("the report of %s cannot be used: %v", name, err), complaint.last()), Hint: "it has to write SARIF 2.1.0, or the JSON of trivy or grype, to standard output"}
	}
	if code != 0 && len(r.Findings) == 0 {
		return nil, &NoResultError{Why: fmt.Sprintf("%s ended with exit code %d, by which it says that there are findings, and reported none", name, code)}
	}
	if r.Completed.IsZero() {
		r.Completed = c.Clock.Now()
	}
	return r, nil
}

// environment is ours without what only the engine needs, the passphrase of a state among it.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PULUMI_") })
}

// runGroup runs a command in a process group of its own, which a terminal's Ctrl-C does not reach, and ends the whole group with it: what it started
// does not outlive it. When its context is done it is asked to end, and made to after grace.
func runGroup(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return err //nolint:wrapcheck // the caller says what it is about
	}
	err := cmd.Wait()
	// A child that keeps the output open is what WaitDelay gave up on; one that does not may be there too.
	_ = signalGroup(cmd.Process.Pid, syscall.SIGKILL)
	return err //nolint:wrapcheck // as above
}

// signalGroup signals a process group. That it has ended already is no failure.
func signalGroup(leader int, signal syscall.Signal) error {
	if err := syscall.Kill(-leader, signal); errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	} else if err != nil {
		return fmt.Errorf("ending a process group: %w", err)
	}
	return nil
}

// report keeps what is written, up to maxReport; beyond, it calls full and keeps no more. The buffer is no embedded one, whose ReadFrom would go
// round the limit.
type report struct {
	kept bytes.Buffer
	full func()
	over bool
}

func (r *report) Write(p []byte) (int, error) {
	if r.over || r.kept.Len()+len(p) > maxReport {
		r.over = true
		r.full()
		return len(p), nil
	}
	return r.kept.Write(p) //nolint:wrapcheck // it never fails
}

// tail keeps the end of what is written.
type tail struct {
	most int
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// last is the last line with anything on it.
func (t *tail) last() string { return lastLine(string(t.kept)) }
