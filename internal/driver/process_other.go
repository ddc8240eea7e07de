//go:build unix && !linux

package driver

import "syscall"

// tied does nothing here: only Linux can tie a process's life to its parent's.
func tied(*syscall.SysProcAttr) {}
