package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox"
)

// resource is what the critical path needs of a resource of the state.
type resource struct {
	URN                  string              `json:"urn"`
	Type                 string              `json:"type"`
	ID                   string              `json:"id"`
	Parent               string              `json:"parent"`
	Provider             string              `json:"provider"`
	Dependencies         []string            `json:"dependencies"`
	PropertyDependencies map[string][]string `json:"propertyDependencies"`
}

// benchMakespan compares the virtual time of a first deployment with the longest chain of what waits for what, by the state's own dependencies.
func benchMakespan(_ context.Context, b *bed) ([]row, error) {
	dir, err := b.deployment("makespan", nil)
	if err != nil {
		return nil, err
	}
	say("deploying staging, for its virtual time")
	trace := filepath.Join(dir, "trace")
	env := append(os.Environ(), "HUBWRIGHT_OFFLINE=1", "HUBWRIGHT_SANDBOX_QUIET=100ms", "HUBWRIGHT_SANDBOX_TRACE="+trace)
	if _, err := measure(dir, env, b.binary, "up", "staging", "--sandbox", "--yes"); err != nil {
		return nil, err
	}
	home := sandbox.Home(dir)
	data, err := os.ReadFile(filepath.Join(home, "state", ".pulumi", "stacks", "hubwright", "staging.json"))
	if err != nil {
		return nil, err
	}
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []resource `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return nil, err
	}
	p := newPath(state.Checkpoint.Latest.Resources)
	from, to, err := p.readTrace(trace)
	if err != nil {
		return nil, err
	}
	end, critical := "", time.Duration(0)
	for urn, r := range p.byURN {
		if d := p.end(urn); d > critical && r.Type != "pulumi:pulumi:Stack" && len(p.children[urn]) == 0 {
			end, critical = urn, d
		}
	}
	for urn := end; urn != ""; urn = p.via[urn] {
		if p.took[urn] > 0 {
			say("  %8s  %s", p.took[urn], urn[strings.LastIndex(urn, "::")+2:])
		}
	}
	makespan := to.Sub(from)
	return []row{{"makespan of a first deployment against its critical path", fmt.Sprintf("%.2f (%s / %s)", float64(makespan)/float64(critical), makespan, critical), "at most 1.05"}}, nil
}

// readTrace reads how long each call took, and when the first began and the last ended.
func (p *path) readTrace(file string) (from, to time.Time, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return from, to, err
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 {
			return from, to, fmt.Errorf("the trace holds %q", line)
		}
		began, err1 := time.Parse(time.RFC3339, fields[2])
		ended, err2 := time.Parse(time.RFC3339, fields[3])
		if err := errors.Join(err1, err2); err != nil {
			return from, to, err
		}
		p.took[fields[0]] = ended.Sub(began)
		if from.IsZero() || began.Before(from) {
			from = began
		}
		if ended.After(to) {
			to = ended
		}
	}
	return from, to, nil
}

// path finds the longest chains of what waits for what.
type path struct {
	byURN    map[string]resource
	children map[string][]string
	took     map[string]time.Duration
	ends     map[string]time.Duration
	via      map[string]string // what a resource's beginning waited for last
}

func newPath(resources []resource) *path {
	p := &path{byURN: map[string]resource{}, children: map[string][]string{}, took: map[string]time.Duration{}, ends: map[string]time.Duration{}, via: map[string]string{}}
	for _, r := range resources {
		p.byURN[r.URN] = r
		p.children[r.Parent] = append(p.children[r.Parent], r.URN)
	}
	return p
}

// begin is when a resource can begin: when all that it depends on and its provider are there, and its parent has begun.
func (p *path) begin(urn string) time.Duration {
	r, ok := p.byURN[urn]
	if !ok {
		return 0
	}
	before := append([]string{}, r.Dependencies...)
	for _, deps := range r.PropertyDependencies {
		before = append(before, deps...)
	}
	if i := strings.LastIndex(r.Provider, "::"); i > 0 {
		before = append(before, r.Provider[:i])
	}
	latest := p.begin(r.Parent)
	p.via[urn] = p.via[r.Parent]
	for _, dep := range before {
		if d := p.end(dep); d > latest {
			latest, p.via[urn] = d, p.last(dep)
		}
	}
	return latest
}

// end is when a resource is there: a component when all its children are.
func (p *path) end(urn string) time.Duration {
	if d, known := p.ends[urn]; known {
		return d
	}
	p.ends[urn] = 0 // ends a cycle, which a state cannot hold
	end := p.begin(urn) + p.took[urn]
	for _, c := range p.children[urn] {
		end = max(end, p.end(c))
	}
	p.ends[urn] = end
	return end
}

// last is the resource itself, or of a component the child that is there last.
func (p *path) last(urn string) string {
	for _, c := range p.children[urn] {
		if p.end(c) == p.end(urn) && p.took[urn] == 0 {
			return p.last(c)
		}
	}
	return urn
}
