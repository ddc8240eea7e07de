package oci

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-containerregistry/pkg/authn"
)

// ECRKeychain is the one that Credentials make, with a clock of the test's.
func ECRKeychain(config func(ctx context.Context, account string) (aws.Config, error), now func() time.Time) authn.Keychain {
	return &ecrKeychain{config: config, now: now}
}
