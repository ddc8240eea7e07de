package awssim

import (
	"encoding/xml"
	"net/http"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// xmlReply is an answer of the services that speak XML.
func xmlReply(v any) (*reply, error) {
	body, err := xml.Marshal(v)
	return &reply{status: http.StatusOK, contentType: "text/xml", body: append([]byte(xml.Header), body...)}, err
}

// xmlRefusal is xmlReply for an error, of which it always can be made.
func xmlRefusal(status int, v any) *reply {
	a, err := xmlReply(v)
	if err != nil {
		panic(err)
	}
	a.status = status
	return a
}

// problemXML is an error in XML: what surrounds it differs from service to service.
type problemXML struct {
	Code    string
	Message string
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func stsAnswer(_ *world.Tx, c *apiCall) (*reply, error) {
	if op := queryOperation(c); op != "GetCallerIdentity" {
		return nil, apiError("InvalidAction", "%s is not simulated", op)
	}
	type identityXML struct {
		Arn, Account string
		UserID       string `xml:"UserId"`
	}
	return xmlReply(struct {
		XMLName xml.Name    `xml:"GetCallerIdentityResponse"`
		Result  identityXML `xml:"GetCallerIdentityResult"`
	}{Result: identityXML{Arn: c.me.arn, Account: c.me.account, UserID: "AIDASANDBOX"}})
}

func stsError(_ *apiCall, code, message string) *reply {
	return xmlRefusal(http.StatusBadRequest, struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   problemXML
	}{Error: problemXML{code, message}})
}
