package neighbours_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// callStacks are what the state says of where resources were registered, by URN.
func callStacks(t *testing.T, d *clitest.Deployment, env string) map[string][]string {
	t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct {
					URN        string `json:"urn"`
					StackTrace []struct {
						SourcePosition string `json:"sourcePosition"`
					} `json:"stackTrace"`
				} `json:"resources"`
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
	out := map[string][]string{}
	for _, r := range state.Checkpoint.Latest.Resources {
		for _, f := range r.StackTrace {
			out[r.URN] = append(out[r.URN], f.SourcePosition)
		}
	}
	return out
}

func TestTwoDoorsOneProgram(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "up staging --sandbox --yes")

	const role = "urn:pulumi:staging::hubwright::hubwright:aws:Credentials$aws:iam/role:Role::creds-role"
	if stack := strings.Join(callStacks(t, d, "staging")[role], " "); !strings.Contains(stack, "components/creds/creds.go#") || strings.Contains(stack, "google.golang.org/grpc") {
		t.Errorf("the state's call stack of the deployer role is not just the program's own: %q", stack)
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
