package neighbours_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/driver"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// account is the one that the shipped deployment's sandbox plays.
const account = "162808325377"

// recorded is what the tests read of a resource in a state.
type recorded struct {
	URN        string         `json:"urn"`
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Inputs     map[string]any `json:"inputs"`
	StackTrace []struct {
		SourcePosition string `json:"sourcePosition"`
	} `json:"stackTrace"`
}

// state reads the resources of a stack's state.
func state(t *testing.T, d *clitest.Deployment, env string) []recorded {
	t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []recorded `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	file := filepath.Join(sandbox.Home(d.Dir), "state", ".pulumi", "stacks", "hubwright", env+".json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	return state.Checkpoint.Latest.Resources
}

func TestTwoDoorsOneProgram(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "up staging --sandbox --yes")

	const role = "urn:pulumi:staging::hubwright::hubwright:aws:Credentials$aws:iam/role:Role::creds-role"
	derived := 0
	for _, r := range state(t, d, "staging") {
		var positions []string
		for _, f := range r.StackTrace {
			positions = append(positions, f.SourcePosition)
		}
		stack := strings.Join(positions, " ")
		if r.URN == role && (!strings.Contains(stack, "components/creds/creds.go#") || strings.Contains(stack, "google.golang.org/grpc")) {
			t.Errorf("the state's call stack of the deployer role is not just the program's own: %q", stack)
		}
		// What a creation that was cut off is looked for under is what it is called once it is made.
		if id := driver.IDFromInputs(r.Type, r.Inputs, account); id != "" {
			derived++
			if id != r.ID {
				t.Errorf("%s is %s, and would be looked for as %s", r.URN, r.ID, id)
			}
		}
	}
	if derived < 40 {
		t.Errorf("the ids of %d resources follow from their inputs, want most", derived)
	}

	// After hubwright, pulumi sees no change …
	o := d.Serve("staging")
	o.Pulumi("preview", "-s", "staging", "--expect-no-changes")

	// … and after pulumi has changed something, hubwright sees none.
	d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	if out := o.Pulumi("up", "-s", "staging", "--yes", "--skip-preview"); !strings.Contains(out, "1 updated") {
		t.Errorf("pulumi up did not update the release:\n%s", out)
	}
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
}
