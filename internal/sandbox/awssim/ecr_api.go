package awssim

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// ecrRequest is what the operations are asked, as far as it is looked at.
type ecrRequest struct {
	RepositoryName string            `json:"repositoryName"`
	ImageIDs       []ecrIdentifier   `json:"imageIds"`
	ImageID        ecrIdentifier     `json:"imageId"`
	Filter         map[string]string `json:"filter"`
}

// ecrIdentifier names an image.
type ecrIdentifier struct {
	Digest string `json:"imageDigest,omitempty"`
	Tag    string `json:"imageTag,omitempty"`
}

// ecrImage is an image with all its tags, sorted.
type ecrImage struct {
	digest  string
	objects []*world.Object // a tag each, in order of the tags
}

// ecrAnswer does what programs need that look at images, scan them or take them out:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html. Nothing was built, so that no image has a size.
func ecrAnswer(tx *world.Tx, c *apiCall) (*reply, error) {
	var in ecrRequest
	if err := c.read(&in); err != nil {
		return nil, err
	}
	repository := tx.Get(repositoryToken, in.RepositoryName)
	if repository == nil {
		return nil, apiError("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", in.RepositoryName, c.me.account)
	}
	images := ecrImages(tx, repository)
	var out map[string]any
	var err error
	switch operation := jsonOperation(c); operation {
	case "DescribeImages":
		out, err = describeImages(c, &in, images)
	case "BatchDeleteImage":
		out, err = deleteImages(tx, &in, images)
	case "StartImageScan", "DescribeImageScanFindings":
		out, err = scanFindings(c, &in, images)
	default:
		return nil, notSimulated(operation)
	}
	if err != nil {
		return nil, err
	}
	return jsonReply(out)
}

// ecrImages are the images of a repository, by digest.
func ecrImages(tx *world.Tx, repository *world.Object) []*ecrImage {
	var out []*ecrImage
	for _, o := range imagesOf(tx, repository) {
		i := slices.IndexFunc(out, func(e *ecrImage) bool { return e.digest == o.String("digest") })
		if i < 0 {
			out = append(out, &ecrImage{digest: o.String("digest")})
			i = len(out) - 1
		}
		out[i].objects = append(out[i].objects, o)
	}
	for _, e := range out {
		slices.SortFunc(e.objects, func(a, b *world.Object) int { return cmp.Compare(a.String("tag"), b.String("tag")) })
	}
	return out
}

func (e *ecrImage) tags() []string {
	var out []string
	for _, o := range e.objects {
		out = append(out, o.String("tag"))
	}
	return out
}

// is says whether an identifier names the image.
func (e *ecrImage) is(id ecrIdentifier) bool {
	return (id.Digest == "" || id.Digest == e.digest) && (id.Tag == "" || slices.Contains(e.tags(), id.Tag)) && id != ecrIdentifier{}
}

func findImage(c *apiCall, in *ecrRequest, images []*ecrImage, id ecrIdentifier) (*ecrImage, error) {
	i := slices.IndexFunc(images, func(e *ecrImage) bool { return e.is(id) })
	if i < 0 {
		return nil, apiError("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
			cmp.Or(id.Digest, "null"), cmp.Or(id.Tag, "null"), in.RepositoryName, c.me.account)
	}
	return images[i], nil
}

func describeImages(c *apiCall, in *ecrRequest, images []*ecrImage) (map[string]any, error) {
	found := images
	if len(in.ImageIDs) > 0 {
		found = nil
		for _, id := range in.ImageIDs {
			e, err := findImage(c, in, images, id)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
	}
	details := []any{}
	for _, e := range found {
		pushed := e.objects[0].Created
		for _, o := range e.objects {
			if o.Created.After(pushed) {
				pushed = o.Created
			}
		}
		if in.Filter["tagStatus"] == "UNTAGGED" {
			continue // none is
		}
		details = append(details, map[string]any{
			"registryId": c.me.account, "repositoryName": in.RepositoryName, "imageDigest": e.digest, "imageTags": e.tags(), "imagePushedAt": float64(pushed.UnixMilli()) / 1000,
		})
	}
	return map[string]any{"imageDetails": details}, nil
}

// deleteImages takes images out by digest, with all tags, or a tag alone.
func deleteImages(tx *world.Tx, in *ecrRequest, images []*ecrImage) (map[string]any, error) {
	deleted, failures := []any{}, []any{}
	for _, id := range in.ImageIDs {
		i := slices.IndexFunc(images, func(e *ecrImage) bool { return e.is(id) })
		if i < 0 {
			failures = append(failures, map[string]any{"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
			continue
		}
		for _, o := range images[i].objects {
			if tag := o.String("tag"); id.Tag == "" || id.Tag == tag {
				if err := tx.Delete(o.Kind, o.ID); err != nil {
					return nil, err
				}
				deleted = append(deleted, ecrIdentifier{Digest: images[i].digest, Tag: tag})
			}
		}
	}
	return map[string]any{"imageIds": deleted, "failures": failures}, nil
}

// scanFindings are those of a basic scan, which has always ended: nothing, unless the image has a property findings, such as "CVE-2024-3094 CRITICAL
// xz-utils, CVE-2023-4911 HIGH glibc".
func scanFindings(c *apiCall, in *ecrRequest, images []*ecrImage) (map[string]any, error) {
	e, err := findImage(c, in, images, in.ImageID)
	if err != nil {
		return nil, err
	}
	id := ecrIdentifier{Digest: e.digest}
	status := map[string]any{"status": "COMPLETE", "description": "The scan was completed successfully."}
	findings, counts := []any{}, map[string]int{}
	for _, o := range e.objects {
		for text := range strings.SplitSeq(o.String("findings"), ",") {
			words := strings.Fields(text)
			if len(words) == 0 {
				continue
			}
			words = append(words, "UNDEFINED", "")
			findings = append(findings, map[string]any{
				"name": words[0], "severity": words[1], "attributes": []any{map[string]any{"key": "package_name", "value": words[2]}},
			})
			counts[words[1]]++
		}
	}
	at := float64(e.objects[0].Created.UnixMilli()) / 1000
	return map[string]any{
		"registryId": c.me.account, "repositoryName": in.RepositoryName, "imageId": id, "imageScanStatus": status,
		"imageScanFindings": map[string]any{"findings": findings, "findingSeverityCounts": counts, "imageScanCompletedAt": at, "vulnerabilitySourceUpdatedAt": at},
	}, nil
}
