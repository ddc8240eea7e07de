// Imagehash prints the content address of a build context and its own peak memory in KiB: it is what `go run ./bench images` measures, a process
// against a process.
//
//	imagehash CONTEXT [CACHE]
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/hubwright/hubwright/internal/imagehash"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: imagehash CONTEXT [CACHE]")
	}
	var cache *imagehash.Cache
	if len(args) > 1 {
		cache = &imagehash.Cache{Dir: args[1]}
	}
	a, err := imagehash.Compute(context.Background(), imagehash.Input{Context: args[0]}, cache)
	if err != nil {
		return err
	}
	// Not the rusage of the parent, which counts what the parent held before it started this.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte("kB"))
	fmt.Println(a.Tag(), a.Read, string(bytes.TrimSpace(line)))
	return nil
}
