package neighbours_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

// Several environments are previewed in one run, each as it is by itself, and one that cannot be does not keep the others from it.
func TestFleet(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "up staging --sandbox --yes")
	alone := d.Must(0, "preview staging --sandbox").Out
	both := d.Must(3, "preview prod staging --sandbox --detailed-exitcode")
	if !strings.HasSuffix(both.Out, alone) || !strings.HasPrefix(both.Out, "prod on cluster") {
		t.Errorf("staging in a fleet is another than alone, or not in its place:\n%s\n--- alone:\n%s", both.Out, alone)
	}
	if n := strings.Count(both.Err, "the sandbox makes up"); n != 1 {
		t.Errorf("what holds for both is said %d times", n)
	}
	both.Has(t, "2 environments: 1 with changes, 1 without a change")

	broken := d.Read("Pulumi.staging.yaml") // its layer of values does not exist
	if err := os.WriteFile(filepath.Join(d.Dir, "Pulumi.broken.yaml"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Must(2, "preview --all --sandbox").Has(t, "error: broken: ", "hubs/hub/broken.yaml", "staging on cluster", "3 environments: 1 with changes, 1 failed, 1 without a change")
	doc := d.Must(2, "preview --all --sandbox -o json").JSON(t)
	if doc["schema"] != "hubwright/fleet/v1" {
		t.Errorf("schema %v", doc["schema"])
	}
	var got []string
	for _, e := range doc["environments"].([]any) {
		e := e.(map[string]any)
		word := "known"
		if e["change"] == nil {
			word = "unknown: " + e["error"].(string)
		}
		got = append(got, e["environment"].(string)+" "+word)
	}
	if len(got) != 3 || !strings.HasPrefix(got[0], "broken unknown: ") || got[1] != "prod known" || got[2] != "staging known" {
		t.Errorf("environments %q", got)
	}
	d.Must(2, "preview --all --sandbox --save x.json").Has(t, "--save takes one environment's change")
}
