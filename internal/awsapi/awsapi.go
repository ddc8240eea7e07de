// Package awsapi is the way to AWS's own APIs for what asks them without the engine: whose credentials, in which words an error is told, and the few
// calls for which a service's whole SDK is too much.
package awsapi

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// Opener gives the way to AWS in a region.
type Opener func(ctx context.Context, region string) (aws.Config, error)

// Open is the way that the environment and the files of AWS's SDK say: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
// The instance's own service, which is asked when nothing else gives credentials, is asked once: on any other machine it never answers, and the SDK's
// three attempts at each of its questions are seconds for nothing. Once is what the other SDKs do:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ec2-instance-metadata.html
func Open(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region), awsconfig.WithRetryMaxAttempts(2), awsconfig.WithLogger(logging.Nop{}))
	if err != nil || !aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		return cfg, err
	}
	once := imds.NewFromConfig(cfg, func(o *imds.Options) { o.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), 1) })
	cfg.Credentials = aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = once }))
	return cfg, nil
}

// Code is the service's own code of an error, "" for one that is no service's.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// signIn are the codes of credentials that are none or no more: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
var signIn = []string{"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthFailure"}

// NoCredentials says whether an error means that there are no credentials, or that they are not valid any more.
func NoCredentials(err error) bool {
	code := Code(err)
	for _, c := range signIn {
		if code == c {
			return true
		}
	}
	return err != nil && code == "" && noneHere(err.Error())
}

// noneHere knows what the SDK says when nothing gives credentials: it has no type for that.
func noneHere(text string) bool {
	for _, part := range []string{"get identity", "no EC2 IMDS role", "failed to refresh cached credentials", "failed to get shared config profile"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Denied says whether an error means that the caller lacks a right.
func Denied(err error) bool {
	switch Code(err) {
	case "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation":
		return true
	}
	return false
}

// InWords is an error without what surrounds it.
func InWords(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return strings.TrimSuffix(api.ErrorCode()+": "+api.ErrorMessage(), ": ")
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "failed to get shared config profile"):
		return "there is no profile of the name that AWS_PROFILE has"
	case noneHere(text):
		return "there are no AWS credentials here"
	}
	return text
}

// Domain is the domain of a partition's services: https://docs.aws.amazon.com/general/latest/gr/rande.html
func Domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
