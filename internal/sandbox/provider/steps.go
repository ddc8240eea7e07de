package provider

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Steps is for kinds whose operations are more than one transaction (a Helm release), or whose objects are kept elsewhere than under the
// type's token (what lives in a cluster). A Kind that has it leaves Create, Update, Delete, Read, Finish and Takes unset: the base still
// does checks, diffs, previews, faults and the wording of errors, and each function here lets its own time pass (World.Clock.Sleep).
type Steps struct {
	// Create makes the object and returns its id and all its properties, inputs included. An error made with Unready means that the
	// object exists all the same.
	Create func(ctx context.Context, c *Call, in resource.PropertyMap) (id string, out resource.PropertyMap, err error)
	// Read returns the object as it is now, and its inputs as they are now; nil for an object that is gone. In are the inputs so far.
	Read func(ctx context.Context, c *Call, in resource.PropertyMap) (out, inputs resource.PropertyMap, err error)
	// Update changes the object and returns all its properties. An error made with Unready means that the change was recorded all the same.
	Update func(ctx context.Context, c *Call, in resource.PropertyMap) (out resource.PropertyMap, err error)
	// Delete removes the object; one that is gone is no error.
	Delete func(ctx context.Context, c *Call) error
	// Check returns the inputs with what the provider adds, and their problems, each beginning with the property's name. olds are the
	// inputs so far, of which there are none at first. Optional, in place of Kind.Check.
	Check func(c *Call, olds, news resource.PropertyMap) (checked resource.PropertyMap, problems []string)
	// Preview marks what a preview cannot know among the properties it promises. Optional.
	Preview func(promised resource.PropertyMap) resource.PropertyMap
	// Diff replaces the base's own comparison. Optional.
	Diff func(c *Call, olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse
}

// unready is the error of an object that exists but is not of use yet.
type unready struct{ error }

func (u unready) Unwrap() error { return u.error }

// Unready marks an error of Steps.Create or Steps.Update: the engine records the object, with the error as its initialisation error.
func Unready(err error) error { return unready{err} }

// Differences compares inputs as the base does for kinds without a comparison of their own.
func (k *Kind) Differences(olds, news resource.PropertyMap, ignore []string) *rpc.DiffResponse {
	return k.diff(olds, news, ignore)
}

func (s *server) stepCreate(ctx context.Context, k *Kind, c *Call, in resource.PropertyMap) (*rpc.CreateResponse, error) {
	id, out, err := k.Steps.Create(ctx, c, in)
	c.ID = id
	props, err := s.stepped(k, c, "creating", out, err)
	if err != nil {
		return nil, err
	}
	outputs, err := k.marshal(props, c.Token)
	return &rpc.CreateResponse{Id: id, Properties: outputs}, err
}

func (s *server) stepUpdate(ctx context.Context, k *Kind, c *Call, in resource.PropertyMap) (*rpc.UpdateResponse, error) {
	out, err := k.Steps.Update(ctx, c, in)
	props, err := s.stepped(k, c, "updating", out, err)
	if err != nil {
		return nil, err
	}
	outputs, err := k.marshal(props, c.Token)
	return &rpc.UpdateResponse{Properties: outputs}, err
}

// stepped words the error of a step and tells the engine of an object that is recorded in spite of it.
func (s *server) stepped(k *Kind, c *Call, doing string, out resource.PropertyMap, err error) (resource.PropertyMap, error) {
	var u unready
	switch {
	case errors.As(err, &u):
		return nil, k.initFailed(c.ID, out, describe(doing, k, c, u.error))
	case err != nil:
		return nil, describe(doing, k, c, err)
	}
	return out, nil
}

func (s *server) stepRead(ctx context.Context, k *Kind, c *Call, in resource.PropertyMap) (*rpc.ReadResponse, error) {
	out, inputs, err := k.Steps.Read(ctx, c, in)
	if err != nil {
		return nil, describe("reading", k, c, err)
	}
	if out == nil {
		return &rpc.ReadResponse{}, nil
	}
	res := &rpc.ReadResponse{Id: c.ID}
	if res.Properties, err = k.marshal(out, c.Token); err != nil {
		return nil, err
	}
	res.Inputs, err = k.marshal(inputs, c.Token)
	return res, err
}

func (s *server) stepDelete(ctx context.Context, k *Kind, c *Call) (*emptypb.Empty, error) {
	if err := k.Steps.Delete(ctx, c); err != nil {
		return nil, describe("deleting", k, c, err)
	}
	return &emptypb.Empty{}, nil
}

// Marked returns plain values as properties, with the paths that are secret in like marked as secret too.
func Marked(plainValues map[string]any, like resource.PropertyMap) resource.PropertyMap {
	return mark(resource.NewProperty(resource.NewPropertyMapFromMap(plainValues)), resource.NewProperty(like)).ObjectValue()
}

func mark(v, like resource.PropertyValue) resource.PropertyValue {
	switch {
	case like.IsSecret():
		return resource.MakeSecret(v)
	case like.IsOutput() && like.OutputValue().Secret:
		return resource.MakeSecret(v)
	case v.IsObject() && like.IsObject():
		out := resource.PropertyMap{}
		for key, e := range v.ObjectValue() {
			out[key] = mark(e, like.ObjectValue()[key])
		}
		return resource.NewProperty(out)
	case v.IsArray() && like.IsArray():
		out := make([]resource.PropertyValue, len(v.ArrayValue()))
		for i, e := range v.ArrayValue() {
			out[i] = e
			if i < len(like.ArrayValue()) {
				out[i] = mark(e, like.ArrayValue()[i])
			}
		}
		return resource.NewProperty(out)
	}
	return v
}
