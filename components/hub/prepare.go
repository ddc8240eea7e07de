package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Names of what the component makes beside the chart.
const (
	templatesName = "hub-templates"
	templatesPath = "/etc/jupyterhub/templates"

	clientIDKey     = "client-id"
	clientSecretKey = "client-secret"
)

func (a *Args) tlsName() string   { return a.Release + "-tls" }
func (a *Args) oauthName() string { return a.Release + "-oauth" }

// balancerPath is where the annotations of the load balancer's Service are among the values.
var balancerPath = []string{"proxy", "service", "annotations"}

// Annotations of a Service that the AWS cloud provider reads:
// https://cloud-provider-aws.sigs.k8s.io/service_controller/
const (
	balancerType            = "service.beta.kubernetes.io/aws-load-balancer-type"
	balancerIdleTimeout     = "service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout"
	balancerTags            = "service.beta.kubernetes.io/aws-load-balancer-additional-resource-tags"
	balancerCertificate     = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert"
	balancerBackendProtocol = "service.beta.kubernetes.io/aws-load-balancer-backend-protocol"
	balancerTLSPorts        = "service.beta.kubernetes.io/aws-load-balancer-ssl-ports"
)

// idleTimeout is how long a classic load balancer keeps a silent connection, in seconds. Its own 60 cut the web sockets of
// notebooks.
const idleTimeout = "3600"

// prepare checks the arguments and lays the values together, all but the claim for homes, which is known only once it is made.
func (a *Args) prepare() (*values, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	v, err := a.given()
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, s := range a.steps() {
		problems = append(problems, s.lay(v))
	}
	if err := errors.Join(append(problems, a.check(v))...); err != nil {
		return nil, err
	}
	return v, nil
}

// check says what is wrong with the values that are laid together.
func (a *Args) check(v *values) error {
	var problems []error
	if found := nulls(v.root, ""); len(found) > 0 {
		problems = append(problems, fmt.Errorf("values: %s is null, and nulls do not pass from Pulumi to Helm: leave it out, so that the chart's default holds, or give a value", strings.Join(found, ", ")))
	}
	if a.Auth.Type != AuthFromValues && a.Auth.Type != AuthDummy && !v.someoneMayLogIn() {
		problems = append(problems, errors.New("nobody could log in: name allowedUsers or adminUsers, or say allowAll"))
	}
	return errors.Join(problems...)
}

// given are the component's defaults with the values and secret values of the arguments over them.
func (a *Args) given() (*values, error) {
	v := a.empty()
	if err := v.set(a.balancerAnnotations(), balancerPath...); err != nil {
		return nil, err
	}
	secret, _ := secretLeaves(a.SecretValues).(map[string]any)
	v.root = merge(merge(v.root, a.Values), secret)
	return v, nil
}

func (a *Args) empty() *values {
	v := &values{root: map[string]any{}}
	if a.ValuesPrefix != "" {
		v.prefix = []string{a.ValuesPrefix}
	}
	return v
}

// step lays what follows from a part of the arguments over the values.
type step struct {
	part string
	lay  func(v *values) error
}

// steps are what is laid over the values, in this order.
func (a *Args) steps() []step {
	out := []step{
		{PartSecrets, func(v *values) error { return v.secretConfig(&a.Secrets) }},
		{PartAuth, func(v *values) error { return v.authConfig(a) }},
		{PartAuth, func(v *values) error { return v.oauthEnv(a) }},
		{PartHTTPS, func(v *values) error { return v.httpsConfig(a) }},
		{PartTemplates, func(v *values) error { return v.templateConfig(a) }},
	}
	for i := range a.Images {
		for _, path := range a.Images[i].paths() {
			out = append(out, step{PartImages, func(v *values) error { return v.image(&a.Images[i], path) }})
		}
	}
	if a.Chart.Digest != "" {
		out = append(out, step{PartChart, func(v *values) error { return v.set(a.Chart.Digest, "custom", "chartDigest") }})
	}
	return out
}

// balancerAnnotations are defaults that the values may change.
func (a *Args) balancerAnnotations() map[string]any {
	out := map[string]any{}
	if a.LoadBalancer == LoadBalancerNetwork {
		out[balancerType] = "nlb"
	} else {
		out[balancerIdleTimeout] = idleTimeout
	}
	if a.HTTPS.Type == HTTPSOffload {
		out[balancerBackendProtocol] = "tcp"
		out[balancerTLSPorts] = "https"
	}
	var tags []string
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		// The annotation is a list without a way to quote.
		if value := a.Tags[key]; !strings.ContainsAny(key+value, ",=") {
			tags = append(tags, key+"="+value)
		}
	}
	if len(tags) > 0 {
		out[balancerTags] = strings.Join(tags, ",")
	}
	return out
}

// secretConfig hands in what the chart would make up.
func (v *values) secretConfig(s *Secrets) error {
	var problems []error
	for _, secret := range []struct {
		value   pulumi.StringInput
		path    [2]string
		several bool
	}{
		{value: s.ProxyToken, path: [2]string{"ConfigurableHTTPProxy", "auth_token"}},
		{value: s.CookieSecret, path: [2]string{"JupyterHub", "cookie_secret"}},
		{value: s.CryptKey, path: [2]string{"CryptKeeper", "keys"}, several: true},
	} {
		if secret.value == nil {
			continue
		}
		var leaf any = pulumi.ToSecret(secret.value)
		if secret.several {
			leaf = []any{leaf}
		}
		problems = append(problems, v.set(leaf, "hub", "config", secret.path[0], secret.path[1]))
	}
	return errors.Join(problems...)
}

// oauthEnv lets the hub read its client from the Secret, and restarts it when the client changes.
func (v *values) oauthEnv(a *Args) error {
	if !a.Auth.isOAuth() {
		return nil
	}
	from := func(key string) map[string]any {
		return map[string]any{"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": a.oauthName(), "key": key}}}
	}
	problems := []error{v.set(checksum(pulumi.ToSecret(a.Auth.ClientID), pulumi.ToSecret(a.Auth.ClientSecret)), "hub", "annotations", "checksum/oauth")}
	for _, variable := range []struct{ name, key string }{{clientIDVariable, clientIDKey}, {clientSecretVariable, clientSecretKey}} {
		env := from(variable.key)
		if _, isList := v.get("hub", "extraEnv").([]any); isList {
			env["name"] = variable.name
			problems = append(problems, v.push(env, "hub", "extraEnv"))
			continue
		}
		problems = append(problems, v.set(env, "hub", "extraEnv", variable.name))
	}
	return errors.Join(problems...)
}

// httpsConfig says who ends TLS.
func (v *values) httpsConfig(a *Args) error {
	https := map[string]any{"enabled": true}
	var problems []error
	switch a.HTTPS.Type {
	case HTTPSFromValues:
		return nil
	case HTTPSManual:
		https["type"] = "secret"
		https["secret"] = map[string]any{"name": a.tlsName()}
		problems = append(problems, v.set(checksum(pulumi.ToSecret(a.HTTPS.Certificate), pulumi.ToSecret(a.HTTPS.Key)), "proxy", "annotations", "checksum/tls"))
	case HTTPSOffload:
		https["type"] = "offload"
		problems = append(problems, v.set(a.HTTPS.CertificateArn, slices.Concat(balancerPath, []string{balancerCertificate})...))
	case HTTPSLetsEncrypt:
		https["type"] = "letsencrypt"
		https["hosts"] = []any{a.Domain}
		https["letsencrypt"] = map[string]any{"contactEmail": a.HTTPS.ContactEmail}
	case HTTPSOff:
		https["enabled"] = false
	}
	return errors.Join(append(problems, v.set(https, "proxy", "https"))...)
}

// templateConfig mounts the pages and tells JupyterHub where they are, behind whatever the values mount already.
func (v *values) templateConfig(a *Args) error {
	if len(a.Templates) == 0 {
		return nil
	}
	for _, taken := range []struct{ list, key, value string }{
		{"extraVolumes", "name", templatesName}, {"extraVolumeMounts", "mountPath", templatesPath},
	} {
		items, _ := v.get("hub", taken.list).([]any)
		for _, item := range items {
			if m, ok := item.(map[string]any); ok && m[taken.key] == taken.value {
				return fmt.Errorf("values: hub.%s has %s %q already, which is where the templates go: take it out, or give no templates", taken.list, taken.key, taken.value)
			}
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.Templates)) {
		_, _ = fmt.Fprintf(h, "%d %s %d %s", len(name), name, len(a.Templates[name]), a.Templates[name])
	}
	return errors.Join(
		v.push(map[string]any{"name": templatesName, "configMap": map[string]any{"name": templatesName}}, "hub", "extraVolumes"),
		v.push(map[string]any{"name": templatesName, "mountPath": templatesPath}, "hub", "extraVolumeMounts"),
		v.push(templatesPath, "hub", "templatePaths"),
		v.set(hex.EncodeToString(h.Sum(nil)), "hub", "annotations", "checksum/templates"),
	)
}

// checksum is a digest of texts; of secrets it is a secret.
func checksum(texts ...any) pulumi.StringOutput {
	return pulumi.All(texts...).ApplyT(func(vs []any) string {
		h := sha256.New()
		for _, v := range vs {
			text, _ := v.(string)
			_, _ = fmt.Fprintf(h, "%d %s", len(text), text)
		}
		return hex.EncodeToString(h.Sum(nil))
	}).(pulumi.StringOutput)
}
