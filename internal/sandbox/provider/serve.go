package provider

import (
	"context"
	"fmt"
	"net"
	"path"
	"strings"
	"sync"

	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// maxMessage bounds a message: the engine itself allows 400 MiB (sdk/go/common/util/rpcutil, GrpcChannelOptions).
const maxMessage = 400 << 20

// Served is a provider that listens on the loopback interface.
type Served struct {
	Package string
	Port    int
	stop    func()
}

// Stop ends it at once; calls in progress are cut off.
func (s *Served) Stop() { s.stop() }

// tethered is a listener whose connections are held by a tether.
type tethered struct {
	net.Listener
	tether *Tether
}

func (t tethered) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err == nil && t.tether != nil {
		t.tether.hold(conn)
	}
	return conn, err
}

// Serve starts the provider on a free port of the loopback interface. The tether is optional.
func Serve(p *Provider, tether *Tether) (*Served, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox's %s provider: %w", p.Package, err)
	}
	g := grpc.NewServer(grpc.StatsHandler(sessions{}), grpc.UnaryInterceptor(traced(p.World)), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	rpc.RegisterResourceProviderServer(g, &server{p: p})
	var done sync.WaitGroup
	done.Go(func() { _ = g.Serve(tethered{l, tether}) }) // ends with Stop
	return &Served{Package: p.Package, Port: l.Addr().(*net.TCPAddr).Port, stop: func() {
		g.Stop()
		done.Wait()
	}}, nil
}

// traced notes how long each call takes that makes, changes or deletes something.
func traced(w *world.World) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		call, changes := req.(interface{ GetUrn() string })
		op := strings.ToLower(path.Base(info.FullMethod))
		if preview, ok := req.(interface{ GetPreview() bool }); ok && preview.GetPreview() {
			changes = false
		}
		if !changes || op != "create" && op != "update" && op != "delete" {
			return handler(ctx, req)
		}
		began := w.Clock.Now()
		res, err := handler(ctx, req)
		if err == nil { // an error keeps its gRPC status only as it is
			err = w.Traced(call.GetUrn(), op, began)
		}
		return res, err
	}
}

// sessions gives every connection a Session. The engine opens a connection for each provider instance and does not name the instance in its
// later calls, so the connection is what tells them apart.
type sessions struct{}

type sessionKey struct{}

func sessionOf(ctx context.Context) *Session {
	if s, ok := ctx.Value(sessionKey{}).(*Session); ok {
		return s
	}
	return &Session{}
}

func (sessions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, sessionKey{}, &Session{})
}
func (sessions) HandleConn(context.Context, stats.ConnStats)                     {}
func (sessions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (sessions) HandleRPC(context.Context, stats.RPCStats)                       {}
