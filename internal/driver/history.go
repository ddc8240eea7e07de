package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Past is an operation in a stack's history, as its backend has recorded it.
type Past struct {
	// Number counts the stack's history from 1, the oldest.
	Number int
	// Kind is the engine's word for the operation: update, refresh, destroy, resource-import.
	Kind    string
	Message string
	// Result is succeeded, failed, in-progress or not-started.
	Result     string
	Start, End time.Time // End is zero while it is under way
}

// History is the stack's history, the newest first; none when the stack was never updated. An operation whose engine was killed is not in it where the state is
// a file: only its end is recorded there.
func (d *Driver) History(ctx context.Context, env string) ([]Past, error) {
	out, err := d.run(ctx, "stack", "history", "--json", "--full-dates", "--stack", env)
	if err != nil {
		f := d.failed(err)
		if f.noSuchStack() {
			return nil, nil
		}
		return nil, d.classify(env, f)
	}
	var all []auto.UpdateSummary
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("reading the history of %s: %w", env, err)
	}
	slices.SortStableFunc(all, func(a, b auto.UpdateSummary) int { return timeOf(b.StartTime).Compare(timeOf(a.StartTime)) })
	past := make([]Past, len(all))
	for i, u := range all {
		past[i] = Past{Number: len(all) - i, Kind: u.Kind, Message: u.Message, Result: u.Result, Start: timeOf(u.StartTime)}
		if u.EndTime != nil {
			past[i].End = timeOf(*u.EndTime)
		}
	}
	return past, nil
}

// timeOf reads a time of the engine's; zero for none.
func timeOf(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
