// Bench measures what the product promises about speed and size, and prints a table. Every ratio is of two things measured in turn in one run.
//
//	go run ./bench            everything (many minutes: it includes a cold build)
//	go run ./bench preview    one or more of: preview, hubs, makespan, images, copy, build
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
)

// row is a figure of the table.
type row struct{ figure, measured, wanted string }

var parts = []struct {
	name string
	run  func(context.Context, *bed) ([]row, error)
}{
	{"preview", benchPreview},
	{"hubs", benchHubs},
	{"makespan", benchMakespan},
	{"images", benchImages},
	{"copy", benchCopy},
	{"build", benchBuild},
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, chosen []string) error {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	for _, c := range chosen {
		if !slices.Contains(names, c) {
			return fmt.Errorf("there is no part %q; the parts are %q", c, names)
		}
	}
	b, err := newBed(ctx, !slices.Equal(chosen, []string{"images"}))
	if err != nil {
		return err
	}
	defer b.close()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FIGURE\tMEASURED\tWANTED")
	for _, p := range parts {
		if len(chosen) > 0 && !slices.Contains(chosen, p.name) {
			continue
		}
		rows, err := p.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		for _, r := range rows {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", r.figure, r.measured, r.wanted)
		}
	}
	return w.Flush()
}
