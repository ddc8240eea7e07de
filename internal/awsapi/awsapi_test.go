package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// answering is the way to a service that gives one answer, and notes what it was asked.
func answering(t *testing.T, status int, body string) (aws.Config, *string) {
	t.Helper()
	asked := new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*asked = r.Method + " " + r.URL.String() + " " + string(text) + " " + r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""), BaseEndpoint: &server.URL}, asked
}

func TestAsk(t *testing.T) {
	var out struct {
		IDs []string `xml:"vpcSet>item>vpcId"`
	}
	cfg, asked := answering(t, 200, `<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item><item><vpcId>vpc-2</vpcId></item></vpcSet></DescribeVpcsResponse>`)
	if err := EC2(t.Context(), cfg, "DescribeVpcs", map[string]string{"MaxResults": "5"}, &out); err != nil || len(out.IDs) != 2 {
		t.Error(out, err)
	}
	for _, part := range []string{"POST / Action=DescribeVpcs&MaxResults=5&Version=2016-11-15", "Credential=AKID/", "/eu-west-1/ec2/aws4_request", "SignedHeaders=content-length;content-type;host;x-amz-date"} {
		if !strings.Contains(*asked, part) {
			t.Errorf("%q is not in %s", part, *asked)
		}
	}
	cfg, _ = answering(t, 403, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>not you</Message></Error></Errors></Response>`)
	if err := EC2(t.Context(), cfg, "DescribeVpcs", nil, &out); !Denied(err) || InWords(err) != "UnauthorizedOperation: not you" {
		t.Error(err)
	}
	cfg, _ = answering(t, 502, `bad gateway`)
	if err := EC2(t.Context(), cfg, "DescribeVpcs", nil, &out); err == nil || err.Error() != "ec2 answers 502" {
		t.Error(err)
	}

	var page struct{ Clusters []string }
	cfg, asked = answering(t, 200, `{"clusters": ["a"]}`)
	if err := EKS(t.Context(), cfg, "/clusters?maxResults=100", &page); err != nil || len(page.Clusters) != 1 || !strings.HasPrefix(*asked, "GET /clusters?maxResults=100 ") {
		t.Error(page, err, *asked)
	}
	cfg, _ = answering(t, 403, `{"message": "not you"}`)
	if err := EKS(t.Context(), cfg, "/clusters", &page); Code(err) != "HTTP 403" {
		t.Error(err)
	}
	if err := EKS(t.Context(), aws.Config{Region: "eu-west-1"}, "/clusters", &page); !NoCredentials(err) {
		t.Error(err)
	}
}

func TestOpenWithoutAProfile(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_PROFILE", "nobody")
	_, err := Open(context.Background(), "us-east-1")
	if !NoCredentials(err) || !strings.Contains(InWords(err), "no profile of the name") {
		t.Error(err)
	}
	if text := InWords(errors.New("dial tcp: no route")); text != "dial tcp: no route" {
		t.Error(text)
	}
}

// Where nothing gives credentials, that is known after the instance's service was asked once, even where its address swallows what is sent to it.
func TestNoInstanceAnswers(t *testing.T) {
	var asked atomic.Int32
	stop := make(chan struct{})
	swallows := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-stop
	}))
	t.Cleanup(func() { close(stop); swallows.Close() })
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", swallows.URL)
	began := time.Now()
	cfg, err := Open(t.Context(), "us-east-1")
	if err == nil {
		_, err = cfg.Credentials.Retrieve(t.Context())
	}
	if !NoCredentials(err) || InWords(err) != "there are no AWS credentials here" {
		t.Errorf("it says %v", err)
	}
	if took := time.Since(began); took > 4*time.Second || asked.Load() != 2 { // for a token, and without one
		t.Errorf("it took %s and %d questions", took, asked.Load())
	}
}
