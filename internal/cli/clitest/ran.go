package clitest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/reference"
)

// Ran is what a command came to.
type Ran struct {
	// Args are what followed the program's name.
	Args string
	// Code is its exit code.
	Code int
	// Out is its result, from standard output; Err its chatter, from standard error.
	Out, Err string
}

// String is the command and all that it said.
func (r Ran) String() string { return fmt.Sprintf("$ hubwright %s\n%s%s", r.Args, r.Out, r.Err) }

// Has fails the test unless the command's result or chatter holds all of the texts.
func (r Ran) Has(t *testing.T, texts ...string) Ran {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Out+r.Err, text) {
			t.Errorf("hubwright %s: %q is not in\n%s%s", r.Args, text, r.Out, r.Err)
		}
	}
	return r
}

// JSON decodes the command's result, and holds it to the schema that it names.
func (r Ran) JSON(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.Out), &v); err != nil {
		t.Fatalf("hubwright %s: the result is no JSON: %v\n%s", r.Args, err, r.Out)
	}
	reference.Fits(t, []byte(r.Out))
	return v
}
