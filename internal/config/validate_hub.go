package config

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func (c *checker) images() {
	names := c.imageNames()
	c.unique("images", names)
	for i := range c.Images {
		img, at := &c.Images[i], "images"+named(names, i)
		if c.required(at+".name", img.Name, "it is unique, such as user-image") {
			c.repository(at+".name", img.Name)
		}
		if c.required(at+".context", img.Context, "a folder of the deployment directory, such as images/user-image") {
			c.file(at+".context", img.Context, true)
			if !slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Path == at+".context" }) {
				c.file(at+".dockerfile", path.Join(img.Context, img.Dockerfile), false)
			}
		}
		c.build(at, img)
		each(at+".valuesPaths", img.ValuesPaths, func(path, value string) { c.matches(path, value, valuesPathForm) })
	}
}

// build checks what an image is built for and with.
func (c *checker) build(at string, img *Image) {
	c.matches(at+".platform", img.Platform, platformForm)
	each(at+".platforms", img.Platforms, func(path, value string) { c.matches(path, value, platformForm) })
	if c.written(at+".platform") && len(img.Platforms) > 0 {
		c.add(at+".platform", "is written beside platforms", "put it among platforms and take this out")
	}
	c.distinct(at+".platforms[%d]", img.Platforms, "name each once")
	each(at+".cacheFrom", img.CacheFrom, func(path, value string) { c.matches(path, value, imageForm) })
	c.distinct(at+".secrets[%d].id", img.SecretIDs(), "give each an id of its own")
	for i, s := range img.Secrets {
		at := fmt.Sprintf("%s.secrets[%d]", at, i)
		if c.required(at+".id", s.ID, "it is what the Dockerfile names the secret by, such as pip-token") {
			c.matches(at+".id", s.ID, buildSecretForm)
		}
		if s.Env != "" && s.File != "" {
			c.add(at+".file", "names a second place beside env", "give one of them")
		}
		if s.Env != "" {
			c.matches(at+".env", s.Env, variableForm)
		}
		if s.File != "" && !filepath.IsAbs(s.File) && !strings.HasPrefix(s.File, "~/") {
			c.add(at+".file", quoted(s.File)+" is a path in the deployment directory, where a secret is in the clear for whoever reads the repository",
				"keep it outside, and give an absolute path or one that begins with ~/")
		}
	}
}

func (c *checker) hubs() {
	if len(c.Hubs) == 0 {
		c.add("hubs", "is empty: there is nothing to deploy", "give at least one hub")
	}
	names := make([]string, len(c.Hubs))
	for i := range c.Hubs {
		names[i] = c.Hubs[i].Name
	}
	c.unique("hubs", names)
	domains, namespaces := map[string]string{}, map[string]string{}
	for i := range c.Hubs {
		h, at := &c.Hubs[i], "hubs"+named(names, i)
		if c.required(at+".name", h.Name, "it is unique on the stack, such as hub") {
			c.matches(at+".name", h.Name, nameForm)
		}
		if c.written(at+".namespace") && c.matches(at+".namespace", h.Namespace, labelForm) {
			c.within(at+".namespace", h.Namespace, "a namespace", maxLabel)
		}
		if other, taken := namespaces[h.Namespace]; taken && h.Namespace != "" && h.Name != "" {
			c.add(at+".namespace", fmt.Sprintf("%q is the namespace of hub %q", h.Namespace, other), "give each hub its own")
		}
		if other, taken := domains[h.Domain]; taken && h.Domain != "" {
			c.add(at+".domain", fmt.Sprintf("%q is the domain of hub %q", h.Domain, other), "give each hub its own")
		}
		domains[h.Domain], namespaces[h.Namespace] = h.Name, h.Name
		c.hub(at, h)
		c.https(at+".https", h)
		c.auth(at+".auth", &h.Auth)
	}
}

func (c *checker) hub(at string, h *Hub) {
	if c.required(at+".domain", h.Domain, "the name users type, such as hub.example.org") && c.matches(at+".domain", h.Domain, domainForm) {
		c.within(at+".domain", h.Domain, "a domain", maxDomain)
		c.inZone(at+".domain", h.Domain)
	}
	if h.Chart.Path != "" {
		c.file(at+".chart.path", path.Join(h.Chart.Path, "Chart.yaml"), false)
	} else {
		c.matches(at+".chart.repository", h.Chart.Repository, chartForm)
		if c.required(at+".chart.version", h.Chart.Version, "an exact version, such as 4.4.0") {
			c.exactVersion(at+".chart.version", h.Chart.Version)
		}
	}
	if c.required(at+".chart.name", h.Chart.Name, "jupyterhub") {
		c.matches(at+".chart.name", h.Chart.Name, labelForm)
	}
	c.files(at+".values", h.Values)
	if !c.SecretStore.Files.Remote() { // what is in a repository is known when that is read
		c.files(at+".secretFiles", h.SecretFiles)
	}
	c.files(at+".manifests", h.Manifests)
	for key, file := range h.ValuesFromFiles {
		c.file(join(at+".valuesFromFiles", key), file, false)
	}
	if h.Chart.ValuesKey != "" && h.Chart.Path == "" {
		c.add(at+".chart.valuesKey", "is for a wrapper chart in a folder", "name the folder with chart.path, or take it out")
	}
	if h.Templates != "" {
		c.file(at+".templates", h.Templates, true)
	}
	if h.Image != "" && c.Image(h.Image) == nil {
		var known []string
		for _, img := range c.Images {
			known = append(known, img.Name)
		}
		c.add(at+".image", fmt.Sprintf("there is no image %q", h.Image), suggest(h.Image, known))
	}
	if d := h.Homes.Directory; d != "" && d != WholeFileSystem {
		c.matches(at+".homes.directory", d, directoryForm)
	}
	c.between(at+".homes.uid", h.Homes.UID, 1, maxID)
	c.between(at+".homes.gid", h.Homes.GID, 1, maxID)
	c.between(at+".timeoutSeconds", h.TimeoutSeconds, 60, 24*60*60)
}

// files checks files that are there or may be absent, each an entry with a path or an object.
func (c *checker) files(at string, files []File) {
	for i, f := range files {
		at := fmt.Sprintf("%s[%d]", at, i)
		if c.written(at + ".file") {
			at += ".file"
		}
		switch {
		case f.File == "":
			c.add(at, "is missing", "the file's path, relative to the deployment directory")
		case f.Optional && filepath.IsLocal(f.File) && c.missing(f.File):
		default:
			c.file(at, f.File, false)
		}
	}
}

// inZone checks that a domain lies in the zone that its record is written to, where such a record can stand.
func (c *checker) inZone(at, domain string) {
	zone := strings.TrimSuffix(c.DNS.Zone, ".")
	switch {
	case !domainForm.MatchString(zone) || strings.HasSuffix(domain, "."+zone):
	case domain != zone:
		c.add(at, fmt.Sprintf("%q is not in the zone %q", domain, zone), "use a name that ends in ."+zone+", or another dns.zone")
	case c.DNS.Record == RecordCNAME:
		c.add(at, fmt.Sprintf("%q is the zone's own name, where no CNAME can stand", domain), "set dns.record to alias")
	}
}

func (c *checker) https(at string, hub *Hub) {
	h := &hub.HTTPS
	c.choice(at+".type", h.Type, HTTPSManual, HTTPSOffload, HTTPSLetsEncrypt, HTTPSValues, HTTPSOff)
	if h.Type == HTTPSOff && !c.sandbox {
		c.add(at+".type", "is off, which sends passwords in the clear", "only the sandbox permits it: use manual, offload or letsencrypt")
	}
	c.certificate(at, hub)
	switch {
	case h.Type == HTTPSLetsEncrypt:
		if c.required(at+".contactEmail", h.ContactEmail, "Let's Encrypt wants an address to write to") {
			c.matches(at+".contactEmail", h.ContactEmail, emailForm)
		}
	case h.ContactEmail != "":
		c.add(at+".contactEmail", "is for type letsencrypt", "take it out, or set the type to letsencrypt")
	}
}

// certificate checks the three ways to name the certificate that offload ends TLS with.
func (c *checker) certificate(at string, hub *Hub) {
	h := &hub.HTTPS
	ways := []struct {
		name  string
		given bool
	}{{"certificateArn", h.CertificateArn != ""}, {"certificateDomain", h.CertificateDomain != ""}, {"requestCertificate", h.RequestCertificate}}
	first := ""
	for _, w := range ways {
		switch {
		case !w.given:
		case h.Type != HTTPSOffload:
			c.add(at+"."+w.name, "is for type offload", "take it out, or set the type to offload")
		case first != "":
			c.add(at+"."+w.name, "names a certificate that "+first+" names already", "give one of them")
		default:
			first = w.name
		}
	}
	if h.Type != HTTPSOffload {
		return
	}
	if first == "" {
		c.add(at+".certificateArn", "is missing", "offload needs an ACM certificate: give its ARN, such as "+certificateForm.example+
			", or its domain name as certificateDomain, or have one made with requestCertificate: true")
	}
	if h.CertificateArn != "" && c.matches(at+".certificateArn", h.CertificateArn, certificateForm) {
		if region := certificateForm.FindStringSubmatch(h.CertificateArn)[1]; region != c.Region() {
			c.add(at+".certificateArn", fmt.Sprintf("is a certificate of region %s, but the load balancer is in %s", region, c.Region()), "use a certificate of that region")
		}
	}
	if name := h.CertificateDomain; name != "" && c.matches(at+".certificateDomain", name, wildcardForm) && !covers(name, hub.Domain) {
		c.add(at+".certificateDomain", fmt.Sprintf("%q does not cover the hub's domain %q", name, hub.Domain),
			"use the certificate's domain name that does: "+hub.Domain+" or *."+afterLabel(hub.Domain))
	}
	if h.RequestCertificate && c.DNS.Zone == "" && c.DNS.ZoneID == "" {
		c.add(at+".requestCertificate", "is asked for without a hosted zone", "name the zone at dns.zone, where a record proves the domain to ACM; or request it by hand and give certificateArn")
	}
}

// covers reports whether a certificate's name, perhaps with *. before it, is that of a domain: https://www.rfc-editor.org/rfc/rfc6125#section-6.4.3
func covers(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(domain)
	if base, found := strings.CutPrefix(name, "*."); found {
		return afterLabel(domain) == base
	}
	return name == domain
}

// afterLabel is a domain without its first label.
func afterLabel(domain string) string {
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}

func (c *checker) dns() {
	d := &c.DNS
	if d.Zone != "" && d.ZoneID != "" {
		c.add("dns.zoneId", "names a zone that dns.zone names already", "give one of them")
	}
	c.matches("dns.zone", strings.TrimSuffix(d.Zone, "."), domainForm)
	c.matches("dns.zoneId", d.ZoneID, hostedZoneForm)
	c.choice("dns.record", d.Record, RecordCNAME, RecordAlias)
	c.between("dns.ttl", d.TTL, 1, maxTTL)
}

func (c *checker) pins() {
	var images, hubs []string
	for _, img := range c.Images {
		images = append(images, img.Name)
	}
	for _, h := range c.Hubs {
		hubs = append(hubs, h.Name)
	}
	for name, ref := range c.Pins.Images {
		at := join("pins.images", name)
		if !slices.Contains(images, name) {
			c.add(at, fmt.Sprintf("there is no image %q", name), suggest(name, images))
		}
		c.matches(at, ref, pinForm)
	}
	for name, version := range c.Pins.Charts {
		at := join("pins.charts", name)
		if !slices.Contains(hubs, name) {
			c.add(at, fmt.Sprintf("there is no hub %q", name), suggest(name, hubs))
		}
		c.exactVersion(at, version)
	}
}
