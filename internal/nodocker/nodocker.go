// Package nodocker stands in for Pulumi's Docker provider on a machine without a Docker daemon, where the real one does not start. Images that are built
// stay as they are; one that would have to be built is told of in a preview and refused in an update.
package nodocker

import (
	"context"
	"fmt"
	"net"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// version is what the stand-in says of itself: that of the SDK that the images are registered with.
const version = "4.10.0"

// Provider is a running stand-in.
type Provider struct {
	rpc.UnimplementedResourceProviderServer
	why    error
	server *grpc.Server
	port   int
}

// Serve starts a stand-in. why is the reason there is no daemon.
func Serve(why error) (*Provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("standing in for the Docker provider: %w", err)
	}
	p := &Provider{why: why, server: grpc.NewServer(), port: l.Addr().(*net.TCPAddr).Port} //nolint:forcetypeassert // it listens on tcp
	rpc.RegisterResourceProviderServer(p.server, p)
	go func() { _ = p.server.Serve(l) }() // ends with Stop
	return p, nil
}

// Address is what PULUMI_DEBUG_PROVIDERS names it by, so that an engine takes it for the Docker provider.
func (p *Provider) Address() string { return fmt.Sprintf("docker:%d", p.port) }

// Stop ends it.
func (p *Provider) Stop() { p.server.Stop() }

// GetPluginInfo says which version of the provider it stands for.
func (p *Provider) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: version}, nil
}

// Attach is told where the engine is, of which nothing is asked.
func (p *Provider) Attach(context.Context, *rpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Handshake is told more of it.
func (p *Provider) Handshake(context.Context, *rpc.ProviderHandshakeRequest) (*rpc.ProviderHandshakeResponse, error) {
	return &rpc.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

// CheckConfig accepts what is there.
func (p *Provider) CheckConfig(_ context.Context, req *rpc.CheckRequest) (*rpc.CheckResponse, error) {
	return &rpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig finds no difference.
func (p *Provider) DiffConfig(context.Context, *rpc.DiffRequest) (*rpc.DiffResponse, error) {
	return &rpc.DiffResponse{Changes: rpc.DiffResponse_DIFF_NONE}, nil
}

// Configure needs no daemon.
func (p *Provider) Configure(context.Context, *rpc.ConfigureRequest) (*rpc.ConfigureResponse, error) {
	return &rpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

// Check keeps the inputs of an image that has its name still, since the name's tag is that of its content.
func (p *Provider) Check(_ context.Context, req *rpc.CheckRequest) (*rpc.CheckResponse, error) {
	if same(req.GetOlds(), req.GetNews()) {
		return &rpc.CheckResponse{Inputs: req.GetOlds()}, nil
	}
	return &rpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// Diff goes by the name alone.
func (p *Provider) Diff(_ context.Context, req *rpc.DiffRequest) (*rpc.DiffResponse, error) {
	if same(req.GetOldInputs(), req.GetNews()) {
		return &rpc.DiffResponse{Changes: rpc.DiffResponse_DIFF_NONE}, nil
	}
	return &rpc.DiffResponse{Changes: rpc.DiffResponse_DIFF_SOME, Diffs: []string{imageName}}, nil
}

// Create does so in a preview only.
func (p *Provider) Create(_ context.Context, req *rpc.CreateRequest) (*rpc.CreateResponse, error) {
	out, err := p.promise(req.GetPreview(), req.GetProperties())
	return &rpc.CreateResponse{Properties: out}, err
}

// Update does so in a preview only.
func (p *Provider) Update(_ context.Context, req *rpc.UpdateRequest) (*rpc.UpdateResponse, error) {
	out, err := p.promise(req.GetPreview(), req.GetNews())
	return &rpc.UpdateResponse{Properties: out}, err
}

// Read knows no more than the state.
func (p *Provider) Read(_ context.Context, req *rpc.ReadRequest) (*rpc.ReadResponse, error) {
	return &rpc.ReadResponse{Id: req.GetId(), Properties: req.GetProperties(), Inputs: req.GetInputs()}, nil
}

// Delete leaves the image in its registry, as the real provider does.
func (p *Provider) Delete(context.Context, *rpc.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel has nothing to cancel.
func (p *Provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

const imageName = "imageName"

func same(olds, news *structpb.Struct) bool {
	was, is := olds.GetFields()[imageName].GetStringValue(), news.GetFields()[imageName].GetStringValue()
	return was != "" && was == is
}

// promise is what a build would give: all that is asked, and a digest that nobody knows.
func (p *Provider) promise(preview bool, in *structpb.Struct) (*structpb.Struct, error) {
	if !preview {
		return nil, status.Errorf(codes.FailedPrecondition, "%s has to be built, and there is no Docker daemon: %v", in.GetFields()[imageName].GetStringValue(), p.why)
	}
	opts := plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true}
	props, err := plugin.UnmarshalProperties(in, opts)
	if err != nil {
		return nil, err
	}
	props["repoDigest"] = resource.MakeComputed(resource.NewProperty(""))
	return plugin.MarshalProperties(props, opts)
}
