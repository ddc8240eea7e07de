// Package awssim stands in for the Pulumi provider of AWS: the types and functions that a deployment uses, over the simulated world.
//
// It refuses what the services refuse where that can be told from the request and the world: formats and limits of names, address ranges
// and policies, references that must exist, names that are taken, deletion of what is in use, roles that cannot be assumed yet, and what the
// role behind a provider instance has no right to. Error codes are the services' own. Describe lists the rules of each type; what is not
// listed there is accepted as it is.
package awssim

import (
	"context"
	"maps"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Package and Version are those of the real plugin.
const (
	Package = "aws"
	Version = "6.83.2"
)

// New makes the provider over a world.
//
// Three settings of the world say who calls: "account" (twelve digits; without it the only account that the provider is allowed to work in,
// else zeros), "caller" (the ARN of the ambient identity; default the user "sandbox" of the account) and "region" (for instances without
// one). An ambient identity may do everything unless it is a role of the world; what a role may do is in its policies.
func New(w *world.World) *provider.Provider {
	p := &provider.Provider{
		Package: Package, Version: Version, World: w,
		Kinds: map[string]*provider.Kind{}, Functions: map[string]provider.Function{},
		Configure: func(_ context.Context, s *provider.Session) error {
			return w.View(func(tx *world.Tx) error {
				me, err := identify(tx, s.Config)
				if err == nil {
					s.Value = me
				}
				return err
			})
		},
	}
	for token, k := range kinds() {
		p.Kinds[token] = k.build(token)
	}
	for token, f := range functions() {
		p.Functions[token] = f.build(token)
	}
	return p
}

// kinds are all simulated types by token.
func kinds() map[string]*kind {
	all := map[string]*kind{}
	for _, part := range []map[string]*kind{
		roleKinds(), policyKinds(), groupKinds(), oidcKinds(),
		vpcKinds(), gatewayKinds(), routeKinds(), endpointKinds(), securityGroupKinds(), launchTemplateKinds(),
		clusterKinds(), nodeGroupKinds(), addonKinds(), accessKinds(), autoscalingKinds(),
		efsKinds(), ecrKinds(), kmsKinds(), codecommitKinds(), route53Kinds(), acmKinds(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// kind is one type: the base's description of it, and functions that know who calls.
type kind struct {
	provider.Kind
	tagged bool
	// arn is the ARN of the object; id is empty for one that is about to be created by a service that makes ids up.
	arn    func(c *call, id string) string
	create func(c *call) (id string, out map[string]any, err error)
	update func(c *call, o *world.Object) (map[string]any, error)
	remove func(c *call, o *world.Object) error
	read   func(c *call, o *world.Object) (map[string]any, error)
	finish func(c *call, o *world.Object) (map[string]any, error)
	// rules are what the type refuses, in words, for Describe.
	rules []string
}

// call is one call with its transaction and the identity behind it.
type call struct {
	*provider.Call
	tx *world.Tx
	me *identity
}

// build makes the base's description: rights are checked first, tags are computed here once.
func (k *kind) build(token string) *provider.Kind {
	out := k.Kind
	out.Takes = func(op string, in map[string]any) time.Duration { return takes(token, op, in) }
	out.Create = func(tx *world.Tx, pc *provider.Call) (string, map[string]any, error) {
		c, err := begin(tx, pc)
		if err == nil {
			err = c.authorize(k, "create", nil)
		}
		if err != nil {
			return "", nil, err
		}
		id, computed, err := k.create(c)
		return id, k.withTags(c, computed), err
	}
	out.Update = func(tx *world.Tx, pc *provider.Call, o *world.Object) (map[string]any, error) {
		c, err := begin(tx, pc)
		if err == nil {
			err = c.authorize(k, "update", o)
		}
		if err != nil {
			return nil, err
		}
		var computed map[string]any
		if k.update != nil {
			computed, err = k.update(c, o)
		}
		return k.withTags(c, computed), err
	}
	out.Delete = func(tx *world.Tx, pc *provider.Call, o *world.Object) error {
		c, err := begin(tx, pc)
		if err == nil {
			err = c.authorize(k, "delete", o)
		}
		if err != nil || k.remove == nil {
			return err
		}
		return k.remove(c, o)
	}
	out.Read = func(tx *world.Tx, pc *provider.Call, o *world.Object) (map[string]any, error) {
		c, err := begin(tx, pc)
		if err == nil {
			err = c.authorize(k, "read", o)
		}
		if err != nil || k.read == nil {
			return nil, err
		}
		return k.read(c, o)
	}
	if k.finish != nil {
		out.Finish = func(tx *world.Tx, pc *provider.Call, o *world.Object) (map[string]any, error) {
			c, err := begin(tx, pc)
			if err != nil {
				return nil, err
			}
			return k.finish(c, o)
		}
	}
	return &out
}

func begin(tx *world.Tx, pc *provider.Call) (*call, error) {
	me, err := identityOf(tx, pc.Session)
	return &call{Call: pc, tx: tx, me: me}, err
}

// withTags adds tagsAll, the object's own tags over the provider's default ones.
func (k *kind) withTags(c *call, out map[string]any) map[string]any {
	if out == nil {
		out = map[string]any{}
	}
	if k.tagged {
		out["tagsAll"] = c.allTags()
	}
	return out
}

func (c *call) allTags() map[string]any {
	all := map[string]any{}
	for k, v := range c.me.defaultTags {
		all[k] = v
	}
	maps.Copy(all, object(c.In, "tags"))
	return all
}

// autoName is the name given, one that begins with the prefix given, or the one Pulumi would make up: the logical name with seven digits.
func (c *call) autoName(prop string) string {
	if name := text(c.In, prop); name != "" {
		return name
	}
	if prefix := text(c.In, prop+"Prefix"); prefix != "" {
		return prefix + world.Hex(17)
	}
	return c.Name + "-" + world.Hex(7)
}

// plannedName is autoName before the name is made up: its random part is zeros. It serves to check rights by name.
func (c *call) plannedName(prop string) string {
	return either(text(c.In, prop), either(text(c.In, prop+"Prefix"), c.Name+"-")+"0000000")
}

// given reports whether a property was given.
func (c *call) given(prop string) bool { return c.In[prop] != nil }

// with returns out with what the service fills in for inputs that were not given.
func (c *call) with(defaults, out map[string]any) map[string]any {
	for key, v := range defaults {
		if !c.given(key) {
			out[key] = v
		}
	}
	return out
}
