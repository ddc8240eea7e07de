package stacks

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/hubwright/hubwright/components/certificate"
	"github.com/hubwright/hubwright/components/dns"
	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/internal/config"
)

// makeHubs makes every hub of the stack with its record, and tells what came of them.
func (d *deployment) makeHubs() error {
	out, again := pulumi.Map{}, pulumi.StringMap{}
	for i := range d.Hubs {
		if text := d.again(d.Hubs[i].Name); text != "" {
			again[d.Hubs[i].Name] = pulumi.String(text)
		}
		in := d.hubs[d.Hubs[i].Name]
		for _, p := range in.doubts {
			if err := d.ctx.Log.Warn(p.String(), nil); err != nil {
				return err
			}
		}
		if missing := in.missing; len(missing) > 0 {
			if err := d.wait(&d.Hubs[i], missing); err != nil {
				return err
			}
			continue
		}
		made, err := d.makeHub(&d.Hubs[i])
		if err != nil {
			return fmt.Errorf("hub %s: %w", d.Hubs[i].Name, err)
		}
		out[d.Hubs[i].Name] = made
	}
	d.ctx.Export("hubs", out)
	if len(again) > 0 {
		d.ctx.Export(againOutput, again)
	}
	return nil
}

// againOutput is the output that has of each hub what Options.Again said of it last, so that leaving it out is no change.
const againOutput = "releasesRepeated"

// again is why a hub's release was last gone over again; "" for never.
func (d *deployment) again(hub string) string {
	if text := d.opts.Again[hub]; text != "" {
		return text
	}
	before, _ := d.before(againOutput, hub)
	text, _ := before.(string)
	return text
}

// wait leaves a hub out that lacks what a person has to enter, so that all that needs none of it can be made before, such as the key that the secrets
// are encrypted with. A hub that is there already is never left out, since that would delete it.
func (d *deployment) wait(c *config.Hub, missing config.Problems) error {
	if there, _ := d.outputs["hubs"].(map[string]any); there[c.Name] != nil {
		return fmt.Errorf("the secrets of %s:\n%w", d.Environment, missing)
	}
	return d.ctx.Log.Warn(fmt.Sprintf("hub %s%s\n%s", c.Name, waits, missing.Error()), nil)
}

// waits is what is said of a hub that is left out.
const waits = " waits for its secrets and is left out for now:"

// Waits says whether a warning of the program's is that a hub waits for its secrets.
func Waits(warning string) bool {
	first, _, _ := strings.Cut(warning, "\n")
	return strings.HasPrefix(first, "hub ") && strings.HasSuffix(first, waits)
}

// makeHub makes a hub and its record and returns what is told of it.
func (d *deployment) makeHub(c *config.Hub) (pulumi.Map, error) {
	args, err := d.hubArgs(c)
	if err != nil {
		return nil, err
	}
	opts := []pulumi.ResourceOption{pulumi.Providers(d.cluster.Provider)}
	if needs := d.cluster.Workloads(); len(needs) > 0 {
		opts = append(opts, pulumi.DependsOn(needs))
	}
	h, err := hub.New(d.ctx, c.Name, args, opts...)
	if err != nil {
		return nil, err
	}
	kind := dns.CNAME
	if d.DNS.Record == config.RecordAlias {
		kind = dns.Alias
	}
	record, err := dns.New(d.ctx, c.Name+"-dns", &dns.Args{
		Domain: c.Domain, Target: h.LoadBalancerHostname, ZoneID: d.DNS.ZoneID, Zone: d.DNS.Zone, Kind: kind, TTL: d.DNS.TTL, Overwrite: d.DNS.Overwrite,
		LookupProvider: d.ambient,
	}, d.aws)
	if err != nil {
		return nil, err
	}
	made := pulumi.Map{
		"url": h.URL, "callbackUrl": h.CallbackURL, "namespace": h.Namespace, "release": h.ReleaseName, "status": h.ReleaseStatus,
		"chart": pulumi.Sprintf("%s %s", c.Chart.Name, h.ChartVersion), "chartVersion": h.ChartVersion, "loadBalancer": h.LoadBalancerHostname,
		"fqdn": record.Fqdn, "dns": record.Instruction,
	}
	if img := d.images[c.Image]; img != nil {
		made["image"] = img.Ref
	}
	return made, nil
}

// hubArgs turns a hub's configuration into the component's arguments.
func (d *deployment) hubArgs(c *config.Hub) (*hub.Args, error) {
	in := d.hubs[c.Name]
	manifests, err := Manifests(d.Stack, c)
	if err != nil {
		return nil, err
	}
	chart, err := d.chart(c)
	if err != nil {
		return nil, err
	}
	templates, err := Templates(d.Stack, c)
	if err != nil {
		return nil, err
	}
	args := argsOf(d.Stack, c, in)
	args.Templates, args.Manifests, args.Chart, args.Homes, args.Description = templates, concealed(manifests), chart, d.homes(c), d.again(c.Name)
	if args.HTTPS.CertificateArn, err = d.certificate(c); err != nil {
		return nil, err
	}
	if img := d.images[c.Image]; img != nil {
		args.Images = []hub.Image{{Repository: img.RepositoryURL, Tag: img.Tag, Digest: img.Digest, Paths: d.imagePaths(c.Image)}}
	}
	return args, nil
}

// argsOf are the component's arguments as far as a hub's configuration, its values and its secrets say them.
func argsOf(stack *config.Stack, c *config.Hub, in *hubInput) *hub.Args {
	s := in.secrets
	return &hub.Args{
		Release: stack.ReleaseName(c.Name), Namespace: c.Namespace, Domain: c.Domain, Values: in.plain, SecretValues: in.hidden, ValuesPrefix: c.Chart.ValuesKey,
		TimeoutSeconds: c.TimeoutSeconds, Atomic: c.Atomic,
		Secrets: hub.Secrets{ProxyToken: secret(s.ProxyToken), CookieSecret: secret(s.CookieSecret), CryptKey: secret(s.CryptKey)},
		HTTPS: hub.HTTPS{
			Type: httpsTypes[c.HTTPS.Type], Certificate: secret(s.TLS.Certificate), Key: secret(s.TLS.Key), ContactEmail: c.HTTPS.ContactEmail,
		},
		Auth:    authOf(&c.Auth, s.OAuth),
		Protect: stack.Storage.Protect, Tags: hubTags(stack, c),
	}
}

// certificate is the ARN of the certificate that the hub's load balancer ends TLS with; nil when it does not.
func (d *deployment) certificate(c *config.Hub) (pulumi.StringInput, error) {
	h := &c.HTTPS
	switch {
	case h.CertificateArn != "":
		return pulumi.String(h.CertificateArn), nil
	case h.CertificateDomain != "":
		return certificate.Find(d.ctx, h.CertificateDomain, pulumi.Provider(d.ambient))
	case h.RequestCertificate:
		made, err := certificate.New(d.ctx, c.Name+"-certificate", &certificate.Args{
			Domain: c.Domain, ZoneID: d.DNS.ZoneID, Zone: d.DNS.Zone, Tags: hubTags(d.Stack, c), LookupProvider: d.ambient,
		}, d.aws)
		if err != nil {
			return nil, err
		}
		return made.Arn, nil
	}
	return nil, nil
}

// chart is the hub's chart: from a repository, or in a folder, whose content counts, and that of the folders that it takes others from.
func (d *deployment) chart(c *config.Hub) (hub.Chart, error) {
	if c.Chart.Path == "" {
		return hub.Chart{Name: c.Chart.Name, Repository: c.Chart.Repository, Version: d.ChartVersion(c)}, nil
	}
	digest, fetches, err := ChartDigest(d.Stack, c)
	if err != nil {
		return hub.Chart{}, fmt.Errorf("reading the chart: %w", err)
	}
	return hub.Chart{Path: c.Chart.Path, Digest: digest, UpdateDependencies: fetches}, nil
}

// ChartDigest is the digest of a hub's chart in a folder, and of the folders that it takes others from; "" for a chart from a repository. fetches says
// that it depends on charts that it does not hold.
func ChartDigest(stack *config.Stack, h *config.Hub) (digest string, fetches bool, err error) {
	if h.Chart.Path == "" {
		return "", false, nil
	}
	fetches, beside, err := ChartDependencies(stack, h)
	if err != nil {
		return "", false, err
	}
	for _, folder := range append([]string{h.Chart.Path}, beside...) {
		one, err := dirhash.HashDir(filepath.Join(stack.Dir, folder), "", dirhash.Hash1)
		if err != nil {
			return "", false, err
		}
		digest += one
	}
	return digest, fetches, nil
}

// traits are the settings of an authenticator's class that have no field of the component's own:
// https://oauthenticator.readthedocs.io/en/latest/reference/index.html
func traits(a *config.Auth) map[string]any {
	out := map[string]any{}
	if len(a.AllowedOrganizations) > 0 {
		out["allowed_organizations"] = anys(a.AllowedOrganizations)
		if a.Scopes == nil {
			out["scope"] = []any{"read:org"} // to see who belongs to them
		}
	}
	if len(a.HostedDomains) > 0 {
		out["hosted_domain"] = anys(a.HostedDomains)
	}
	idps := map[string]any{}
	for idp, claim := range a.AllowedIDPs {
		idps[idp] = map[string]any{"username_derivation": map[string]any{"username_claim": claim}}
	}
	if len(idps) > 0 {
		out["allowed_idps"] = idps
	}
	maps.Copy(out, a.Config)
	return out
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// httpsTypes map how the configuration names who ends TLS to how the component does.
var httpsTypes = map[string]string{
	config.HTTPSManual: hub.HTTPSManual, config.HTTPSOffload: hub.HTTPSOffload, config.HTTPSLetsEncrypt: hub.HTTPSLetsEncrypt, config.HTTPSOff: hub.HTTPSOff,
	config.HTTPSValues: hub.HTTPSFromValues,
}

// authOf maps how the configuration names ways to log in to how the component does.
func authOf(a *config.Auth, s config.OAuthSecrets) hub.Auth {
	return hub.Auth{
		Type: map[string]string{
			config.AuthMAST: hub.AuthMAST, config.AuthOAuth: hub.AuthOIDC, config.AuthCognito: hub.AuthCognito, config.AuthGitHub: hub.AuthGitHub,
			config.AuthGoogle: hub.AuthGoogle, config.AuthCILogon: hub.AuthCILogon, config.AuthDummy: hub.AuthDummy, config.AuthValues: hub.AuthFromValues,
		}[a.Type],
		Config:   traits(a),
		ClientID: secret(s.ClientID), ClientSecret: secret(s.ClientSecret), AuthorizeURL: a.AuthorizeURL, TokenURL: a.TokenURL, UserdataURL: a.UserdataURL,
		Scopes: a.Scopes, UsernameClaim: a.UsernameClaim, LoginService: a.LoginService, AllowedUsers: a.AllowedUsers, AdminUsers: a.AdminUsers,
		AllowAll: a.AllowAll,
	}
}

func (d *deployment) imagePaths(name string) []string {
	for _, i := range d.Images {
		if i.Name == name {
			return i.ValuesPaths
		}
	}
	return nil
}

func hubTags(stack *config.Stack, c *config.Hub) map[string]string {
	tags := map[string]string{"hub": c.Name}
	for k, v := range stack.Tags() {
		tags[k] = v
	}
	return tags
}

// secret marks a text as secret; nil when there is none, which leaves it to the component.
func secret(text string) pulumi.StringInput {
	if text == "" {
		return nil
	}
	return pulumi.ToSecret(pulumi.String(text)).(pulumi.StringOutput)
}
