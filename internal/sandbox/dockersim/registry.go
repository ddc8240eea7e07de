package dockersim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// reference is a parsed image name.
type reference struct {
	name string // with the registry's host
	host string
	tag  string
}

func (r reference) String() string { return r.name + ":" + r.tag }

// Forms of the parts of an image's name (https://github.com/distribution/reference/blob/main/reference.go).
var (
	pathForm = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm  = lazyregexp.New(`^\w[\w.-]{0,127}$`)
	hostForm = lazyregexp.New(`^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(:\d+)?$`)
	ecrForm  = lazyregexp.New(`^(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)
)

const maxName = 255

func parseReference(image string) (reference, error) {
	if strings.Contains(image, "@") {
		return reference{}, fmt.Errorf("%q names a digest: an image is pushed under a tag", image)
	}
	r := reference{name: image, tag: "latest"}
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		r.name, r.tag = image[:i], image[i+1:]
	}
	rest := r.name
	if first, after, ok := strings.Cut(r.name, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		r.host, rest = first, after
	} else {
		r.host = "docker.io"
	}
	switch {
	case strings.ToLower(rest) != rest:
		return reference{}, fmt.Errorf("invalid reference format: repository name (%s) must be lowercase", rest)
	case !pathForm.MatchString(rest) || !hostForm.MatchString(r.host) || !tagForm.MatchString(r.tag):
		return reference{}, fmt.Errorf("%q: invalid reference format", image)
	case len(r.name) > maxName:
		return reference{}, fmt.Errorf("%q: repository name must not be more than %d characters", image, maxName)
	}
	return r, nil
}

// push puts the image into its registry: an ECR repository of this world, or one that is only noted.
func push(tx *world.Tx, ref reference, digest string, registry map[string]any) error {
	m := ecrForm.FindStringSubmatch(ref.host)
	if m == nil {
		return tx.Put(&world.Object{
			Kind: foreignKind, ID: ref.String(), Created: tx.Now(), Ready: tx.Now(),
			Props: map[string]any{"name": ref.name, "tag": ref.tag, "digest": digest},
		})
	}
	if kubeapi.Text(registry, "username") != "AWS" || kubeapi.Text(registry, "password") == "" {
		return errors.New("error pushing image: no basic auth credentials")
	}
	if tx.Find("aws:ecr/repository:Repository", func(o *world.Object) bool { return o.String("repositoryUrl") == ref.name }) == nil {
		return fmt.Errorf("error pushing image: name unknown: The repository with name '%s' does not exist in the registry with id '%s'",
			strings.TrimPrefix(ref.name, ref.host+"/"), m[1])
	}
	if err := awssim.PushImage(tx, ref.name, ref.tag, digest); err != nil {
		return fmt.Errorf("error pushing image: %w", err)
	}
	return nil
}
