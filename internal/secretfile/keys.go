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
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keyservice"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// Keys are the ways to a file's keys. The zero value uses what the machine has: age identities where sops looks for them (SOPS_AGE_KEY,
// SOPS_AGE_KEY_FILE, sops/age/keys.txt in the user's configuration), and AWS credentials where the SDK does.
type Keys struct {
	// KMS is another way to AWS than the machine's own. Optional.
	KMS *KMS
	// Machine remembers what the machine has, for all who open files with it. Optional.
	Machine *Machine
}

// KMS is a way to AWS's Key Management Service.
type KMS struct {
	Client      *http.Client
	Credentials aws.CredentialsProvider
	// Identity names whose credentials these are.
	Identity string
}

// server is sops' key service with another way to KMS: that which is given, or the machine's own, which is not waited for again when it has no credentials.
type server struct {
	keyservice.Server
	kms     *KMS
	machine *Machine
}

func (k Keys) server() server {
	if k.Machine == nil {
		k.Machine = &Machine{}
	}
	return server{kms: k.KMS, machine: k.Machine}
}

func (s server) services() []keyservice.KeyServiceClient {
	return []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(s)}
}

func (s server) Encrypt(ctx context.Context, req *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	client, err := s.client(ctx, req.GetKey().GetKmsKey())
	if err != nil {
		return nil, err
	}
	if client == nil {
		return s.Server.Encrypt(ctx, req)
	}
	key := req.GetKey().GetKmsKey()
	out, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String(key.GetArn()), Plaintext: req.GetPlaintext(), EncryptionContext: key.GetContext()})
	if err != nil {
		return nil, err
	}
	return &keyservice.EncryptResponse{Ciphertext: []byte(base64.StdEncoding.EncodeToString(out.CiphertextBlob))}, nil // as sops writes it
}

func (s server) Decrypt(ctx context.Context, req *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	client, err := s.client(ctx, req.GetKey().GetKmsKey())
	if err != nil {
		return nil, err
	}
	if client == nil {
		return s.Server.Decrypt(ctx, req)
	}
	key := req.GetKey().GetKmsKey()
	blob, err := base64.StdEncoding.DecodeString(string(req.GetCiphertext()))
	if err != nil {
		return nil, errors.New("its encrypted data key is no base64")
	}
	out, err := client.Decrypt(ctx, &kms.DecryptInput{KeyId: aws.String(key.GetArn()), CiphertextBlob: blob, EncryptionContext: key.GetContext()})
	if err != nil {
		return nil, err
	}
	return &keyservice.DecryptResponse{Plaintext: out.Plaintext}, nil
}

// client is a client for the region that a KMS key is in. nil leaves the key to sops: one of another service, or for which the file names a profile or a
// role.
func (s server) client(ctx context.Context, key *keyservice.KmsKey) (*kms.Client, error) {
	if key == nil {
		return nil, nil
	}
	region := ""
	if parts := strings.Split(key.GetArn(), ":"); len(parts) > 3 {
		region = parts[3]
	}
	if s.kms != nil {
		return kms.NewFromConfig(aws.Config{Region: region, Credentials: s.kms.Credentials, HTTPClient: s.kms.Client}), nil
	}
	if key.GetAwsProfile() != "" {
		return nil, nil
	}
	cfg, err := s.machine.open(ctx, region)
	if err != nil || key.GetRole() != "" {
		return nil, err
	}
	return kms.NewFromConfig(cfg), nil
}

// dataKey decrypts a file's data key.
func (k Keys) dataKey(ctx context.Context, name string, meta *sops.Metadata) ([]byte, error) {
	server := k.server()
	services := server.services()
	key, err := meta.GetDataKeyWithKeyServices(services, sops.DefaultDecryptionOrder)
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
			_, err := services[0].Decrypt(ctx, &keyservice.DecryptRequest{Key: &of, Ciphertext: master.EncryptedDataKey()})
			if err == nil {
				continue // one of several that are needed
			}
			failed.Tried = append(failed.Tried, server.attempt(ctx, of.GetKmsKey() != nil, master.ToString(), err))
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
func (s server) attempt(ctx context.Context, isKMS bool, key string, err error) Attempt {
	a := Attempt{Key: key, Reason: reason(err)}
	if isKMS {
		a.Identity = s.whoami(ctx)
	}
	return a
}

// whoami is whose AWS credentials are used; "" when that cannot be had quickly.
func (s server) whoami(ctx context.Context) string {
	if s.kms != nil {
		return s.kms.Identity
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	cfg, err := s.machine.open(ctx, "us-east-1") // STS answers this anywhere
	if err != nil {
		return ""
	}
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return ""
	}
	return aws.ToString(me.Arn)
}

// reason shortens what sops and the AWS SDK say to what matters.
func reason(err error) string {
	text := err.Error()
	switch {
	case awsapi.Code(err) == "ExpiredTokenException", strings.Contains(text, "ExpiredToken"):
		return "the AWS credentials have expired: sign in again (`aws sso login`)"
	case awsapi.Code(err) != "":
		return awsapi.InWords(err)
	case strings.Contains(text, "match any of the recipients"), strings.Contains(text, "matched any of the recipients"):
		if faults := identityFaults(); faults != "" {
			return "none of this machine's age identities is its recipient; besides, " + faults
		}
		return "none of this machine's age identities is its recipient"
	case strings.Contains(text, "failed to load age identities"):
		if faults := identityFaults(); faults != "" {
			return faults
		}
		return "this machine has no age identity: name its file with SOPS_AGE_KEY_FILE"
	case awsapi.NoCredentials(err):
		return awsapi.InWords(err) + ": sign in (`aws sso login`, AWS_PROFILE)"
	}
	return strings.Join(strings.Fields(text), " ")
}
