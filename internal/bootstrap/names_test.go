package bootstrap_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/bootstrap"
)

func TestNames(t *testing.T) {
	for url, want := range map[string]string{
		"s3://roman": "roman us-east-1",
		"s3://roman/hubs?region=eu-west-1&profile=me": "roman eu-west-1",
		"s3://roman?endpoint=minio:9000":              "a service other than AWS's own",
		"file://~/states":                             "is a folder",
		"https://api.pulumi.com":                      "keeps states itself",
		"gs://roman":                                  "is no bucket of S3",
		"s3://ro man":                                 "is no URL",
	} {
		bucket, region, why := bootstrap.Bucket(url, "us-east-1")
		if got := bucket + " " + region; got != want && (why == "" || !strings.Contains(why, want)) {
			t.Errorf("%s: %q, %q", url, got, why)
		}
	}
	const arn = "arn:aws:kms:eu-west-1:162808325377:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	for provider, want := range map[string]string{
		"awskms://alias/roman?region=us-west-2&awssdk=v2": "alias/roman us-west-2",
		"awskms://alias/a/b":                              "alias/a/b us-east-1",
		"awskms://1234abcd?region=us-west-2":              "1234abcd us-west-2",
		"awskms:///" + arn:                                arn + " eu-west-1",
		"awskms:///" + arn + "?region=eu-west-1":          arn + " eu-west-1",
		"passphrase":                                      "with a passphrase",
		"gcpkms://projects/p":                             "is no key of KMS",
	} {
		key, region, why := bootstrap.Key(provider, "us-east-1")
		if got := key + " " + region; got != want && (why == "" || !strings.Contains(why, want)) {
			t.Errorf("%s: %q, %q", provider, got, why)
		}
	}
	if bucket, region, _ := bootstrap.Bucket(bootstrap.BucketURL("b", "r"), ""); bucket != "b" || region != "r" {
		t.Error(bucket, region)
	}
	if key, region, _ := bootstrap.Key(bootstrap.KeyProvider("alias/k", "r"), ""); key != "alias/k" || region != "r" {
		t.Error(key, region)
	}
}
