package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Pending is an operation that was begun and never recorded as ended.
type Pending struct {
	// Op is creating, updating, deleting, reading or importing.
	Op string `json:"op"`
	// Type is the resource's type token.
	Type string `json:"type"`
	// Name is the resource's name in the program.
	Name string `json:"name"`
	// URN is the resource's unique name in the stack.
	URN string `json:"urn"`
	// ID is what the service calls it, where that is known.
	ID string         `json:"id,omitempty"`
	In map[string]any `json:"-"` // its inputs; secrets are ciphertext
}

// Resource is one resource of the state.
type Resource struct {
	Type, Name, URN, ID string
	Protected           bool
	Retained            bool
	Custom              bool
	External            bool           // only looked at: somebody else makes it
	Provider            string         // URN of the provider that made it
	Inputs, Outputs     map[string]any // secrets are ciphertext
	InitErrors          []string       // why it is there, but not of use
}

// Managed counts the resources as the engine's summaries do: without its default providers and without what is only looked at.
func (s *State) Managed() int {
	n := 0
	for _, r := range s.Resources {
		if !r.External && !isDefaultProvider(r.Type, r.URN) {
			n++
		}
	}
	return n
}

// State is what the stack's backend has recorded.
type State struct {
	Resources []Resource
	Pending   []Pending
	Updated   time.Time
	Outputs   map[string]any // of the stack, as its last whole update left them; secrets read "[secret]"
}

// State reads the stack's state. A stack that does not exist gives an *Error of kind NoStack.
func (d *Driver) State(ctx context.Context, env string) (*State, error) {
	_, dep, err := d.export(ctx, env)
	if err != nil {
		return nil, err
	}
	st := &State{Updated: dep.Manifest.Time}
	for _, r := range dep.Resources {
		provider := r.Provider // urn::id
		if at := strings.LastIndex(provider, "::"); at > 0 {
			provider = provider[:at]
		}
		st.Resources = append(st.Resources, Resource{
			Type: string(r.Type), Name: nameOf(string(r.URN)), URN: string(r.URN), ID: string(r.ID),
			Protected: r.Protect, Retained: r.RetainOnDelete, Custom: r.Custom, External: r.External, Provider: provider, Inputs: r.Inputs, Outputs: r.Outputs,
			InitErrors: r.InitErrors,
		})
		if string(r.Type) == stackType {
			st.Outputs, _ = masked(r.Outputs).(map[string]any)
		}
	}
	for _, p := range dep.PendingOperations {
		r := p.Resource
		st.Pending = append(st.Pending, Pending{
			Op: string(p.Type), Type: string(r.Type), Name: nameOf(string(r.URN)), URN: string(r.URN), ID: string(r.ID), In: r.Inputs,
		})
	}
	return st, nil
}

// Check refuses to go on over what an earlier operation has left behind. It is the gate before every update.
func (d *Driver) Check(ctx context.Context, env string) error {
	st, err := d.State(ctx, env)
	var known *Error
	if errors.As(err, &known) && known.Kind == NoStack {
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.sameRegion(env, st); err != nil {
		return err
	}
	return d.Settled(ctx, env, st)
}

// sameRegion refuses to go on in another region than the stack is in: everything would be replaced.
func (d *Driver) sameRegion(env string, st *State) error {
	want := d.opts.Target.Region
	for _, r := range st.Resources {
		if r.Type != "pulumi:providers:aws" || isDefaultProvider(r.Type, r.URN) {
			continue
		}
		if is, _ := r.Inputs["region"].(string); is != "" && want != "" && is != want {
			return &Error{
				Kind: WrongAccount, Message: fmt.Sprintf("%s is deployed in %s, but the configuration says %s; nothing was touched", env, is, want),
				Hint: fmt.Sprintf("set the region back, or `hubwright destroy %s` first: what is there does not move", env),
			}
		}
	}
	return nil
}

// Settled refuses to go on over the pending operations of a state: those of somebody who is at work, or those that an earlier operation left.
func (d *Driver) Settled(ctx context.Context, env string, st *State) error {
	if len(st.Pending) == 0 {
		return nil
	}
	if lock, err := d.Locked(ctx, env); err == nil && lock != nil && !lock.Dead {
		return &Error{Kind: Busy, Message: fmt.Sprintf("%s is busy: %s", env, lock), Hint: "wait until it has ended"}
	}
	return PendingError(env, st.Pending)
}

// PendingError words the refusal to update over pending operations.
func PendingError(env string, pending []Pending) error {
	var names []string
	for _, p := range pending {
		names = append(names, fmt.Sprintf("%s %s (%s)", p.Op, p.Name, p.Type))
	}
	return &Error{
		Kind:    CutOff,
		Message: fmt.Sprintf("%s: an earlier operation was cut off while %s", env, strings.Join(names, ", ")),
		Hint:    fmt.Sprintf("`hubwright recover %s` finds out what became of it and mends the state; then run this again", env),
	}
}

func (d *Driver) export(ctx context.Context, env string) (*apitype.UntypedDeployment, *apitype.DeploymentV3, error) {
	stdout, err := d.run(ctx, "stack", "export", "--stack", env)
	if err != nil {
		return nil, nil, d.classify(env, d.failed(err))
	}
	var raw apitype.UntypedDeployment
	var dep apitype.DeploymentV3
	if err := json.Unmarshal([]byte(stdout), &raw); err != nil {
		return nil, nil, fmt.Errorf("%s: reading the state: %w", env, err)
	}
	if len(raw.Deployment) > 0 {
		if err := json.Unmarshal(raw.Deployment, &dep); err != nil {
			return nil, nil, fmt.Errorf("%s: reading the state: %w", env, err)
		}
	}
	return &raw, &dep, nil
}

// edit changes the state by way of export and import. Secrets stay ciphertext all the while.
func (d *Driver) edit(ctx context.Context, env string, change func(*apitype.DeploymentV3) error) error {
	raw, dep, err := d.export(ctx, env)
	if err != nil {
		return err
	}
	if err := change(dep); err != nil {
		return err
	}
	if raw.Deployment, err = json.Marshal(dep); err != nil {
		return err
	}
	data, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	_, err = d.runWith(ctx, bytes.NewReader(data), "stack", "import", "--stack", env)
	if err != nil {
		return d.classify(env, d.failed(err))
	}
	return nil
}

// Repository is the type of image repositories, which the service refuses to delete with images in them unless it is told to.
const Repository = "aws:ecr/repository:Repository"

// Release lifts the protection of the resources for which match holds, so that a destroy deletes them and what they hold.
func (d *Driver) Release(ctx context.Context, env string, match func(Resource) bool) error {
	return d.edit(ctx, env, func(dep *apitype.DeploymentV3) error {
		for i := range dep.Resources {
			r := &dep.Resources[i]
			if !match(Resource{Type: string(r.Type), Name: nameOf(string(r.URN)), URN: string(r.URN), ID: string(r.ID), Protected: r.Protect, Retained: r.RetainOnDelete}) {
				continue
			}
			r.Protect, r.RetainOnDelete = false, false
			if string(r.Type) == Repository {
				r.Inputs["forceDelete"], r.Outputs["forceDelete"] = true, true
			}
		}
		return nil
	})
}

// Adopt records found ids for pending creations and drops the other pending operations; a refresh then reads what the services say.
func (d *Driver) Adopt(ctx context.Context, env string, found map[string]string) error {
	return d.edit(ctx, env, func(dep *apitype.DeploymentV3) error {
		for _, p := range dep.PendingOperations {
			id, ok := found[string(p.Resource.URN)]
			if !ok || p.Type != apitype.OperationTypeCreating {
				continue
			}
			known := slices.ContainsFunc(dep.Resources, func(r apitype.ResourceV3) bool { return r.URN == p.Resource.URN && !r.Delete })
			if known {
				continue
			}
			r := p.Resource
			r.ID = resource.ID(id)
			if r.Outputs == nil {
				r.Outputs = r.Inputs
			}
			dep.Resources = append(dep.Resources, r)
		}
		dep.PendingOperations = nil
		return nil
	})
}

// Repair mends a state that cannot be read or is inconsistent. A file backend writes a state over the old one and keeps a copy of that beside it:
// when its writer was killed at it, the copy is the last whole state, and it lacks only what the last write added, which is either the beginning
// of something that was never asked for, or the end of something that the copy has as pending. The damaged file is kept.
func (d *Driver) Repair(ctx context.Context, env string) error {
	restored, err := d.restoreCopy(ctx, env)
	if err != nil {
		return fmt.Errorf("%s: going back to the last whole state: %w", env, err)
	}
	if restored {
		return nil
	}
	if _, err := d.run(ctx, "state", "repair", "--yes", "--stack", env); err != nil {
		return d.classify(env, d.failed(err))
	}
	return nil
}

// restoreCopy puts the copy of a file backend's state in the place of one that cannot be read. It reports false when that is not the case here.
func (d *Driver) restoreCopy(ctx context.Context, env string) (bool, error) {
	var broken *Error
	if _, _, err := d.export(ctx, env); !errors.As(err, &broken) || broken.Kind != Broken {
		return false, nil
	}
	file, err := d.stateFile(env)
	if file == "" {
		return false, err
	}
	// What a file backend notes of a file beside it is written in place, too. Without it the file is read all the same.
	notes := file + ".attrs"
	if text, err := os.ReadFile(notes); err == nil && !json.Valid(text) {
		if err := os.Remove(notes); err != nil {
			return false, err
		}
		if _, _, err := d.export(ctx, env); err == nil {
			return true, nil
		}
	}
	copied, err := os.ReadFile(file + ".bak")
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := os.Rename(file, file+".damaged"); err != nil {
		return false, err
	}
	return true, os.WriteFile(file, copied, 0o600)
}

// stateFile is the file that a file backend keeps the stack in, "" with any other backend.
func (d *Driver) stateFile(env string) (string, error) {
	backend := d.opts.Env["PULUMI_BACKEND_URL"]
	if backend == "" {
		backend = os.Getenv("PULUMI_BACKEND_URL")
	}
	dir, isFile := strings.CutPrefix(backend, "file://")
	if !isFile {
		return "", nil
	}
	files, err := filepath.Glob(filepath.Join(dir, ".pulumi", "stacks", "*", env+".json"))
	if err != nil || len(files) != 1 {
		return "", err
	}
	return files[0], nil
}

// pendingInFile counts the pending operations that a file backend's state has, without a launch of the engine; 0 where that is not to be seen.
func (d *Driver) pendingInFile(env string) int {
	file, err := d.stateFile(env)
	if file == "" || err != nil {
		return 0
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var state struct {
		Checkpoint struct {
			Latest struct {
				Pending []json.RawMessage `json:"pending_operations"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	if json.Unmarshal(data, &state) != nil {
		return 0 // the engine says what is wrong with it
	}
	return len(state.Checkpoint.Latest.Pending)
}

// BrokenState reports whether an error says that the state cannot be read.
func BrokenState(err error) bool {
	var known *Error
	return errors.As(err, &known) && known.Kind == Broken
}

// Outputs reads the stack's outputs; secrets read "[secret]" unless they are asked for.
func (d *Driver) Outputs(ctx context.Context, env string, showSecrets bool) (map[string]any, error) {
	args := []string{"stack", "output", "--json", "--stack", env}
	if showSecrets {
		args = append(args, "--show-secrets")
	}
	stdout, err := d.run(ctx, args...)
	if err != nil {
		return nil, d.classify(env, d.failed(err))
	}
	out := map[string]any{}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		return nil, fmt.Errorf("%s: reading the outputs: %w", env, err)
	}
	return out, nil
}

// SetSecret sets a secret of the stack's configuration through standard input, so that it is on no command line.
func (d *Driver) SetSecret(ctx context.Context, env, key, value string) error {
	_, err := d.runWith(ctx, strings.NewReader(value), "config", "set", "--secret", key, "--stack", env)
	if err != nil {
		return d.classify(env, d.failed(err))
	}
	return nil
}

// Secret reads one value of the stack's configuration in plaintext; "" when it is not set.
func (d *Driver) Secret(ctx context.Context, env, key string) (string, error) {
	stdout, err := d.run(ctx, "config", "get", key, "--stack", env)
	if err != nil {
		if strings.Contains(d.cmd.last.stderr, "not found") {
			return "", nil
		}
		return "", d.classify(env, d.failed(err))
	}
	return strings.TrimRight(stdout, "\n"), nil
}
