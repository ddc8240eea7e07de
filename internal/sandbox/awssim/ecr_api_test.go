package awssim_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// What is in a repository is looked at, scanned and taken out with AWS's own SDK.
func TestImagesByTheAPI(t *testing.T) {
	const repository = account + ".dkr.ecr.us-east-1.amazonaws.com/user-image"
	w, cfg := api(t)
	one, other := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	update(t, w, func(tx *world.Tx) error {
		if err := tx.Put(&world.Object{Kind: "aws:ecr/repository:Repository", ID: "user-image", Props: map[string]any{"repositoryUrl": repository}}); err != nil {
			return err
		}
		for tag, digest := range map[string]string{"a": one, "b": one, "c": other} {
			if err := awssim.PushImage(tx, repository, tag, digest); err != nil {
				return err
			}
		}
		c := *tx.Get(awssim.ImageKind, repository+":c")
		c.Props = map[string]any{"repository": "user-image", "repositoryUrl": repository, "tag": "c", "digest": other, "findings": "CVE-2024-3094 CRITICAL xz-utils, CVE-1 HIGH"}
		return tx.Put(&c)
	})
	client, ctx := ecr.NewFromConfig(cfg("us-east-1")), t.Context()
	name := sdk.String("user-image")
	_, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: sdk.String("none")})
	refused(t, "a repository that is not there", err, "RepositoryNotFoundException")
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: sdk.String("x")}}})
	refused(t, "a tag that is not there", err, "ImageNotFoundException")
	all, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name})
	if err != nil || len(all.ImageDetails) != 2 || all.ImageDetails[0].ImagePushedAt == nil {
		t.Fatalf("%v, %+v", err, all)
	}

	for digest, want := range map[string]int{one: 0, other: 2} {
		found, err := client.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: name, ImageId: &ecrtypes.ImageIdentifier{ImageDigest: &digest}})
		if err != nil || len(found.ImageScanFindings.Findings) != want || found.ImageScanStatus.Status != ecrtypes.ScanStatusComplete {
			t.Errorf("%s: %v, %+v", digest, err, found)
		}
	}

	gone, err := client.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: name, ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: &one}, {ImageTag: sdk.String("x")}}})
	if err != nil || len(gone.ImageIds) != 2 || len(gone.Failures) != 1 || gone.Failures[0].FailureCode != ecrtypes.ImageFailureCodeImageNotFound {
		t.Errorf("%v, %+v", err, gone)
	}
	if all, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name}); err != nil || len(all.ImageDetails) != 1 || *all.ImageDetails[0].ImageDigest != other {
		t.Errorf("left: %v, %+v", err, all)
	}
}
