package codecommit_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hubwright/hubwright/internal/gitsource/codecommit"
)

// The signatures are those that CodeCommitGetCommand.sign_request of aws-cli 1.45.11 (awscli/customizations/codecommit.py, with botocore 1.43.11) gives at
// that time for the key pair of AWS's own examples.
func TestSignsAsTheAWSCLI(t *testing.T) {
	at := time.Date(2015, 8, 30, 14, 36, 0, 0, time.FixedZone("", 2*60*60))
	key := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	for _, test := range []struct{ url, token, username, password string }{
		{
			codecommit.URL("aws", "us-east-1", "roman-sit-secrets"), "", "AKIAIOSFODNN7EXAMPLE",
			"20150830T123600Z5363b2af6bffd5cbb5127c1b646b7b32c8574e7be3d7814bec45b2c28f01a481",
		},
		{
			codecommit.URL("aws", "us-east-1", "roman-sit-secrets"), "the-token", "AKIAIOSFODNN7EXAMPLE%the-token",
			"20150830T123600Z5363b2af6bffd5cbb5127c1b646b7b32c8574e7be3d7814bec45b2c28f01a481",
		},
		{
			codecommit.URL("aws-cn", "cn-north-1", "x"), "", "AKIAIOSFODNN7EXAMPLE",
			"20150830T123600Z67feece5db0258e0509d81200b971fb29b456357435f14a599b207f228d9c0b4",
		},
	} {
		key.SessionToken = test.token
		login, err := codecommit.Sign(key, test.url, codecommit.Region(test.url), at)
		if err != nil || login.Username != test.username || login.Password != test.password {
			t.Errorf("%s: %q, %q, %v", test.url, login.Username, login.Password, err)
		}
	}
}

func TestRegion(t *testing.T) {
	for url, want := range map[string]string{
		"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/x":               "us-east-1",
		"https://git-codecommit-fips.us-east-2.amazonaws.com/v1/repos/x":          "us-east-2",
		"https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/x":           "cn-north-1",
		"https://vpce-1-2.git-codecommit.us-west-2.vpce.amazonaws.com/v1/repos/x": "us-west-2",
		"https://git-codecommit.us-east-1.amazonaws.com.evil.example/v1/repos/x":  "",
		"https://evil.example/git-codecommit.us-east-1.amazonaws.com":             "",
		"http://git-codecommit.us-east-1.amazonaws.com/v1/repos/x":                "",
		"git@github.com:org/x.git":                                                "",
	} {
		if got := codecommit.Region(url); got != want {
			t.Errorf("%s is of region %q", url, got)
		}
	}
}

// The role is assumed where it can be; where it cannot, the machine's own credentials do.
func TestRemoteAssumesTheRole(t *testing.T) {
	answers := map[bool]string{
		true:  `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		false: `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`,
	}
	for may, want := range map[bool]string{true: "ASIAROLE%role-token", false: "AKIAOWN"} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.Form.Get("RoleArn") != "arn:aws:iam::123456789012:role/deployer" {
				t.Errorf("STS is asked %v, %v", r.Form, err)
			}
			asked++
			if !may {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = w.Write([]byte(answers[may]))
		}))
		t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
		t.Setenv("AWS_CONFIG_FILE", "/nowhere")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
		remote := codecommit.Remote(codecommit.URL("aws", "us-east-1", "x"), "arn:aws:iam::123456789012:role/deployer")
		for range 2 {
			login, err := remote.Login(t.Context())
			if err != nil || login.Username != want || !strings.HasPrefix(login.Password, time.Now().UTC().Format("2006")) {
				t.Errorf("the login is %q, %v", login.Username, err)
			}
		}
		if asked != 1 {
			t.Errorf("STS was asked %d times", asked)
		}
		server.Close()
	}
}
