package provider

import (
	"context"
	"errors"
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

func (s *server) Create(ctx context.Context, req *rpc.CreateRequest) (*rpc.CreateResponse, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	props, err := k.unmarshal(req.GetProperties(), token)
	if err != nil {
		return nil, err
	}
	if req.GetPreview() && k.Steps != nil && k.Steps.Preview != nil {
		out, err := k.marshal(k.Steps.Preview(props), token)
		return &rpc.CreateResponse{Properties: out}, err
	}
	if req.GetPreview() {
		return &rpc.CreateResponse{Properties: req.GetProperties()}, nil
	}
	defer s.p.World.Clock.Enter()()
	c := s.call(ctx, req.GetUrn(), token, "", props)
	if err := s.p.spend(ctx, token, "create"); err != nil {
		return nil, describe("creating", k, c, err)
	}
	if k.Steps != nil {
		return s.stepCreate(ctx, k, c, props)
	}
	var o *world.Object
	err = s.p.World.Update(func(tx *world.Tx) error {
		if err := s.authorize(tx, c, "create"); err != nil {
			return err
		}
		id, computed, err := k.Create(tx, c)
		if err != nil {
			return err
		}
		kept, err := Keep(s.p.World, props)
		if err != nil {
			return err
		}
		maps.Copy(kept, computed)
		c.ID = id
		o = &world.Object{Kind: token, ID: id, Props: kept, Created: tx.Now(), Ready: tx.Now().Add(k.takes("create", c.In))}
		return tx.Put(o)
	})
	if err != nil {
		return nil, describe("creating", k, c, err)
	}
	if err := s.p.World.Clock.Sleep(ctx, k.takes("create", c.In)); err != nil {
		return nil, describe("creating", k, c, err)
	}
	out, unready, err := s.finish(k, c)
	if err != nil {
		return nil, describe("creating", k, c, err)
	}
	if unready != nil {
		return nil, k.initFailed(c.ID, out, describe("creating", k, c, unready))
	}
	outputs, err := k.marshal(out, token)
	return &rpc.CreateResponse{Id: c.ID, Properties: outputs}, err
}

// finish ends a create or update: it lets the kind look at the object once more and returns the object's properties, and as unready what
// keeps the object from being of use.
func (s *server) finish(k *Kind, c *Call) (out resource.PropertyMap, unready, err error) {
	err = s.p.World.Update(func(tx *world.Tx) error {
		o := tx.Get(c.Token, c.ID)
		if o == nil {
			return errors.New("it was deleted by somebody else in the meantime")
		}
		if k.Finish != nil {
			var computed map[string]any
			computed, unready = k.Finish(tx, c, o)
			if len(computed) > 0 {
				o = with(o, computed)
				if err := tx.Put(o); err != nil {
					return err
				}
			}
		}
		out, err = Restore(s.p.World, o.Props)
		return err
	})
	return out, unready, err
}

// with returns a copy of the object with more properties.
func with(o *world.Object, props map[string]any) *world.Object {
	changed := *o
	changed.Props = maps.Clone(o.Props)
	maps.Copy(changed.Props, props)
	return &changed
}

func (s *server) Read(ctx context.Context, req *rpc.ReadRequest) (*rpc.ReadResponse, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := k.unmarshal(req.GetInputs(), token)
	if err != nil {
		return nil, err
	}
	defer s.p.World.Clock.Enter()()
	c := s.call(ctx, req.GetUrn(), token, req.GetId(), olds)
	if err := s.p.spend(ctx, token, "read"); err != nil {
		return nil, describe("reading", k, c, err)
	}
	if k.Steps != nil {
		return s.stepRead(ctx, k, c, olds)
	}
	var o *world.Object
	err = s.p.World.View(func(tx *world.Tx) error {
		if err := s.authorize(tx, c, "read"); err != nil {
			return err
		}
		if o = tx.Get(token, c.ID); o == nil || k.Read == nil {
			return nil
		}
		computed, err := k.Read(tx, c, o)
		if err == nil && len(computed) > 0 {
			o = with(o, computed)
		}
		return err
	})
	if err != nil {
		return nil, describe("reading", k, c, err)
	}
	if o == nil { // gone
		return &rpc.ReadResponse{}, nil
	}
	out, err := Restore(s.p.World, o.Props)
	if err != nil {
		return nil, err
	}
	inputs := resource.PropertyMap{} // what was asked for, as it is now
	for key := range olds {
		if v, ok := out[key]; ok {
			inputs[key] = v
		}
	}
	inputs = k.asked(olds, inputs)
	res := &rpc.ReadResponse{Id: c.ID}
	if res.Properties, err = k.marshal(out, token); err != nil {
		return nil, err
	}
	res.Inputs, err = k.marshal(inputs, token)
	return res, err
}

func (s *server) Update(ctx context.Context, req *rpc.UpdateRequest) (*rpc.UpdateResponse, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	news, err := k.unmarshal(req.GetNews(), token)
	if err != nil {
		return nil, err
	}
	olds, err := k.unmarshal(req.GetOlds(), token)
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		merged := olds.Copy()
		maps.Copy(merged, k.carry(olds, news))
		if k.Steps != nil && k.Steps.Preview != nil {
			merged = k.Steps.Preview(merged)
		}
		out, err := k.marshal(merged, token)
		return &rpc.UpdateResponse{Properties: out}, err
	}
	oldInputs, err := k.unmarshal(req.GetOldInputs(), token)
	if err != nil {
		return nil, err
	}
	defer s.p.World.Clock.Enter()()
	c := s.call(ctx, req.GetUrn(), token, req.GetId(), news)
	c.Old = Plain(olds)
	if err := s.p.spend(ctx, token, "update"); err != nil {
		return nil, describe("updating", k, c, err)
	}
	if k.Steps != nil {
		return s.stepUpdate(ctx, k, c, news)
	}
	err = s.p.World.Update(func(tx *world.Tx) error {
		if err := s.authorize(tx, c, "update"); err != nil {
			return err
		}
		o := tx.Get(token, c.ID)
		if o == nil {
			return errors.New("it does not exist any more")
		}
		var computed map[string]any
		if k.Update != nil {
			if computed, err = k.Update(tx, c, o); err != nil {
				return err
			}
		}
		kept, err := Keep(s.p.World, k.carry(olds, news))
		if err != nil {
			return err
		}
		changed := with(o, kept)
		for key := range oldInputs {
			if _, still := news[key]; !still {
				delete(changed.Props, string(key))
			}
		}
		maps.Copy(changed.Props, computed)
		return tx.Put(changed)
	})
	if err != nil {
		return nil, describe("updating", k, c, err)
	}
	if err := s.p.World.Clock.Sleep(ctx, k.takes("update", c.In)); err != nil {
		return nil, describe("updating", k, c, err)
	}
	out, unready, err := s.finish(k, c)
	if err != nil {
		return nil, describe("updating", k, c, err)
	}
	if unready != nil {
		return nil, k.initFailed(c.ID, out, describe("updating", k, c, unready))
	}
	outputs, err := k.marshal(out, token)
	return &rpc.UpdateResponse{Properties: outputs}, err
}

func (s *server) Delete(ctx context.Context, req *rpc.DeleteRequest) (*emptypb.Empty, error) {
	k, token, err := s.lookup(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := k.unmarshal(req.GetProperties(), token)
	if err != nil {
		return nil, err
	}
	inputs, err := k.unmarshal(req.GetOldInputs(), token)
	if err != nil {
		return nil, err
	}
	defer s.p.World.Clock.Enter()()
	c := s.call(ctx, req.GetUrn(), token, req.GetId(), inputs)
	c.Old = Plain(olds)
	if err := s.p.spend(ctx, token, "delete"); err != nil {
		return nil, describe("deleting", k, c, err)
	}
	if k.Steps != nil {
		return s.stepDelete(ctx, k, c)
	}
	err = s.p.World.Update(func(tx *world.Tx) error {
		if err := s.authorize(tx, c, "delete"); err != nil {
			return err
		}
		o := tx.Get(token, c.ID)
		if o == nil {
			return nil // gone already
		}
		if k.Delete != nil {
			if err := k.Delete(tx, c, o); err != nil {
				return err
			}
		}
		return tx.Delete(token, c.ID)
	})
	if err != nil {
		return nil, describe("deleting", k, c, err)
	}
	if err := s.p.World.Clock.Sleep(ctx, k.takes("delete", c.In)); err != nil {
		return nil, describe("deleting", k, c, err)
	}
	return &emptypb.Empty{}, nil
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

// describe names the object an error is about.
func describe(doing string, k *Kind, c *Call, err error) error {
	name := c.ID
	if n, ok := c.In[k.Name].(string); ok && n != "" {
		name = n
	}
	if name == "" {
		name = c.Name
	}
	parts := strings.Split(c.Token, ":")
	return fmt.Errorf("%s %s (%s): %w", doing, parts[len(parts)-1], name, err)
}

// initFailed tells the engine that the object exists but is not ready.
func (k *Kind) initFailed(id string, out resource.PropertyMap, cause error) error {
	props, err := k.marshal(out, id)
	if err != nil {
		return err
	}
	st := status.New(codes.Unknown, cause.Error())
	detailed, err := st.WithDetails(&rpc.ErrorResourceInitFailed{Id: id, Properties: props, Reasons: []string{cause.Error()}})
	if err != nil {
		return cause
	}
	return detailed.Err()
}
