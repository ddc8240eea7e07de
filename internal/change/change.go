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
	// Schema names the form and its version.
	Schema string `json:"schema"`
	// Environment is the stack that would change.
	Environment string  `json:"environment"`
	Target      Target  `json:"target"`
	Summary     Summary `json:"summary"`
	// Steps are the resources that do not stay the same, in order of their URNs.
	Steps []Step `json:"steps"`
	// Manifests are the Kubernetes objects of Helm releases that do not stay the same.
	Manifests []Manifest `json:"manifests"`
	// Effects say what it means for the people who work on the hubs, the gravest first, hub by hub.
	Effects []Effect `json:"effects,omitempty"`
	// Guards are the rules that the change met.
	Guards []Guard `json:"guards"`
	// Warnings are what the program has to say beside it: what it left out, and why.
	Warnings []string `json:"warnings,omitempty"`
}

// Target is where the change would happen.
type Target struct {
	// Account is the AWS account's id, twelve digits; "" when none is configured.
	Account string `json:"account"`
	// Region is the AWS region.
	Region string `json:"region"`
	// Cluster is the name of the EKS cluster.
	Cluster string `json:"cluster"`
	// Sandbox says that the services are simulated.
	Sandbox bool `json:"sandbox"`
}

// Summary counts resources by what happens to them.
type Summary struct {
	// Create counts resources that are made, or imported.
	Create int `json:"create"`
	// Update counts those that are changed in place.
	Update int `json:"update"`
	// Replace counts those that are deleted and made anew.
	Replace int `json:"replace"`
	// Delete counts those that are deleted.
	Delete int `json:"delete"`
	// Same counts those that stay as they are.
	Same int `json:"same"`
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
	// Op is create, update, replace, delete or import.
	Op string `json:"op"`
	// Type is the resource's type token.
	Type string `json:"type"`
	// Name is the resource's name in the program.
	Name string `json:"name"`
	// URN is the resource's unique name in the stack.
	URN string `json:"urn"`
	// Protected says that the engine refuses to delete it.
	Protected bool `json:"protected,omitempty"`
	// Diff are the properties that change, in order of their paths.
	Diff []Property `json:"diff,omitempty"`
}

// Property is one changed property of a resource.
type Property struct {
	// Path names the property, with dots and [n].
	Path string `json:"path"`
	// Kind is add, update or delete, with -replace behind it when it makes the resource be replaced.
	Kind string `json:"kind"`
	// Old is the value that was; "[secret]" stands for a secret.
	Old any `json:"old,omitempty"`
	// New is the value that would be; "[unknown]" when it is known only once the change is made.
	New any `json:"new,omitempty"`
	// Words says what the property is in the words of those who run hubs, and when a change of it is felt; "" where there are none.
	Words string `json:"words,omitempty"`
	// From is where the new value was written: file:line, relative to the deployment's directory; "" where that is not known.
	From string `json:"from,omitempty"`
}

// Manifest is a change of a rendered Kubernetes object.
type Manifest struct {
	// Hub is the hub whose release it belongs to.
	Hub string `json:"hub"`
	// Kind is the object's kind.
	Kind string `json:"kind"`
	// Namespace is the object's.
	Namespace string `json:"namespace"`
	// Name is the object's.
	Name string `json:"name"`
	// Op is create, update or delete.
	Op string `json:"op"`
	// Diff is the change as a unified diff of YAML, without secrets and without what means nothing in the cluster.
	Diff string `json:"diff"`
}

// How much an effect weighs.
const (
	Notice     = "notice"     // to know
	Interrupts = "interrupts" // work is interrupted, nothing is lost
	Loss       = "loss"       // something that people made may be lost
)

// Effect is what a change means for the people who work on a hub.
type Effect struct {
	// Hub is the hub that it is about.
	Hub string `json:"hub"`
	// Rule names the sort of effect, such as hub-restarts.
	Rule string `json:"rule"`
	// Message says what happens.
	Message string `json:"message"`
	// Weight is notice, interrupts or loss.
	Weight string `json:"weight"`
}

// Guard is a rule that the change met. A blocking one stops it.
type Guard struct {
	// Rule is the rule's name.
	Rule string `json:"rule"`
	// URN is the resource that it is about, if it is about one.
	URN string `json:"urn,omitempty"`
	// Message says what the rule found.
	Message string `json:"message"`
	// Hint says what to do.
	Hint string `json:"hint,omitempty"`
	// Blocking says that the update would not be made.
	Blocking bool `json:"blocking"`
	// Overridden is the reason for which the guard does not stop it this time; "" when nobody gave one.
	Overridden string `json:"overridden,omitempty"`
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

// SplitPath takes apart the path of a property, such as `a.b[0]["c.d"]`.
func SplitPath(path string) []string {
	var out []string
	for path != "" {
		switch {
		case strings.HasPrefix(path, `["`):
			key, rest, _ := strings.Cut(path[2:], `"]`)
			out, path = append(out, key), rest
		case path[0] == '[':
			key, rest, _ := strings.Cut(path[1:], "]")
			out, path = append(out, key), rest
		case path[0] == '.':
			path = path[1:]
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out, path = append(out, path[:end]), path[end:]
		}
	}
	return out
}
