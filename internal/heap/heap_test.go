package heap

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestPercent(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set, which counts more")
	}
	is := debug.SetGCPercent(Percent)
	if is != Percent {
		t.Errorf("garbage is collected at %d percent, and %d are wanted", is, Percent)
	}
}
