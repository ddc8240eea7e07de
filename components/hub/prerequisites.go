package hub

import (
	"fmt"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// managed is the label of everything the component makes itself:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
func managed() pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/managed-by": pulumi.String("hubwright")}
}

// prerequisites are what has to exist before the release's pods start.
type prerequisites struct {
	// namespace is the name of the hub's namespace. It is a plain value, so that a preview knows it; what lives in the namespace
	// waits for it through opts.
	namespace string
	// labels and annotations are on every object, from the hub's tags.
	labels, annotations pulumi.StringMap
	opts                []pulumi.ResourceOption
	resources           []pulumi.Resource
}

// namespace makes the namespace, or takes the one that exists.
func (h *Hub) namespace(ctx *pulumi.Context, name string, args *Args) (*prerequisites, error) {
	p := &prerequisites{namespace: args.namespace(), opts: []pulumi.ResourceOption{pulumi.Parent(h)}}
	p.labels, p.annotations = metadata(args.Tags)
	if args.ExistingNamespace {
		return p, nil
	}
	ns, err := corev1.NewNamespace(ctx, name+"-namespace", &corev1.NamespaceArgs{Metadata: &metav1.ObjectMetaArgs{
		Name: pulumi.String(p.namespace), Labels: p.labels, Annotations: p.annotations,
	}}, pulumi.Parent(h), pulumi.Protect(args.Protect))
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", p.namespace, err)
	}
	p.resources = append(p.resources, ns)
	p.opts = append(p.opts, pulumi.DependsOn([]pulumi.Resource{ns}))
	return p, nil
}

// labelValue and labelName are what Kubernetes takes as a label:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
var (
	labelValue  = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$`)
	labelName   = lazyregexp.New(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	notInALabel = lazyregexp.New(`[^A-Za-z0-9_.-]+`)
)

// metadata divides tags into labels, where their characters allow it, and annotations, under a name that does.
func metadata(tags map[string]string) (labels, annotations pulumi.StringMap) {
	labels, annotations = managed(), pulumi.StringMap{}
	for key, value := range tags {
		switch {
		case labelName.MatchString(key) && labelValue.MatchString(value):
			labels[key] = pulumi.String(value)
		case labelName.MatchString(key):
			annotations[key] = pulumi.String(value)
		default:
			if plain := strings.Trim(notInALabel.ReplaceAllString(key, "-"), "-_."); labelName.MatchString(plain) {
				annotations[plain] = pulumi.String(value)
			}
		}
	}
	return labels, annotations
}

// meta is the metadata of an object beside the release.
func (p *prerequisites) meta(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name: pulumi.String(name), Namespace: pulumi.String(p.namespace),
		Labels: p.labels, Annotations: p.annotations,
	}
}

// secrets makes the Secrets of TLS and of the OAuth client, as far as they are needed.
func (p *prerequisites) secrets(ctx *pulumi.Context, name string, args *Args) error {
	for _, s := range []struct {
		needed         bool
		suffix, object string
		kind           string
		data           map[string]pulumi.StringInput
	}{
		{args.HTTPS.Type == HTTPSManual, "tls", args.tlsName(), "kubernetes.io/tls", map[string]pulumi.StringInput{
			"tls.crt": args.HTTPS.Certificate, "tls.key": args.HTTPS.Key,
		}},
		{args.Auth.isOAuth(), "oauth", args.oauthName(), "Opaque", map[string]pulumi.StringInput{
			clientIDKey: args.Auth.ClientID, clientSecretKey: args.Auth.ClientSecret,
		}},
	} {
		if !s.needed {
			continue
		}
		data := pulumi.StringMap{}
		for key, value := range s.data {
			data[key] = pulumi.ToSecret(value).(pulumi.StringOutput)
		}
		made, err := corev1.NewSecret(ctx, name+"-"+s.suffix, &corev1.SecretArgs{
			Metadata: p.meta(s.object), Type: pulumi.String(s.kind), StringData: data,
		}, p.opts...)
		if err != nil {
			return fmt.Errorf("secret %q: %w", s.object, err)
		}
		p.resources = append(p.resources, made)
	}
	return nil
}

// templates makes the ConfigMap of the pages.
func (p *prerequisites) templates(ctx *pulumi.Context, name string, args *Args) error {
	if len(args.Templates) == 0 {
		return nil
	}
	made, err := corev1.NewConfigMap(ctx, name+"-templates", &corev1.ConfigMapArgs{
		Metadata: p.meta(templatesName), Data: pulumi.ToStringMap(args.Templates),
	}, p.opts...)
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	p.resources = append(p.resources, made)
	return nil
}

// homes makes the claim for home directories and puts it into the values.
func (p *prerequisites) homes(ctx *pulumi.Context, args *Args, v *values) error {
	if args.Homes == nil {
		return nil
	}
	claim := args.Homes.ClaimName
	if args.Homes.Claim != nil {
		made, resources, err := args.Homes.Claim(ctx, p.namespace, p.opts...)
		if err != nil {
			return fmt.Errorf("claim for homes: %w", err)
		}
		claim = made
		p.resources = append(p.resources, resources...)
	}
	return v.homes(args.Homes, claim)
}

// homes has users' servers mount the claim for their homes.
func (v *values) homes(h *Homes, claim pulumi.StringInput) error {
	return v.set(map[string]any{
		"type": "static", "static": map[string]any{"pvcName": claim, "subPath": h.subPath()},
	}, "singleuser", "storage")
}
