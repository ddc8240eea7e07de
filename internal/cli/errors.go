package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/problem"
	"github.com/hubwright/hubwright/internal/sandbox/world"
	"github.com/hubwright/hubwright/internal/term"
)

// The exit codes that scripts may rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // usage, configuration or values wrong
	exitChanges     = 3 // changes found, with --detailed-exitcode
	exitStopped     = 4 // stopped by a guard, or not confirmed
	exitUnhealthy   = 5
	exitInterrupted = 8
)

// coded is an error with its exit code and a hint.
type coded struct {
	err  error
	code int
	hint string
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &coded{err: fmt.Errorf(format, args...), code: exitUsage, hint: "`hubwright --help` lists the verbs, `hubwright VERB --help` its flags"}
}

func stopped(hint, format string, args ...any) error {
	return &coded{err: fmt.Errorf(format, args...), code: exitStopped, hint: hint}
}

func codeOf(err error) int {
	var c *coded
	var problems config.Problems
	var engine *driver.Error
	var unknown *config.UnknownEnvironmentError
	var remote *gitsource.Error
	var unhealthy *unhealthyError
	switch {
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &unhealthy):
		return exitUnhealthy
	case errors.As(err, &problems), errors.As(err, &unknown):
		return exitUsage
	case errors.As(err, &remote) && (remote.Kind == gitsource.NoBranch || remote.Kind == gitsource.NoCommit):
		return exitUsage
	case errors.Is(err, term.ErrNotAsked):
		return exitStopped
	case oci.Is(err, oci.BadName):
		return exitUsage
	case oci.Is(err, oci.Interrupted):
		return exitInterrupted
	case errors.As(err, &engine):
		switch engine.Kind {
		case driver.CutOff, driver.Broken, driver.WrongAccount, driver.Protected, driver.NotAdmitted:
			return exitStopped
		case driver.Interrupted:
			return exitInterrupted
		case driver.Configuration:
			return exitUsage
		}
	}
	return exitFailed
}

// report tells a person of an error: a sentence, and what to do.
func (a *app) report(err error) {
	if errors.Is(err, errQuiet) {
		return
	}
	a.Say("%s %s", a.Paint(term.Red, "error:"), strings.TrimSpace(err.Error()))
	if hint := hintOf(err); hint != "" {
		a.Say("%s %s", a.Paint(term.Cyan, "hint:"), hint)
	}
}

func hintOf(err error) string {
	var c *coded
	var engine *driver.Error
	var none *driver.NoEngineError
	var damaged *world.DamagedError
	var remote *gitsource.Error
	var registry *oci.Error
	var unhealthy *unhealthyError
	switch {
	case errors.As(err, &c):
		return c.hint
	case errors.As(err, &unhealthy):
		return unhealthy.hint
	case errors.As(err, &registry):
		return registry.Hint
	case errors.As(err, &engine):
		return engine.Hint
	case errors.As(err, &remote):
		return remote.Hint
	case errors.As(err, &none):
		return "install Pulumi (pulumi.com/docs/install) or give this machine a way to it; HUBWRIGHT_ENGINE_CACHE names another cache"
	case errors.As(err, &damaged):
		return "`hubwright sandbox reset` keeps a copy of it and begins a new one"
	case errors.Is(err, term.ErrNotAsked):
		return "add --yes to go on without being asked"
	}
	return ""
}

var proposed = lazyregexp.New("`hubwright ([a-z]+) ([^`]+)`")

// Say tells a person something. Commands that it proposes are for the services that this one works on.
func (a *app) Say(format string, args ...any) {
	a.Term.Say("%s", a.proposing(fmt.Sprintf(format, args...)))
}

// proposing completes the commands that a text proposes.
func (a *app) proposing(text string) string {
	if !a.flagged {
		return text
	}
	return proposed.ReplaceAllStringFunc(text, func(command string) string {
		if strings.HasPrefix(command, "`hubwright sandbox ") || strings.Contains(command, "--sandbox") {
			return command
		}
		return strings.TrimSuffix(command, "`") + " --sandbox`"
	})
}

// nearest suggests the known name that is closest to a mistyped one.
func nearest(name string, known []string) string {
	best := problem.Nearest(name, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
