package controllers

import (
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// registryHost is the form of an ECR registry's address (https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html).
var registryHost = lazyregexp.New(`^(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

const repositoryKind = "aws:ecr/repository:Repository"

// ImageProblem says why an image cannot be pulled, "" when it can. Only images in ECR repositories of this world are looked up; every
// other registry is taken to have what is asked of it.
func ImageProblem(tx *world.Tx, image string) string {
	name, digest, byDigest := strings.Cut(image, "@")
	host, _, _ := strings.Cut(name, "/")
	m := registryHost.FindStringSubmatch(host)
	if m == nil {
		return ""
	}
	tag := "latest"
	if i := strings.LastIndex(name, ":"); i > len(host) {
		name, tag = name[:i], name[i+1:]
	}
	ours := m[1] == tx.Setting("account") || tx.Find(repositoryKind, func(o *world.Object) bool {
		return strings.HasPrefix(o.String("repositoryUrl"), host+"/")
	}) != nil
	if !ours {
		return ""
	}
	failed := fmt.Sprintf("Back-off pulling image %q: ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image %q: ", image, image)
	if tx.Find(repositoryKind, func(o *world.Object) bool { return o.String("repositoryUrl") == name }) == nil {
		return failed + "repository does not exist"
	}
	repository := strings.TrimPrefix(name, host+"/")
	if tx.Find(awssim.ImageKind, func(o *world.Object) bool {
		if o.String("repository") != repository && o.String("repositoryUrl") != name {
			return false
		}
		if byDigest {
			return o.String("digest") == digest
		}
		return o.String("tag") == tag
	}) == nil {
		return failed + "not found"
	}
	return ""
}
