package driver

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"github.com/hubwright/hubwright/internal/change"
)

// Preview says what an update would change. It launches the engine once. Where the state is a file, it also says that an update would not go on
// over operations that are pending; the engine itself says so in an update only.
func (d *Driver) Preview(ctx context.Context, env string) (*Result, error) {
	res, err := d.operate(ctx, env, func(s auto.Stack, ch chan<- events.EngineEvent) error {
		_, err := s.Preview(ctx, optpreview.EventStreams(ch), optpreview.SuppressProgress(), optpreview.Color("never"),
			optpreview.ProgressStreams(io.Discard))
		return err
	})
	d.guardPending(env, res)
	return res, err
}

// guardPending adds to a result that an update would not go on over operations that are pending, where that is to be seen.
func (d *Driver) guardPending(env string, res *Result) {
	n := d.pendingInFile(env)
	if res == nil || n == 0 {
		return
	}
	g := change.Guard{
		Rule: "pending-operations", Blocking: true, Message: fmt.Sprintf("%d operations are pending: an earlier update was cut off", n),
		Hint: fmt.Sprintf("`hubwright recover %s` finds out what became of them", env),
	}
	if lock := d.Holder(env); lock != nil {
		g.Message, g.Hint = fmt.Sprintf("%d operations are under way: %s", n, lock), "wait until it has ended"
	}
	res.Change.Guards = append(res.Change.Guards, g)
}

// Up updates the stack to what the program and the configuration say; the stack's history has message with it. It does not look at pending operations: see
// Check.
func (d *Driver) Up(ctx context.Context, env, message string) (*Result, error) {
	if message != "" {
		d.cmd.extra = []string{"--message", message} // the Automation API's own option writes it with quotes around it, and \n for line ends
		defer func() { d.cmd.extra = nil }()
	}
	return d.operate(ctx, env, func(s auto.Stack, ch chan<- events.EngineEvent) error {
		_, err := s.Up(ctx, optup.EventStreams(ch), optup.SuppressProgress(), optup.Color("never"))
		return err
	})
}

// Refresh reads every resource as it is now and accepts that into the state; with previewOnly it only says what differs, and, as Preview does,
// which operations are pending.
func (d *Driver) Refresh(ctx context.Context, env string, previewOnly bool) (*Result, error) {
	res, err := d.operate(ctx, env, func(s auto.Stack, ch chan<- events.EngineEvent) error {
		if previewOnly {
			_, err := s.PreviewRefresh(ctx, optrefresh.EventStreams(ch), optrefresh.Color("never"))
			return err
		}
		_, err := s.Refresh(ctx, optrefresh.EventStreams(ch), optrefresh.SuppressProgress(), optrefresh.Color("never"))
		return err
	})
	if previewOnly {
		d.guardPending(env, res)
	}
	return res, err
}

// Destroy deletes what the stack holds, except what is protected and what that depends on. With previewOnly it only says what would go.
func (d *Driver) Destroy(ctx context.Context, env string, previewOnly bool) (*Result, error) {
	d.cmd.extra = []string{"--exclude-protected"} // which the Automation API has no option for
	defer func() { d.cmd.extra = nil }()
	return d.operate(ctx, env, func(s auto.Stack, ch chan<- events.EngineEvent) error {
		if previewOnly {
			_, err := s.PreviewDestroy(ctx, optdestroy.EventStreams(ch), optdestroy.Color("never"))
			return err
		}
		_, err := s.Destroy(ctx, optdestroy.EventStreams(ch), optdestroy.SuppressProgress(), optdestroy.Color("never"))
		return err
	})
}

// Discard deletes single resources and what depends on them, for a later update to make anew.
func (d *Driver) Discard(ctx context.Context, env string, urns []string) (*Result, error) {
	return d.operate(ctx, env, func(s auto.Stack, ch chan<- events.EngineEvent) error {
		_, err := s.Destroy(ctx, optdestroy.EventStreams(ch), optdestroy.Target(urns), optdestroy.TargetDependents(), optdestroy.SuppressProgress(), optdestroy.Color("never"))
		return err
	})
}

// operate runs one operation of the Automation API and gathers its events.
func (d *Driver) operate(ctx context.Context, env string, call func(auto.Stack, chan<- events.EngineEvent) error) (*Result, error) {
	start := time.Now()
	var g *gathered
	err := d.withStack(ctx, env, func(s auto.Stack) failure {
		ch := make(chan events.EngineEvent, 256)
		over, seen := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(seen)
			g = watch(change.New(env, d.opts.Target), d.opts.Inspect, ch, over, d.opts.OnEvent)
		}()
		err := call(s, ch)
		close(over) // the channel is not closed when the engine fails before it streams
		<-seen
		if err == nil {
			return failure{}
		}
		return failureOf(err, d.cmd.last, g)
	})
	if g == nil {
		return nil, err
	}
	return &Result{Change: g.change, Outputs: g.outputs, Touched: g.touched, Inputs: g.sortedInputs(), Took: time.Since(start)}, err
}

// failureOf puts together what is known of a failed operation.
func failureOf(err error, last ended, g *gathered) failure {
	return failure{err: err, ended: last, diagnostics: g.errors, recorded: g.recorded}
}
