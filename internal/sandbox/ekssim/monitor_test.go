package ekssim

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const (
	project, stack = "test", "staging"
	awsProvider    = "urn:pulumi:staging::test::pulumi:providers:aws::deployer::aws-id"
)

var keepAll = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true, SkipNulls: true}

// registration is what the monitor was asked to register.
type registration struct {
	token, name, parent string // parent by name
	provider            string
	in                  resource.PropertyMap
	deps                []string // by name
	ignore              []string

	urn resource.URN
	id  string
	out resource.PropertyMap
}

// plainIn are the inputs as plain values; unknown ones are absent.
func (r *registration) plainIn() map[string]any { return provider.Plain(r.in) }

// monitor is a resource monitor that records what is registered and makes outputs up, as the aws provider would.
type monitor struct {
	rpc.UnimplementedResourceMonitorServer

	world  *world.World
	addr   string
	client rpc.ResourceProviderClient
	t      *testing.T
	before func() error // called at each registration

	mu      sync.Mutex
	dry     bool
	all     map[resource.URN]*registration
	invokes []string
}

// newMonitor starts a monitor and the eks provider. Both end with the test.
func newMonitor(t *testing.T) *monitor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := simtest.World(t)
	m := &monitor{t: t, world: w, addr: l.Addr().String(), all: map[resource.URN]*registration{}, before: func() error { return nil }}
	s := grpc.NewServer()
	rpc.RegisterResourceMonitorServer(s, m)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	conn := simtest.Client(t, New(w))
	m.client = conn.RPC()
	if _, err := m.client.Attach(t.Context(), &rpc.PluginAttach{Address: m.addr}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Configure(nil); err != nil {
		t.Fatal(err)
	}
	m.register("pulumi:providers:aws", "deployer", "", resource.PropertyMap{"region": resource.NewProperty("us-east-1")})
	return m
}

func (m *monitor) SupportsFeature(_ context.Context, req *rpc.SupportsFeatureRequest) (*rpc.SupportsFeatureResponse, error) {
	known := map[string]bool{"secrets": true, "resourceReferences": true, "outputValues": true}
	return &rpc.SupportsFeatureResponse{HasSupport: known[req.GetId()]}, nil
}

func (m *monitor) RegisterResource(_ context.Context, req *rpc.RegisterResourceRequest) (*rpc.RegisterResourceResponse, error) {
	if err := m.before(); err != nil {
		return nil, err
	}
	in, err := plugin.UnmarshalProperties(req.GetObject(), keepAll)
	if err != nil {
		return nil, err
	}
	r := m.register(req.GetType(), req.GetName(), req.GetParent(), in)
	m.mu.Lock()
	defer m.mu.Unlock()
	r.provider, r.ignore = req.GetProvider(), req.GetIgnoreChanges()
	for _, d := range req.GetDependencies() {
		r.deps = append(r.deps, resource.URN(d).Name())
	}
	return &rpc.RegisterResourceResponse{Urn: string(r.urn), Id: r.id, Object: m.marshal(r.out)}, nil
}

func (m *monitor) RegisterResourceOutputs(_ context.Context, req *rpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	out, err := plugin.UnmarshalProperties(req.GetOutputs(), keepAll)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.all[resource.URN(req.GetUrn())]
	if r == nil {
		return nil, fmt.Errorf("%s is not registered", req.GetUrn())
	}
	r.out = out
	return &emptypb.Empty{}, nil
}

func (m *monitor) Invoke(_ context.Context, req *rpc.ResourceInvokeRequest) (*rpc.ResourceInvokeResponse, error) {
	args, err := plugin.UnmarshalProperties(req.GetArgs(), keepAll)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invokes = append(m.invokes, req.GetTok())
	answer := resource.PropertyMap{}
	switch req.GetTok() {
	case "pulumi:pulumi:getResource":
		r := m.all[resource.URN(args["urn"].StringValue())]
		if r == nil {
			return nil, fmt.Errorf("there is no %s", args["urn"].StringValue())
		}
		answer["urn"], answer["id"], answer["state"] = resource.NewProperty(string(r.urn)), resource.NewProperty(r.id), resource.NewProperty(r.out)
	case "aws:index/getPartition:getPartition":
		if req.GetProvider() != awsProvider {
			return nil, fmt.Errorf("getPartition was called with provider %q", req.GetProvider())
		}
		answer["partition"], answer["dnsSuffix"] = resource.NewProperty("aws"), resource.NewProperty("amazonaws.com")
	case "aws:eks/getAddonVersion:getAddonVersion":
		answer["version"] = resource.NewProperty("newest " + args["addonName"].StringValue() + " for " + args["kubernetesVersion"].StringValue())
	default:
		return nil, fmt.Errorf("no such function: %s", req.GetTok())
	}
	return &rpc.ResourceInvokeResponse{Return: m.marshal(answer)}, nil
}

// register records a resource as registered and gives it outputs.
func (m *monitor) register(token, name, parent string, in resource.PropertyMap) *registration {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &registration{token: token, name: name, in: in}
	if parent != "" {
		r.parent = resource.URN(parent).Name()
	}
	r.urn = resource.NewURN(stack, project, tokens.Type(parentType(parent)), tokens.Type(token), name)
	r.out = outputsOf(token, name, in, m.dry)
	if !strings.HasPrefix(token, "eks:") && !m.dry {
		r.id = name + "-id"
	}
	if token == "pulumi:providers:aws" {
		r.id = "aws-id"
	}
	m.all[r.urn] = r
	return r
}

func parentType(urn string) string {
	if urn == "" {
		return ""
	}
	return string(resource.URN(urn).QualifiedType())
}

// outputsOf are a resource's outputs: its inputs, and what the service adds unless it is a preview.
func outputsOf(token, name string, in resource.PropertyMap, dry bool) resource.PropertyMap {
	out := in.Copy()
	if dry {
		return out
	}
	add := func(props map[string]any) {
		for k, v := range resource.NewPropertyMapFromMap(props) {
			out[k] = v
		}
	}
	switch token {
	case "aws:iam/role:Role":
		add(map[string]any{"arn": "arn:aws:iam::000000000000:role/" + name})
	case "aws:ec2/securityGroupRule:SecurityGroupRule":
		add(map[string]any{"securityGroupRuleId": "sgr-" + name})
	case "aws:eks/cluster:Cluster":
		add(map[string]any{
			"arn":                  "arn:aws:eks:us-east-1:000000000000:cluster/roman-sit",
			"endpoint":             "https://cluster.example.test",
			"certificateAuthority": map[string]any{"data": "Q0E="},
			"identities":           []any{map[string]any{"oidcs": []any{map[string]any{"issuer": "https://oidc.example.test/id/0"}}}},
		})
		vpc := out["vpcConfig"].ObjectValue().Copy()
		vpc["clusterSecurityGroupId"] = resource.NewProperty("sg-own")
		out["vpcConfig"] = resource.NewProperty(vpc)
	}
	return out
}

// construct asks the provider for a component with the deployer's aws provider.
func (m *monitor) construct(token, name string, in resource.PropertyMap) (resource.PropertyMap, error) {
	m.t.Helper()
	deps := map[string]*rpc.ConstructRequest_PropertyDependencies{}
	for k, v := range in {
		if v.IsOutput() {
			urns := &rpc.ConstructRequest_PropertyDependencies{}
			for _, d := range v.OutputValue().Dependencies {
				urns.Urns = append(urns.Urns, string(d))
			}
			deps[string(k)] = urns
		}
	}
	res, err := m.client.Construct(m.t.Context(), &rpc.ConstructRequest{
		Project: project, Stack: stack, Type: token, Name: name, MonitorEndpoint: m.addr, DryRun: m.dry, Parallel: 8,
		Inputs: m.marshal(in), InputDependencies: deps, Providers: map[string]string{"aws": awsProvider}, AcceptsOutputValues: true,
	})
	if err != nil {
		return nil, err
	}
	out, err := plugin.UnmarshalProperties(res.GetState(), keepAll)
	if err != nil {
		m.t.Fatal(err)
	}
	return out, nil
}

// must is construct for what has to succeed.
func (m *monitor) must(token, name string, in resource.PropertyMap) resource.PropertyMap {
	m.t.Helper()
	out, err := m.construct(token, name, in)
	if err != nil {
		m.t.Fatalf("constructing %s %s: %v", token, name, err)
	}
	return out
}

func (m *monitor) marshal(props resource.PropertyMap) *structpb.Struct {
	s, err := plugin.MarshalProperties(props, keepAll)
	if err != nil {
		m.t.Errorf("marshalling: %v", err)
	}
	return s
}

// named finds a registration by type and name.
func (m *monitor) named(token, name string) *registration {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.all {
		if r.token == token && r.name == name {
			return r
		}
	}
	m.t.Fatalf("%s %s was not registered", token, name)
	return nil
}

// output is a known value that was computed from a resource.
func output(v any, from resource.URN) resource.PropertyValue {
	return resource.NewProperty(resource.Output{Element: resource.NewPropertyValue(v), Known: true, Dependencies: []resource.URN{from}})
}

// unknown is the output of a resource that does not exist yet, as the SDKs send it.
var unknown = resource.NewProperty(resource.Output{Dependencies: []resource.URN{"urn:pulumi:staging::test::a:b:C::d"}})

// coreOutput is the core of a constructed cluster as a program passes it on.
func coreOutput(m *monitor, out resource.PropertyMap) resource.PropertyValue {
	v := out["core"]
	if v.IsOutput() {
		return v
	}
	return resource.NewProperty(resource.Output{
		Element: v, Known: true, Dependencies: []resource.URN{m.named("aws:eks/cluster:Cluster", "hub-eksCluster").urn},
	})
}
