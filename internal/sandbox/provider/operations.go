package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

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
		o = &world.Object{Kind: token, ID: id, Props: kept, Created: tx.Now(), Ready: tx.Now().Add(k.takes("create", c.In)), Unfinished: k.Finish != nil}
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
			if len(computed) > 0 || o.Unfinished {
				o = with(o, computed)
				o.Unfinished = false
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

// catchUp finishes what the process that had asked for it did not live to see: the services go on without whoever called them.
func (s *server) catchUp(ctx context.Context, k *Kind, c *Call) error {
	var left time.Duration
	unfinished := false
	err := s.p.World.View(func(tx *world.Tx) error {
		if o := tx.Get(c.Token, c.ID); o != nil && o.Unfinished {
			unfinished, left = true, o.Ready.Sub(tx.Now())
		}
		return nil
	})
	if err != nil || !unfinished {
		return err
	}
	if left > 0 {
		if err := s.p.World.Clock.Sleep(ctx, left); err != nil {
			return err
		}
	}
	_, _, err = s.finish(k, c)
	return err
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
	if err := s.catchUp(ctx, k, c); err != nil {
		return nil, describe("reading", k, c, err)
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
