// Package provider is what the sandbox's simulated Pulumi providers have in common: the resource provider protocol over a
// persistent world. A provider is a table of kinds and functions; checking, diffing, secrets, unknown values, faults, virtual time and
// keeping objects in the world are done here once.
package provider

import (
	"context"
	"fmt"
	"time"

	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Provider describes a simulated provider.
type Provider struct {
	// Package is the Pulumi package's name ("aws"), Version the real plugin's version that it stands in for.
	Package, Version string
	World            *world.World
	// Kinds are the resources it knows, by type token. Any other is refused by name.
	Kinds map[string]*Kind
	// Functions are the functions it knows, by token ("aws:index/getCallerIdentity:getCallerIdentity").
	Functions map[string]Function
	// Configure is called once for each provider instance, with its configuration. It may keep what it needs in the session. Optional.
	Configure func(ctx context.Context, s *Session) error
	// Authorize is asked before each call of a kind or function; op is create, read, update, delete or invoke. Optional.
	Authorize func(tx *world.Tx, s *Session, token, op string, props map[string]any) error
	// Construct makes remote components. A provider that has it is given resource references and outputs with their dependencies, as
	// component providers are. It runs without Clock.Enter, because it waits for children whose making takes virtual time. Optional.
	Construct func(ctx context.Context, s *Session, req *rpc.ConstructRequest) (*rpc.ConstructResponse, error)
}

// Session is one configured instance of a provider.
type Session struct {
	URN    string         // of the provider resource
	Config map[string]any // plain values
	Engine string         // address of the engine's own service, for Construct
	// Value is the provider's own, set by Configure.
	Value any
}

// Function answers an invoke: plain arguments to plain result. An error is given to the program as it is.
type Function func(tx *world.Tx, s *Session, args map[string]any) (map[string]any, error)

// Kind is one type of resource.
type Kind struct {
	// Name is the input that names the object for people in messages; "" for none.
	Name string
	// ForceNew lists the inputs whose change replaces the object: paths such as "cidrBlock" or "spec.claimRef"; what lies below counts too.
	ForceNew []string
	// DeleteFirst makes a replacement delete the old object before it makes the new one, as kinds with fixed names need.
	DeleteFirst bool
	// Check returns the problems of the inputs, each beginning with the property's name; unknown inputs are absent. It may add defaults
	// to in. Called in previews too, without a transaction: what needs the world is checked in Create and Update. Optional.
	Check func(in map[string]any) []string
	// Create checks against the world and returns the object's id and what it has beyond its inputs. The base stores the object.
	Create func(tx *world.Tx, c *Call) (id string, computed map[string]any, err error)
	// Update checks a change in place and returns what the object has beyond its inputs now. nil: any change is allowed and computed values stay.
	Update func(tx *world.Tx, c *Call, o *world.Object) (computed map[string]any, err error)
	// Delete checks a deletion and undoes what Create did beyond the object itself. nil: always allowed.
	Delete func(tx *world.Tx, c *Call, o *world.Object) error
	// Read brings computed values up to date when the object is read. Optional.
	Read func(tx *world.Tx, c *Call, o *world.Object) (computed map[string]any, err error)
	// Takes says how long the real service takes, by op (create, update, delete). Missing: one second.
	Takes func(op string, in map[string]any) time.Duration
	// Finish is called in a transaction of its own after the time has passed, to change the stored object or to say that it was made but
	// did not become ready: the engine then records it with that as its initialisation error. Optional.
	Finish func(tx *world.Tx, c *Call, o *world.Object) (computed map[string]any, err error)
	// Steps, when set, stands in for the functions above, for what is not one object changed in one transaction. Optional.
	Steps *Steps
	// KeepNulls keeps null values in the properties, where they mean something. Elsewhere they count as absent.
	KeepNulls bool
	// Ignore lists inputs that are never compared (a registry password, say).
	Ignore []string
	// Computed lists paths below inputs that the service fills in when they are not given ("vpcConfig.vpcId"). Create returns them with the
	// whole input; an update keeps them, and reading does not take them for inputs.
	Computed []string
}

// Call is one call of a kind.
type Call struct {
	*Session
	World                *world.World
	URN, Token, Name, ID string         // Name is the logical name
	In                   map[string]any // plain inputs, secrets open
	Old                  map[string]any // plain outputs so far, in updates and deletes
}

// Object is the object in the world under the kind's token and the id, or nil.
func (c *Call) Object(tx *world.Tx) *world.Object { return tx.Get(c.Token, c.ID) }

func (p *Provider) kind(token string) (*Kind, error) {
	if k := p.Kinds[token]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("the sandbox does not simulate %s", token)
}

func (k *Kind) takes(op string, in map[string]any) time.Duration {
	if k.Takes == nil {
		return time.Second
	}
	return k.Takes(op, in)
}

// spend lets the time of a call pass on the virtual clock, faults included. The error of a fault is the call's result.
func (p *Provider) spend(ctx context.Context, token, op string) error {
	hang, message, err := p.World.Fault(token, op)
	if err != nil {
		return err
	}
	if hang > 0 {
		if err := p.World.Clock.Sleep(ctx, hang); err != nil {
			return err
		}
	}
	if message != "" {
		return fmt.Errorf("%s", message)
	}
	return nil
}
