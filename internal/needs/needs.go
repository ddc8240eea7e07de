// Package needs has a test pass over what this machine lacks the means for, or fail where they have to be there.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Required is the variable that makes tests fail which would skip because something is not installed or does not run; .ci/run sets it, having seen to
// all of it.
const Required = "HUBWRIGHT_TEST_NO_SKIP"

// Skip skips a test because this machine lacks what it needs, or fails it where that has to be there.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(Required) != "" {
		t.Fatalf("%s is set: "+format, append([]any{Required}, args...)...)
	}
	t.Skipf(format, args...)
}

// Command is where a command is that Debian's package of a name installs. Without it the test skips.
func Command(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, "no %s (Debian's package %s): %v", name, pkg, err)
	}
	return path
}
