package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// ClockEnv names the variable that tells a program in another process where the sandbox's clock is.
const ClockEnv = "HUBWRIGHT_SANDBOX_CLOCK"

// clockDoor lets programs of other processes wait on the virtual clock: they send a time, and get a line back when the clock shows it.
type clockDoor struct{ l net.Listener }

func openClockDoor(clock *world.Clock) (*clockDoor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the sandbox's clock: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go answer(conn, clock)
		}
	}()
	return &clockDoor{l}, nil
}

func answer(conn net.Conn, clock *world.Clock) {
	defer func() { _ = conn.Close() }()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(line))
	if err != nil {
		return
	}
	if clock.Until(context.Background(), t) == nil {
		_, _ = fmt.Fprintln(conn, "reached")
	}
}

func (d *clockDoor) addr() string { return d.l.Addr().String() }

// WaitAt waits until the clock at an address (see ClockEnv) shows t.
func WaitAt(ctx context.Context, addr string, t time.Time) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("waiting on the sandbox's clock: %w", err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := fmt.Fprintln(conn, t.UTC().Format(time.RFC3339)); err != nil {
		return fmt.Errorf("waiting on the sandbox's clock: %w", err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return fmt.Errorf("waiting on the sandbox's clock: %w", err)
	}
	return nil
}
