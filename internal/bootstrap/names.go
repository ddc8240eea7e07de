package bootstrap

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Bucket takes a backend's URL apart, s3://BUCKET?region=REGION; without a region it is in the one that is given. why says of any other backend why
// there is nothing to make. The forms are those of Pulumi and of the library that it opens them with:
// https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3, https://pkg.go.dev/gocloud.dev/blob/s3blob
func Bucket(backend, region string) (bucket, in, why string) {
	u, err := url.Parse(backend)
	switch {
	case err != nil:
		return "", "", fmt.Sprintf("%q is no URL", backend)
	case u.Scheme == "file":
		return "", "", backend + " is a folder, which is made when it is first used"
	case u.Scheme == "https" || u.Scheme == "http":
		return "", "", backend + " keeps states itself"
	case u.Scheme != "s3":
		return "", "", backend + " is no bucket of S3: only those are made here"
	}
	query := u.Query()
	if query.Has("endpoint") {
		return "", "", backend + " is a bucket of a service other than AWS's own"
	}
	if r := query.Get("region"); r != "" {
		region = r
	}
	return u.Host, region, ""
}

// BucketURL is how Pulumi's files name a bucket.
func BucketURL(bucket, region string) string { return "s3://" + bucket + "?region=" + region }

// Key takes the name of what encrypts a stack's secrets apart, awskms://KEY?region=REGION, with an alias, an id or an ARN, which after a third slash
// stands by itself. why says of anything else why there is nothing to make.
// https://www.pulumi.com/docs/iac/concepts/secrets/#configuring-your-secrets-provider, https://pkg.go.dev/gocloud.dev/secrets/awskms
func Key(provider, region string) (key, in, why string) {
	u, err := url.Parse(provider)
	switch {
	case err == nil && u.Scheme == "awskms":
	case provider == "passphrase":
		return "", "", "they are encrypted with a passphrase"
	default:
		return "", "", fmt.Sprintf("%s is no key of KMS: only those are made here", provider)
	}
	key = strings.TrimPrefix(path.Join(u.Host, u.Path), "/")
	if parts := strings.Split(key, ":"); len(parts) > 5 {
		region = parts[3]
	}
	if r := u.Query().Get("region"); r != "" {
		region = r
	}
	return key, region, ""
}

// KeyProvider is how Pulumi's files name a key by its alias.
func KeyProvider(alias, region string) string { return "awskms://" + alias + "?region=" + region }
