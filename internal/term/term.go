// Package term is the terminal: results on one stream, chatter on the other, colour and live progress only where a person watches.
package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// Term is where a command reads from and writes to.
type Term struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // everything else
	// Color allows colour on Err and Out. Live allows a progress line that is rewritten in place.
	Color, Live bool
	// Interactive says that a person can be asked.
	Interactive bool
}

// System is the process's own terminal. NO_COLOR (no-color.org), CI and dumb terminals are respected.
func System() *Term {
	isTerminal := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	screen := isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb"
	return &Term{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Color:       screen && os.Getenv("NO_COLOR") == "",
		Live:        screen && os.Getenv("CI") == "",
		Interactive: isTerminal(os.Stdin) && screen,
	}
}

// Style is a way to make text stand out.
type Style string

// The styles, as ANSI select-graphic-rendition codes.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint styles a text where colour is allowed.
func (t *Term) Paint(s Style, text string) string {
	if !t.Color || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Say writes a line of chatter.
func (t *Term) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Err, format+"\n", args...)
}

// Print writes a line of the result.
func (t *Term) Print(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Out, format+"\n", args...)
}

// Table writes rows in columns to the result, two spaces between them.
func (t *Term) Table(rows [][]string) error {
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// ErrNotAsked says that a question could not be put because nobody is there.
var ErrNotAsked = errors.New("a confirmation is needed and there is no terminal to ask on")

// mostSecret is the most that is read as one secret, in bytes: a certificate with its chain takes some thousand.
const mostSecret = 1 << 20

// AskSecret reads a secret: from a terminal without showing it, from anything else to its end, without the newline that ends it. The error is the
// cause of the context's end when that comes first; a terminal is then as it was before.
func (t *Term) AskSecret(ctx context.Context, question string) (string, error) {
	if f, ok := t.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		before, err := term.GetState(int(f.Fd()))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprint(t.Err, question+" ")
		text, err := unless(ctx, func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) })
		if ctx.Err() != nil {
			err = errors.Join(err, term.Restore(int(f.Fd()), before))
		}
		_, _ = fmt.Fprintln(t.Err)
		return string(text), err
	}
	data, err := unless(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(t.In, mostSecret+1)) })
	if err != nil {
		return "", err
	}
	if len(data) > mostSecret {
		return "", fmt.Errorf("more than %d bytes were given, which is no secret", mostSecret)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if strings.Contains(text, "\n") {
		return string(data), nil // a text of several lines, such as a key, is taken as it is
	}
	return text, nil
}

// Ask puts a question and returns the answer, trimmed. Without a person it returns ErrNotAsked, and the cause of the context's end when that comes
// first.
func (t *Term) Ask(ctx context.Context, question string) (string, error) {
	if !t.Interactive {
		return "", ErrNotAsked
	}
	_, _ = fmt.Fprint(t.Err, question+" ")
	line, err := unless(ctx, func() (string, error) { return bufio.NewReader(t.In).ReadString('\n') })
	switch {
	case err != nil && ctx.Err() != nil:
		_, _ = fmt.Fprintln(t.Err) // the prompt's line ends
		return "", err
	case err != nil && line == "":
		return "", ErrNotAsked
	}
	return strings.TrimSpace(line), nil
}

// unless is what a read gives, unless the context ends before. Nothing can end the read itself: what it still gets is lost.
func unless[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		value, err := read()
		got <- answer{value, err}
	}()
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
