package simtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

// initError is the answer for a resource that exists but is not ready.
type initError struct {
	failed  *rpc.ErrorResourceInitFailed
	message string
}

func (e *initError) Error() string { return e.message }

// CheckError holds the problems that Check found.
type CheckError struct{ Reasons []string }

func (e *CheckError) Error() string { return strings.Join(e.Reasons, "; ") }

// Check asks for the problems of inputs and returns them with the defaults added.
func (c *Conn) Check(token, name string, in Map) (Map, []string) {
	c.t.Helper()
	checked, reasons := c.check(token, name, resource.NewPropertyMapFromMap(in))
	return provider.Plain(checked), reasons
}

func (c *Conn) check(token, name string, in resource.PropertyMap) (resource.PropertyMap, []string) {
	c.t.Helper()
	res, err := c.rpc.Check(c.ctx, &rpc.CheckRequest{Urn: c.urn(token, name), News: c.marshal(in)})
	if err != nil {
		return in, []string{plain(err).Error()}
	}
	var reasons []string
	for _, f := range res.GetFailures() {
		reasons = append(reasons, f.GetReason())
	}
	return c.unmarshal(res.GetInputs()), reasons
}

// Create checks and creates. Problems that Check finds are returned as a *CheckError. A resource that exists but did not become ready is
// returned together with an error for which InitFailed holds.
func (c *Conn) Create(token, name string, in Map) (*Resource, error) {
	c.t.Helper()
	inputs, reasons := c.check(token, name, resource.NewPropertyMapFromMap(in))
	if len(reasons) > 0 {
		return nil, &CheckError{reasons}
	}
	r := &Resource{Token: token, Name: name, conn: c}
	r.setInputs(inputs)
	res, err := c.rpc.Create(c.ctx, &rpc.CreateRequest{Urn: c.urn(token, name), Properties: c.marshal(inputs)})
	if err != nil {
		return r.failed(err)
	}
	r.ID = res.GetId()
	r.setOutputs(c.unmarshal(res.GetProperties()))
	return r, nil
}

// Preview is Create in a preview: it returns the outputs that are promised.
func (c *Conn) Preview(token, name string, in Map) (resource.PropertyMap, error) {
	c.t.Helper()
	inputs, reasons := c.check(token, name, resource.NewPropertyMapFromMap(in))
	if len(reasons) > 0 {
		return nil, &CheckError{reasons}
	}
	res, err := c.rpc.Create(c.ctx, &rpc.CreateRequest{Urn: c.urn(token, name), Properties: c.marshal(inputs), Preview: true})
	if err != nil {
		return nil, plain(err)
	}
	return c.unmarshal(res.GetProperties()), nil
}

// Must is Create for what has to succeed.
func (c *Conn) Must(token, name string, in Map) *Resource {
	c.t.Helper()
	r, err := c.Create(token, name, in)
	if err != nil {
		c.t.Fatalf("creating %s %s: %v", token, name, err)
	}
	return r
}

// Invoke calls a function.
func (c *Conn) Invoke(token string, args Map) (Map, error) {
	c.t.Helper()
	res, err := c.rpc.Invoke(c.ctx, &rpc.InvokeRequest{Tok: token, Args: c.marshal(resource.NewPropertyMapFromMap(args))})
	if err != nil {
		return nil, plain(err)
	}
	if f := res.GetFailures(); len(f) > 0 {
		return nil, fmt.Errorf("%s: %s", f[0].GetProperty(), f[0].GetReason())
	}
	return provider.Plain(c.unmarshal(res.GetReturn())), nil
}

// Import reads a resource by id, as an import or a get does; nil when there is none.
func (c *Conn) Import(token, name, id string) (*Resource, error) {
	c.t.Helper()
	r := &Resource{Token: token, Name: name, ID: id, conn: c}
	r.setInputs(resource.PropertyMap{})
	return r, r.read(true)
}

// Diff is what an update would change.
type Diff struct {
	// Changed are the changed paths with their kind: add, update, delete, and with " (replace)" behind when they replace the resource.
	Changed map[string]string
	// Replaces are the inputs that force a replacement; none means an update in place.
	Replaces []string
	// DeleteFirst says that a replacement deletes before it creates.
	DeleteFirst bool
}

// Diff compares the resource's inputs with new ones.
func (r *Resource) Diff(in Map) Diff {
	r.conn.t.Helper()
	news, reasons := r.conn.check(r.Token, r.Name, resource.NewPropertyMapFromMap(in))
	if len(reasons) > 0 {
		r.conn.t.Fatalf("checking %s %s: %v", r.Token, r.Name, reasons)
	}
	res, err := r.conn.rpc.Diff(r.conn.ctx, &rpc.DiffRequest{
		Id: r.ID, Urn: r.conn.urn(r.Token, r.Name),
		Olds: r.conn.marshal(r.Props), OldInputs: r.conn.marshal(r.inputs), News: r.conn.marshal(news),
	})
	if err != nil {
		r.conn.t.Fatalf("diffing %s %s: %v", r.Token, r.Name, plain(err))
	}
	d := Diff{Changed: map[string]string{}, Replaces: res.GetReplaces(), DeleteFirst: res.GetDeleteBeforeReplace()}
	for path, p := range res.GetDetailedDiff() {
		op, replace := strings.CutSuffix(strings.ToLower(p.GetKind().String()), "_replace")
		if replace {
			op += " (replace)"
		}
		d.Changed[path] = op
	}
	return d
}

// Update changes the resource to new inputs, in place.
func (r *Resource) Update(in Map) error {
	r.conn.t.Helper()
	news, reasons := r.conn.check(r.Token, r.Name, resource.NewPropertyMapFromMap(in))
	if len(reasons) > 0 {
		return &CheckError{reasons}
	}
	res, err := r.conn.rpc.Update(r.conn.ctx, &rpc.UpdateRequest{
		Id: r.ID, Urn: r.conn.urn(r.Token, r.Name),
		Olds: r.conn.marshal(r.Props), OldInputs: r.conn.marshal(r.inputs), News: r.conn.marshal(news),
	})
	if err != nil {
		_, err = r.failed(err)
		if InitFailed(err) {
			r.setInputs(news)
		}
		return err
	}
	r.setInputs(news)
	r.setOutputs(r.conn.unmarshal(res.GetProperties()))
	return nil
}

// Delete deletes the resource.
func (r *Resource) Delete() error {
	r.conn.t.Helper()
	_, err := r.conn.rpc.Delete(r.conn.ctx, &rpc.DeleteRequest{
		Id: r.ID, Urn: r.conn.urn(r.Token, r.Name), Properties: r.conn.marshal(r.Props), OldInputs: r.conn.marshal(r.inputs),
	})
	return plain(err)
}

// Read reads the resource again, as a refresh does, and reports whether it still exists.
func (r *Resource) Read() (exists bool, err error) {
	r.conn.t.Helper()
	err = r.read(false)
	return r.ID != "", err
}

func (r *Resource) read(asImport bool) error {
	req := &rpc.ReadRequest{Id: r.ID, Urn: r.conn.urn(r.Token, r.Name)}
	if !asImport {
		req.Properties, req.Inputs = r.conn.marshal(r.Props), r.conn.marshal(r.inputs)
	}
	res, err := r.conn.rpc.Read(r.conn.ctx, req)
	if err != nil {
		return plain(err)
	}
	r.ID = res.GetId()
	r.setInputs(r.conn.unmarshal(res.GetInputs()))
	r.setOutputs(r.conn.unmarshal(res.GetProperties()))
	return nil
}

func (r *Resource) failed(err error) (*Resource, error) {
	err = plain(err)
	var f *initError
	if !errors.As(err, &f) {
		return nil, err
	}
	r.ID = f.failed.GetId()
	r.setOutputs(r.conn.unmarshal(f.failed.GetProperties()))
	return r, err
}

func (r *Resource) setInputs(m resource.PropertyMap)  { r.inputs, r.In = m, provider.Plain(m) }
func (r *Resource) setOutputs(m resource.PropertyMap) { r.Props, r.Out = m, provider.Plain(m) }
