package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/deploydir"
	"github.com/hubwright/hubwright/internal/problem"
)

// checker collects what is wrong with a stack's values.
type checker struct {
	*Stack
	unread   Problems // what could not be read: it has its default and is not to be blamed for that
	problems Problems
}

// validate returns what was wrong on reading and everything that is wrong with the values.
func (s *Stack) validate(unread Problems) Problems {
	c := &checker{Stack: s, unread: unread}
	c.names()
	c.deployment()
	c.creds()
	c.network()
	c.cluster()
	c.storage()
	c.images()
	c.gates()
	c.hubs()
	c.dns()
	c.pins()
	c.guards()
	return append(slices.Clone(unread), c.problems...)
}

// add reports a problem at a path, unless what stands there could not be read anyway.
func (c *checker) add(path, message, hint string) {
	for _, p := range c.unread {
		if path == p.Path || strings.HasPrefix(path, p.Path+".") || strings.HasPrefix(path, p.Path+"[") {
			return
		}
	}
	at := c.place(path)
	c.problems = append(c.problems, Problem{File: at.file, Line: at.line, Path: path, Message: message, Hint: hint})
}

// place is where the value at a path was written, or the nearest one around it.
func (s *Stack) place(path string) place {
	for {
		if at, ok := s.places[path]; ok || path == "" {
			return at
		}
		path = parent(path)
	}
}

// written says whether a file has a value at a path.
func (s *Stack) written(path string) bool {
	_, ok := s.places[path]
	return ok
}

// parent is a path without its last part.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// required reports an empty value; it returns whether there is one. A mistyped key beside it explains why it is missing.
func (c *checker) required(path, value, hint string) bool {
	if value == "" && !slices.ContainsFunc(c.unread, func(p Problem) bool {
		return strings.Contains(p.Message, "is not a key") && parent(p.Path) == parent(path)
	}) {
		c.add(path, "is missing", hint)
	}
	return value != ""
}

// matches reports a value that does not have the form it should; it returns whether it does. The empty value passes.
func (c *checker) matches(path, value string, f form) bool {
	if value == "" || f.MatchString(value) {
		return true
	}
	c.add(path, fmt.Sprintf("%s is not %s", quoted(value), f.what), "write it like "+f.example)
	return false
}

// within reports a name that is too long.
func (c *checker) within(path, name, what string, most int) {
	if len(name) > most {
		c.add(path, fmt.Sprintf("%s is %d characters long as the name of %s", quoted(name), len(name), what), fmt.Sprintf("at most %d are allowed", most))
	}
}

// choice reports a value that is none of those that there are.
func (c *checker) choice(path, value string, known ...string) {
	if !slices.Contains(known, value) {
		hint := "use " + oneOf(known)
		if near := problem.Nearest(value, known); near != "" {
			hint = fmt.Sprintf("did you mean %q? It is one of %s", near, oneOf(known))
		}
		c.add(path, fmt.Sprintf("%s is not known", quoted(value)), hint)
	}
}

// between reports a number outside its range.
func (c *checker) between(path string, n, least, most int) {
	if n < least || n > most {
		c.add(path, fmt.Sprintf("is %d", n), fmt.Sprintf("use %d to %d", least, most))
	}
}

// each checks the entries of a list, with their paths.
func each(path string, list []string, check func(path, value string)) {
	for i, value := range list {
		check(fmt.Sprintf("%s[%d]", path, i), value)
	}
}

// unique reports names that are there twice.
func (c *checker) unique(path string, names []string) {
	c.distinct(path+"[%d].name", names, "give each a name of its own")
}

// distinct reports values that are there twice. path has %d for a value's place.
func (c *checker) distinct(path string, values []string, hint string) {
	for i, value := range values {
		if first := slices.Index(values, value); value != "" && first != i {
			c.add(fmt.Sprintf(path, i), fmt.Sprintf("%q is there already, as entry %d", value, first), hint)
		}
	}
}

// names checks that what is named after the deployment and the environment fits everywhere.
func (c *checker) names() {
	if c.required("deployment.name", c.Deployment.Name, "it begins the names of everything, such as roman-sit") {
		c.matches("deployment.name", c.Deployment.Name, nameForm)
	}
	if message, hint := EnvironmentName(c.Environment); message != "" {
		c.add("", message, hint)
	}
	const prefix = "deployment.name"
	c.within(prefix, c.Prefix()+longestRole, "an IAM role", maxRole)
	for i := range c.Hubs {
		c.within(prefix, c.ReleaseName(c.Hubs[i].Name), "a Helm release", maxRelease)
	}
}

// EnvironmentName says why a text cannot be an environment, and what can; "" when it can be one.
func EnvironmentName(name string) (message, hint string) {
	if nameForm.MatchString(name) {
		return "", ""
	}
	return fmt.Sprintf("%q cannot be an environment: it is part of names", name), "use " + nameForm.what
}

func (c *checker) deployment() {
	d := &c.Deployment
	if c.required("deployment.accountId", d.AccountID, "twelve digits in quotes") {
		c.matches("deployment.accountId", d.AccountID, accountForm)
	}
	path := "deployment.region"
	if !c.written(path) && c.awsRegion != "" {
		path = "aws:region"
	}
	if c.required(path, d.Region, "set aws:region, such as us-east-1") && c.matches(path, d.Region, regionForm) && c.awsRegion != "" && d.Region != c.awsRegion {
		c.add(path, fmt.Sprintf("%q is not aws:region, which is %q", d.Region, c.awsRegion), "give one of them")
	}
	c.required("deployment.owner", d.Owner, "who answers for the deployment, such as a group's name")
	reserved := []string{"deployment", "environment", "owner", "managed-by", "hub", "Name"}
	if most := maxTags - len(reserved); len(d.Tags) > most {
		c.add("deployment.tags", fmt.Sprintf("are %d", len(d.Tags)), fmt.Sprintf("AWS allows %d on a resource, of which %d are hubwright's", maxTags, len(reserved)))
	}
	for key, value := range d.Tags {
		path := join("deployment.tags", key)
		switch {
		case slices.Contains(reserved, key):
			c.add(path, "is set by hubwright itself", "use another key")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			c.add(path, "begins with aws:, which AWS keeps for itself", "use another key")
		case len(key) > maxTagKey || len(value) > maxTagValue:
			c.add(path, "is too long", fmt.Sprintf("a key has at most %d characters, a value %d", maxTagKey, maxTagValue))
		}
	}
}

// principals checks that people and roles are named one by one.
func (c *checker) principals(path string, arns []string) {
	each(path, arns, func(path, arn string) {
		switch {
		case strings.Contains(arn, "*"):
			c.add(path, fmt.Sprintf("%s trusts strangers", quoted(arn)), "name each user or role, such as "+principalForm.example)
		case strings.HasSuffix(arn, ":root"):
			c.add(path, fmt.Sprintf("%s trusts a whole account", quoted(arn)), "name each user or role, such as "+principalForm.example)
		default:
			if c.required(path, arn, "name a user or role, such as "+principalForm.example) {
				c.matches(path, arn, principalForm)
			}
		}
	})
}

func (c *checker) creds() {
	r := &c.Creds
	c.choice("creds.mode", r.Mode, CredsCreate, CredsAssume, CredsAmbient)
	switch {
	case r.Mode == CredsAssume:
		c.required("creds.roleArn", r.RoleArn, "mode assume needs the role's ARN, such as "+roleForm.example)
	case r.RoleArn != "":
		c.add("creds.roleArn", "is for mode assume", "take it out, or set creds.mode to assume")
	}
	if r.Mode == CredsCreate && len(r.TrustedPrincipals) == 0 && len(r.Users) == 0 {
		c.add("creds.trustedPrincipals", "is empty: nobody could assume the deployer role", "name each user or role, such as "+principalForm.example)
	}
	c.matches("creds.roleArn", r.RoleArn, roleForm)
	c.matches("creds.permissionsBoundary", r.PermissionsBoundary, policyForm)
	c.principals("creds.trustedPrincipals", r.TrustedPrincipals)
	each("creds.users", r.Users, func(path, user string) { c.matches(path, user, iamNameForm) })
	if path := "creds.namePrefix"; c.written(path) && c.matches(path, r.NamePrefix, iamNameForm) {
		c.within("creds.namePrefix", r.NamePrefix+longestRole, "an IAM role", maxRole)
	}
}

func (c *checker) network() {
	n := &c.Network
	if !c.Cluster.Own() {
		return // the cluster's own network is used
	}
	if n.Existing() {
		c.existingNetwork()
	} else {
		c.newNetwork()
	}
	z := &n.AvailabilityZones
	if count := z.Count + len(z.Names); count < minZones || count > maxZones {
		c.add("network.availabilityZones", fmt.Sprintf("are %d", count), fmt.Sprintf("use %d to %d zones: EKS wants two at least", minZones, maxZones))
	}
	c.zones("network.availabilityZones", z.Names)
	each("network.endpoints", n.Endpoints, func(path, service string) { c.matches(path, service, endpointForm) })
	c.choice("network.nat", n.NAT, NATNone, NATSingle, NATPerZone)
	if n.NAT != NATNone && !n.Private && !n.Existing() {
		c.add("network.nat", fmt.Sprintf("is %s, but there are no private subnets", n.NAT), "set network.private to true, or take nat out")
	}
	if n.NAT == NATNone && n.Private && !n.Existing() {
		for _, service := range []string{"s3", "ecr.api", "ecr.dkr", "sts", "ec2"} {
			if !slices.Contains(n.Endpoints, service) {
				c.add("network.nat", fmt.Sprintf("is none, and there is no endpoint for %s: nodes could not join the cluster", service),
					"add it to network.endpoints, or use nat single: https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html")
			}
		}
	}
}

// zones checks that zones are of the region, each once.
func (c *checker) zones(path string, names []string) {
	each(path, names, func(at, zone string) {
		m := zoneForm.FindStringSubmatch(zone)
		switch {
		case m == nil:
			c.matches(at, zone, zoneForm)
		case m[1] != c.Region():
			c.add(at, fmt.Sprintf("%q is not a zone of region %s", zone, c.Region()), "write it like "+c.Region()+"a")
		}
	})
	for i, zone := range names {
		if slices.Index(names, zone) != i {
			c.add(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is there twice", zone), "")
		}
	}
}

func (c *checker) newNetwork() {
	n := &c.Network
	p, err := netip.ParsePrefix(n.CIDR)
	switch {
	case err != nil || !p.Addr().Is4():
		c.add("network.cidr", fmt.Sprintf("%s is not an IPv4 address range", quoted(n.CIDR)), "write it like 172.16.0.0/16")
	case p != p.Masked():
		c.add("network.cidr", fmt.Sprintf("%q begins inside its own block", n.CIDR), fmt.Sprintf("is %s meant?", p.Masked()))
	case p.Bits() < widestVPC || p.Bits() > narrowestVPC:
		c.add("network.cidr", fmt.Sprintf("%q is a /%d, which the subnets do not fit into", n.CIDR, p.Bits()), fmt.Sprintf("use a /%d to /%d", widestVPC, narrowestVPC))
	case !p.Addr().IsPrivate() && !carrierGrade.Contains(p.Addr()):
		c.add("network.cidr", fmt.Sprintf("%q is not a range for private use", n.CIDR), "use one in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10")
	}
	for path, ids := range map[string][]string{"network.publicSubnetIds": n.PublicSubnetIDs, "network.privateSubnetIds": n.PrivateSubnetIDs} {
		if len(ids) > 0 {
			c.add(path, "are subnets of an existing VPC, but none is named", "set network.vpcId or network.vpcName")
		}
	}
}

// carrierGrade is shared address space (https://www.rfc-editor.org/rfc/rfc6598), which VPCs may use too.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func (c *checker) existingNetwork() {
	n := &c.Network
	if n.VpcID != "" && n.VpcName != "" {
		c.add("network.vpcName", "names a VPC that vpcId names already", "give one of them")
	}
	c.matches("network.vpcId", n.VpcID, vpcForm)
	for _, key := range []string{"cidr", "nat"} {
		if path := "network." + key; c.written(path) {
			c.add(path, "is for a new VPC, but an existing one is named", "take one of them out; null takes a default of "+"Pulumi.yaml out")
		}
	}
	each("network.publicSubnetIds", n.PublicSubnetIDs, func(path, id string) { c.matches(path, id, subnetForm) })
	each("network.privateSubnetIds", n.PrivateSubnetIDs, func(path, id string) { c.matches(path, id, subnetForm) })
}

// missing says that there is nothing at a path of the deployment.
func (c *checker) missing(name string) bool {
	_, err := c.Files().Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// file checks that a path of the deployment is there, as a folder or a file.
func (c *checker) file(path, name string, folder bool) {
	want, other := "a file", "a folder"
	if folder {
		want, other = other, want
	}
	if filepath.IsAbs(name) {
		c.add(path, fmt.Sprintf("%s is absolute, so it holds on one machine only", quoted(name)), "write it relative to the deployment directory")
		return
	}
	info, err := c.Files().Stat(name)
	switch {
	case errors.Is(err, deploydir.ErrOutside):
		c.add(path, fmt.Sprintf("%s %v", quoted(name), deploydir.ErrOutside), "move it in, or name its folder at deployment.outside")
	case os.IsNotExist(err):
		c.add(path, fmt.Sprintf("%s does not exist", quoted(name)), "give "+want+" relative to the deployment directory")
	case err != nil:
		c.add(path, fmt.Sprintf("%s cannot be read: %v", quoted(name), err), "")
	case info.IsDir() != folder:
		c.add(path, fmt.Sprintf("%s is %s", quoted(name), other), want+" is wanted")
	}
}
