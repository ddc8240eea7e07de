// Package cli is the command line: a file per verb, each turning flags into options, making one call below, and rendering what comes back.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/noquery"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/term"
)

// Version is the program's version; releases set it when linking.
var Version = "0.1.0-dev"

// app is what the verbs share: the terminal, the engine's locator, the signals.
type app struct {
	*term.Term
	locator driver.Locator
	signals *signals
	getenv  func(string) string
	git     *gitsource.Cache    // of the repositories that files of secrets are in
	machine *secretfile.Machine // what it has of AWS credentials, for files of secrets
	copying oci.Options         // how patiently images are copied; as oci does by itself without any
	noted   map[string]bool     // notes that were said
	box     *sharedSandbox      // of an app that works beside others; nil for one that opens its own
	flagged bool                // --sandbox stands on the command line, so it has to stand in the commands that are proposed, too
}

func init() { noquery.Restore() } // the packages that this one is made of have had their say

// Main runs the program for a command line and returns the exit code.
func Main(args []string) int {
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(caught)
	a := newApp(term.System())
	a.locator.Say = a.Say
	ctx, interrupt := context.WithCancelCause(context.Background())
	go a.signals.route(caught, func() { interrupt(errInterrupted) }, func(code int) {
		a.Say("")
		a.report(errInterrupted)
		os.Exit(code)
	})
	return a.run(ctx, args)
}

func newApp(t *term.Term) *app {
	return &app{Term: t, signals: &signals{}, getenv: os.Getenv, git: &gitsource.Cache{}, machine: &secretfile.Machine{}}
}

// run parses and acts; it is Main without the process around it, so that tests can call it.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	err := root.RunContext(ctx, permute(root, args))
	if err == nil {
		return exitDone
	}
	if codeOf(err) != exitInterrupted && errors.Is(context.Cause(ctx), errInterrupted) {
		err = errInterrupted
	}
	a.report(err)
	return codeOf(err)
}

// globals are the options of every verb.
type globals struct {
	dir, output           string
	sandbox, yes, verbose bool

	over  map[string][]byte // files that count in the place of those that are there
	again map[string]string // hubs whose releases are gone over again: see stacks.Options
}

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "dir", Aliases: []string{"C"}, Usage: "the deployment's `DIR` (default: the nearest parent with a Pulumi.yaml)"},
		&cli.BoolFlag{Name: "sandbox", Usage: "work on simulated services: no account, no network (also HUBWRIGHT_SANDBOX=1)", EnvVars: []string{"HUBWRIGHT_SANDBOX"}},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORM` of the result: text or json, of a preview and of drift markdown, too"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colour (also NO_COLOR)"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "show what the engine itself prints"},
	}
}

func (a *app) root() *cli.App {
	root := &cli.App{
		Name: "hubwright", Usage: "JupyterHub on Amazon EKS as one typed Pulumi graph", Version: Version,
		Flags: globalFlags(), HideHelpCommand: true, Suggest: true, DisableSliceFlagSeparator: true, // values have commas of their own
		Writer: a.Out, ErrWriter: a.Err,
		ExitErrHandler:  func(*cli.Context, error) {}, // run reports
		CommandNotFound: nil,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("there is no verb %q%s", c.Args().First(), nearest(c.Args().First(), verbNames(c.App)))
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			a.demo(), a.init(), a.bootstrap(), a.doctor(), a.validate(), a.values(), a.secrets(), a.importing(), a.preview(), a.up(), a.promote(), a.rollback(), a.history(), a.diff(), a.status(), a.verify(), a.url(), a.outputs(), a.drift(), a.refresh(), a.destroy(), a.recover(),
			a.images(), a.ci(), a.sandbox(), a.completion(),
		},
	}
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version"}
	return root
}

// verb builds a command whose flags include the global ones and whose usage errors are sentences.
func verb(name, usageText, args string, flags []cli.Flag, act func(*cli.Context, globals) error) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usageText, ArgsUsage: args, Flags: append(flags, globalFlags()...), HideHelpCommand: true,
		OnUsageError: func(c *cli.Context, err error, _ bool) error { return wrongFlag(c.Command, err) },
		Action: func(c *cli.Context) error {
			g, err := globalsOf(c)
			if err != nil {
				return err
			}
			return act(c, g)
		},
	}
}

// wrongFlag words what the parser says of a flag, with the nearest one there is.
func wrongFlag(cmd *cli.Command, err error) error {
	flag, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usage("%s: %s", cmd.Name, err)
	}
	var known []string
	for _, f := range cmd.Flags {
		known = append(known, "--"+f.Names()[0])
	}
	return usage("%s has no flag --%s%s", cmd.Name, flag, nearest("--"+flag, known))
}

// globalsOf reads the global options, wherever on the command line they stood.
func globalsOf(c *cli.Context) (globals, error) {
	g := globals{
		dir: anywhere(c, "dir"), output: anywhere(c, "output"),
		sandbox: anywhere(c, "sandbox") == "true", yes: anywhere(c, "yes") == "true", verbose: anywhere(c, "verbose") == "true",
	}
	forms := []string{"text", "json"}
	if c.Command.Name == "preview" || c.Command.Name == "drift" {
		forms = append(forms, "markdown")
	}
	if !slices.Contains(forms, g.output) {
		return g, usage("--output is %q; of %s there are %s", g.output, c.Command.Name, strings.Join(forms, " and "))
	}
	return g, nil
}

// anywhere gives a flag's value from the innermost context in which it was set, or its default.
func anywhere(c *cli.Context, name string) string {
	for _, l := range c.Lineage() {
		if l.IsSet(name) {
			return fmt.Sprint(l.Value(name))
		}
	}
	return fmt.Sprint(c.Value(name))
}

// environments returns the arguments of a verb that takes between least and most environments.
func environments(c *cli.Context, least, most int) ([]string, error) {
	args := c.Args().Slice()
	switch {
	case len(args) < least && least == 1:
		return nil, usage("%s: which environment? (%s)", c.Command.Name, c.Command.ArgsUsage)
	case len(args) < least:
		return nil, usage("%s takes %d environments: %s", c.Command.Name, least, c.Command.ArgsUsage)
	case len(args) > most:
		return nil, usage("%s: %q is one argument too many (%s)", c.Command.Name, args[most], c.Command.ArgsUsage)
	}
	return args, nil
}

// environment returns the only argument of a verb that takes one environment.
func environment(c *cli.Context) (string, error) {
	args, err := environments(c, 1, 1)
	if err != nil {
		return "", err
	}
	return args[0], nil
}

// permute moves a verb's flags before its arguments, since the parser takes none behind them.
func permute(root *cli.App, args []string) []string {
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		at += width(root.Flags, args[at])
	}
	if at >= len(args) {
		return args
	}
	cmd := root.Command(args[at])
	at++
	for cmd != nil && len(cmd.Subcommands) > 0 && at < len(args) {
		sub := cmd.Command(args[at])
		if sub == nil {
			break
		}
		cmd, at = sub, at+1
	}
	if cmd == nil {
		return args
	}
	head, rest := slices.Clone(args[:at]), args[at:]
	var flags, positional []string
	for i := 0; i < len(rest); {
		if rest[i] == "--" {
			positional = append(positional, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(rest[i], "-") || rest[i] == "-" {
			positional = append(positional, rest[i])
			i++
			continue
		}
		n := min(width(cmd.Flags, rest[i]), len(rest)-i)
		flags = append(flags, rest[i:i+n]...)
		i += n
	}
	if slices.ContainsFunc(positional, func(s string) bool { return strings.HasPrefix(s, "-") }) {
		flags = append(flags, "--")
	}
	return slices.Concat(head, flags, positional)
}

// width is how many words a flag takes on the command line: two when it has a value that is not joined by "=".
func width(flags []cli.Flag, word string) int {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return 1
	}
	for _, f := range flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		if _, isBool := f.(*cli.BoolFlag); !isBool {
			return 2
		}
	}
	return 1
}

func verbNames(root *cli.App) []string {
	var out []string
	for _, c := range root.Commands {
		out = append(out, c.Name)
	}
	return out
}

// StartedByEngine reports whether the Pulumi engine has started this process to run the program.
func StartedByEngine(args []string, getenv func(string) string) bool {
	return len(args) == 1 && getenv("PULUMI_MONITOR") != "" && getenv("PULUMI_ENGINE") != ""
}

var errQuiet = errors.New("") // an error that was already told
