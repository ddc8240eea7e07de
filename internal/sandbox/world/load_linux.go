package world

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// load is for how long all threads of a process together have run, or have waited for a processor to run on, so far; 0 for a process that is
// gone. The kernel counts both in nanoseconds: schedstat in proc(5), https://docs.kernel.org/scheduler/sched-stats.html
func load(pid int) time.Duration {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0
	}
	var total int64
	for _, thread := range threads {
		data, err := os.ReadFile(thread)
		if err != nil {
			continue // it has just ended
		}
		var ran, waited int64
		if _, err := fmt.Sscan(string(data), &ran, &waited); err == nil {
			total += ran + waited
		}
	}
	return time.Duration(total)
}
