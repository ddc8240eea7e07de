package hub

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args say what the hub is made of. Plain values decide which resources there are; inputs may come from other components.
type Args struct {
	// Release is the Helm release's name. Required.
	Release string
	// Namespace is where the hub lives; empty means Release. The component makes it.
	Namespace string
	// ExistingNamespace uses the namespace as it is found instead.
	ExistingNamespace bool
	// Domain is the name that users type, such as hub.example.org. OAuth and Let's Encrypt need it.
	Domain string
	// Chart says which chart is installed.
	Chart Chart
	// ValuesPrefix is the key under which the JupyterHub chart's values stand when the chart is a wrapper around it, "jupyterhub"
	// mostly; empty when it is the chart itself.
	ValuesPrefix string
	// Values are the chart's values, as read from files; see the package comment for what is put on top.
	Values map[string]any
	// SecretValues are laid over Values. Every leaf becomes a secret by itself.
	SecretValues map[string]any
	// Secrets are what the hub would otherwise make up at random at every rendering.
	Secrets Secrets
	// HTTPS says who ends TLS.
	HTTPS HTTPS
	// Auth says who logs in, and how.
	Auth Auth
	// LoadBalancer is the kind of load balancer, LoadBalancerClassic or LoadBalancerNetwork; empty means classic.
	LoadBalancer string
	// Homes is where home directories are; nil leaves it to the values.
	Homes *Homes
	// Images are images by digest that are put into the values.
	Images []Image
	// Templates are pages that replace JupyterHub's own, by file name.
	Templates map[string]string
	// Manifests are further Kubernetes objects, as plain data, that are made before the release: claims that its values name, and such. One
	// without a namespace goes into the hub's. Data of Secrets is secret; claims and volumes are protected and retained as Protect says.
	Manifests []map[string]any
	// Description is what Helm's history says of the release's revision. Another one than before has Helm upgrade the release, whatever else is the same.
	Description string
	// TimeoutSeconds limits each wait of Helm; 0 means DefaultTimeout.
	TimeoutSeconds int
	// Atomic rolls a failed upgrade back, and uninstalls a failed installation.
	Atomic bool
	// Protect makes the engine refuse to delete the namespace, which holds the hub's database and the claims.
	Protect bool
	// Tags are put on the namespace, as labels where they can be one and as annotations otherwise, and on the load balancer.
	Tags map[string]string
}

// Chart is a Helm chart.
type Chart struct {
	// Name is its name in Repository; empty means DefaultChart.
	Name string
	// Repository is a chart repository's URL; empty means DefaultRepository.
	Repository string
	// Version is the exact version. Required unless Path is given.
	Version string
	// Path is a chart on disk, instead of one in a repository.
	Path string
	// Digest is a digest of what is at Path. The provider sees a local chart change only by its version, so that the digest goes
	// into the values (custom.chartDigest) to make an edit seen.
	Digest string
	// UpdateDependencies makes Helm fetch what the chart at Path depends on and does not hold.
	UpdateDependencies bool
}

// Secrets are values that have to stay the same from one deployment to the next. Each may be nil; all are made secrets.
type Secrets struct {
	// ProxyToken is what hub and proxy know each other by: 32 random bytes in hexadecimal.
	ProxyToken pulumi.StringInput
	// CookieSecret signs login cookies: 32 random bytes in hexadecimal.
	CookieSecret pulumi.StringInput
	// CryptKey encrypts what authenticators keep: 32 random bytes in hexadecimal.
	CryptKey pulumi.StringInput
}

// Who ends TLS.
const (
	// HTTPSFromValues leaves proxy.https as the values have it.
	HTTPSFromValues = ""
	// HTTPSManual is the hub's proxy, with a certificate and key of yours.
	HTTPSManual = "manual"
	// HTTPSOffload is the load balancer, with a certificate from ACM.
	HTTPSOffload = "offload"
	// HTTPSLetsEncrypt is the chart's own proxy, which gets its certificate from Let's Encrypt.
	HTTPSLetsEncrypt = "letsencrypt"
	// HTTPSOff is nobody.
	HTTPSOff = "off"
)

// HTTPS says who ends TLS and with what.
type HTTPS struct {
	// Type is one of the constants above.
	Type string
	// Certificate and Key are PEM texts, the certificate with its chain behind it. For HTTPSManual.
	Certificate, Key pulumi.StringInput
	// CertificateArn is a certificate in ACM. For HTTPSOffload.
	CertificateArn pulumi.StringInput
	// ContactEmail is whom Let's Encrypt writes to. For HTTPSLetsEncrypt.
	ContactEmail string
}

// Kinds of load balancer.
const (
	LoadBalancerClassic = "classic"
	LoadBalancerNetwork = "network"
)

// Homes are home directories on one shared volume, a directory each.
type Homes struct {
	// Claim makes the claim in the hub's namespace and returns its name and the resources that have to exist before pods mount
	// it. opts carry the parent and make it wait for the namespace.
	Claim func(ctx *pulumi.Context, namespace string, opts ...pulumi.ResourceOption) (name pulumi.StringInput, resources []pulumi.Resource, err error)
	// ClaimName is a claim that exists in the namespace already, instead of Claim.
	ClaimName pulumi.StringInput
	// SubPath is a user's directory on the volume; empty means "{username}".
	SubPath string
}

// Image is an image that single-user servers run.
type Image struct {
	// Repository is its repository, without a tag.
	Repository pulumi.StringInput
	// Tag is shown beside the digest; nil or empty shows none.
	Tag pulumi.StringInput
	// Digest is what is run: "sha256:…".
	Digest pulumi.StringInput
	// Paths are where in the JupyterHub chart's values the image goes, dotted, list items by number; without any it is
	// singleuser.image. A {name, tag} pair is set, or one string where the values have a string or below kubespawner_override. A
	// leading "jupyterhub." is dropped.
	Paths []string
}
