package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/hubwright/hubwright/internal/bootstrap"
)

// State looks at the bucket and the key of the stack's state. remedy is what makes and completes them.
func (m Machine) State(ctx context.Context, t bootstrap.Target, remedy string) []Row {
	if t.Bucket == "" && t.Key == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plan, err := bootstrap.Inspect(ctx, m.open, t)
	var known *bootstrap.Error
	switch {
	case errors.As(err, &known) && known.Kind == bootstrap.OtherAccount:
		return []Row{{"state's bucket and key", Warning, known.Message, known.Hint}}
	case errors.As(err, &known):
		return []Row{{"state's bucket and key", Fail, known.Message, known.Hint}}
	case err != nil:
		return []Row{{"state's bucket and key", Warning, err.Error(), "look again from where AWS can be asked"}}
	}
	var rows []Row
	for _, kind := range []string{"key", "bucket"} {
		if r, ok := stateRow(kind, plan.Steps, remedy); ok {
			rows = append(rows, r)
		}
	}
	return rows
}

// stateRow is what the steps of one resource come to.
func stateRow(kind string, steps []bootstrap.Step, remedy string) (Row, bool) {
	r := Row{Check: "state's " + kind, State: OK}
	var seen, wrong []string
	for _, s := range steps {
		resource, name, _ := strings.Cut(s.Resource, " ")
		if resource != kind {
			continue
		}
		switch {
		case s.State == bootstrap.Missing && s.Setting == "existence":
			return Row{r.Check, Fail, "there is no " + s.Resource, remedy + " makes it"}, true
		case s.State == bootstrap.OK && s.Setting == "existence":
			seen = append(seen, name+" is "+s.Seen)
		case s.State == bootstrap.OK && s.Setting == "tags":
		case s.State == bootstrap.OK:
			seen = append(seen, s.Setting+": "+s.Seen)
		default:
			wrong = append(wrong, s.Setting+": "+s.Seen)
			if r.State != Fail {
				r.State, r.Remedy = Warning, remedy+" completes it"
			}
			if s.State == bootstrap.Weaker {
				r.Remedy = remedy + " --mend changes what somebody else has made; or " + s.Remedy
			}
			if s.Setting == "use" {
				r.State, r.Remedy = Fail, s.Remedy
			}
		}
	}
	if len(wrong) > 0 {
		seen = wrong
	}
	r.Seen = strings.Join(seen, "; ")
	return r, r.Seen != ""
}
