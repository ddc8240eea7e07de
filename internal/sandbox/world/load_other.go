//go:build !linux

package world

import "time"

// load is not known here: the quiet moment alone decides.
func load(int) time.Duration { return 0 }
