package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
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
	env := append(os.Environ(), "HUBWRIGHT_OFFLINE=1", "HUBWRIGHT_SANDBOX_QUIET=100ms")
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
	w, err := world.Open(sandbox.WorldDir(home), world.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Close() }()
	p := path{byURN: map[string]resource{}, took: map[string]time.Duration{}, longest: map[string]time.Duration{}, via: map[string]string{}}
	var from, to time.Time
	err = w.View(func(tx *world.Tx) error {
		for _, r := range state.Checkpoint.Latest.Resources {
			p.byURN[r.URN] = r
			o := tx.Get(r.Type, r.ID)
			if o == nil {
				continue
			}
			p.took[r.URN] = o.Ready.Sub(o.Created)
			if from.IsZero() || o.Created.Before(from) {
				from = o.Created
			}
			if o.Ready.After(to) {
				to = o.Ready
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	end, critical := "", time.Duration(0)
	for urn := range p.byURN {
		if d := p.to(urn); d > critical {
			end, critical = urn, d
		}
	}
	for urn := end; urn != ""; urn = p.via[urn] {
		if p.took[urn] > 0 {
			say("  %8s  %s", p.took[urn], urn[strings.LastIndex(urn, "::")+2:])
		}
	}
	makespan := to.Sub(from)
	return []row{{"makespan of a first deployment against its critical path", fmt.Sprintf("%.2f (%s / %s)", float64(makespan)/float64(critical), makespan, critical), "1.05"}}, nil
}

// path finds the longest chains.
type path struct {
	byURN   map[string]resource
	took    map[string]time.Duration
	longest map[string]time.Duration
	via     map[string]string
}

// to is the longest time from the beginning to the resource's end.
func (p *path) to(urn string) time.Duration {
	if d, known := p.longest[urn]; known {
		return d
	}
	r, ok := p.byURN[urn]
	if !ok {
		return 0
	}
	p.longest[urn] = 0 // ends a cycle, which a state cannot hold
	before := append([]string{}, r.Dependencies...)
	for _, deps := range r.PropertyDependencies {
		before = append(before, deps...)
	}
	if i := strings.LastIndex(r.Provider, "::"); i > 0 {
		before = append(before, r.Provider[:i])
	}
	var longest time.Duration
	for _, dep := range before {
		if d := p.to(dep); d > longest {
			longest, p.via[urn] = d, dep
		}
	}
	p.longest[urn] = longest + p.took[urn]
	return p.longest[urn]
}
