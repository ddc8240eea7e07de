package driver

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/hubwright/hubwright/internal/change"
)

// Event is one piece of progress.
type Event struct {
	// Phase is begin or end of work on a resource, fail, or message.
	Phase   Phase
	Op      string // create, update, replace, delete, read, same, …
	Type    string
	Name    string
	URN     string
	Message string // of a message or a failure
}

// Phase says what kind of progress an Event is.
type Phase int

// The phases of work on a resource.
const (
	Begin Phase = iota
	End
	Fail
	Message
)

// gathered is what the events of one operation add up to.
type gathered struct {
	change   *change.Change
	outputs  map[string]any
	errors   []diagnostic
	touched  bool // something changes that is no change of a resource: its protection, an output of the stack
	recorded bool // something that was done is in the state now
	inspect  []string
	inputs   map[string]Inputs // of resources of the types to inspect, by URN
}

type diagnostic struct{ urn, message string }

// watch reads events until the channel closes or stop does, telling onEvent of progress.
func watch(empty *change.Change, inspect []string, in <-chan events.EngineEvent, stop <-chan struct{}, onEvent func(Event)) *gathered {
	g := &gathered{change: empty, outputs: map[string]any{}, inspect: inspect, inputs: map[string]Inputs{}}
	if onEvent == nil {
		onEvent = func(Event) {}
	}
	for {
		select {
		case e, open := <-in:
			if !open {
				g.change.Sort()
				return g
			}
			g.take(e.EngineEvent, onEvent)
		case <-stop:
			for { // the call is over: what is still in the channel is all there is
				select {
				case e, open := <-in:
					if open {
						g.take(e.EngineEvent, onEvent)
						continue
					}
				default:
				}
				g.change.Sort()
				return g
			}
		}
	}
}

func (g *gathered) take(e apitype.EngineEvent, onEvent func(Event)) {
	switch {
	case e.ResourcePreEvent != nil:
		m := e.ResourcePreEvent.Metadata
		g.step(m)
		if visible(m) {
			onEvent(eventOf(Begin, m))
		}
	case e.ResOutputsEvent != nil:
		m := e.ResOutputsEvent.Metadata
		g.step(m) // a refresh says only now what it found
		if m.Type == stackType && m.New != nil {
			for k, v := range m.New.Outputs {
				g.outputs[k] = masked(v)
			}
			g.touched = g.touched || m.Old != nil && !reflect.DeepEqual(masked(m.Old.Outputs), masked(m.New.Outputs))
		}
		if visible(m) {
			g.recorded = g.recorded || !e.ResOutputsEvent.Planning && m.Op != apitype.OpSame
			onEvent(eventOf(End, m))
		}
	case e.ResOpFailedEvent != nil:
		if m := e.ResOpFailedEvent.Metadata; m.Type != stackType && !isDefaultProvider(m.Type, m.URN) {
			onEvent(eventOf(Fail, m)) // of the halves of a replacement, too
		}
	case e.DiagnosticEvent != nil:
		d := e.DiagnosticEvent
		text := strings.TrimSpace(plainText(d.Message))
		if text == "" || d.Ephemeral {
			return
		}
		if d.Severity == "error" {
			g.errors = append(g.errors, diagnostic{d.URN, text})
			return
		}
		if d.Severity == "warning" && (d.URN == "" || strings.Contains(d.URN, stackType)) { // the program's own, not a provider's
			text = strings.TrimPrefix(text, "warning: ")
			if !slices.Contains(g.change.Warnings, text) {
				g.change.Warnings = append(g.change.Warnings, text)
			}
		}
		if d.Severity == "warning" || d.Severity == "info" {
			onEvent(Event{Phase: Message, URN: d.URN, Name: nameOf(d.URN), Message: text})
		}
	case e.SummaryEvent != nil:
		g.change.Summary = change.Summary{}
		for op, n := range e.SummaryEvent.ResourceChanges {
			g.change.Summary.Add(string(op), n)
		}
	}
}

const stackType = "pulumi:pulumi:Stack"

// isDefaultProvider tells the providers that the engine makes by itself, which its summaries do not count.
func isDefaultProvider(token, urn string) bool {
	return strings.HasPrefix(token, "pulumi:providers:") && strings.HasPrefix(nameOf(urn), "default")
}

// visible leaves out the stack itself, default providers, and the inner halves of a replacement, which the replacement already stands for.
func visible(m apitype.StepEventMetadata) bool {
	return m.Type != stackType && !isDefaultProvider(m.Type, m.URN) && m.Op != apitype.OpCreateReplacement && m.Op != apitype.OpDeleteReplaced
}

func (g *gathered) step(m apitype.StepEventMetadata) {
	if m.Op == apitype.OpSame && m.Old != nil && m.New != nil && (m.Old.Protect != m.New.Protect || m.Old.RetainOnDelete != m.New.RetainOnDelete) {
		g.touched = true
	}
	switch m.Op {
	case apitype.OpCreate, apitype.OpUpdate, apitype.OpReplace, apitype.OpDelete, apitype.OpImport:
	default: // the same, or only looked at
		return
	}
	if !visible(m) {
		return
	}
	s := change.Step{Op: string(m.Op), Type: m.Type, Name: nameOf(m.URN), URN: m.URN}
	if m.Old != nil {
		s.Protected = m.Old.Protect
	}
	for path, d := range m.DetailedDiff {
		s.Diff = append(s.Diff, change.Property{Path: path, Kind: string(d.Kind), Old: lookup(inputs(m.Old), path), New: lookup(inputs(m.New), path)})
	}
	if len(m.DetailedDiff) == 0 {
		for _, path := range m.Diffs {
			s.Diff = append(s.Diff, change.Property{Path: path, Kind: "update", Old: lookup(inputs(m.Old), path), New: lookup(inputs(m.New), path)})
		}
	}
	if slices.Contains(g.inspect, m.Type) {
		g.inputs[m.URN] = inputsOf(m, s.Diff)
	}
	g.change.Steps = slices.DeleteFunc(g.change.Steps, func(o change.Step) bool { return o.URN == s.URN && o.Op == s.Op })
	g.change.Steps = append(g.change.Steps, s)
}

func inputs(s *apitype.StepEventStateMetadata) map[string]any {
	if s == nil {
		return nil
	}
	return s.Inputs
}

func eventOf(p Phase, m apitype.StepEventMetadata) Event {
	return Event{Phase: p, Op: string(m.Op), Type: m.Type, Name: nameOf(m.URN), URN: m.URN}
}

func nameOf(urn string) string {
	if i := strings.LastIndex(urn, "::"); i >= 0 {
		return urn[i+2:]
	}
	return urn
}

// lookup finds a property by the engine's path; a list or object is given as compact JSON, nil when there is none.
func lookup(props map[string]any, path string) any {
	v := masked(props)
	for _, key := range change.SplitPath(path) {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			var i int
			if _, err := fmt.Sscanf(key, "%d", &i); err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return v // a secret or unknown covers all below it
		}
	}
	switch v.(type) {
	case map[string]any, []any:
		data, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		return string(data)
	}
	return v
}

// How the engine marks special values: secretSignature is the key, secretMark and outputMark are the values that mean a secret and an unknown
// output (sdk/go/common/resource/sig); unknownText stands for an unknown value (sdk/go/common/resource/plugin.UnknownStringValue).
const (
	secretSignature = "4dabf18193072939515e22adb298388d"
	secretMark      = "1b47061264138c4ac30d75fd1eb44270"
	outputMark      = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
	unknownText     = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
)

// masked puts "[secret]" in the place of every secret, however the engine writes it, and "[unknown]" in that of what only an update will know.
func masked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v[secretSignature] == secretMark {
			return secretText
		}
		if v[secretSignature] == outputMark {
			return "[unknown]"
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = masked(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = masked(e)
		}
		return out
	case string:
		if v == unknownText {
			return "[unknown]"
		}
	}
	return v
}

// plainText takes the engine's colour directives (<{%reset%}>) out of a message.
func plainText(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "<{%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(rest, "%}>")
	}
}
