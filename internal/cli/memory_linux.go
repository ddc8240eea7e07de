package cli

import (
	"fmt"
	"os"
	"syscall"
)

// tmpfs is the number of the file system that is in memory: https://man7.org/linux/man-pages/man2/statfs.2.html
const tmpfs = 0x01021994

// memory is a folder that is in memory and not on a disk.
func memory() (string, error) {
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm"} {
		var fs syscall.Statfs_t
		if dir != "" && syscall.Statfs(dir, &fs) == nil && fs.Type == tmpfs {
			return dir, nil
		}
	}
	return "", fmt.Errorf("there is no folder in memory (XDG_RUNTIME_DIR, /dev/shm) for the plaintext, and a disk would keep it: use `hubwright secrets set`")
}

// apart puts a process into a session of its own, so that what ends ours does not end it.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
