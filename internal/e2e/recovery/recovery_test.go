// Package recovery_test interrupts and kills updates, and has what they leave behind mended.
package recovery_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// journal is the file of the world's transactions.
func journal(d *clitest.Deployment) string {
	return filepath.Join(sandbox.WorldDir(sandbox.Home(d.Dir)), "world.journal")
}

// journalLines is how much has happened in the world.
func journalLines(d *clitest.Deployment) int {
	return bytes.Count(readFile(journal(d)), []byte("\n"))
}

// kinds counts the world's objects by kind, which is what must come out the same however often an update was killed. Pods come and go by
// themselves.
func kinds(d *clitest.Deployment) []string {
	count := map[string]int{}
	for _, o := range d.Objects() {
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
func killUp(t *testing.T, d *clitest.Deployment, at int) bool {
	t.Helper()
	cmd := d.Command(t.Context(), "up staging --sandbox --yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
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
		if journalLines(d) >= at {
			_ = cmd.Process.Kill() // takes the engine with it
			<-ended
			return true
		}
	}
}

func TestKilledAtTenMomentsEndsInTheSameGraph(t *testing.T) {
	t.Parallel()
	clean := clitest.New(t, nil)
	clean.Must(0, "up staging --sandbox --yes")
	want, total := kinds(clean), journalLines(clean)
	resources := clean.Must(0, "status staging --sandbox -o json").JSON(t)["resources"]

	const moments = 10
	for i := range moments {
		at := (i + 1) * total / (moments + 1)
		t.Run(fmt.Sprintf("at %d of %d", at, total), func(t *testing.T) {
			t.Parallel()
			d := clitest.New(t, nil)
			if !killUp(t, d, at) {
				t.Fatal("the update ended before it was killed")
			}
			if i%3 != 0 { // that an update says how to go on is seen often enough at every third moment
				t.Log(d.Must(0, "recover staging --sandbox --yes"))
			}
			if r := d.Run("up staging --sandbox --yes"); r.Code != 0 {
				t.Log(r)
				r.Has(t, "hubwright recover staging")
				t.Log(d.Must(0, "recover staging --sandbox --yes"))
				d.Must(0, "up staging --sandbox --yes")
			}
			if got := kinds(d); !slices.Equal(got, want) {
				t.Errorf("the world is another:\n got %s\nwant %s", strings.Join(diff(got, want), "\n     "), strings.Join(diff(want, got), "\n     "))
			}
			st := d.Must(0, "status staging --sandbox --recorded -o json").JSON(t)
			if st["resources"] != resources {
				t.Errorf("%v resources, want %v", st["resources"], resources)
			}
		})
	}
}

// An upgrade of a release that is killed leaves Helm in the middle of it; `recover` frees it and the next update goes on.
func TestKilledUpgradeIsFreed(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "up staging --sandbox --yes")
	d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	killUpgrade(t, d)
	d.Must(4, "preview staging --sandbox").Has(t, "`hubwright recover staging --sandbox`")
	d.Must(5, "status staging --sandbox --recorded").Has(t, "pending:", "`hubwright recover staging --sandbox`")
	d.Must(0, "recover staging --sandbox --yes").Has(t, "was being upgraded", "goes on from revision 1")
	d.Must(0, "up staging --sandbox --yes").Has(t, "updated")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
	d.Must(0, "recover staging --sandbox").Has(t, "nothing to recover")
}

// One command goes back from there: it frees the release, and has Helm go over it again, with the values that were committed.
func TestKilledUpgradeIsRolledBack(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Commit("as it was")
	d.Must(0, "up staging --sandbox --yes")
	d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	d.Commit("more memory")
	killUpgrade(t, d)
	d.Must(0, "rollback staging --sandbox --yes").Has(t, "was being upgraded", "goes back to deployment 1", "hubs/hub/common.yaml", "updated")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
	d.Must(0, "history staging --sandbox").Has(t, "rollback from #1", "up")
	if !slices.ContainsFunc(d.Objects(), func(o string) bool { return strings.HasSuffix(o, "sh.helm.release.v1.roman-sit-staging.v2") }) {
		t.Error("Helm did not go over the release again")
	}
	d.Must(3, "preview staging --sandbox --detailed-exitcode").Has(t, "15G → 16G")
	d.Edit("hubs/hub/common.yaml", "limit: 16G", "limit: 15G")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
}

// killUpgrade kills an update in the middle of the release's upgrade.
func killUpgrade(t *testing.T, d *clitest.Deployment) {
	t.Helper()
	d.Env = append(d.Env, "HUBWRIGHT_SANDBOX_PACE=1m") // the upgrade's waiting takes long enough to be seen
	cmd := d.Command(t.Context(), "up staging --sandbox --yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for { // a line that is not whole is not counted: the world drops it, too
		_, after, found := bytes.Cut(readFile(journal(d)), []byte("sh.helm.release.v1.roman-sit-staging.v2"))
		if found && bytes.ContainsRune(after, '\n') {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	d.Env = d.Env[:len(d.Env)-1]
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
