package secretfile

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keyservice"
)

// Keys are the ways to a file's keys. The zero value uses what the machine has: age identities where sops looks for them (SOPS_AGE_KEY,
// SOPS_AGE_KEY_FILE, sops/age/keys.txt in the user's configuration), and AWS credentials where the SDK does.
type Keys struct {
	// KMS is another way to AWS than the machine's own. Optional.
	KMS *KMS
}

// KMS is a way to AWS's Key Management Service.
type KMS struct {
	Client      *http.Client
	Credentials aws.CredentialsProvider
	// Identity names whose credentials these are.
	Identity string
}

func (k Keys) services() []keyservice.KeyServiceClient {
	return []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(server{kms: k.KMS})}
}

// server is sops' key service with another way to KMS.
type server struct {
	keyservice.Server
	kms *KMS
}

func (s server) Encrypt(ctx context.Context, req *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	key := req.GetKey().GetKmsKey()
	if key == nil || s.kms == nil {
		return s.Server.Encrypt(ctx, req)
	}
	out, err := s.kms.client(key).Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String(key.GetArn()), Plaintext: req.GetPlaintext(), EncryptionContext: key.GetContext()})
	if err != nil {
		return nil, err
	}
	return &keyservice.EncryptResponse{Ciphertext: []byte(base64.StdEncoding.EncodeToString(out.CiphertextBlob))}, nil // as sops writes it
}

func (s server) Decrypt(ctx context.Context, req *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	key := req.GetKey().GetKmsKey()
	if key == nil || s.kms == nil {
		return s.Server.Decrypt(ctx, req)
	}
	blob, err := base64.StdEncoding.DecodeString(string(req.GetCiphertext()))
	if err != nil {
		return nil, errors.New("its encrypted data key is no base64")
	}
	out, err := s.kms.client(key).Decrypt(ctx, &kms.DecryptInput{KeyId: aws.String(key.GetArn()), CiphertextBlob: blob, EncryptionContext: key.GetContext()})
	if err != nil {
		return nil, err
	}
	return &keyservice.DecryptResponse{Plaintext: out.Plaintext}, nil
}

// client is a client for the region that a key is in.
func (k *KMS) client(key *keyservice.KmsKey) *kms.Client {
	region := ""
	if parts := strings.Split(key.GetArn(), ":"); len(parts) > 3 {
		region = parts[3]
	}
	return kms.NewFromConfig(aws.Config{Region: region, Credentials: k.Credentials, HTTPClient: k.Client})
}

// dataKey decrypts a file's data key.
func (k Keys) dataKey(ctx context.Context, name string, meta *sops.Metadata) ([]byte, error) {
	key, err := meta.GetDataKeyWithKeyServices(k.services(), sops.DefaultDecryptionOrder)
	if err == nil {
		return key, nil
	}
	if meta.MasterKeyCount() == 0 {
		return nil, fmt.Errorf("%s: names nobody who could open it", name)
	}
	failed := &KeyError{File: name}
	for _, group := range meta.KeyGroups {
		for _, master := range group {
			of := keyservice.KeyFromMasterKey(master)
			_, err := k.services()[0].Decrypt(ctx, &keyservice.DecryptRequest{Key: &of, Ciphertext: master.EncryptedDataKey()})
			if err == nil {
				continue // one of several that are needed
			}
			failed.Tried = append(failed.Tried, k.attempt(ctx, of.GetKmsKey() != nil, master.ToString(), err))
		}
	}
	return nil, failed
}

// KeyError says that a file could not be opened: which of its keys was asked for by whom, and why that came to nothing.
type KeyError struct {
	File  string
	Tried []Attempt
}

// Attempt is one key that was asked for.
type Attempt struct {
	Key      string // an ARN, an age recipient
	Identity string // who asked, as far as that is known
	Reason   string
}

func (e *KeyError) Error() string {
	lines := []string{fmt.Sprintf("%s: cannot be opened with any of its %d keys", e.File, len(e.Tried))}
	for _, a := range e.Tried {
		who := ""
		if a.Identity != "" {
			who = " as " + a.Identity
		}
		lines = append(lines, fmt.Sprintf("  %s%s: %s", a.Key, who, a.Reason))
	}
	return strings.Join(lines, "\n")
}

// attempt words a failure.
func (k Keys) attempt(ctx context.Context, isKMS bool, key string, err error) Attempt {
	a := Attempt{Key: key, Reason: reason(err.Error())}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "ExpiredTokenException" {
		a.Reason = api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if isKMS {
		a.Identity = k.whoami(ctx)
	}
	return a
}

// whoami is whose AWS credentials are used; "" when that cannot be had quickly.
func (k Keys) whoami(ctx context.Context) string {
	if k.KMS != nil {
		return k.KMS.Identity
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return ""
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1" // STS answers this anywhere
	}
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return ""
	}
	return aws.ToString(me.Arn)
}

// reason shortens what sops and the AWS SDK say to what matters.
func reason(text string) string {
	switch {
	case strings.Contains(text, "match any of the recipients"), strings.Contains(text, "matched any of the recipients"):
		return "none of this machine's age identities is its recipient"
	case strings.Contains(text, "failed to load age identities"):
		return "this machine has no age identity: name its file with SOPS_AGE_KEY_FILE"
	case strings.Contains(text, "ExpiredToken"):
		return "the AWS credentials have expired"
	case strings.Contains(text, "no EC2 IMDS role found"), strings.Contains(text, "failed to refresh cached credentials"), strings.Contains(text, "get identity"):
		return "there are no AWS credentials here"
	}
	return strings.Join(strings.Fields(text), " ")
}
