//go:build !linux

package cli

import (
	"errors"
	"syscall"
)

// memory is a folder that is in memory and not on a disk.
func memory() (string, error) {
	return "", errors.New("this system has no folder in memory for the plaintext, and a disk would keep it: use `hubwright secrets set`")
}

func apart() *syscall.SysProcAttr { return nil }
