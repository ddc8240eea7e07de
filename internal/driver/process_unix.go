//go:build unix

package driver

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// ownGroup puts the engine into a process group of its own: a terminal's Ctrl-C then reaches only us.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// alive reports whether a process of this machine is running. One that has ended and that nobody has waited for yet is not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // "pid (name) state …", proc(5)
	if err != nil {
		return true // no such file system here
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
