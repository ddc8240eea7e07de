package oci

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// ECRHost is what the name of a private ECR registry says.
type ECRHost struct {
	Account, Region string
	FIPS            bool
}

// ecrHost has the names of all partitions: commercial, GovCloud and their dual stack (amazonaws.com, on.aws), China, the European sovereign cloud, and
// the isolated ones. It is that of https://github.com/awslabs/amazon-ecr-credential-helper/blob/main/ecr-login/api/client.go (July 2026).
var ecrHost = lazyregexp.New(`^(\d{12})\.dkr[.-]ecr(-fips)?\.([a-zA-Z0-9][a-zA-Z0-9-_]*)\.(amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

// ParseECRHost takes the name of an ECR registry apart. ok is false for the names of others.
func ParseECRHost(host string) (h ECRHost, ok bool) {
	m := ecrHost.FindStringSubmatch(host)
	if m == nil {
		return h, false
	}
	return ECRHost{Account: m[1], FIPS: m[2] != "", Region: m[3]}, true
}

// api is ECR's API where the registry is.
func (h ECRHost) api(cfg aws.Config) *ecr.Client {
	return ecr.NewFromConfig(cfg, func(o *ecr.Options) {
		o.Region = h.Region
		if h.FIPS {
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}
	})
}

// ecrMargin is how long before its end a token is replaced, or a quarter of its time when that is less. ECR's last twelve hours
// (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html), and no request of ours lasts that long.
const ecrMargin = 30 * time.Minute

// ecrTimeout limits the asking for a token, the SDK's own retries included.
const ecrTimeout = time.Minute

// ecrKeychain gives the credentials of ECR registries: tokens asked for with the AWS credentials for the registry's account, in its region. A token opens
// what the identity behind those credentials may use, and nothing in other regions.
type ecrKeychain struct {
	config func(ctx context.Context, account string) (aws.Config, error)
	now    func() time.Time
	tokens sync.Map // by ECRHost: *ecrToken
}

func (k *ecrKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	host, ok := ParseECRHost(target.RegistryStr())
	if !ok {
		return authn.Anonymous, nil
	}
	v, _ := k.tokens.LoadOrStore(host, &ecrToken{keychain: k, host: host})
	return v.(*ecrToken), nil
}

// ecrToken is a registry's token, asked for when it is first needed and again shortly before its end. It is asked at every request, so that long work
// always goes on with one that is good.
type ecrToken struct {
	keychain *ecrKeychain
	host     ECRHost

	mu           sync.Mutex
	auth         authn.AuthConfig
	renew, until time.Time
}

// Authorization is there for the interface: the library uses AuthorizationContext.
func (t *ecrToken) Authorization() (*authn.AuthConfig, error) {
	return t.AuthorizationContext(context.Background())
}

func (t *ecrToken) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.keychain.now(); !now.Before(t.renew) {
		auth, until, err := t.ask(ctx)
		switch {
		case err == nil:
			t.auth, t.until = auth, until
			t.renew = until.Add(-min(ecrMargin, until.Sub(now)/4))
		case ctx.Err() != nil || !now.Before(t.until):
			return nil, t.failure(err)
		} // else the old one is good for a while yet
	}
	return &authn.AuthConfig{Username: t.auth.Username, Password: t.auth.Password}, nil
}

func (t *ecrToken) ask(ctx context.Context) (auth authn.AuthConfig, until time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, ecrTimeout)
	defer cancel()
	cfg, err := t.keychain.config(ctx, t.host.Account)
	if err != nil {
		return auth, until, err
	}
	out, err := t.host.api(cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return auth, until, err
	}
	if len(out.AuthorizationData) == 0 {
		return auth, until, errors.New("the answer holds no token")
	}
	data := out.AuthorizationData[0]
	decoded, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	user, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok {
		return auth, until, errors.New("the answer's token is not of the form that is documented") // without the error, which may quote it
	}
	return authn.AuthConfig{Username: user, Password: password}, aws.ToTime(data.ExpiresAt), nil
}

func (t *ecrToken) failure(err error) error {
	return ecrFailure(fmt.Sprintf("asking ECR in %s for a token for account %s's registry", t.host.Region, t.host.Account), "ecr:GetAuthorizationToken", err)
}

// ecrFailure tells what went wrong while doing something that takes a right of ECR's.
func ecrFailure(doing, right string, err error) error {
	hint := fmt.Sprintf("sign in with an identity that has %s (AWS_PROFILE, `aws sso login`)", right)
	var api smithy.APIError
	switch {
	case errors.Is(err, context.Canceled):
		return failure(doing, "", err)
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Silent, Message: fmt.Sprintf("%s: no answer within %s", doing, ecrTimeout), Hint: "see whether this machine's network or proxy lets AWS through", Err: err}
	case errors.As(err, &api):
		kind := NotSignedIn
		switch {
		case strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
			kind = Denied
		case api.ErrorCode() == "RepositoryNotFoundException", api.ErrorCode() == "ImageNotFoundException":
			kind, hint = NotFound, "see whether the name is right; ECR makes no repository by itself"
		case api.ErrorFault() == smithy.FaultServer:
			kind, hint = Unavailable, "ECR is in trouble: wait, and run the same command again"
		}
		return &Error{Kind: kind, Message: fmt.Sprintf("%s: %s: %s", doing, api.ErrorCode(), api.ErrorMessage()), Hint: hint, Err: err}
	}
	return &Error{Kind: NotSignedIn, Message: fmt.Sprintf("%s: %s", doing, awsapi.InWords(err)), Hint: hint, Err: err}
}
