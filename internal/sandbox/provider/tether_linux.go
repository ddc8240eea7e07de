package provider

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// Tether keeps the connections between an engine and the providers open for as long as the engine lives, even when our own process is killed.
// Otherwise the engine takes their end for a failure of what was under way, and may still record that nothing was made, before it dies too.
//
// A file descriptor that was sent through a Unix socket and not received yet keeps what it stands for open, for as long as the receiving end is
// (unix(7), SCM_RIGHTS). The engine inherits that end, and never reads from it.
type Tether struct {
	mu   sync.Mutex
	send *os.File
}

// Renew makes a new tether, for the next engine that is launched, and returns the end that it has to inherit. What the last one holds is
// let go of when its engine has ended.
func (t *Tether) Renew() (*os.File, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("tying the engine to the sandbox: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.send != nil {
		_ = t.send.Close()
	}
	t.send = os.NewFile(uintptr(ends[0]), "tether")
	return os.NewFile(uintptr(ends[1]), "tether"), nil
}

// hold keeps a connection open. That it cannot is no failure: only the end of a killed process is less orderly then.
func (t *Tether) hold(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.send == nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.Sendmsg(int(t.send.Fd()), []byte{0}, syscall.UnixRights(int(fd)), nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	})
}
