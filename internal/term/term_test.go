package term

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

func testTerm(in string) (t *Term, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return &Term{In: strings.NewReader(in), Out: out, Err: errs}, out, errs
}

func TestPaintOnlyWhereColourIsAllowed(t *testing.T) {
	for _, test := range []struct {
		color      bool
		style      Style
		text, want string
	}{
		{false, Red, "x", "x"},
		{false, Bold, "", ""},
		{true, Red, "x", "\x1b[31mx\x1b[0m"},
		{true, Bold, "two words", "\x1b[1mtwo words\x1b[0m"},
		{true, Dim, "", ""},
	} {
		term := &Term{Color: test.color}
		if got := term.Paint(test.style, test.text); got != test.want {
			t.Errorf("colour %v, style %s, %q: got %q, want %q", test.color, test.style, test.text, got, test.want)
		}
	}
}

func TestAsk(t *testing.T) {
	term, _, errs := testTerm(" yes \n")
	if _, err := term.Ask(t.Context(), "Sure?"); !errors.Is(err, ErrNotAsked) || errs.Len() > 0 {
		t.Errorf("without a person: %v, %q", err, errs)
	}
	term.Interactive = true
	if got, err := term.Ask(t.Context(), "Sure?"); err != nil || got != "yes" || errs.String() != "Sure? " {
		t.Errorf("answer %q, %v, prompt %q", got, err, errs)
	}
	if _, err := term.Ask(t.Context(), "Again?"); !errors.Is(err, ErrNotAsked) {
		t.Errorf("at the end of input: %v", err)
	}
}

func TestResultsAndChatterGoApart(t *testing.T) {
	term, out, errs := testTerm("")
	term.Print("result %d", 1)
	term.Say("chatter")
	if err := term.Table([][]string{{"A", "LONG"}, {"longer", "b"}}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "result 1\nA       LONG\nlonger  b\n" || errs.String() != "chatter\n" {
		t.Errorf("out %q, err %q", out, errs)
	}
}

func TestProgressPrintsALineForWhatIsDone(t *testing.T) {
	term, _, errs := testTerm("")
	p := term.NewProgress()
	p.Begin("a", "vpc")
	p.End("a", "created vpc")
	p.Begin("b", "same")
	p.End("b", "")
	p.End("never begun", "")
	p.Fail("c", "failed role")
	p.Note("a word")
	p.Stop()
	if want := "created vpc\nfailed role\na word\n"; errs.String() != want {
		t.Errorf("got %q, want %q", errs, want)
	}
}

func TestLiveProgressLeavesTheTerminalClean(t *testing.T) {
	term, _, errs := testTerm("")
	term.Live = true
	p := term.NewProgress()
	p.Begin("a", "vpc")
	p.End("a", "created vpc")
	p.Stop()
	if !strings.Contains(errs.String(), "\r\x1b[Kcreated vpc\n") || !strings.HasSuffix(errs.String(), "\r\x1b[K") {
		t.Errorf("got %q", errs)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct{ in, want string }{{"y\n", "y"}, {"\n", ""}, {"  homes staging \r\n", "homes staging"}, {"cut off", "cut off"}} {
		term, _, _ := testTerm(test.in)
		term.Interactive = true
		if got, err := term.Ask(t.Context(), "Sure?"); err != nil || got != test.want {
			t.Errorf("%q: got %q, %v", test.in, got, err)
		}
	}
}

func TestTable(t *testing.T) {
	for _, test := range []struct {
		name string
		rows [][]string
		want string
	}{
		{"nothing", nil, ""},
		{"one cell", [][]string{{"a"}}, "a\n"},
		{"columns", [][]string{{"NAME", "STATE"}, {"production", "ok"}}, "NAME        STATE\nproduction  ok\n"},
		{"an empty cell", [][]string{{"a", "", "c"}, {"a", "bb", "c"}}, "a      c\na  bb  c\n"},
	} {
		term, out, errs := testTerm("")
		if err := term.Table(test.rows); err != nil || out.String() != test.want || errs.Len() > 0 {
			t.Errorf("%s: %v, got %q, want %q, chatter %q", test.name, err, out, test.want, errs)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestTableSaysWhenItCannotBeWritten(t *testing.T) {
	term := &Term{Out: full{}}
	if err := term.Table([][]string{{"a", "b"}}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

func TestLiveLine(t *testing.T) {
	term, _, errs := testTerm("")
	p := term.NewProgress() // not live: nothing is drawn but by this test
	term.Live = true
	for _, test := range []struct {
		name string
		do   func()
		want string // a regular expression
	}{
		{"nothing under way", func() {}, `^\r\x1b\[K\S+  0 done, 0 under way$`},
		{"names in order", func() { p.Begin("1", "vpc"); p.Begin("2", "role") }, `^\r\x1b\[K\S+  0 done, 2 under way: role, vpc$`},
		{"a line takes its place", func() { p.End("1", "created vpc") }, `^\r\x1b\[Kcreated vpc\n\r\x1b\[K\S+  1 done, 1 under way: role$`},
		{"no line, no clearing", func() { p.End("2", "") }, `^\r\x1b\[K\S+  2 done, 0 under way$`},
		{"never wider than a line", func() { p.Begin("3", strings.Repeat("ü", 200)) }, `^\r\x1b\[K.{99}…$`},
	} {
		errs.Reset()
		test.do()
		p.draw()
		if !regexp.MustCompile(test.want).MatchString(errs.String()) {
			t.Errorf("%s: %q does not match %s", test.name, errs, test.want)
		}
	}
}

// The end of the context ends the waiting for an answer.
func TestAskIsInterrupted(t *testing.T) {
	in, unread, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(in.Close(), unread.Close()) }()
	term, _, _ := testTerm("")
	term.In, term.Interactive = in, true
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := term.Ask(ctx, "Sure?"); !errors.Is(err, why) {
		t.Error(err)
	}
	if _, err := term.AskSecret(ctx, "The secret:"); !errors.Is(err, why) {
		t.Error(err)
	}
}
