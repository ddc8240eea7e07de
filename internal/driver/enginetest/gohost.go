package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// GoHost stands in for Pulumi's own Go language host, which an engine built from its module comes without: it runs a prebuilt program as that
// host does with `options.binary`. It is attached through PULUMI_DEBUG_LANGUAGES.
type GoHost struct {
	rpc.UnimplementedLanguageRuntimeServer
	// Environ are further variables of the program. The real host is a child of the engine's and has those of the engine.
	Environ []string

	binary string
	port   int
	server *grpc.Server

	mu     sync.Mutex
	engine string
}

// NewGoHost serves a host for a prebuilt program.
func NewGoHost(binary string) (*GoHost, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &GoHost{binary: binary, port: l.Addr().(*net.TCPAddr).Port, server: grpc.NewServer()}
	rpc.RegisterLanguageRuntimeServer(h.server, h)
	go func() { _ = h.server.Serve(l) }() // ends with Close
	return h, nil
}

// Env is the variable that attaches the host to an engine.
func (h *GoHost) Env() string { return fmt.Sprintf("PULUMI_DEBUG_LANGUAGES=go:%d", h.port) }

// Close stops serving.
func (h *GoHost) Close() { h.server.Stop() }

// Handshake learns where the engine is.
func (h *GoHost) Handshake(_ context.Context, req *rpc.LanguageHandshakeRequest) (*rpc.LanguageHandshakeResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engine = req.GetEngineAddress()
	return &rpc.LanguageHandshakeResponse{}, nil
}

// GetPluginInfo says nothing of interest.
func (h *GoHost) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: "3.0.0"}, nil
}

// GetRequiredPackages asks for none: the providers are attached.
func (h *GoHost) GetRequiredPackages(context.Context, *rpc.GetRequiredPackagesRequest) (*rpc.GetRequiredPackagesResponse, error) {
	return &rpc.GetRequiredPackagesResponse{}, nil
}

// Cancel ends nothing: it comes at the end of every operation.
func (h *GoHost) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Run runs the program with the variables by which Pulumi's SDK knows its engine.
func (h *GoHost) Run(ctx context.Context, req *rpc.RunRequest) (*rpc.RunResponse, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(req.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	engine := h.engine
	h.mu.Unlock()
	cmd := exec.CommandContext(ctx, h.binary)
	cmd.Dir = req.GetInfo().GetProgramDirectory()
	cmd.Env = append(append(os.Environ(), h.Environ...),
		pulumi.EnvOrganization+"="+req.GetOrganization(), pulumi.EnvProject+"="+req.GetProject(), pulumi.EnvStack+"="+req.GetStack(),
		pulumi.EnvPulumiRootDirectory+"="+req.GetInfo().GetRootDirectory(), pulumi.EnvConfig+"="+string(config),
		pulumi.EnvConfigSecretKeys+"="+string(secretKeys), pulumi.EnvDryRun+"="+strconv.FormatBool(req.GetDryRun()),
		pulumi.EnvParallel+"="+strconv.Itoa(int(req.GetParallel())), pulumi.EnvMonitor+"="+req.GetMonitorAddress(), pulumi.EnvEngine+"="+engine)
	if out, err := cmd.CombinedOutput(); err != nil {
		return &rpc.RunResponse{Error: strings.TrimSpace(fmt.Sprintf("%v: %s", err, out))}, nil
	}
	return &rpc.RunResponse{}, nil
}
