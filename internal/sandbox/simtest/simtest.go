// Package simtest drives a simulated provider in tests the way the engine does: over gRPC, one call at a time, with plain Go values in
// and out. No engine is needed.
package simtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Map is a resource's plain properties.
type Map = map[string]any

// World opens a new world in a temporary folder, with a clock that hardly waits. It is closed with the test.
func World(t testing.TB) *world.World {
	t.Helper()
	w, err := world.Open(t.TempDir(), world.Options{Quiet: 2 * time.Millisecond})
	if err != nil {
		t.Fatalf("opening a world: %v", err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// Conn is a connection to a served provider, which is one instance of it with a configuration of its own. Its methods may be called
// concurrently; what goes wrong in the protocol itself fails the test.
type Conn struct {
	t    testing.TB
	p    *provider.Provider
	port int
	rpc  rpc.ResourceProviderClient
	ctx  context.Context
}

// Client serves the provider and connects to it. Everything ends with the test.
func Client(t testing.TB, p *provider.Provider) *Conn {
	t.Helper()
	served, err := provider.Serve(p, nil)
	if err != nil {
		t.Fatalf("serving the %s provider: %v", p.Package, err)
	}
	t.Cleanup(served.Stop)
	return dial(t, p, served.Port)
}

// Another connects once more to the same served provider: another instance, as the engine has one for each provider resource.
func (c *Conn) Another() *Conn {
	c.t.Helper()
	return dial(c.t, c.p, c.port)
}

func dial(t testing.TB, p *provider.Provider, port int) *Conn {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("connecting to the %s provider: %v", p.Package, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Conn{t: t, p: p, port: port, rpc: rpc.NewResourceProviderClient(conn), ctx: t.Context()}
}

// RPC is the bare client, for what has no method here (Construct).
func (c *Conn) RPC() rpc.ResourceProviderClient { return c.rpc }

// Configure configures the instance. As from the SDKs, everything but strings goes over the wire as JSON text.
func (c *Conn) Configure(config Map) error {
	c.t.Helper()
	args := resource.PropertyMap{}
	for key, v := range config {
		if _, text := v.(string); !text {
			data, err := json.Marshal(v)
			if err != nil {
				c.t.Fatalf("configuration %s: %v", key, err)
			}
			v = string(data)
		}
		args[resource.PropertyKey(key)] = resource.NewPropertyValue(v)
	}
	urn := c.urn("pulumi:providers:"+c.p.Package, "provider")
	_, err := c.rpc.Configure(c.ctx, &rpc.ConfigureRequest{
		Urn: &urn, Args: c.marshal(args), AcceptSecrets: true, AcceptResources: true,
	})
	return plain(err)
}

// Resource is a resource as the engine's state would have it.
type Resource struct {
	Token, Name, ID string
	// In are the inputs after Check, Out the outputs, both plain: secrets opened.
	In, Out Map
	// Props are the outputs as they came, secrets marked.
	Props resource.PropertyMap

	conn   *Conn
	inputs resource.PropertyMap
}

// Secret marks a value in inputs as secret.
func Secret(v any) resource.PropertyValue {
	return resource.MakeSecret(resource.NewPropertyValue(v))
}

// Unknown is an input that is not known before another resource exists.
func Unknown() resource.PropertyValue {
	return resource.MakeComputed(resource.NewPropertyValue(""))
}

// InitFailed reports whether an error says that the resource exists but did not become ready.
func InitFailed(err error) bool {
	var f *initError
	return errors.As(err, &f)
}

func (c *Conn) urn(token, name string) string {
	return fmt.Sprintf("urn:pulumi:test::test::%s::%s", token, name)
}

func (c *Conn) marshal(m resource.PropertyMap) *structpb.Struct {
	c.t.Helper()
	s, err := plugin.MarshalProperties(m, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
	if err != nil {
		c.t.Fatalf("marshalling: %v", err)
	}
	return s
}

func (c *Conn) unmarshal(s *structpb.Struct) resource.PropertyMap {
	c.t.Helper()
	m, err := plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
	if err != nil {
		c.t.Fatalf("unmarshalling: %v", err)
	}
	return m
}

// plain takes the transport's wording off an error.
func plain(err error) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, d := range st.Details() {
		if f, ok := d.(*rpc.ErrorResourceInitFailed); ok {
			return &initError{f, st.Message()}
		}
	}
	return fmt.Errorf("%s", st.Message())
}
