package bundle

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Record is what is written of a deployment into the history of its stack, beside what the engine writes there itself: when, how long, and how it ended.
type Record struct {
	// Verb is what was asked for: up, promote or rollback.
	Verb string `json:"verb"`
	// By is who asked.
	By string `json:"by,omitempty"`
	// Bundle is what is to run from then on. An image that had yet to be built has its tag, and no digest.
	Bundle Bundle `json:"bundle"`
	// Commit is the commit of the deployment's directory; "" without git.
	Commit string `json:"commit,omitempty"`
	// Dirty says that its files were not those of the commit.
	Dirty bool `json:"dirty,omitempty"`
	// Program is the version of hubwright.
	Program string `json:"program"`
	// From is the environment that a promotion is from, or the number of the deployment that a rollback goes back to.
	From string `json:"from,omitempty"`
	// Overridden are guards that were let pass, each with its reason.
	Overridden map[string]string `json:"overridden,omitempty"`
}

// mark begins the line of a message that holds the record.
const mark = "hubwright-record: "

// Message is the record as the message of an update: a line for people, and one for programs. `pulumi stack history` shows it.
func (r Record) Message() (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	first := fmt.Sprintf("hubwright %s: bundle %s", r.Verb, r.Bundle.ID())
	if r.From != "" {
		first += " from " + r.From
	}
	if r.Commit != "" {
		first += ", commit " + r.Commit[:min(len(r.Commit), 12)]
		if r.Dirty {
			first += " and edits"
		}
	}
	return first + "\n\n" + mark + string(data), nil
}

// ParseMessage finds the record in an update's message; false when there is none.
func ParseMessage(message string) (Record, bool) {
	for line := range strings.Lines(message) {
		text, found := strings.CutPrefix(strings.TrimSpace(line), mark)
		var r Record
		if found && json.Unmarshal([]byte(text), &r) == nil && r.Verb != "" {
			return r, true
		}
	}
	return Record{}, false
}

// Deployment is an update in a stack's history.
type Deployment struct {
	// Number counts the stack's history from 1.
	Number int `json:"number"`
	// Kind is the engine's word: update, refresh, destroy, …
	Kind string `json:"kind"`
	// Started is when it began.
	Started time.Time `json:"started"`
	// Seconds is how long it took.
	Seconds int `json:"seconds"`
	// Result is succeeded, failed or in-progress.
	Result string `json:"result"`
	// Message is what `pulumi up --message` was told, of updates that hubwright did not make.
	Message string `json:"message,omitempty"`
	// Record is what hubwright wrote of it; nil for updates that it did not make.
	Record *Record `json:"record,omitempty"`
}
