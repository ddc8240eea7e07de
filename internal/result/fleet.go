package result

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/change"
)

// Fleet is what an update of several environments would change.
type Fleet struct {
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Summary counts the environments.
	Summary FleetSummary `json:"summary"`
	// Environments are in the order in which they were named, or that of the alphabet.
	Environments []Previewed `json:"environments"`
}

// FleetSummary counts environments by what came of them.
type FleetSummary struct {
	// Changed are those with changes.
	Changed int `json:"changed"`
	// Same are those without any.
	Same int `json:"same"`
	// Stopped are those that a guard stops.
	Stopped int `json:"stopped"`
	// Failed are those of which it is not known what would change.
	Failed int `json:"failed"`
}

// Previewed is an environment of several.
type Previewed struct {
	// Environment is its name.
	Environment string `json:"environment"`
	// Code is the exit code with which a preview of this environment alone ends, changes not counted.
	Code int `json:"code"`
	// Change is what would change; absent when that is not known.
	Change *change.Change `json:"change,omitempty"`
	// Error says why not.
	Error string `json:"error,omitempty"`
	// Hint says what to do.
	Hint string `json:"hint,omitempty"`
}

// Add appends an environment and counts it.
func (f *Fleet) Add(p Previewed) {
	f.Environments = append(f.Environments, p)
	switch {
	case p.Change == nil:
		f.Summary.Failed++
	case p.Change.Blocked():
		f.Summary.Stopped++
	case p.Change.Summary.Changes() > 0:
		f.Summary.Changed++
	default:
		f.Summary.Same++
	}
}

// String says it in a line.
func (s FleetSummary) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{s.Changed, "with changes"}, {s.Stopped, "stopped by a guard"}, {s.Failed, "failed"}, {s.Same, "without a change"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return fmt.Sprintf("%d environments: %s", s.Changed+s.Same+s.Stopped+s.Failed, strings.Join(parts, ", "))
}
