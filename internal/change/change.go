// Package change holds what an operation would do or did, as data, and its text form. The JSON form is the contract that scripts rely on.
package change

import (
	"slices"
	"strings"
)

// Schema names the JSON form and its version.
const Schema = "hubwright/change/v1"

// Change is what a preview found or an update did.
type Change struct {
	Schema      string     `json:"schema"`
	Environment string     `json:"environment"`
	Target      Target     `json:"target"`
	Summary     Summary    `json:"summary"`
	Steps       []Step     `json:"steps"`
	Manifests   []Manifest `json:"manifests"`
	Guards      []Guard    `json:"guards"`
}

// Target is where the change would happen.
type Target struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
	Sandbox bool   `json:"sandbox"`
}

// Summary counts resources by what happens to them.
type Summary struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Delete  int `json:"delete"`
	Same    int `json:"same"`
}

// Changes is the number of resources that do not stay the same.
func (s Summary) Changes() int { return s.Create + s.Update + s.Replace + s.Delete }

// Add counts one more resource under the engine's operation; unknown operations do not count.
func (s *Summary) Add(op string, n int) {
	switch op {
	case "create", "import":
		s.Create += n
	case "update":
		s.Update += n
	case "replace":
		s.Replace += n
	case "delete":
		s.Delete += n
	case "same", "read", "refresh", "discard":
		s.Same += n
	}
}

// Step is what happens to one resource. Secrets read "[secret]".
type Step struct {
	Op        string     `json:"op"` // create, update, replace, delete, import
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	URN       string     `json:"urn"`
	Protected bool       `json:"protected,omitempty"`
	Diff      []Property `json:"diff,omitempty"`
}

// Property is one changed property of a resource.
type Property struct {
	Path string `json:"path"`
	Kind string `json:"kind"` // add, update, delete; with -replace when it makes the resource be replaced
	Old  any    `json:"old,omitempty"`
	New  any    `json:"new,omitempty"`
}

// Manifest is a change of a rendered Kubernetes object.
type Manifest struct {
	Hub       string `json:"hub"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Op        string `json:"op"`
	Diff      string `json:"diff"`
}

// Guard is a rule that the change met. A blocking one stops it.
type Guard struct {
	Rule     string `json:"rule"`
	URN      string `json:"urn,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Blocking bool   `json:"blocking"`
}

// New returns a change of an environment with nothing in it yet; its lists are empty and not null in JSON.
func New(environment string, target Target) *Change {
	return &Change{Schema: Schema, Environment: environment, Target: target, Steps: []Step{}, Manifests: []Manifest{}, Guards: []Guard{}}
}

// Blocked reports whether a guard stops the change.
func (c *Change) Blocked() bool {
	return slices.ContainsFunc(c.Guards, func(g Guard) bool { return g.Blocking })
}

// Sort puts the steps in a fixed order, so that the same change gives the same bytes whatever the engine did first.
func (c *Change) Sort() {
	slices.SortFunc(c.Steps, func(a, b Step) int { return strings.Compare(a.URN+a.Op, b.URN+b.Op) })
	for _, s := range c.Steps {
		slices.SortFunc(s.Diff, func(a, b Property) int { return strings.Compare(a.Path, b.Path) })
	}
}

// Destroys lists the steps that delete or replace something.
func (c *Change) Destroys() []Step {
	var out []Step
	for _, s := range c.Steps {
		if s.Op == "delete" || s.Op == "replace" {
			out = append(out, s)
		}
	}
	return out
}
