package awssim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// api is the way to a new world's services for AWS's own SDK.
func api(t *testing.T) (*world.World, func(region string) sdk.Config) {
	t.Helper()
	w := simtest.World(t)
	update(t, w, func(tx *world.Tx) error { return tx.Set("account", account) })
	server := httptest.NewServer(awssim.API(w))
	t.Cleanup(server.Close)
	return w, func(region string) sdk.Config {
		return sdk.Config{
			Region: region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
			HTTPClient: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		}
	}
}

func buckets(cfg sdk.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestBucket(t *testing.T) {
	_, cfg := api(t)
	ctx, name := t.Context(), sdk.String("roman-state")
	west, east := buckets(cfg("us-west-2")), buckets(cfg("us-east-1"))
	in := func(region string) *s3.CreateBucketInput {
		return &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(region), Tags: []s3types.Tag{{Key: sdk.String("owner"), Value: sdk.String("dmd")}},
		}}
	}
	_, err := west.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	refused(t, "no constraint outside us-east-1", err, "IllegalLocationConstraintException")
	_, err = east.CreateBucket(ctx, in("us-east-1"))
	refused(t, "a constraint in us-east-1", err, "InvalidLocationConstraint")
	_, err = west.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: sdk.String("Roman_State")})
	refused(t, "a wrong name", err, "InvalidBucketName")
	_, err = west.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	refused(t, "no bucket", err, "NotFound")
	if _, err := west.CreateBucket(ctx, in("us-west-2")); err != nil {
		t.Fatal(err)
	}
	_, err = west.CreateBucket(ctx, in("us-west-2"))
	refused(t, "a bucket that is there", err, "BucketAlreadyOwnedByYou")
	_, err = west.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name, ExpectedBucketOwner: sdk.String("999999999999")})
	refused(t, "another owner", err, "Forbidden")
	_, err = east.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})
	refused(t, "another region", err, "PermanentRedirect")
	_, err = west.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})
	refused(t, "no policy", err, "NoSuchBucketPolicy")
	_, err = west.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: sdk.String(`{"Statement": []}`)})
	refused(t, "an empty policy", err, "MalformedPolicy")

	if _, err := west.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: "Enabled"}}); err != nil {
		t.Error(err)
	}
	if v, err := west.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name}); err != nil || v.Status != "Enabled" {
		t.Error(v, err)
	}
	if v, err := west.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name}); err != nil || len(v.TagSet) != 1 || *v.TagSet[0].Value != "dmd" {
		t.Error(v, err)
	}
	if v, err := west.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name}); err != nil || v.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" {
		t.Error(v, err)
	}
	if v, err := west.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name}); err != nil || !*v.PublicAccessBlockConfiguration.RestrictPublicBuckets {
		t.Error(v, err)
	}
	_, err = west.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: sdk.String("k"), Body: strings.NewReader("x")})
	refused(t, "an object", err, "UnknownOperationException")
}

func TestKeyThroughItsAPI(t *testing.T) {
	_, cfg := api(t)
	ctx, keys := t.Context(), kms.NewFromConfig(cfg("us-west-2"))
	made, err := keys.CreateKey(ctx, &kms.CreateKeyInput{Description: sdk.String("state"), Tags: []kmstypes.Tag{{TagKey: sdk.String("owner"), TagValue: sdk.String("dmd")}}})
	if err != nil {
		t.Fatal(err)
	}
	id := made.KeyMetadata.KeyId
	if arn := *made.KeyMetadata.Arn; arn != "arn:aws:kms:us-west-2:"+account+":key/"+*id {
		t.Error(arn)
	}
	alias := sdk.String("alias/state")
	_, err = keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: alias})
	refused(t, "no alias", err, "NotFoundException")
	_, err = keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: sdk.String("alias/aws/state"), TargetKeyId: id})
	refused(t, "a reserved alias", err, "InvalidAliasNameException")
	if _, err := keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: alias, TargetKeyId: id}); err != nil {
		t.Fatal(err)
	}
	_, err = keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: alias, TargetKeyId: id})
	refused(t, "an alias that is taken", err, "AlreadyExistsException")
	_, err = kms.NewFromConfig(cfg("us-east-1")).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: alias})
	refused(t, "a key of another region", err, "NotFoundException")

	rotates := func() bool {
		v, err := keys.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
		if err != nil {
			t.Fatal(err)
		}
		return v.KeyRotationEnabled
	}
	before := rotates()
	if _, err := keys.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id}); err != nil || before || !rotates() {
		t.Error(before, err)
	}
	sealed, err := keys.Encrypt(ctx, &kms.EncryptInput{KeyId: alias, Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	if open, err := keys.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob}); err != nil || string(open.Plaintext) != "x" {
		t.Error(open, err)
	}
}

func TestOtherAPIs(t *testing.T) {
	w, cfg := api(t)
	ctx := t.Context()
	me, err := sts.NewFromConfig(cfg("us-east-1")).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *me.Arn != "arn:aws:iam::"+account+":user/sandbox" {
		t.Error(me, err)
	}
	quota := func(code string) (*servicequotas.GetServiceQuotaOutput, error) {
		return servicequotas.NewFromConfig(cfg("us-east-1")).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: sdk.String("vpc"), QuotaCode: &code})
	}
	if q, err := quota("L-F678F1CE"); err != nil || *q.Quota.Value != 5 || *q.Quota.QuotaName != "VPCs per Region" {
		t.Error(q, err)
	}
	_, err = quota("L-00000000")
	refused(t, "no such quota", err, "NoSuchResourceException")

	var arn string
	update(t, w, func(tx *world.Tx) (err error) {
		arn, err = awssim.EnsureCertificate(tx, "hub.example.org")
		return err
	})
	certificate := func(region, arn string) (*acm.DescribeCertificateOutput, error) {
		return acm.NewFromConfig(cfg(region)).DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	}
	if v, err := certificate("us-east-1", arn); err != nil || v.Certificate.Status != "ISSUED" || v.Certificate.SubjectAlternativeNames[0] != "hub.example.org" || v.Certificate.NotAfter == nil {
		t.Error(v, err)
	}
	_, err = certificate("us-west-2", arn)
	refused(t, "a certificate of another region", err, "ResourceNotFoundException")

	update(t, w, func(tx *world.Tx) error {
		return tx.SetFaults([]world.Fault{{Kind: "aws:acm/DescribeCertificate", Op: "read", Message: "Throttled"}})
	})
	_, err = certificate("us-east-1", arn)
	refused(t, "a fault", err, "InternalFailure")
	_, err = sts.NewFromConfig(cfg("us-east-1")).GetSessionToken(context.Background(), &sts.GetSessionTokenInput{})
	refused(t, "what is not simulated", err, "InvalidAction")
}
