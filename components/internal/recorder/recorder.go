// Package recorder runs a Pulumi program against recorded registrations instead of an engine, so that a test can assert on the
// graph a component asks for: types, names, inputs, parents, providers, protection and dependencies.
package recorder

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Resource is one recorded registration or read.
type Resource struct {
	Type, Name     string
	ID             string // set for reads and imports
	Inputs         resource.PropertyMap
	Parent         string            // URN
	Provider       string            // URN::ID, empty for the default provider
	Providers      map[string]string // URN::ID by package, what a component is given explicitly
	Version        string            // of the plugin, as the SDK stamps it
	Protect        bool
	RetainOnDelete bool
	DependsOn      []string // URNs of explicit and implied dependencies
	Aliases        int
	Read           bool
}

// Call is one recorded invoke.
type Call struct {
	Token    string
	Args     resource.PropertyMap
	Provider string // URN::ID of the provider it goes through, empty for the default provider
}

// Recorder answers registrations with their own inputs, plus what Outputs adds, and invokes with what Invokes says.
type Recorder struct {
	// Outputs adds outputs by resource type; it receives the name and inputs and returns what is added. Optional.
	Outputs map[string]func(name string, in resource.PropertyMap) resource.PropertyMap
	// Invokes answers function calls by token. A call that is not listed fails.
	Invokes map[string]func(args resource.PropertyMap) (resource.PropertyMap, error)
	// Preview makes the run a preview, in which outputs of new resources are unknown.
	Preview bool

	mu        sync.Mutex
	resources []Resource
	calls     []Call
}

// patience is how long a program may take. Recorded registrations answer at once, so one that takes longer waits for ever.
const patience = 30 * time.Second

// Run runs the program under project "hubwright" and the given stack and returns its error. A program that never ends is an error
// too: something in it waits for an output that nothing sets, or a resource for its own child.
func (r *Recorder) Run(stack string, program pulumi.RunFunc) error {
	done := make(chan error, 1)
	go func() {
		done <- pulumi.RunErr(program, pulumi.WithMocks("hubwright", stack, r), func(info *pulumi.RunInfo) { info.DryRun = r.Preview })
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return fmt.Errorf("the program did not end within %s: it waits for an output that is never set (a component's output fields "+
			"are replaced when it is registered, so set all of them, and after that)", patience)
	}
}

// MustRun is Run for tests: a failed run fails the test.
func (r *Recorder) MustRun(t testing.TB, program pulumi.RunFunc) {
	t.Helper()
	if err := r.Run("staging", program); err != nil {
		t.Fatalf("running the program: %v", err)
	}
}

// NewResource implements pulumi.MockResourceMonitor.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	res := Resource{Type: args.TypeToken, Name: args.Name, ID: args.ID, Inputs: args.Inputs, Provider: args.Provider}
	if rpc := args.RegisterRPC; rpc != nil {
		res.Parent, res.Protect, res.RetainOnDelete = rpc.GetParent(), rpc.GetProtect(), rpc.GetRetainOnDelete()
		res.DependsOn, res.Aliases = rpc.GetDependencies(), len(rpc.GetAliases())
		res.Providers = rpc.GetProviders()
		res.Version = rpc.GetVersion()
	}
	if args.ReadRPC != nil {
		res.Read, res.Parent = true, args.ReadRPC.GetParent()
	}
	r.mu.Lock()
	r.resources = append(r.resources, res)
	r.mu.Unlock()

	out := args.Inputs.Copy()
	if f := r.Outputs[args.TypeToken]; f != nil {
		for k, v := range f(args.Name, args.Inputs) {
			out[k] = v
		}
	}
	id := args.ID
	if id == "" {
		id = args.Name + "-id"
	}
	return id, out, nil
}

// Call implements pulumi.MockResourceMonitor.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	r.mu.Lock()
	r.calls = append(r.calls, Call{Token: args.Token, Args: args.Args, Provider: args.Provider})
	r.mu.Unlock()
	f := r.Invokes[args.Token]
	if f == nil {
		return nil, fmt.Errorf("unexpected call of %s", args.Token)
	}
	return f(args.Args)
}

// Calls returns the recorded invokes of a token.
func (r *Recorder) Calls(token string) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Call
	for _, c := range r.calls {
		if c.Token == token {
			out = append(out, c)
		}
	}
	return out
}

// All returns every recorded resource, in order of registration.
func (r *Recorder) All() []Resource {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.resources)
}

// OfType returns the recorded resources of one type, sorted by name.
func (r *Recorder) OfType(typ string) []Resource {
	var out []Resource
	for _, res := range r.All() {
		if res.Type == typ {
			out = append(out, res)
		}
	}
	slices.SortFunc(out, func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// One returns the only resource of that type and name; a test without exactly one fails.
func (r *Recorder) One(t testing.TB, typ, name string) Resource {
	t.Helper()
	var found []Resource
	var names []string
	for _, res := range r.OfType(typ) {
		names = append(names, res.Name)
		if res.Name == name {
			found = append(found, res)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d resources %s named %q; of that type there are %q", len(found), typ, name, names)
	}
	return found[0]
}

// listItem is a list item's number in a dotted path; Pulumi's own paths have it in brackets.
var listItem = regexp.MustCompile(`\.([0-9]+)\b`)

// Input returns an input as plain Go data, secrets opened; path is dotted, list items by number ("tags.Name", "ingress.0.fromPort").
func (res Resource) Input(path string) any {
	p, err := resource.ParsePropertyPath(listItem.ReplaceAllString(path, "[$1]"))
	if err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	v, ok := p.Get(open(resource.NewObjectProperty(res.Inputs)))
	if !ok {
		return nil
	}
	return v.Mappable()
}

// CheckInputs compares inputs with what is wanted, by path as in Input; nil means that the input is not set.
func (res Resource) CheckInputs(t testing.TB, want map[string]any) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got := res.Input(path); !reflect.DeepEqual(got, want[path]) {
			t.Errorf("%s %s: %s is %v, want %v", res.Type, res.Name, path, got, want[path])
		}
	}
}

// WaitsFor reports whether the resource depends on one of the given name, or of a type and name such as "Route::network-public".
func (res Resource) WaitsFor(name string) bool {
	return slices.ContainsFunc(res.DependsOn, func(urn string) bool { return strings.HasSuffix(urn, ":"+name) })
}

// IsSecret reports whether the input at the top-level key, or anything in it, is marked secret.
func (res Resource) IsSecret(key resource.PropertyKey) bool {
	return res.Inputs[key].ContainsSecrets()
}

// open strips secret and output wrappers from a value.
func open(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsSecret():
		return open(v.SecretValue().Element)
	case v.IsOutput():
		return open(v.OutputValue().Element)
	case v.IsObject():
		m := resource.PropertyMap{}
		for k, e := range v.ObjectValue() {
			m[k] = open(e)
		}
		return resource.NewObjectProperty(m)
	case v.IsArray():
		var a []resource.PropertyValue
		for _, e := range v.ArrayValue() {
			a = append(a, open(e))
		}
		return resource.NewArrayProperty(a)
	}
	return v
}
