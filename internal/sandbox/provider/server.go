package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// server speaks the protocol for one Provider.
type server struct {
	rpc.UnimplementedResourceProviderServer
	p *Provider
}

func (s *server) Attach(ctx context.Context, req *rpc.PluginAttach) (*emptypb.Empty, error) {
	sessionOf(ctx).Engine = req.GetAddress()
	return &emptypb.Empty{}, nil
}

// Cancel comes at the end of every operation, so it ends nothing.
func (s *server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: s.p.Version}, nil
}

func (s *server) CheckConfig(_ context.Context, req *rpc.CheckRequest) (*rpc.CheckResponse, error) {
	return &rpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig: a provider resource is updated in place; only another account or region would mean other objects.
func (s *server) DiffConfig(_ context.Context, req *rpc.DiffRequest) (*rpc.DiffResponse, error) {
	olds, err := unmarshal(req.GetOldInputs(), "olds")
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.GetNews(), "news")
	if err != nil {
		return nil, err
	}
	return (&Kind{ForceNew: []string{"region"}}).diff(olds, news, req.GetIgnoreChanges()), nil
}

func (s *server) Configure(ctx context.Context, req *rpc.ConfigureRequest) (*rpc.ConfigureResponse, error) {
	args, err := unmarshal(req.GetArgs(), "config")
	if err != nil {
		return nil, err
	}
	session := sessionOf(ctx)
	session.URN, session.Config = req.GetUrn(), Plain(args)
	if s.p.Configure != nil {
		leave := s.p.World.Clock.Enter()
		defer leave()
		if err := s.p.Configure(ctx, session); err != nil {
			return nil, status.Error(codes.FailedPrecondition, err.Error())
		}
	}
	components := s.p.Construct != nil
	return &rpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true, AcceptResources: components, AcceptOutputs: components}, nil
}

func (s *server) Check(ctx context.Context, req *rpc.CheckRequest) (*rpc.CheckResponse, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	news, err := k.unmarshal(req.GetNews(), token)
	if err != nil {
		return nil, err
	}
	res := &rpc.CheckResponse{}
	if k.Steps != nil && k.Steps.Check != nil {
		olds, err := k.unmarshal(req.GetOlds(), token)
		if err != nil {
			return nil, err
		}
		var problems []string
		news, problems = k.Steps.Check(s.call(ctx, req.GetUrn(), token, "", news), olds, news)
		res.Failures = failures(problems)
	} else if k.Check != nil {
		in := Plain(news)
		before := maps.Clone(in)
		res.Failures = failures(k.Check(in))
		for key, v := range in {
			pk := resource.PropertyKey(key)
			if _, given := before[key]; !given && !news[pk].IsComputed() {
				news[pk] = resource.NewPropertyValue(v)
			}
		}
	}
	res.Inputs, err = k.marshal(news, token)
	return res, err
}

// failures are problems as the protocol has them: each begins with its property's name.
func failures(problems []string) []*rpc.CheckFailure {
	var out []*rpc.CheckFailure
	for _, problem := range problems {
		prop, _, _ := strings.Cut(problem, ":")
		prop, _, _ = strings.Cut(prop, " ")
		out = append(out, &rpc.CheckFailure{Property: prop, Reason: problem})
	}
	return out
}

func (s *server) Diff(ctx context.Context, req *rpc.DiffRequest) (*rpc.DiffResponse, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := k.unmarshal(req.GetOldInputs(), token)
	if err != nil {
		return nil, err
	}
	news, err := k.unmarshal(req.GetNews(), token)
	if err != nil {
		return nil, err
	}
	if k.Steps != nil && k.Steps.Diff != nil {
		c := s.call(ctx, req.GetUrn(), token, req.GetId(), news)
		return k.Steps.Diff(c, olds, news, req.GetIgnoreChanges()), nil
	}
	return k.diff(olds, news, req.GetIgnoreChanges()), nil
}

func (s *server) Invoke(ctx context.Context, req *rpc.InvokeRequest) (*rpc.InvokeResponse, error) {
	f := s.p.Functions[req.GetTok()]
	if f == nil {
		return nil, fmt.Errorf("the sandbox does not simulate the function %s", req.GetTok())
	}
	args, err := unmarshal(req.GetArgs(), req.GetTok())
	if err != nil {
		return nil, err
	}
	defer s.p.World.Clock.Enter()()
	if err := s.p.spend(ctx, req.GetTok(), "invoke"); err != nil {
		return nil, err
	}
	var out map[string]any
	session := sessionOf(ctx)
	err = s.p.World.View(func(tx *world.Tx) error {
		if s.p.Authorize != nil {
			if err := s.p.Authorize(tx, session, req.GetTok(), "invoke", Plain(args)); err != nil {
				return err
			}
		}
		out, err = f(tx, session, Plain(args))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.GetTok(), err)
	}
	ret, err := marshal(resource.NewPropertyMapFromMap(out), req.GetTok())
	return &rpc.InvokeResponse{Return: ret}, err
}

func (s *server) Construct(ctx context.Context, req *rpc.ConstructRequest) (*rpc.ConstructResponse, error) {
	if s.p.Construct == nil {
		return nil, fmt.Errorf("the sandbox does not simulate the component %s", req.GetType())
	}
	return s.p.Construct(ctx, sessionOf(ctx), req)
}

func (s *server) lookup(urn string) (*Kind, string, error) {
	token := string(resource.URN(urn).Type())
	k, err := s.p.kind(token)
	return k, token, err
}

func (s *server) call(ctx context.Context, urn, token, id string, in resource.PropertyMap) *Call {
	return &Call{Session: sessionOf(ctx), World: s.p.World, URN: urn, Token: token, Name: resource.URN(urn).Name(), ID: id, In: Plain(in)}
}

func (s *server) authorize(tx *world.Tx, c *Call, op string) error {
	if s.p.Authorize == nil {
		return nil
	}
	return s.p.Authorize(tx, c.Session, c.Token, op, c.In)
}
