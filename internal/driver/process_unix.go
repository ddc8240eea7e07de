//go:build unix

package driver

import "syscall"

// ownGroup puts the engine into a process group of its own: a terminal's Ctrl-C then reaches only us.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// alive reports whether a process of this machine is running.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
