// Package lookup chooses the provider through which a component asks AWS about what exists already.
package lookup

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Via returns the options of a look-up made for a component: through provider when one is given, otherwise through the
// component's own.
//
// A provider of its own matters in a first preview. The provider that assumes a role which doesn't exist yet has no known
// configuration, and the engine answers every look-up through it with an empty result; a look-up whose answer decides the shape
// of the graph (which zones, which subnets) then needs a provider with an identity that exists.
func Via(component pulumi.Resource, provider pulumi.ProviderResource) []pulumi.InvokeOption {
	opts := []pulumi.InvokeOption{pulumi.Parent(component)}
	if provider != nil {
		opts = append(opts, pulumi.Provider(provider))
	}
	return opts
}

// Unknown stands for an answer that is not there yet in a preview; anywhere else it is missing. what names it in that error.
func Unknown(ctx *pulumi.Context, what string) (pulumi.StringInput, error) {
	if !ctx.DryRun() {
		return nil, fmt.Errorf("%s was not found", what)
	}
	return pulumi.UnsafeUnknownOutput(nil).ApplyT(func(any) string { return "" }).(pulumi.StringOutput), nil
}
