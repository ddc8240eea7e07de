package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hubwright/hubwright/internal/config"
)

// The scripts ask the program itself (`hubwright completion words …`) what may come next, so environments are always today's.
var completionScripts = map[string]string{
	"bash": `_hubwright() {
  COMPREPLY=($(compgen -W "$(hubwright completion words "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _hubwright hubwright
`,
	"zsh": `#compdef hubwright
_hubwright() {
  compadd -- $(hubwright completion words "${words[@]:1:$((CURRENT-2))}" 2>/dev/null)
}
compdef _hubwright hubwright
`,
	"fish": `complete -c hubwright -f -a '(hubwright completion words (commandline -opc)[2..-1] 2>/dev/null | string split " ")'
`,
}

func (a *app) completion() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "shell completion, environments included", ArgsUsage: "bash|zsh|fish", HideHelpCommand: true, SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			if c.Args().First() == "words" {
				a.Print("%s", strings.Join(words(c.App, c.Args().Tail()), " "))
				return nil
			}
			script, ok := completionScripts[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return usage("completion: which shell? bash, zsh or fish")
			}
			_, err := fmt.Fprint(a.Out, script)
			return err
		},
	}
}

// words are what may follow the words typed so far: a verb at first, then environments and flags.
func words(root *cli.App, typed []string) []string {
	if len(typed) == 0 {
		return verbNames(root)
	}
	cmd := root.Command(typed[0])
	if cmd == nil {
		return nil
	}
	var out []string
	for _, sub := range cmd.Subcommands {
		out = append(out, sub.Name)
	}
	if dir, err := findProject(""); err == nil && strings.Contains(cmd.ArgsUsage+" "+cmd.Name, "ENV") || cmd.ArgsUsage == "FROM TO" {
		if envs, err := config.Environments(dir); err == nil {
			out = append(out, envs...)
		}
	}
	for _, f := range cmd.Flags {
		out = append(out, "--"+f.Names()[0])
	}
	return out
}
