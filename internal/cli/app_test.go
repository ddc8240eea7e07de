package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/term"
)

// testApp is an app whose streams are buffers and which has no terminal.
func testApp(t *testing.T) (a *app, out, errs *bytes.Buffer) {
	t.Helper()
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	a = newApp(&term.Term{In: strings.NewReader(""), Out: out, Err: errs})
	a.locator.Say = func(string, ...any) {}
	return a, out, errs
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	a, _, _ := testApp(t)
	for _, test := range []struct{ in, want string }{
		{"hubwright up staging --sandbox -y", "hubwright up --sandbox -y staging"},
		{"hubwright up staging -o json", "hubwright up -o json staging"},
		{"hubwright up staging --output=json", "hubwright up --output=json staging"},
		{"hubwright -C dir up staging -v", "hubwright -C dir up -v staging"},
		{"hubwright promote staging --write-only prod", "hubwright promote --write-only staging prod"},
		{"hubwright sandbox set a=b -C dir", "hubwright sandbox set -C dir a=b"},
		{"hubwright sandbox set -- -k id", "hubwright sandbox set -- -k id"},
		{"hubwright --version", "hubwright --version"},
		{"hubwright up staging -o", "hubwright up -o staging"},
	} {
		got := permute(a.root(), strings.Fields(test.in))
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%s\n got %q\nwant %q", test.in, strings.Join(got, " "), test.want)
		}
	}
}

func TestGlobalFlagsBeforeAndAfterTheVerb(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	empty := t.TempDir()
	for _, args := range [][]string{{"hubwright", "-C", empty, "validate"}, {"hubwright", "validate", "-C", empty}} {
		a, _, errs := testApp(t)
		if code := a.run(context.Background(), args); code != exitUsage || !strings.Contains(errs.String(), empty+" holds no Pulumi.yaml") {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
}

// Only a sandbox that does not exist is nothing to reset; one that cannot be looked at is an error, and nobody is asked first.
func TestResetOfNoSandbox(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	for _, test := range []struct {
		name, file, want string
		code             int
	}{
		{"none", "", "there is no sandbox to reset", exitDone},
		{"a file in its way", ".hubwright", "not a directory", exitFailed},
	} {
		dir := t.TempDir()
		for _, name := range []string{"Pulumi.yaml", test.file} {
			if name == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte("name: hubwright\nruntime: go\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, _, errs := testApp(t)
		if code := a.run(context.Background(), []string{"hubwright", "sandbox", "reset", "-C", dir}); code != test.code || !strings.Contains(errs.String(), test.want) {
			t.Errorf("%s: exit %d, %s", test.name, code, errs)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: hubwright\nruntime: go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want string
	}{
		{"statsu staging", `there is no verb "statsu"; did you mean "status"?`},
		{"up", "up: which environment?"},
		{"up a b", `"b" is one argument too many`},
		{"up staging --colour", "up has no flag --colour"},
		{"up staging -o yaml", `--output is "yaml"; of up there are text and json`},
		{"promote staging", "promote takes 2 environments"},
		{"promote staging staging", `FROM and TO are both "staging"`},
		{"completion csh", "which shell?"},
		{"sandbox lst", `there is no "lst"; did you mean "list"?`},
		{"sandbox list", "has no sandbox yet"},
		{"validate", "has no environment yet"},
	} {
		a, out, errs := testApp(t)
		args := append([]string{"hubwright", "-C", dir}, strings.Fields(test.args)...)
		code := a.run(context.Background(), args)
		if code != exitUsage {
			t.Errorf("%s: exit %d, want %d\n%s", test.args, code, exitUsage, errs)
		}
		if !strings.Contains(errs.String(), test.want) {
			t.Errorf("%s: error is %q, want %q in it", test.args, errs, test.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: wrote a result: %q", test.args, out)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), exitFailed},
		{usage("x"), exitUsage},
		{fmt.Errorf("reading: %w", config.Problems{{Message: "x"}}), exitUsage},
		{&config.UnknownEnvironmentError{Name: "stagin"}, exitUsage},
		{stopped("", "x"), exitStopped},
		{&driver.Error{Kind: driver.WrongAccount}, exitStopped},
		{&driver.Error{Kind: driver.CutOff}, exitStopped},
		{&driver.Error{Kind: driver.Busy}, exitFailed},
		{&driver.Error{Kind: driver.Interrupted}, exitInterrupted},
		{term.ErrNotAsked, exitStopped},
	} {
		if got := codeOf(test.err); got != test.want {
			t.Errorf("%v: exit %d, want %d", test.err, got, test.want)
		}
	}
}

func TestErrorsComeWithAHint(t *testing.T) {
	a, _, errs := testApp(t)
	a.report(&driver.NoEngineError{
		Path: errors.New("no pulumi there"), Cache: errors.New("/c does not exist"), Fetch: errors.New("no such host"), Build: errors.New("there is no go on PATH"),
	})
	for _, want := range []string{"error: there is no Pulumi engine", "no pulumi there", "/c does not exist", "no such host", "there is no go on PATH", "\nhint: "} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in:\n%s", want, errs)
		}
	}
}

func TestStartedByEngine(t *testing.T) {
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	full := map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "PULUMI_ENGINE": "127.0.0.1:2"}
	if !StartedByEngine([]string{"hubwright"}, env(full)) {
		t.Error("a program started by the engine is not recognised")
	}
	if StartedByEngine([]string{"hubwright", "up"}, env(full)) || StartedByEngine([]string{"hubwright"}, env(nil)) {
		t.Error("a person's command is taken for the engine's")
	}
}

func TestCompletionKnowsEnvironmentsAndFlags(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("name: hubwright\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	a, out, _ := testApp(t)
	if code := a.run(context.Background(), []string{"hubwright", "completion", "words", "up"}); code != exitDone {
		t.Fatalf("exit %d", code)
	}
	for _, want := range []string{"staging", "prod", "--sandbox"} {
		if !slices.Contains(strings.Fields(out.String()), want) {
			t.Errorf("%q is not offered: %s", want, out)
		}
	}
}

// Nothing asks the terminal anything when the program starts: who does not answer would wait for seconds.
func TestNothingAsksTheTerminal(t *testing.T) {
	if os.Getenv("HUBWRIGHT_TEST_TERMINAL") != "" {
		t.Log("TERM is", os.Getenv("TERM"))
		return
	}
	script := needs.Command(t, "script", "bsdutils")
	cmd := exec.Command(script, "-qec", os.Args[0]+" -test.v -test.run ^TestNothingAsksTheTerminal$", os.DevNull)
	cmd.Env = append(os.Environ(), "HUBWRIGHT_TEST_TERMINAL=1", "TERM=xterm", "CI=")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("\x1b]")) || !bytes.Contains(out, []byte("TERM is xterm")) {
		t.Errorf("%v: %q", err, out)
	}
}
