package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

func (c *checker) cluster() {
	k := &c.Cluster
	if k.From != "" && k.Existing != "" {
		c.add("cluster.existing", "names a cluster, but cluster.from takes another environment's", "give one of them")
	}
	if k.From != "" {
		c.clusterFrom()
	}
	c.matches("cluster.existing", k.Existing, clusterForm)
	if c.written("cluster.name") && c.matches("cluster.name", k.Name, clusterForm) {
		c.within("cluster.name", k.Name+longestRole, "an IAM role", maxRole)
	}
	c.principals("cluster.admins", k.Admins)
	for i, a := range k.Access {
		path := fmt.Sprintf("cluster.access[%d]", i)
		if c.required(path+".principal", a.Principal, "name a user or role, such as "+principalForm.example) {
			c.matches(path+".principal", a.Principal, principalForm)
		}
		if c.required(path+".policy", a.Policy, "use "+oneOf(accessPolicies)) {
			c.choice(path+".policy", a.Policy, accessPolicies...)
		}
		each(path+".namespaces", a.Namespaces, func(path, namespace string) { c.matches(path, namespace, labelForm) })
	}
	if path := "cluster.permissionsBoundary"; c.written(path) {
		c.matches(path, k.PermissionsBoundary, policyForm)
	}
	if !k.Own() {
		return // the rest is about making one
	}
	if c.required("cluster.version", k.Version, `the Kubernetes version in quotes, such as "1.35"`) {
		c.matches("cluster.version", k.Version, versionForm)
	}
	c.endpoint()
	each("cluster.logTypes", k.LogTypes, func(path, log string) { c.choice(path, log, logTypes...) })
	c.addons()
	c.nodeGroups()
	if k.Autoscaler.Enabled && c.required("cluster.autoscaler.chartVersion", k.Autoscaler.ChartVersion, "an exact version, such as 9.56.0") {
		c.exactVersion("cluster.autoscaler.chartVersion", k.Autoscaler.ChartVersion)
	}
}

// exactVersion checks a chart's version: a range would change by itself.
func (c *checker) exactVersion(path, version string) {
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err != nil {
		c.add(path, fmt.Sprintf("%s is not an exact version", quoted(version)), "write it like 4.4.0")
	}
}

func (c *checker) clusterFrom() {
	from := c.Cluster.From
	if from == c.Environment {
		c.add("cluster.from", "is this environment itself", "name another one, or take it out")
		return
	}
	name, err := projectFile(c.Dir)
	if err != nil {
		return
	}
	project, _, err := readTree(c.Dir, name)
	if err != nil || project == nil {
		return
	}
	envs, err := environments(c.Dir, stackDir(project), name[len("Pulumi"):])
	if err == nil && !slices.Contains(envs, from) {
		c.add("cluster.from", fmt.Sprintf("there is no environment %q", from), "there are "+strings.Join(envs, ", "))
	}
}

func (c *checker) endpoint() {
	e := &c.Cluster.Endpoint
	if !e.Public && !e.Private {
		c.add("cluster.endpoint", "is neither public nor private, so nobody could reach the API server", "set one of them to true")
	}
	switch {
	case e.Public && len(e.PublicCIDRs) == 0:
		c.add("cluster.endpoint.publicCidrs", "is missing, which would open the API server to everybody", `say so with ["0.0.0.0/0"], or list the ranges that may reach it`)
	case !e.Public && len(e.PublicCIDRs) > 0:
		c.add("cluster.endpoint.publicCidrs", "is for a public endpoint", "take it out, or set cluster.endpoint.public to true")
	}
	// https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
	if e.Public && !e.Private && len(e.PublicCIDRs) > 0 && !slices.Contains(e.PublicCIDRs, "0.0.0.0/0") {
		c.add("cluster.endpoint.private", "is false, so the nodes could not reach the API server", "set it to true")
	}
	each("cluster.endpoint.publicCidrs", e.PublicCIDRs, func(path, cidr string) {
		p, err := netip.ParsePrefix(cidr)
		switch {
		case err != nil:
			c.add(path, fmt.Sprintf("%s is not an address range", quoted(cidr)), "write it like 203.0.113.0/24")
		case p != p.Masked():
			c.add(path, fmt.Sprintf("%q begins inside its own block", cidr), fmt.Sprintf("is %s meant?", p.Masked()))
		case p.Addr().IsPrivate():
			c.add(path, fmt.Sprintf("%q is for private use, and requests to the public endpoint never come from there", cidr), "use the addresses that the outside sees")
		}
	})
}

func (c *checker) addons() {
	a := &c.Cluster.Addons
	for path, version := range map[string]string{
		"vpcCni": a.VpcCni.Version, "coredns": a.CoreDNS.Version, "kubeProxy": a.KubeProxy.Version, "ebsCsi": a.EbsCsi.Version, "efsCsi": a.EfsCsi.Version,
	} {
		at := "cluster.addons." + path + ".version"
		if path != "ebsCsi" && path != "efsCsi" {
			c.required(at, version, "pin it, such as "+addonForm.example)
		}
		c.matches(at, version, addonForm)
	}
	c.between("cluster.addons.vpcCni.warmIpTarget", a.VpcCni.WarmIPTarget, 0, 250)
	// https://kubernetes.io/releases/version-skew-policy/#kube-proxy
	m := addonForm.FindStringSubmatch(a.KubeProxy.Version)
	if m == nil || !versionForm.MatchString(c.Cluster.Version) {
		return
	}
	proxy, cluster := minor(m[2]), minor(strings.TrimPrefix(c.Cluster.Version, "1."))
	if proxy > cluster || proxy < cluster-3 {
		c.add("cluster.addons.kubeProxy.version", fmt.Sprintf("%s does not go with Kubernetes %s", a.KubeProxy.Version, c.Cluster.Version), "use a build of the cluster's own version")
	}
}

func minor(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (c *checker) nodeGroups() {
	groups := c.Cluster.NodeGroups
	if len(groups) == 0 {
		c.add("cluster.nodeGroups", "is empty: pods would have nowhere to run", "give a group for the hub and one for users")
		return
	}
	names := make([]string, len(groups))
	purposes := map[string]bool{}
	for i := range groups {
		names[i] = groups[i].Name
		purposes[groups[i].Purpose] = true
	}
	c.unique("cluster.nodeGroups", names)
	for i := range groups {
		c.nodeGroup("cluster.nodeGroups"+named(names, i), &groups[i])
	}
	if !slices.ContainsFunc(groups, func(g NodeGroup) bool { return g.Min > 0 && len(g.Taints) == 0 }) {
		c.add("cluster.nodeGroups", "have none that is never empty and without taints, so the cluster's own pods would have nowhere to run", "give one min 1 or more and no taints")
	}
	// A group with a purpose draws the pods of that purpose, so that the other kind needs a place of its own.
	if slices.ContainsFunc(groups, func(g NodeGroup) bool { return g.Purpose != "" && g.Purpose != PurposeCore && g.Purpose != PurposeUser }) {
		return // reported already
	}
	for purpose, pods := range map[string]string{PurposeCore: "the hub itself", PurposeUser: "single-user servers"} {
		if (purposes[PurposeCore] || purposes[PurposeUser]) && !purposes[purpose] {
			c.add("cluster.nodeGroups", fmt.Sprintf("have none with purpose %s, so %s would have nowhere to run", purpose, pods), "give one that purpose, or give none a purpose")
		}
	}
}

func (c *checker) nodeGroup(path string, g *NodeGroup) {
	if c.required(path+".name", g.Name, "it is unique in the cluster, such as user") && c.matches(path+".name", g.Name, nameForm) {
		c.within(path+".name", c.Cluster.Name+"-"+g.Name, "a node group", maxNodeGroup)
	}
	if g.Purpose != "" {
		c.choice(path+".purpose", g.Purpose, PurposeCore, PurposeUser)
	}
	if len(g.InstanceTypes) == 0 {
		c.add(path+".instanceTypes", "is missing", `list at least one, such as ["t3.xlarge"]`)
	}
	each(path+".instanceTypes", g.InstanceTypes, func(path, instance string) { c.matches(path, instance, instanceForm) })
	switch {
	case g.Min < 0:
		c.add(path+".min", fmt.Sprintf("is %d", g.Min), "use 0 or more")
	case !c.written(path + ".max"):
		c.required(path+".max", "", fmt.Sprintf("use 1 to %d", maxNodes))
	case g.Max < 1 || g.Max > maxNodes:
		c.between(path+".max", g.Max, 1, maxNodes)
	case g.Min > g.Max:
		c.add(path+".min", fmt.Sprintf("is %d, more than max, which is %d", g.Min, g.Max), "min ≤ desired ≤ max")
	case g.Desired < g.Min || g.Desired > g.Max:
		c.add(path+".desired", fmt.Sprintf("is %d, outside min and max, %d and %d", g.Desired, g.Min, g.Max), "min ≤ desired ≤ max")
	}
	c.between(path+".diskGiB", g.DiskGiB, minDisk, maxDisk)
	if g.AmiType != "" {
		c.choice(path+".amiType", g.AmiType, amiTypes...)
	}
	if g.GPU && g.AmiType != "" && !strings.Contains(g.AmiType, "NVIDIA") {
		c.add(path+".amiType", fmt.Sprintf("%s has no GPU drivers", g.AmiType), "leave it out, or use AL2023_x86_64_NVIDIA")
	}
	c.zones(path+".zones", g.Zones)
	if all := c.Network.AvailabilityZones.Names; len(all) > 0 {
		each(path+".zones", g.Zones, func(path, zone string) {
			if !slices.Contains(all, zone) {
				c.add(path, fmt.Sprintf("%q is not among the network's zones", zone), "there are "+strings.Join(all, ", "))
			}
		})
	}
	for key, value := range g.Labels {
		if wrong := labelProblem(key, value); wrong != "" {
			c.add(join(path+".labels", key), wrong, "")
		}
		if key == "hub.jupyter.org/node-purpose" {
			c.add(join(path+".labels", key), "is set by purpose", "take it out and set purpose")
		}
	}
	if len(g.Taints) > maxTaints {
		c.add(path+".taints", fmt.Sprintf("are %d", len(g.Taints)), fmt.Sprintf("EKS allows %d", maxTaints))
	}
	for i, t := range g.Taints {
		at := fmt.Sprintf("%s.taints[%d]", path, i)
		if c.required(at+".key", t.Key, "such as hub.jupyter.org/dedicated") {
			if wrong := labelProblem(t.Key, t.Value); wrong != "" {
				c.add(at, wrong, "")
			}
		}
		c.choice(at+".effect", t.Effect, effects...)
	}
}

func (c *checker) storage() {
	s := &c.Storage
	c.matches("storage.fileSystemId", s.FileSystemID, fileSystemForm)
	c.keyArn("storage.kmsKeyArn", s.KmsKeyArn)
	c.choice("storage.throughputMode", s.ThroughputMode, "bursting", "elastic")
	c.between("storage.homeSizeGiB", s.HomeSizeGiB, 1, 1<<20)
	r := &c.Registry
	each("registry.repositories", r.Repositories, func(path, name string) { c.repository(path, name) })
	c.between("registry.keepImages", r.KeepImages, 1, 10000)
	each("registry.pullAccounts", r.PullAccounts, func(path, account string) { c.matches(path, account, accountForm) })
	k := &c.SecretStore
	c.keyArn("secretstore.keyArn", k.KeyArn)
	if alias := "secretstore.keyAlias"; strings.HasPrefix(k.KeyAlias, "alias/") {
		c.add(alias, fmt.Sprintf("%s begins with alias/, which is added", quoted(k.KeyAlias)), "write "+strings.TrimPrefix(k.KeyAlias, "alias/"))
	} else if strings.HasPrefix(k.KeyAlias, "aws/") {
		c.add(alias, "begins with aws/, which AWS keeps for itself", "use another name")
	} else if c.matches(alias, k.KeyAlias, aliasForm) {
		c.within(alias, k.KeyAlias, "a KMS alias", maxAlias)
	}
	if name := "secretstore.codecommit.name"; k.Codecommit.Enabled {
		if c.matches(name, k.Codecommit.Name, codecommitForm) {
			c.within(name, k.Codecommit.Name, "a CodeCommit repository", maxCodecommit)
		}
		if strings.HasSuffix(k.Codecommit.Name, ".git") {
			c.add(name, "ends in .git, which CodeCommit refuses", "leave that out")
		}
	}
	c.secretFiles()
	c.principals("secretstore.encryptPrincipals", k.EncryptPrincipals)
	c.principals("secretstore.decryptPrincipals", k.DecryptPrincipals)
	c.between("secretstore.deletionWindowDays", k.DeletionWindowDays, minWindow, maxWindow)
}

// keyArn checks a KMS key's ARN: EFS takes keys of its own region only.
func (c *checker) keyArn(path, arn string) {
	if c.matches(path, arn, keyForm) && arn != "" {
		if region := keyForm.FindStringSubmatch(arn)[1]; region != c.Region() {
			c.add(path, fmt.Sprintf("is a key of region %s, but the deployment is in %s", region, c.Region()), "use a key of that region")
		}
	}
}

func (c *checker) repository(path, name string) {
	if c.matches(path, name, repositoryForm) {
		c.within(path, c.Prefix()+"-"+name, "an ECR repository", maxRepository)
	}
}
