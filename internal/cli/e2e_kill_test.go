package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox"
)

// journal is the file of the world's transactions.
func (d *deployment) journal() string {
	return filepath.Join(sandbox.WorldDir(sandbox.Home(d.dir)), "world.journal")
}

// journalLines is how much has happened in the world.
func (d *deployment) journalLines() int {
	return bytes.Count(readFile(d.journal()), []byte("\n"))
}

// kinds counts the world's objects by kind, which is what must come out the same however often an update was killed. Pods come and go by
// themselves.
func (d *deployment) kinds() []string {
	count := map[string]int{}
	for _, o := range d.objects() {
		kind, _, _ := strings.Cut(o, " ")
		if kind != "k8s:v1/Pod" {
			count[kind]++
		}
	}
	var out []string
	for kind, n := range count {
		out = append(out, kind+" "+strings.Repeat("|", n))
	}
	slices.Sort(out)
	return out
}

// killUp starts an update and kills it, engine and all, when the world has seen that many transactions. It reports whether the update was
// still running then.
func (d *deployment) killUp(at int) bool {
	d.t.Helper()
	cmd := d.command(d.t.Context(), "up staging --sandbox --yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return false
		case <-time.After(2 * time.Millisecond):
		}
		if d.journalLines() >= at {
			_ = cmd.Process.Kill() // takes the engine with it
			<-ended
			return true
		}
	}
}

func TestKilledAtTenMomentsEndsInTheSameGraph(t *testing.T) {
	t.Parallel()
	clean := newDeployment(t, nil)
	clean.must(0, "up staging --sandbox --yes")
	want, total := clean.kinds(), clean.journalLines()
	resources := clean.must(0, "status staging --sandbox -o json").json(t)["resources"]

	const moments = 10
	for i := range moments {
		at := (i + 1) * total / (moments + 1)
		t.Run(fmt.Sprintf("at %d of %d", at, total), func(t *testing.T) {
			t.Parallel()
			d := newDeployment(t, nil)
			if !d.killUp(at) {
				t.Fatal("the update ended before it was killed")
			}
			if i%3 != 0 { // that an update says how to go on is seen often enough at every third moment
				t.Log(d.must(0, "recover staging --sandbox --yes"))
			}
			if r := d.run("up staging --sandbox --yes"); r.code != 0 {
				t.Log(r)
				r.has(t, "hubwright recover staging")
				t.Log(d.must(0, "recover staging --sandbox --yes"))
				d.must(0, "up staging --sandbox --yes")
			}
			if got := d.kinds(); !slices.Equal(got, want) {
				t.Errorf("the world is another:\n got %s\nwant %s", strings.Join(diff(got, want), "\n     "), strings.Join(diff(want, got), "\n     "))
			}
			st := d.must(0, "status staging --sandbox --recorded -o json").json(t)
			if st["resources"] != resources {
				t.Errorf("%v resources, want %v", st["resources"], resources)
			}
		})
	}
}

// An upgrade of a release that is killed leaves Helm in the middle of it; `recover` frees it and the next update goes on.
func TestKilledUpgradeIsFreed(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	d.must(0, "up staging --sandbox --yes")
	d.edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")

	d.env = append(d.env, "HUBWRIGHT_SANDBOX_PACE=1m") // the upgrade's waiting takes long enough to be seen
	cmd := d.command(t.Context(), "up staging --sandbox --yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for { // a line that is not whole is not counted: the world drops it, too
		_, after, found := bytes.Cut(readFile(d.journal()), []byte("sh.helm.release.v1.roman-sit-staging.v2"))
		if found && bytes.ContainsRune(after, '\n') {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()

	d.env = d.env[:len(d.env)-1]
	d.must(4, "preview staging --sandbox").has(t, "`hubwright recover staging --sandbox`")
	d.must(5, "status staging --sandbox --recorded").has(t, "pending:", "`hubwright recover staging --sandbox`")
	d.must(0, "recover staging --sandbox --yes").has(t, "was being upgraded", "goes on from revision 1")
	d.must(0, "up staging --sandbox --yes").has(t, "updated")
	d.must(0, "status staging --sandbox").has(t, "healthy")
	d.must(0, "recover staging --sandbox").has(t, "nothing to recover")
}

// readFile is what a file holds; nothing when there is none yet.
func readFile(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

// diff returns what is in a and not in b.
func diff(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// The first Ctrl-C stops cleanly, and a second one only warns.
func TestInterruptIsClean(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	d.env = append(d.env, "HUBWRIGHT_SANDBOX_PACE=2s")
	cmd := d.command(t.Context(), "up staging --sandbox --yes")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for d.journalLines() < 60 { // the cluster is being made
		time.Sleep(5 * time.Millisecond)
	}
	// Meanwhile the stack is held, and whoever comes is told by whom.
	d.must(1, "up staging --sandbox --yes").has(t, "staging is busy: "+holder(t), "has held it since 20", "wait until it has ended")
	d.must(4, "preview staging --sandbox").has(t, "operations are under way: "+holder(t), "wait until it has ended")
	d.must(5, "status staging --sandbox --recorded").has(t, "staging is busy: "+holder(t))
	d.must(4, "recover staging --sandbox --yes").has(t, "staging is held by "+holder(t), "end that process first")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // signals of one kind that come at once are one
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 8 {
		t.Fatalf("exit %d, want 8\n%s", code, &errs)
	}
	for _, want := range []string{"what is under way ends first", "Another Ctrl-C kills the engine", "the state is consistent"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in\n%s", want, &errs)
		}
	}
	d.env = d.env[:len(d.env)-1]
	d.must(0, "recover staging --sandbox").has(t, "nothing to recover")
	d.must(0, "up staging --sandbox --yes")
}

// holder is how the engine names who holds a stack: user@host.
func holder(t *testing.T) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return me.Username + "@" + host
}
