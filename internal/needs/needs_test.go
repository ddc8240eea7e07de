package needs

import (
	"fmt"
	"strings"
	"testing"
)

// ended is a test that notes how it ends. Of the methods of testing.TB it has those that are called here.
type ended struct {
	testing.TB
	how string
}

func (*ended) Helper() {}

func (e *ended) Fatalf(format string, args ...any) { e.end("failed: "+format, args) }
func (e *ended) Skipf(format string, args ...any)  { e.end("skipped: "+format, args) }

func (e *ended) end(format string, args []any) {
	e.how = fmt.Sprintf(format, args...)
	panic(e) // Fatalf and Skipf do not return
}

func TestCommand(t *testing.T) {
	run := func(name string) (path, how string) {
		e := &ended{}
		defer func() {
			if r := recover(); r != nil && r != any(e) {
				panic(r)
			}
			how = e.how
		}()
		return Command(e, name, "none"), ""
	}
	const absent = "hubwright-needs-this"
	t.Setenv(Required, "")
	if path, how := run("sh"); path == "" || how != "" {
		t.Errorf("sh is at %q, and the test has %s", path, how)
	}
	if _, how := run(absent); !strings.HasPrefix(how, "skipped: no "+absent+" (Debian's package none): ") {
		t.Errorf("the test has %s", how)
	}
	t.Setenv(Required, "1")
	if _, how := run(absent); !strings.HasPrefix(how, "failed: "+Required+" is set: no "+absent) {
		t.Errorf("the test has %s", how)
	}
}
