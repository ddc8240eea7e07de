package term

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func testTerm(in string) (t *Term, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return &Term{In: strings.NewReader(in), Out: out, Err: errs}, out, errs
}

func TestPaintOnlyWhereColourIsAllowed(t *testing.T) {
	term, _, _ := testTerm("")
	if got := term.Paint(Red, "x"); got != "x" {
		t.Errorf("without colour: %q", got)
	}
	term.Color = true
	if got := term.Paint(Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("with colour: %q", got)
	}
}

func TestAsk(t *testing.T) {
	term, _, errs := testTerm(" yes \n")
	if _, err := term.Ask("Sure?"); !errors.Is(err, ErrNotAsked) || errs.Len() > 0 {
		t.Errorf("without a person: %v, %q", err, errs)
	}
	term.Interactive = true
	if got, err := term.Ask("Sure?"); err != nil || got != "yes" || errs.String() != "Sure? " {
		t.Errorf("answer %q, %v, prompt %q", got, err, errs)
	}
	if _, err := term.Ask("Again?"); !errors.Is(err, ErrNotAsked) {
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
