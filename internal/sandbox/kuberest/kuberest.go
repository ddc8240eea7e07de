// Package kuberest answers a simulated cluster's API in the protocol of Kubernetes, so that client-go's own clients read it:
// https://kubernetes.io/docs/reference/using-api/api-concepts/. Objects are got, listed, made, replaced and deleted; logs of pods are read. Watching, patching and
// everything else is refused, as a server does that has no such verb.
package kuberest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/hubwright/hubwright/internal/sandbox/controllers"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Config leads client-go to a simulated cluster.
func Config(w *world.World, server, cluster string) *rest.Config {
	return &rest.Config{
		Host: server, Transport: transport{w, cluster}, QPS: -1, // nobody else is waiting
		ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
	}
}

// transport is the way to a cluster that is in this process.
type transport struct {
	world   *world.World
	cluster string
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	a := t.answer(r)
	return &http.Response{
		Status: http.StatusText(a.code), StatusCode: a.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {a.contentType}}, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

type answer struct {
	code        int
	contentType string
	body        []byte
}

func document(code int, v any) answer {
	data, err := json.Marshal(v)
	if err != nil {
		return refusal(apierrors.NewInternalError(err))
	}
	return answer{code, "application/json", data}
}

// refusal is an error as the API server tells of it: a Status.
func refusal(err error) answer {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		status = apierrors.NewInternalError(err)
	}
	s := status.Status()
	s.Kind, s.APIVersion = "Status", "v1"
	return document(int(s.Code), s)
}

// target is what a request is about.
type target struct {
	kubeapi.Ref
	resource    schema.GroupResource
	subresource string
}

// parse reads a request's path: /api/v1/… or /apis/GROUP/VERSION/…, then namespaces/NAMESPACE/ for what lives in one.
func parse(path string) (target, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	group := ""
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[1:]
	case len(parts) > 3 && parts[0] == "apis":
		group, parts = parts[1], parts[2:]
	default:
		return target{}, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", "the server could not find the requested resource", 0, true)
	}
	version, rest := parts[0], parts[1:]
	namespace := ""
	if len(rest) > 2 && rest[0] == "namespaces" {
		namespace, rest = rest[1], rest[2:]
	}
	apiVersion, kind, _, known := kubeapi.KindOf(group, version, rest[0])
	if !known {
		return target{}, &meta.NoResourceMatchError{PartialResource: schema.GroupVersionResource{Group: group, Version: version, Resource: rest[0]}}
	}
	t := target{Ref: kubeapi.Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace}, resource: schema.GroupResource{Group: group, Resource: rest[0]}}
	if len(rest) > 1 {
		t.Name = rest[1]
	}
	t.subresource = strings.Join(rest[min(2, len(rest)):], "/")
	return t, nil
}

func (t transport) answer(r *http.Request) answer {
	what, err := parse(r.URL.Path)
	var unknown *meta.NoResourceMatchError
	if errors.As(err, &unknown) {
		return refusal(apierrors.NewNotFound(unknown.PartialResource.GroupResource(), what.Name))
	}
	if err != nil {
		return refusal(err)
	}
	op := map[string]string{http.MethodGet: "read", http.MethodPost: "create", http.MethodPut: "update", http.MethodDelete: "delete"}[r.Method]
	if op == "" || r.URL.Query().Get("watch") == "true" || what.subresource != "" && (what.subresource != "log" || op != "read") {
		return refusal(apierrors.NewMethodNotSupported(what.resource, strings.ToLower(r.Method)))
	}
	if _, message, err := t.world.Fault(kubeapi.WorldKind(what.APIVersion, what.Kind), op); err != nil || message != "" {
		return refusal(errors.Join(err, errors.New(message)))
	}
	a, err := t.act(r, what, op)
	if err != nil {
		return refusal(err)
	}
	return a
}

// act does it in one transaction, before which the controllers have done what is due in the namespace.
func (t transport) act(r *http.Request, what target, op string) (a answer, err error) {
	var obj kubeapi.Object
	if op == "create" || op == "update" {
		if err := json.NewDecoder(r.Body).Decode(&obj); err != nil {
			return a, apierrors.NewBadRequest(err.Error())
		}
		obj["apiVersion"], obj["kind"] = what.APIVersion, what.Kind
		if what.Namespace != "" {
			kubeapi.Set(obj, what.Namespace, "metadata", "namespace")
		}
	}
	err = t.world.Update(func(tx *world.Tx) error {
		if what.Namespace != "" {
			if _, err := controllers.Settle(t.world, tx, t.cluster, what.Namespace); err != nil {
				return err
			}
		}
		api := kubeapi.In(t.world, tx, t.cluster)
		switch {
		case op == "create":
			obj, err = api.Create(r.Context(), obj)
			a = document(http.StatusCreated, obj)
		case op == "update":
			obj, err = api.Update(r.Context(), obj)
			a = document(http.StatusOK, obj)
		case op == "delete":
			err = api.Delete(r.Context(), what.Ref)
			a = document(http.StatusOK, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
		case what.subresource == "log":
			var text string
			text, err = controllers.Log(r.Context(), api, what.Ref, r.URL.Query().Get("container"), r.URL.Query().Get("previous") == "true")
			a = answer{http.StatusOK, "text/plain", []byte(text)}
		case what.Name != "":
			obj, err = api.Get(r.Context(), what.Ref)
			a = document(http.StatusOK, obj)
		default:
			a, err = list(r, api, what)
		}
		return err
	})
	return a, err
}

func list(r *http.Request, api kubeapi.World, what target) (answer, error) {
	query := r.URL.Query()
	marks, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return answer{}, apierrors.NewBadRequest(err.Error())
	}
	of, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return answer{}, apierrors.NewBadRequest(err.Error())
	}
	found, err := api.List(r.Context(), what.Ref, nil)
	if err != nil {
		return answer{}, err
	}
	items := []kubeapi.Object{}
	for _, obj := range found {
		if marks.Matches(marksOf(obj)) && of.Matches(fieldsOf{obj}) {
			items = append(items, obj)
		}
	}
	return document(http.StatusOK, map[string]any{
		"kind": what.Kind + "List", "apiVersion": what.APIVersion, "metadata": map[string]any{"resourceVersion": "1"}, "items": items,
	}), nil
}

func marksOf(obj kubeapi.Object) labels.Set {
	out := labels.Set{}
	for k, v := range kubeapi.Map(obj, "metadata", "labels") {
		out[k] = fmt.Sprint(v)
	}
	return out
}

// fieldsOf has field selectors look an object's fields up by their paths.
type fieldsOf struct{ obj kubeapi.Object }

// Has implements fields.Fields.
func (f fieldsOf) Has(field string) bool { return f.Get(field) != "" }

// Get implements fields.Fields.
func (f fieldsOf) Get(field string) string { return kubeapi.Text(f.obj, strings.Split(field, ".")...) }
