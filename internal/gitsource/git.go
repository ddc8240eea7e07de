package gitsource

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// command is one start of git.
type command struct {
	args     []string
	in       []byte
	env      []string
	login    *Login        // for the remote; nil leaves it to the user's git
	patience time.Duration // 0 for what does not leave the machine
}

// What a remote is given to answer, and to send what is asked for. A connection on which nothing comes is given up by git itself after stalled.
const (
	answering = time.Minute
	sending   = 5 * time.Minute
	local     = time.Minute
	stalled   = "30" // seconds
)

// most is how much is kept of what git prints, in bytes: names of refs, one file, messages.
const (
	mostOut = 16 << 20
	mostErr = 64 << 10
)

// settings are those that every start of git gets, whatever the user's are: no hooks, nothing in the background, no helper that could be talked into
// more, and packs that are there whole or not at all.
var settings = []string{
	"core.hooksPath=" + os.DevNull, "gc.auto=0", "maintenance.auto=false", "fetch.unpackLimit=1", "transfer.unpackLimit=1", "fetch.recurseSubmodules=false",
	"push.recurseSubmodules=no", "push.followTags=false", "push.gpgSign=false", "advice.detachedHead=false",
	"http.lowSpeedLimit=1", "http.lowSpeedTime=" + stalled,
}

// fromDescriptor makes git take credentials from file descriptor 3, which it inherits, so that they are in no argument, no file and no environment; the
// empty setting before it keeps the user's helpers from being asked for them and from storing them: https://git-scm.com/docs/gitcredentials
var fromDescriptor = []string{
	"credential.helper=", `credential.helper=!f() { test "$1" != get || cat <&3; }; f`,
	"http.followRedirects=false", // they are for this host
}

// kept are the variables of git that count here. The others, such as GIT_DIR in a hook, are about another repository.
var kept = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	"GIT_CONFIG_PARAMETERS", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
}

// keptBegins begin the names of further ones.
var keptBegins = []string{"GIT_SSL_", "GIT_PROXY_SSL_", "GIT_HTTP_", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"}

// environment is what git runs with: it asks nobody anything, since nobody could answer, speaks no protocol but ours, and English.
func environment(all, more []string) []string {
	var env []string
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "GIT_") && !slices.Contains(kept, name) && !slices.ContainsFunc(keptBegins, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		env = append(env, v)
	}
	env = append(env, "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never", "GIT_ALLOW_PROTOCOL="+strings.Join(schemes, ":"), "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", "LANGUAGE=")
	return append(env, more...)
}

// run starts git and gives what it prints. When the context ends, git ends with all that it has started.
func (c command) run(ctx context.Context) ([]byte, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, &Error{Kind: NoGit, Reason: "there is no git on PATH, with which the repository is read", Hint: "install git"}
	}
	patience := c.patience
	if patience == 0 {
		patience = local
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	var args []string
	given := settings
	if c.login != nil {
		given = slices.Concat(settings, fromDescriptor)
	}
	for _, s := range given {
		args = append(args, "-c", s)
	}
	cmd := exec.CommandContext(ctx, program, append(args, c.args...)...) //nolint:gosec // remotes and names are checked, and stand behind --
	cmd.Env = environment(os.Environ(), c.env)
	if c.in != nil {
		cmd.Stdin = bytes.NewReader(c.in)
	}
	out, errs := limited{most: mostOut}, limited{most: mostErr}
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a group of its own, and no terminal on which ssh could ask
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	if c.login != nil {
		done, err := c.handLogin(cmd)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what did not end by itself
	}
	switch {
	case errors.Is(context.Cause(ctx), errPatience):
		return nil, &Error{Kind: Unreachable, Reason: "it did not answer within " + patience.String()}
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case out.over:
		return nil, &Error{Kind: Failed, Reason: "it has more than can be read here"}
	case err != nil:
		return out.Bytes(), &failure{err, printable(errs.String())}
	}
	return out.Bytes(), nil
}

var errPatience = errors.New("no answer")

// handLogin lets git inherit a pipe with the credentials in it, in the form of git's protocol for them.
func (c command) handLogin(cmd *exec.Cmd) (done func(), err error) {
	if strings.ContainsAny(c.login.Username+c.login.Password, "\n\x00") {
		return nil, &Error{Kind: Failed, Reason: "the credentials for it cannot be handed to git: they have a line break"}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{r}
	go func() {
		_, _ = w.WriteString("username=" + c.login.Username + "\npassword=" + c.login.Password + "\n")
		_ = w.Close()
	}()
	return func() { _ = r.Close() }, nil
}

// failure is git's own failure with what it said.
type failure struct {
	error
	said string
}

func (f *failure) Unwrap() error { return f.error }

// limited keeps the beginning of what is written to it.
type limited struct {
	bytes.Buffer
	most int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	room := l.most - l.Len()
	if len(p) > room {
		l.over = true
		_, _ = l.Buffer.Write(p[:room])
		return len(p), nil
	}
	return l.Buffer.Write(p)
}

// printable takes out of a text, which a remote may have written, what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
}
