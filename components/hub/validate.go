package hub

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Names that Kubernetes and Helm take: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
// https://helm.sh/docs/chart_template_guide/builtin_objects/.
var (
	dnsLabel     = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostName     = lazyregexp.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	configMapKey = lazyregexp.New(`^[A-Za-z0-9._-]{1,253}$`)
)

const (
	maxReleaseName = 53
	// maxConfigMap is the most a ConfigMap holds, in bytes: https://kubernetes.io/docs/concepts/configuration/configmap/
	maxConfigMap = 1 << 20
)

func (a *Args) namespace() string { return cmp.Or(a.Namespace, a.Release) }

func (a *Args) validate() error {
	var problems []error
	if !dnsLabel.MatchString(a.Release) || len(a.Release) > maxReleaseName {
		problems = append(problems, fmt.Errorf("release %q: use at most %d lower-case letters, digits and dashes", a.Release, maxReleaseName))
	}
	if a.Namespace != "" && !dnsLabel.MatchString(a.Namespace) {
		problems = append(problems, fmt.Errorf("namespace %q: use at most 63 lower-case letters, digits and dashes", a.Namespace))
	}
	if a.Domain != "" && !hostName.MatchString(a.Domain) {
		problems = append(problems, fmt.Errorf("domain %q is not a domain name such as hub.example.org", a.Domain))
	}
	if a.Chart.Path == "" && a.Chart.Version == "" {
		problems = append(problems, errors.New("no chart version is given: name one, so that the same configuration installs the same chart"))
	}
	if a.Chart.Path != "" && (a.Chart.Name != "" || a.Chart.Repository != "") {
		problems = append(problems, errors.New("chart: give a path, or a name and a repository, not both"))
	}
	if a.TimeoutSeconds < 0 {
		problems = append(problems, fmt.Errorf("timeoutSeconds is %d: give 1 or more, or 0 for %d", a.TimeoutSeconds, DefaultTimeout))
	}
	switch a.LoadBalancer {
	case "", LoadBalancerClassic, LoadBalancerNetwork:
	default:
		problems = append(problems, fmt.Errorf("loadBalancer %q is none of %s, %s", a.LoadBalancer, LoadBalancerClassic, LoadBalancerNetwork))
	}
	problems = append(problems, a.checkHTTPS(), a.checkAuth(), a.checkHomes(), a.checkImages(), CheckTemplates(a.Templates), CheckManifests(a.Manifests))
	return errors.Join(problems...)
}

func (a *Args) checkHTTPS() error {
	https := &a.HTTPS
	switch https.Type {
	case HTTPSFromValues, HTTPSOff:
	case HTTPSManual:
		if https.Certificate == nil || https.Key == nil {
			return errors.New("https type manual needs a certificate and its key")
		}
	case HTTPSOffload:
		if https.CertificateArn == nil {
			return errors.New("https type offload needs the ARN of a certificate in ACM")
		}
	case HTTPSLetsEncrypt:
		if a.Domain == "" || https.ContactEmail == "" {
			return errors.New("https type letsencrypt needs a domain and a contactEmail")
		}
	default:
		return fmt.Errorf("https type %q is none of %s, %s, %s, %s", https.Type, HTTPSManual, HTTPSOffload, HTTPSLetsEncrypt, HTTPSOff)
	}
	return nil
}

func (a *Args) checkHomes() error {
	if a.Homes != nil && (a.Homes.Claim == nil) == (a.Homes.ClaimName == nil) {
		return errors.New("homes: give either a claim to make or the name of one that exists")
	}
	return nil
}

func (a *Args) checkImages() error {
	var problems []error
	seen := map[string]bool{}
	for i := range a.Images {
		img := &a.Images[i]
		for _, part := range []struct {
			what  string
			value pulumi.StringInput
		}{{"repository", img.Repository}, {"digest", img.Digest}} {
			if part.value == nil {
				problems = append(problems, fmt.Errorf("images[%d] has no %s", i, part.what))
			}
		}
		for _, path := range img.paths() {
			if path == "" || seen[path] {
				problems = append(problems, fmt.Errorf("images[%d]: path %q is empty or taken by another image", i, path))
			}
			seen[path] = true
		}
	}
	return errors.Join(problems...)
}

// CheckTemplates says what is wrong with page templates, by their file names: one that cannot be a key of a ConfigMap, or more than that holds.
func CheckTemplates(templates map[string]string) error {
	var problems []error
	size := 0
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		size += len(name) + len(templates[name])
		if !configMapKey.MatchString(name) {
			problems = append(problems, fmt.Errorf("template %q: a file name may have letters, digits and . _ -, and no directories", name))
		}
	}
	if size > maxConfigMap {
		problems = append(problems, fmt.Errorf("templates take %d bytes together; a ConfigMap holds %d", size, maxConfigMap))
	}
	return errors.Join(problems...)
}
