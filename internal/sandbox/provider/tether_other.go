//go:build !linux

package provider

import (
	"net"
	"os"
)

// Tether does nothing here: it is of use only where an engine can be made to die with its parent.
type Tether struct{}

// Renew returns nothing that an engine would have to inherit.
func (*Tether) Renew() (*os.File, error) { return nil, nil }

func (*Tether) hold(net.Conn) {}
