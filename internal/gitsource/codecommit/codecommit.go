// Package codecommit logs in to AWS CodeCommit's repositories over HTTPS with AWS credentials, as the AWS CLI's credential helper does:
// https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-https-unixes.html
package codecommit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/hubwright/hubwright/internal/gitsource"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// URL is a repository's, of an ARN partition and a region: https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html
func URL(partition, region, name string) string {
	domain := "amazonaws.com"
	if partition == "aws-cn" {
		domain = "amazonaws.com.cn"
	}
	return "https://git-codecommit." + region + "." + domain + "/v1/repos/" + name
}

// host finds the region in the name of a host of CodeCommit's, as the AWS CLI does: awscli/customizations/codecommit.py
var host = lazyregexp.New(`^(vpce-.+\.)?git-codecommit(-fips)?\.([^.]+)\.(vpce\.)?amazonaws\.com(\.cn)?$`)

// Region is the region of a repository by its URL; "" when the URL is not CodeCommit's.
func Region(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	m := host.FindStringSubmatch(u.Hostname())
	if m == nil {
		return ""
	}
	return m[3]
}

// Sign makes what is logged in with at a time: the name is the access key, with the session's token behind a percent sign, and the password the time
// with a signature of version 4 over the repository's host and path. It holds for a quarter of an hour.
//
// The form is that of sign_request and write_git_parameters in awscli/customizations/codecommit.py of https://github.com/aws/aws-cli, which signs a
// request of the method GIT with no header but the host, without its port, and no payload.
func Sign(c aws.Credentials, address, region string, now time.Time) (gitsource.Login, error) {
	u, err := url.Parse(address)
	if err != nil {
		return gitsource.Login{}, errors.New("the repository's address is no URL")
	}
	now = now.UTC()
	stamp, day := now.Format("20060102T150405"), now.Format("20060102")
	request := fmt.Sprintf("GIT\n%s\n\nhost:%s\n\nhost\n", u.EscapedPath(), u.Hostname())
	scope := strings.Join([]string{day, region, "codecommit", "aws4_request"}, "/")
	sum := sha256.Sum256([]byte(request))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(sum[:])}, "\n")
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature
	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range []string{day, region, "codecommit", "aws4_request", text} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	login := gitsource.Login{Username: c.AccessKeyID, Password: stamp + "Z" + hex.EncodeToString(key)}
	if c.SessionToken != "" {
		login.Username += "%" + c.SessionToken
	}
	return login, nil
}

// patience is how long AWS is given to answer.
const patience = 20 * time.Second

// Remote is a repository of CodeCommit's by its URL. It is logged in to as role, when that is named and can be assumed, and otherwise with the machine's
// own AWS credentials.
func Remote(address, role string) gitsource.Remote {
	who := &identity{region: Region(address), role: role}
	may := "the machine's own AWS credentials"
	if role != "" {
		may = "the role " + role + ", or else " + may
	}
	return gitsource.Remote{
		URL: address, Hint: may + " must be allowed codecommit:GitPull, and codecommit:GitPush to write",
		Login: func(ctx context.Context) (gitsource.Login, error) {
			c, err := who.credentials(ctx)
			if err != nil {
				return gitsource.Login{}, err
			}
			return Sign(c, address, who.region, time.Now())
		},
	}
}

// identity is whose credentials are used. They are looked for once, and again when they end.
type identity struct {
	region, role string

	mu       sync.Mutex
	provider aws.CredentialsProvider
}

func (i *identity) credentials(ctx context.Context) (aws.Credentials, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if i.provider != nil {
		return i.provider.Retrieve(ctx)
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(i.region), awsconfig.WithRetryMaxAttempts(2), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	own, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, errors.New("there are no AWS credentials here to log in with")
	}
	if i.role != "" {
		provider := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), i.role, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "hubwright-secrets" }))
		c, err := provider.Retrieve(ctx)
		if err == nil {
			i.provider = provider
			return c, nil
		}
		var answer smithy.APIError
		if !errors.As(err, &answer) {
			return aws.Credentials{}, fmt.Errorf("assuming the role %s: %w", i.role, err)
		}
		// It is not there yet, or not ours to assume: who may read the secrets need not be who deploys.
	}
	i.provider = cfg.Credentials
	return own, nil
}
