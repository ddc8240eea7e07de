package awsapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

// ec2Version is the version of EC2's API: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html
const ec2Version = "2016-11-15"

// mostAnswer is the most that is read of an answer, in bytes: a page of instances is below a mebibyte.
const mostAnswer = 16 << 20

// EC2 asks EC2 for a list, decoding the answer's XML. EC2's SDK costs 110 s of processor time to compile, once for everybody who builds the program;
// what is asked here are four lists, in the query protocol: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
func EC2(ctx context.Context, cfg aws.Config, action string, params map[string]string, into any) error {
	form := url.Values{"Action": {action}, "Version": {ec2Version}}
	for k, v := range params {
		form.Set(k, v)
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	body, status, err := ask(ctx, cfg, "ec2", http.MethodPost, "/", header, form.Encode())
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var wrong struct {
			Errors []struct{ Code, Message string } `xml:"Errors>Error"`
		}
		if xml.Unmarshal(body, &wrong) != nil || len(wrong.Errors) == 0 {
			return fmt.Errorf("ec2 answers %d", status)
		}
		return &smithy.GenericAPIError{Code: wrong.Errors[0].Code, Message: wrong.Errors[0].Message}
	}
	if err := xml.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading what ec2 answers to %s: %w", action, err)
	}
	return nil
}

// EKS asks EKS with a GET, decoding the answer's JSON: https://docs.aws.amazon.com/eks/latest/APIReference/API_Operations.html
func EKS(ctx context.Context, cfg aws.Config, path string, into any) error {
	body, status, err := ask(ctx, cfg, "eks", http.MethodGet, path, http.Header{}, "")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var wrong struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(body, &wrong); err != nil {
			return fmt.Errorf("eks answers %d", status)
		}
		return &smithy.GenericAPIError{Code: cmp.Or(wrong.Type, fmt.Sprintf("HTTP %d", status)), Message: wrong.Message}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading what eks answers: %w", err)
	}
	return nil
}

// ask sends a signed request.
func ask(ctx context.Context, cfg aws.Config, service, method, path string, header http.Header, body string) (answer []byte, status int, err error) {
	base := "https://" + service + "." + cfg.Region + "." + Domain(cfg.Region)
	if cfg.BaseEndpoint != nil {
		base = *cfg.BaseEndpoint
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header = header
	if cfg.Credentials == nil {
		return nil, 0, fmt.Errorf("%s: get identity: nothing gives credentials", service)
	}
	identity, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, 0, err
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, identity, req, hex.EncodeToString(sum[:]), service, cfg.Region, time.Now()); err != nil {
		return nil, 0, err
	}
	var client aws.HTTPClient = http.DefaultClient
	if cfg.HTTPClient != nil {
		client = cfg.HTTPClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	return answer, res.StatusCode, err
}
