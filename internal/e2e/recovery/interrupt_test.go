package recovery_test

import (
	"bytes"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

// lockWorld keeps everybody from the world until the function is called that it returns: nothing that is being made there is done before.
func lockWorld(t *testing.T, d *clitest.Deployment) (unlock func()) {
	t.Helper()
	f, err := os.Open(journal(d))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // unlocks, too
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}

// The first Ctrl-C stops cleanly, and a second one only warns.
func TestInterruptIsClean(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Env = append(d.Env, "HUBWRIGHT_SANDBOX_PACE=1s")
	cmd := d.Command(t.Context(), "up staging --sandbox --yes")
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = said.Close() })
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	signal := func(s os.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatalf("%v: %v\n%s", s, err, readFile(said.Name()))
		}
	}
	for journalLines(d) < 60 { // the cluster is being made
		time.Sleep(5 * time.Millisecond)
	}

	// Meanwhile the stack is held, and whoever comes is told by whom. For as long as that takes, on a busy machine too, the update's process is halted, and
	// the services with it; not in the middle of a transaction, in which it would keep everybody waiting.
	unlock := lockWorld(t, d)
	signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the update is not halted: %v, %v\n%s", status, err, readFile(said.Name()))
	}
	unlock()
	d.Must(1, "up staging --sandbox --yes").Has(t, "staging is busy: "+holder(t), "has held it since 20", "wait until it has ended")
	d.Must(4, "preview staging --sandbox").Has(t, "operations are under way: "+holder(t), "wait until it has ended")
	d.Must(5, "status staging --sandbox --recorded").Has(t, "staging is busy: "+holder(t))
	d.Must(4, "recover staging --sandbox --yes").Has(t, "staging is held by "+holder(t), "end that process first")

	// It goes on, and cannot end before both signals were heard.
	unlock = lockWorld(t, d)
	signal(syscall.SIGCONT)
	for _, answer := range []string{"what is under way ends first", "Another Ctrl-C kills the engine"} {
		signal(os.Interrupt)
		for !bytes.Contains(readFile(said.Name()), []byte(answer)) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	unlock()
	_ = cmd.Wait()
	text := string(readFile(said.Name()))
	if code := cmd.ProcessState.ExitCode(); code != 8 {
		t.Fatalf("exit %d, want 8\n%s", code, text)
	}
	if want := "the state is consistent"; !strings.Contains(text, want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
	d.Env = d.Env[:len(d.Env)-1]
	d.Must(0, "recover staging --sandbox").Has(t, "nothing to recover")
	d.Must(0, "up staging --sandbox --yes")
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
