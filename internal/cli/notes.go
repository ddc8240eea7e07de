package cli

import (
	"fmt"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/term"
)

// noteOnce says what is worth knowing and would otherwise be said of each hub.
func (a *app) noteOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.note(text, text)
}

// noteOf says what is worth knowing of a value in a file, though it may hold for all hubs that the file is one of, and of each in other words.
func (a *app) noteOf(p config.Problem) {
	a.note(config.Problem{File: p.File, Line: p.Line, Path: p.Path}.String(), p.String())
}

func (a *app) note(key, text string) {
	if a.noted[key] {
		return
	}
	if a.noted == nil {
		a.noted = map[string]bool{}
	}
	a.noted[key] = true
	a.Say("%s %s", a.Paint(term.Yellow, "note:"), text)
}
