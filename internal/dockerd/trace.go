package dockerd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	control "github.com/moby/buildkit/api/services/control"
)

// Step is what happens to a step of a build.
type Step struct {
	// ID tells steps apart.
	ID string
	// Name is such as "[2/3] RUN pip install jupyterlab".
	Name string
	// What is what happens.
	What What
	// Line is a line of the step's output, for Output, or why it failed, for Failed.
	Line string
	// Took is how long it took, when it has ended.
	Took time.Duration
}

// What happens to steps.
type What int

// A step begins, writes lines, and is done, was done before or fails.
const (
	Begun What = iota
	Output
	Done
	Cached
	Failed
)

// trace reads BuildKit's own account of a build, which it repeats for every change.
type trace struct {
	tell  func(Step)
	steps map[string]*step
	order []string
}

type step struct {
	name         string
	begun, ended bool
	line         []byte // not ended yet
}

func newTrace(tell func(Step)) *trace { return &trace{tell: tell, steps: map[string]*step{}} }

// read takes one part of it, which is a message of protocol buffers in base64:
// https://github.com/moby/moby/blob/v28.5.2/api/server/router/build/build_routes.go and daemon's builder-next/builder.go beside it
func (t *trace) read(aux json.RawMessage) error {
	var raw []byte
	var status control.StatusResponse
	if err := json.Unmarshal(aux, &raw); err != nil {
		return fmt.Errorf("reading BuildKit's account of the build: %w", err)
	}
	if err := status.UnmarshalVT(raw); err != nil {
		return fmt.Errorf("reading BuildKit's account of the build: %w", err)
	}
	for _, v := range status.Vertexes {
		t.vertex(v)
	}
	for _, l := range status.Logs {
		t.output(l)
	}
	return nil
}

func (t *trace) of(id string) *step {
	s := t.steps[id]
	if s == nil {
		s = &step{}
		t.steps[id], t.order = s, append(t.order, id)
	}
	return s
}

func (t *trace) vertex(v *control.Vertex) {
	s := t.of(v.Digest)
	s.name = v.Name
	if (v.Started != nil || v.Completed != nil || v.Cached) && !s.begun {
		s.begun = true
		t.tell(Step{ID: v.Digest, Name: s.name, What: Begun})
	}
	if v.Completed == nil || s.ended {
		return
	}
	s.ended = true
	t.rest(v.Digest)
	end := Step{ID: v.Digest, Name: s.name, What: Done}
	if v.Started != nil {
		end.Took = v.Completed.AsTime().Sub(v.Started.AsTime())
	}
	switch {
	case v.Error != "":
		end.What, end.Line = Failed, v.Error
	case v.Cached:
		end.What = Cached
	}
	t.tell(end)
}

// output tells of whole lines.
func (t *trace) output(l *control.VertexLog) {
	s := t.of(l.Vertex)
	s.line = append(s.line, l.Msg...)
	for {
		i := bytes.IndexByte(s.line, '\n')
		if i < 0 {
			return
		}
		t.line(l.Vertex, s, s.line[:i])
		s.line = s.line[i+1:]
	}
}

func (t *trace) line(id string, s *step, line []byte) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 { // progress that overwrites itself
		line = line[i+1:]
	}
	t.tell(Step{ID: id, Name: s.name, What: Output, Line: string(line)})
}

// rest tells of a step's last line when nothing ended it.
func (t *trace) rest(id string) {
	if s := t.steps[id]; len(s.line) > 0 {
		t.line(id, s, slices.Clone(s.line))
		s.line = nil
	}
}

// flush tells of the last lines of all steps.
func (t *trace) flush() {
	for _, id := range t.order {
		t.rest(id)
	}
}
