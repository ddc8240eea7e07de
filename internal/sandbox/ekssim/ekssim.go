// Package ekssim stands in for the pulumi-eks provider: its components register the very children that pulumi-eks registers, by the same
// types, names, parents and inputs, and the simulated aws provider then makes them. Nothing here is kept in the world, so that it needs
// no kinds.
//
// What pulumi-eks does beyond registering is left out: it looks for the aws command on PATH, and polls a public endpoint's /healthz for up
// to five minutes.
//
// Source of the facts: pulumi-eks v3.9.1, nodejs/eks (https://github.com/pulumi/pulumi-eks/tree/v3.9.1/nodejs/eks).
package ekssim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	component "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Version is that of the pulumi-eks provider that the package stands in for.
const Version = "3.9.1"

// Type tokens of the components, and of the components within them.
const (
	clusterType     = "eks:index:Cluster"
	nodeGroupType   = "eks:index:ManagedNodeGroup"
	serviceRoleType = "eks:index:ServiceRole"
	vpcCniType      = "eks:index:VpcCniAddon"
)

// New returns the simulated eks provider.
func New(w *world.World) *provider.Provider {
	return &provider.Provider{Package: "eks", Version: Version, World: w, Construct: construct}
}

// remote is a component that programs can ask for.
type remote struct {
	// check returns the problems of the inputs that can be seen before anything is registered.
	check func(in resource.PropertyMap) problems
	// build registers the component and its children and returns the component's outputs.
	build func(ctx *pulumi.Context, name string, in component.ConstructInputs, opts pulumi.ResourceOption) (*component.ConstructResult, error)
}

var remotes = map[string]remote{
	clusterType:   {checkCluster, buildCluster},
	nodeGroupType: {checkNodeGroup, buildNodeGroup},
}

func construct(ctx context.Context, s *provider.Session, req *rpc.ConstructRequest) (*rpc.ConstructResponse, error) {
	r, known := remotes[req.GetType()]
	if !known {
		return nil, fmt.Errorf("the sandbox does not simulate the component %s; of pulumi-eks it knows %s",
			req.GetType(), strings.Join(slices.Sorted(maps.Keys(remotes)), " and "))
	}
	in, err := plugin.UnmarshalProperties(req.GetInputs(), plugin.MarshalOptions{
		KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true, SkipNulls: true,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the inputs of %s %s: %w", req.GetType(), req.GetName(), err)
	}
	var engine *grpc.ClientConn
	if s.Engine != "" {
		if engine, err = grpc.NewClient(s.Engine, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
			return nil, fmt.Errorf("connecting to the engine: %w", err)
		}
	}
	var used *pulumi.Context
	defer func() { // the SDK leaves its connections open
		switch {
		case used != nil:
			_ = used.Close()
		case engine != nil:
			_ = engine.Close()
		}
	}()
	return component.Construct(ctx, req, engine, func(pctx *pulumi.Context, _, name string, inputs component.ConstructInputs,
		opts pulumi.ResourceOption,
	) (*component.ConstructResult, error) {
		used = pctx
		if err := r.check(in).err(); err != nil {
			return nil, err
		}
		return r.build(pctx, name, inputs, opts)
	})
}
