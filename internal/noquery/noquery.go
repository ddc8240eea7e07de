// Package noquery keeps libraries from asking the terminal anything when the program starts.
//
// Pulumi's SDK links bubbletea, which asks the terminal for its background colour before main runs, and waits five seconds for an answer that serial
// lines, recorders and scripts never give; what it asked stays on the screen:
// https://github.com/charmbracelet/bubbletea/blob/v1.3.10/tea_init.go. It asks no terminal that is dumb. Packages are initialised in the order of
// their paths, dependencies first (https://go.dev/ref/spec#Program_initialization), so that this one, which depends on os alone, comes before
// golang.org/x/sys, without which there is no bubbletea.
package noquery

import "os"

var term, given = os.LookupEnv("TERM")

func init() { _ = os.Setenv("TERM", "dumb") } // an environment that cannot be set leaves all as it was

// Restore puts the environment back to what it was. It is to be called when all packages are there.
func Restore() {
	if given {
		_ = os.Setenv("TERM", term)
		return
	}
	_ = os.Unsetenv("TERM")
}
