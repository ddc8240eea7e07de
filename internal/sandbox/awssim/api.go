package awssim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// service is one of AWS's services in the protocol of its API.
type service struct {
	// operation names what a request asks for, as the service's reference does: "CreateKey".
	operation func(*apiCall) string
	// answer does it.
	answer func(*world.Tx, *apiCall) (*reply, error)
	// refuse is how the protocol tells of an error.
	refuse func(c *apiCall, code, message string) *reply
}

// services are those that are simulated, by the name that a signature's scope has for them. How a service is called:
// https://smithy.io/2.0/aws/protocols/index.html
var services = map[string]service{
	"acm":           {jsonOperation, acmAnswer, jsonError},
	"ec2":           {queryOperation, ec2Answer, ec2Error},
	"ecr":           {jsonOperation, ecrAnswer, jsonError},
	"eks":           {eksOperation, eksAnswer, eksError},
	"kms":           {jsonOperation, kmsAnswer, jsonError},
	"s3":            {s3Operation, s3Answer, s3Error},
	"servicequotas": {jsonOperation, quotaAnswer, jsonError},
	"sts":           {queryOperation, stsAnswer, stsError},
}

// apiCall is one request.
type apiCall struct {
	*http.Request
	w       *world.World
	body    []byte
	service string
	region  string
	me      *identity
}

// reply is what a request is answered with.
type reply struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte
}

// scopeForm finds region and service in a signature's credential scope:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var scopeForm = lazyregexp.New(`Credential=[^/,]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)

// mostBody is the most that a request may hold, in bytes: more than any of the operations takes.
const mostBody = 1 << 20

// API speaks the protocols of AWS's own APIs over a world, as far as programs need them that call the services themselves and not through the
// engine. Which service is meant, and in which region, is in the scope of a request's signature. The signature itself is not looked at, since
// whose credentials these are is a setting of the world; so are the rights of a caller that is a role.
//
// Faults of the world hit it under the kind aws:<service>/<Operation>, such as aws:s3/PutBucketVersioning.
func API(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a := answered(w, r)
		for name, value := range a.header {
			rw.Header().Set(name, value)
		}
		if a.contentType != "" {
			rw.Header().Set("Content-Type", a.contentType)
		}
		rw.WriteHeader(a.status)
		if r.Method != http.MethodHead {
			_, _ = rw.Write(a.body) // nobody to tell when the caller is gone
		}
	})
}

func answered(w *world.World, r *http.Request) *reply {
	c := &apiCall{Request: r, w: w}
	scope := scopeForm.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil {
		return jsonError(c, "MissingAuthenticationTokenException", "the request is not signed")
	}
	c.region, c.service = scope[1], scope[2]
	s, ok := services[c.service]
	if !ok {
		return jsonError(c, "UnknownOperationException", "the API of "+c.service+" is not simulated")
	}
	a, err := s.do(c)
	if err == nil {
		return a
	}
	code, message, ok := strings.Cut(err.Error(), ": ")
	if !ok || strings.Contains(code, " ") {
		code, message = "InternalFailure", err.Error()
	}
	return s.refuse(c, code, message)
}

func (s service) do(c *apiCall) (a *reply, err error) {
	if c.body, err = io.ReadAll(io.LimitReader(c.Body, mostBody)); err != nil {
		return nil, err
	}
	name := s.operation(c)
	if name == "" {
		return nil, apiError("UnknownOperationException", "%s %s is not simulated", c.Method, c.URL.Path)
	}
	if _, message, err := c.w.Fault("aws:"+c.service+"/"+name, opOf(name)); err != nil || message != "" {
		return nil, errors.Join(err, errors.New(message))
	}
	err = c.w.Update(func(tx *world.Tx) error {
		if c.me, err = identify(tx, map[string]any{"region": c.region}); err != nil {
			return err
		}
		a, err = s.answer(tx, c)
		return err
	})
	return a, err
}

// opOf is what faults call the kind of an operation.
func opOf(operation string) string {
	for op, prefixes := range map[string][]string{"create": {"Create"}, "delete": {"Delete"}, "read": {"Describe", "Get", "Head", "List"}} {
		for _, p := range prefixes {
			if strings.HasPrefix(operation, p) {
				return op
			}
		}
	}
	return "update"
}

// Caller is whose credentials the services take these for.
func Caller(tx *world.Tx) (account, arn string, err error) {
	me, err := identify(tx, nil)
	if err != nil {
		return "", "", err
	}
	return me.account, me.arn, nil
}

// notSimulated is the answer to an operation that a service has and the sandbox has not.
func notSimulated(operation string) error {
	return apiError("UnknownOperationException", "%s is not simulated", operation)
}

// The JSON protocols: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html

func jsonOperation(c *apiCall) string {
	_, name, _ := strings.Cut(c.Header.Get("X-Amz-Target"), ".")
	return name
}

func jsonReply(v any) (*reply, error) {
	body, err := json.Marshal(v)
	return &reply{status: http.StatusOK, contentType: "application/x-amz-json-1.1", body: body}, err
}

func jsonError(_ *apiCall, code, message string) *reply {
	a, err := jsonReply(map[string]any{"__type": code, "message": message})
	if err != nil { // two texts
		panic(err)
	}
	a.status, a.header = http.StatusBadRequest, map[string]string{"X-Amzn-Errortype": code}
	return a
}

// read decodes a request in JSON.
func (c *apiCall) read(into any) error {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return apiError("SerializationException", "%v", err)
	}
	return nil
}

// form decodes a request of the query protocols: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
func (c *apiCall) form() url.Values {
	values, err := url.ParseQuery(string(c.body))
	if err != nil {
		return url.Values{}
	}
	return values
}

func queryOperation(c *apiCall) string { return c.form().Get("Action") }
