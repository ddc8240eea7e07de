package world

import (
	"fmt"
	"hash/fnv"
	"path"
	"time"
)

// Fault makes calls fail on purpose.
type Fault struct {
	// Kind is a pattern over type tokens, as path.Match has them ("aws:eks/*", "kubernetes:helm.sh/v3:Release").
	Kind string `json:"kind"`
	// Op is create, read, update, delete, invoke, or * for any.
	Op string `json:"op"`
	// Message is the error the caller gets.
	Message string `json:"message"`
	// Rate is the share of calls that fail, above 0 up to 1. 0 counts as 1.
	Rate float64 `json:"rate,omitempty"`
	// Times is how many calls fail before the fault is used up; 0 means any number.
	Times int `json:"times,omitempty"`
	// From is the virtual time from which on the fault is in force; without it and Until it always is.
	From time.Time `json:"from,omitzero"`
	// Until is the virtual time from which on the fault is over.
	Until time.Time `json:"until,omitzero"`
	// Hang makes the call take that much longer, in virtual time (nanoseconds in JSON); without a message it then goes on and succeeds.
	Hang time.Duration `json:"hang,omitempty"`
}

// Validate reports what is wrong with a fault, so that one that can never happen is refused.
func (f Fault) Validate() error {
	if _, err := path.Match(f.Kind, "x"); f.Kind == "" || err != nil {
		return fmt.Errorf("fault: kind %q is no pattern over type tokens such as aws:eks/*", f.Kind)
	}
	switch f.Op {
	case "create", "read", "update", "delete", "invoke", "*":
	default:
		return fmt.Errorf("fault: op %q is none of create, read, update, delete, invoke, *", f.Op)
	}
	if f.Rate < 0 || f.Rate > 1 {
		return fmt.Errorf("fault: rate %v is not between 0 and 1", f.Rate)
	}
	if f.Message == "" && f.Hang == 0 {
		return fmt.Errorf("fault: neither a message to fail with nor a time to hang for")
	}
	return nil
}

// Faults returns the faults in force or yet to come.
func (tx *Tx) Faults() []Fault {
	if tx.entry.Faults != nil {
		return *tx.entry.Faults
	}
	return tx.w.state.faults
}

// SetFaults replaces all faults.
func (tx *Tx) SetFaults(faults []Fault) error {
	if tx.readOnly {
		return errReadOnly
	}
	tx.entry.Faults = &faults
	return nil
}

// Fault says whether a call of that kind is to hang or fail now, and uses the fault up. It is asked once at the beginning of each call.
func (w *World) Fault(kind, op string) (hang time.Duration, message string, err error) {
	w.mu.Lock()
	none := len(w.state.faults) == 0
	w.mu.Unlock()
	if none { // the usual case costs no transaction; a fault set by another process is seen at the next one
		return 0, "", nil
	}
	err = w.Update(func(tx *Tx) error {
		faults := append([]Fault(nil), tx.Faults()...)
		for i, f := range faults {
			if !f.hits(kind, op, tx.Now(), tx.w.state.serial) {
				continue
			}
			hang, message = f.Hang, f.Message
			if f.Times == 1 {
				faults = append(faults[:i], faults[i+1:]...)
			} else if f.Times > 1 {
				faults[i].Times--
			}
			return tx.SetFaults(faults)
		}
		return nil
	})
	return hang, message, err
}

func (f Fault) hits(kind, op string, now time.Time, serial uint64) bool {
	if ok, _ := path.Match(f.Kind, kind); !ok && f.Kind != "*" && !matchPrefix(f.Kind, kind) {
		return false
	}
	if f.Op != "*" && f.Op != op {
		return false
	}
	if (!f.From.IsZero() && now.Before(f.From)) || (!f.Until.IsZero() && !now.Before(f.Until)) {
		return false
	}
	if f.Rate == 0 || f.Rate == 1 {
		return true
	}
	h := fnv.New32a() // the same world gives the same failures
	_, _ = fmt.Fprintf(h, "%s %s %d", kind, op, serial)
	return float64(h.Sum32())/float64(1<<32) < f.Rate
}

// matchPrefix lets a trailing * stand for anything, slashes included: "aws:*" means all of AWS.
func matchPrefix(pattern, kind string) bool {
	n := len(pattern) - 1
	return n >= 0 && pattern[n] == '*' && len(kind) >= n && kind[:n] == pattern[:n]
}
