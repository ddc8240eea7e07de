package images

import (
	"strings"

	"github.com/hubwright/hubwright/internal/config"
)

// Registry is the registry of an environment's images: that of its account and region in ECR.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func Registry(s *config.Stack) string {
	domain := "amazonaws.com"
	if s.Partition() == "aws-cn" {
		domain += ".cn"
	}
	return s.Deployment.AccountID + ".dkr.ecr." + s.Region() + "." + domain
}

// Repository is where an image of an environment is kept in a registry.
func Repository(s *config.Stack, registry, name string) string {
	return registry + "/" + s.Prefix() + "-" + name
}

// SplitPin takes a pinned reference apart, <repository>:<tag>@<digest> or <repository>@<digest>. tag is "" without one.
func SplitPin(pin string) (repository, tag, digest string) {
	repository, digest = config.SplitRef(pin)
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository, tag = repository[:i], repository[i+1:]
	}
	return repository, tag, digest
}
