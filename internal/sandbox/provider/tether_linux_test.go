package provider

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A connection that is held looks open to the other side until the engine's end of the tether is gone.
func TestTetherHoldsConnections(t *testing.T) {
	var tether Tether
	engines, err := tether.Renew()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	held := tethered{Listener: l, tether: &tether}
	defer func() { _ = held.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	server, err := held.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil { // as when the process ends
		t.Fatal(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection was not held: %v", err)
	}
	if err := engines.Close(); err != nil {
		t.Fatal(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is held although nobody holds the tether: %v", err)
	}
}
