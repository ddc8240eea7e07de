package guard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/guard"
	"github.com/hubwright/hubwright/internal/reference"
)

// TestReference holds the page about guards to the rules.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Guards\n\nThe rules that a change has to pass, with the severity that each has unless `hubwright:guards` says otherwise. Generated from the code. [changes.md](../changes.md) says how they are used.\n\n")
	b.WriteString("| rule | stops or warns of | by default |\n|---|---|---|\n")
	for _, r := range guard.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Name, r.About, r.Severity)
	}
	reference.Hold(t, "guards.md", b.String())
}
