package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/hubwright/hubwright/internal/awsapi"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// settling repeats a call on a bucket that was just made, since it may not be known everywhere yet.
func settling(o *s3.Options) {
	o.RetryMaxAttempts = 6
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "NoSuchBucket", "OperationAborted")
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketName = lazyregexp.New(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// lookAtBucket finds out whose the bucket is and what it lacks. Every call says which account the bucket has to belong to, so that nothing is ever done
// to another's: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
func (p *Plan) lookAtBucket(ctx context.Context) error {
	t := p.target
	if t.Bucket == "" {
		return nil
	}
	if !bucketName.MatchString(t.Bucket) || strings.Contains(t.Bucket, "..") {
		return &Error{Kind: Configuration, Message: fmt.Sprintf("%q cannot be the name of a bucket", t.Bucket), Hint: "3 to 63 lower-case letters, digits, hyphens and single dots, with a letter or digit at both ends"}
	}
	resource := "bucket " + t.Bucket
	_, err := p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &t.Bucket, ExpectedBucketOwner: &t.Account})
	switch status, region := answer(err); {
	case err == nil:
	case status == http.StatusNotFound:
		p.Steps = append(p.Steps, Step{Resource: resource, Setting: "existence", State: Missing, Seen: "a bucket in " + t.Region + ", tagged", do: p.makeBucket})
		return p.settle(ctx, resource, true, true, p.bucketSettings())
	case status == http.StatusMovedPermanently, region != "" && region != t.Region:
		return &Error{
			Kind: Configuration, Message: fmt.Sprintf("the bucket %s is in %s, not in %s", t.Bucket, orElse(region, "another region"), t.Region),
			Hint: fmt.Sprintf("say so in the backend's URL, s3://%s?region=%s, or name another bucket", t.Bucket, orElse(region, "REGION")),
		}
	case status == http.StatusForbidden:
		return &Error{
			Kind: OtherAccount, Message: fmt.Sprintf("the bucket %s is there, and either belongs to another account than %s, or these credentials may not look at it", t.Bucket, t.Account),
			Hint: "bucket names are the whole world's: name another with --bucket; or use credentials with s3:ListBucket on it",
		}
	default:
		return err
	}
	tags, err := p.bucketTags(ctx)
	if err != nil && !awsapi.Denied(err) {
		return err
	}
	p.Steps = append(p.Steps, Step{Resource: resource, Setting: "existence", State: OK, Seen: "in " + t.Region + ", of account " + t.Account})
	return p.settle(ctx, resource, false, tags[owner] == ours, p.bucketSettings())
}

// answer is the status of an answer that is an error, and the region of the bucket where the answer names it.
func answer(err error) (status int, region string) {
	var res *awshttp.ResponseError
	if !errors.As(err, &res) || res.Response == nil {
		return 0, ""
	}
	return res.HTTPStatusCode(), res.Response.Header.Get("X-Amz-Bucket-Region")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// makeBucket makes the bucket, with its tags, so that a run that ends now is known by them. us-east-1 is the region that takes no location:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (p *Plan) makeBucket(ctx context.Context) error {
	t := p.target
	where := &types.CreateBucketConfiguration{Tags: s3Tags(t.Tags)}
	if t.Region != "us-east-1" {
		where.LocationConstraint = types.BucketLocationConstraint(t.Region)
	}
	_, err := p.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &t.Bucket, CreateBucketConfiguration: where})
	var taken *types.BucketAlreadyExists
	var mine *types.BucketAlreadyOwnedByYou
	switch {
	case errors.As(err, &taken):
		return &Error{Kind: OtherAccount, Message: "the name is taken by another account", Hint: "bucket names are the whole world's: name another with --bucket"}
	case errors.As(err, &mine):
		return &Error{Kind: Configuration, Message: "somebody of this account is making it at the same time", Hint: "look at it, and run this again"}
	}
	return err
}

func s3Tags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

func (p *Plan) bucketTags(ctx context.Context) (map[string]string, error) {
	tags := map[string]string{}
	found, err := p.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &p.target.Bucket, ExpectedBucketOwner: &p.target.Account})
	if awsapi.Code(err) == "NoSuchTagSet" {
		return tags, nil
	}
	if err != nil {
		return tags, err
	}
	for _, t := range found.TagSet {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags, nil
}

// keyForBucket is the key that the bucket's objects are encrypted with: that of the state's secrets, if it is in the bucket's region, "" for S3's own.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
func (p *Plan) keyForBucket() string {
	if p.target.KeyRegion != p.target.Region {
		return ""
	}
	return p.target.Key
}

func (p *Plan) bucketSettings() []setting {
	bucket, account := &p.target.Bucket, &p.target.Account
	cli := "`aws s3api %s --bucket " + *bucket + " %s`"
	return []setting{
		{
			name: "versioning", want: "every version of the state is kept", remedy: fmt.Sprintf(cli, "put-bucket-versioning", "--versioning-configuration Status=Enabled"),
			look: func(ctx context.Context) (string, bool, error) {
				v, err := p.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket, ExpectedBucketOwner: account})
				if err != nil || v.Status != types.BucketVersioningStatusEnabled {
					return "off: a state that is overwritten is gone", false, err
				}
				return "every version of the state is kept", true, nil
			},
			set: func(ctx context.Context) error {
				_, err := p.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
					Bucket: bucket, ExpectedBucketOwner: account, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
				}, settling)
				return err
			},
		},
		p.encryption(cli),
		{
			name: "public access", want: "blocked", remedy: fmt.Sprintf(cli, "put-public-access-block",
				"--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"),
			look: func(ctx context.Context) (string, bool, error) {
				v, err := p.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket, ExpectedBucketOwner: account})
				if awsapi.Code(err) == "NoSuchPublicAccessBlockConfiguration" {
					return "not blocked", false, nil
				}
				if err != nil {
					return "", false, err
				}
				b := v.PublicAccessBlockConfiguration
				if !aws.ToBool(b.BlockPublicAcls) || !aws.ToBool(b.IgnorePublicAcls) || !aws.ToBool(b.BlockPublicPolicy) || !aws.ToBool(b.RestrictPublicBuckets) {
					return "blocked in part", false, nil
				}
				return "blocked", true, nil
			},
			set: func(ctx context.Context) error {
				yes := aws.Bool(true)
				_, err := p.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucket, ExpectedBucketOwner: account, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: yes, IgnorePublicAcls: yes, BlockPublicPolicy: yes, RestrictPublicBuckets: yes,
				}}, settling)
				return err
			},
		},
		{
			name: "transport", want: "TLS only", remedy: "a statement in the bucket's policy: " + p.tlsOnly().text(),
			look: func(ctx context.Context) (string, bool, error) {
				policy, err := p.policy(ctx)
				if err != nil || !policy.tlsOnly() {
					return "requests without TLS are answered", false, err
				}
				return "TLS only", true, nil
			},
			set: p.requireTLS,
		},
		{
			name: "tags", want: "those of the deployment", plain: true,
			look: func(ctx context.Context) (string, bool, error) {
				tags, err := p.bucketTags(ctx)
				if missing := missingTags(tags, p.target.Tags); len(missing) > 0 {
					return "without " + strings.Join(missing, ", "), false, err
				}
				return "those of the deployment", true, err
			},
			set: func(ctx context.Context) error {
				tags, err := p.bucketTags(ctx)
				if err != nil {
					return err
				}
				maps.Copy(tags, p.target.Tags)
				_, err = p.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket, ExpectedBucketOwner: account, Tagging: &types.Tagging{TagSet: s3Tags(tags)}}, settling)
				return err
			},
		},
	}
}

// encryption is the default encryption of the bucket's objects. A bucket key keeps the requests to KMS, and their price, few:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
func (p *Plan) encryption(cli string) setting {
	bucket, account, key := &p.target.Bucket, &p.target.Account, p.keyForBucket()
	s := setting{name: "encryption", want: "with " + key}
	rule := `{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"` + orElse(p.keyARN, "KEY_ARN") + `"},"BucketKeyEnabled":true}]}`
	s.remedy = fmt.Sprintf(cli, "put-bucket-encryption", "--server-side-encryption-configuration '"+rule+"'")
	if key == "" {
		s.want = "with S3's own keys"
	}
	s.look = func(ctx context.Context) (string, bool, error) {
		v, err := p.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket, ExpectedBucketOwner: account})
		if awsapi.Code(err) == "ServerSideEncryptionConfigurationNotFoundError" {
			return "none", false, nil
		}
		if err != nil {
			return "", false, err
		}
		for _, r := range v.ServerSideEncryptionConfiguration.Rules {
			d := r.ApplyServerSideEncryptionByDefault
			switch {
			case d == nil:
			case d.SSEAlgorithm == types.ServerSideEncryptionAes256:
				return "with S3's own keys", key == "", nil
			case key == "" || p.isKey(aws.ToString(d.KMSMasterKeyID)):
				return "with " + orElse(key, aws.ToString(d.KMSMasterKeyID)), true, nil
			default:
				return "with " + orElse(aws.ToString(d.KMSMasterKeyID), "AWS's own key for S3"), false, nil
			}
		}
		return "none", false, nil
	}
	s.set = func(ctx context.Context) error {
		d := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
		if key != "" {
			d = &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &p.keyARN}
		}
		_, err := p.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ExpectedBucketOwner: account, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: d, BucketKeyEnabled: aws.Bool(key != "")}},
		}}, settling)
		return err
	}
	return s
}

// isKey says whether a name is the key's: S3 keeps it as it was given, as ARN, id or alias.
func (p *Plan) isKey(name string) bool {
	id := p.keyARN[strings.LastIndex(p.keyARN, "/")+1:]
	return p.keyARN != "" && (name == p.keyARN || name == id || name == p.target.Key || strings.HasSuffix(name, ":"+p.target.Key))
}
