package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script is a scanner of these lines.
func script(t *testing.T, lines string) *Command {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scan")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return &Command{Words: []string{file, "image", "{image}", "--digest={digest}"}, Dir: here, Clock: &fakeClock{now: noon}}
}

func TestCommand(t *testing.T) {
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "planted-passphrase")
	seen := filepath.Join(t.TempDir(), "seen")
	c := script(t, `printf '%s|' "$@" >"$SEEN"; echo "[$PULUMI_CONFIG_PASSPHRASE]" >>"$SEEN"; echo looking >&2; cat testdata/levels.sarif; exit 3`)
	c.FindingsExitCodes, c.Env = []int{2, 3}, []string{"SEEN=" + seen}
	r, err := c.Scan(t.Context(), subject, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if r.Scanner != "linter" || len(r.Findings) != 7 {
		t.Errorf("got %+v", r)
	}
	got, err := os.ReadFile(seen)
	if want := "image|" + subject.Reference() + "|--digest=" + digest + "|[]\n"; err != nil || string(got) != want {
		t.Errorf("it saw %q, %v; want %q", got, err, want)
	}
	if diff := cmp.Diff([]string{c.Words[0], "image", "{image}", "--digest={digest}"}, c.Words); diff != "" {
		t.Errorf("the command was changed (-want +got)\n%s", diff)
	}

	c = script(t, "cat testdata/trivy.sarif")
	if r, err = c.Scan(t.Context(), subject, time.Minute); err != nil || !r.Completed.Equal(noon) {
		t.Errorf("a report without a time: %v, %+v", err, r)
	}
}

func TestCommandWithoutResult(t *testing.T) {
	tests := []struct {
		name, lines, want string
		codes             []int
	}{
		{"silent", "exit 0", "the report of SCAN cannot be used: it is empty", nil},
		{"rubbish", "echo all is well", "the report of SCAN cannot be used: it is not JSON: invalid character 'a' looking for beginning of value", nil},
		{"failed", "cat testdata/trivy.sarif; echo >&2; echo 'no database' >&2; exit 1", "SCAN failed with exit code 1: no database", nil},
		{"failed without a word", "exit 127", "SCAN failed with exit code 127", []int{1}},
		{"findings that are none", `echo '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": []}]}'; exit 1`, "SCAN ended with exit code 1, by which it says that there are findings, and reported none", []int{1}},
		{"killed", "kill -9 $$", "SCAN did not end by itself (signal: killed)", nil},
		{"no end of output", "yes", "SCAN wrote more than 64 MiB, and was ended", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := script(t, test.lines)
			c.FindingsExitCodes = test.codes
			_, err := c.Scan(t.Context(), subject, time.Minute)
			var none *NoResultError
			if !errors.As(err, &none) || none.Why != strings.ReplaceAll(test.want, "SCAN", c.Words[0]) {
				t.Errorf("got %v; want %s", err, test.want)
			}
		})
	}
	c := &Command{Words: []string{"no-such-scanner", "{image}"}}
	if _, err := c.Scan(t.Context(), subject, time.Minute); err == nil || err.Error() != "there is no no-such-scanner here" {
		t.Errorf("got %v", err)
	}
}

// TestCommandEndsWithItsChildren has a scanner that writes nothing and starts another that would outlive it, deaf to being asked.
func TestCommandEndsWithItsChildren(t *testing.T) {
	tests := []struct {
		name string
		scan func(c *Command, begun func() bool) error
		want string
	}{
		{"when its time is over", func(c *Command, _ func() bool) error {
			_, err := c.Scan(context.Background(), subject, 500*time.Millisecond)
			return err
		}, "there was no result of SCAN after 500ms, and it was ended"},
		{"when it is cancelled", func(c *Command, begun func() bool) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() {
				for !begun() {
					time.Sleep(5 * time.Millisecond)
				}
				cancel()
			}()
			_, err := c.Scan(ctx, subject, time.Minute)
			return err
		}, "context canceled"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			c := script(t, `sh -c 'trap "" TERM; echo $$ >>"$PIDS"; while :; do sleep 1; done' & echo $$ >>"$PIDS"; wait`)
			c.Env = []string{"PIDS=" + pids}
			read := func() []string {
				text, _ := os.ReadFile(pids) // perhaps not there yet
				return strings.Fields(string(text))
			}
			err := test.scan(c, func() bool { return len(read()) == 2 })
			if err == nil || err.Error() != strings.ReplaceAll(test.want, "SCAN", c.Words[0]) {
				t.Errorf("got %v; want %s", err, test.want)
			}
			if len(read()) != 2 {
				t.Fatalf("there were %v", read())
			}
			for _, text := range read() {
				pid, err := strconv.Atoi(text)
				if err != nil {
					t.Fatal(err)
				}
				if !gone(pid) {
					t.Errorf("process %d is still there", pid)
				}
			}
		})
	}
}

// gone waits for a process that was killed to be no more, or a zombie that nobody has waited for.
func gone(pid int) bool {
	for range 200 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(stat), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}
