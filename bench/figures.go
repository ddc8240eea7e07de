package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const rounds = 7

// paired measures two commands in turn and gives the medians of their costs and of the ratios.
func paired(a, b func() (cost, error)) (costA, costB cost, ratio, memory float64, err error) {
	return pairedIn(rounds, a, b)
}

func pairedIn(rounds int, a, b func() (cost, error)) (costA, costB cost, ratio, memory float64, err error) {
	var as, bs []cost
	var times, memories []float64
	for i := range rounds + 1 {
		x, err := a()
		if err != nil {
			return costA, costB, 0, 0, err
		}
		y, err := b()
		if err != nil {
			return costA, costB, 0, 0, err
		}
		if i == 0 { // warms up
			continue
		}
		as, bs = append(as, x), append(bs, y)
		times = append(times, float64(x.wall)/float64(y.wall))
		memories = append(memories, float64(x.memory)/float64(y.memory))
	}
	return middle(as), middle(bs), median(times), median(memories), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func middle(c []cost) cost {
	slices.SortFunc(c, func(a, b cost) int { return int(a.wall - b.wall) })
	return c[len(c)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// benchPreview compares our preview and unchanged update with the engine's own of the same stack, same program, same services.
func benchPreview(_ context.Context, b *bed) ([]row, error) {
	dir, err := b.deployment("preview", nil)
	if err != nil {
		return nil, err
	}
	offline := append(os.Environ(), "HUBWRIGHT_OFFLINE=1")
	say("deploying staging")
	if _, err := measure(dir, offline, b.binary, "up", "staging", "--sandbox", "--yes"); err != nil {
		return nil, err
	}
	s, err := b.serve(dir, "staging")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	ours := func(verb string, args ...string) func() (cost, error) {
		return func() (cost, error) {
			return measure(dir, offline, b.binary, append([]string{verb, "staging", "--sandbox"}, args...)...)
		}
	}
	theirs := func(verb string, args ...string) func() (cost, error) {
		return func() (cost, error) {
			return measure(s.cwd, s.env, b.engine.Path, append([]string{verb, "--stack", "staging", "--non-interactive"}, args...)...)
		}
	}
	say("previews in turn")
	x, y, t, m, err := paired(ours("preview"), theirs("preview"))
	if err != nil {
		return nil, err
	}
	rows := []row{
		{"preview staging against pulumi preview, time", fmt.Sprintf("%.2f (%s / %s)", t, ms(x.wall), ms(y.wall)), "at most 1.0"},
		{"… memory of the largest process", fmt.Sprintf("%.2f (%d / %d MB)", m, x.memory>>10, y.memory>>10), "at most 1.3"},
	}
	say("unchanged updates in turn")
	if x, y, t, _, err = paired(ours("up", "--yes"), theirs("up", "--yes")); err != nil {
		return nil, err
	}
	return append(rows, row{"up without changes against pulumi up, time", fmt.Sprintf("%.2f (%s / %s)", t, ms(x.wall), ms(y.wall)), "at most 1.0"}), nil
}

// benchHubs measures how the time of a preview grows with the number of hubs.
func benchHubs(_ context.Context, b *bed) ([]row, error) {
	var rows []row
	var first, last time.Duration
	counts := []int{1, 10, 95}
	project, err := os.ReadFile(filepath.Join(b.root, "Pulumi.yaml"))
	if err != nil {
		return nil, err
	}
	version := regexp.MustCompile(`chart: \{version: ([0-9.]+)\}`).FindSubmatch(project)
	if version == nil {
		return nil, errors.New("no chart version is named for the hub in Pulumi.yaml")
	}
	chart := string(version[1])
	for _, n := range counts {
		dir, err := b.deployment(fmt.Sprintf("hubs-%d", n), func(file, text string) string {
			if file == "Pulumi.staging.yaml" {
				return withHubs(text, n, chart)
			}
			return text
		})
		if err != nil {
			return nil, err
		}
		env := append(os.Environ(), "HUBWRIGHT_OFFLINE=1")
		say("deploying %d hubs", n)
		up, err := measure(dir, env, b.binary, "up", "staging", "--sandbox", "--yes")
		if err != nil {
			return nil, err
		}
		var walls []float64
		for range 3 {
			c, err := measure(dir, env, b.binary, "preview", "staging", "--sandbox")
			if err != nil {
				return nil, err
			}
			walls = append(walls, float64(c.wall))
		}
		last = time.Duration(median(walls))
		if first == 0 {
			first = last
		}
		rows = append(rows, row{fmt.Sprintf("%d hubs: preview; first up", n), ms(last) + "; " + ms(up.wall), ""})
	}
	n := counts[len(counts)-1] - counts[0]
	return append(rows, row{"ms per hub, preview", fmt.Sprintf("%.1f", float64((last-first).Milliseconds())/float64(n)), "aim: 25"}), nil
}

// benchBuild measures the binary and what it costs to make.
func benchBuild(_ context.Context, b *bed) ([]row, error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	rows := []row{{"the binary, unstripped", fmt.Sprintf("%d MB", info.Size()/1000/1000), "aim: 170 MB"}}
	var starts []float64
	for range 21 {
		c, err := measure(b.root, os.Environ(), b.binary, "--version")
		if err != nil {
			return nil, err
		}
		starts = append(starts, float64(c.wall))
	}
	rows = append(rows, row{"start of --version", ms(time.Duration(median(starts))), "aim: 60 ms"})
	// A one-line change: the version is a variable of the cli package, so another value compiles that package and links again.
	out := filepath.Join(b.dir, "relinked")
	file := filepath.Join(b.root, "internal", "cli", "bench_change.go")
	defer func() { _ = os.Remove(file) }()
	if err := os.WriteFile(file, []byte(fmt.Sprintf("package cli\n\nvar _ = %q\n", time.Now())), 0o600); err != nil {
		return nil, err
	}
	c, err := measure(b.root, os.Environ(), "go", "build", "-o", out, ".")
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{"relink after a one-line change", fmt.Sprintf("%.1f s", c.wall.Seconds()), "aim: 8 s"})
	_ = os.Remove(file)
	say("building with an empty cache")
	cache := filepath.Join(b.dir, "gocache")
	if c, err = measure(b.root, append(os.Environ(), "GOCACHE="+cache), "go", "build", "-o", out, "."); err != nil {
		return nil, err
	}
	return append(rows, row{"cold go build .", fmt.Sprintf("%.0f s", c.wall.Seconds()), "aim: 240 s"}), nil
}

// withHubs puts n-1 more hubs into a stack's file.
func withHubs(text string, n int, chart string) string {
	var b strings.Builder
	for i := 2; i <= n; i++ {
		fmt.Fprintf(&b, "    - name: h%02d\n      domain: h%02d.science.stsci.edu\n      values: [hubs/hub/common.yaml, \"hubs/hub/${env}.yaml\"]\n      chart: {version: %s}\n      auth: {type: mast, allowAll: true}\n", i, i, chart)
	}
	return strings.Replace(text, "  hubwright:hubs:\n", "  hubwright:hubs:\n"+b.String(), 1)
}
