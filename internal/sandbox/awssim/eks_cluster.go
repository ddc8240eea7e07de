package awssim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

var (
	// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
	clusterNameForm = lazyregexp.New(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)
	versionForm     = lazyregexp.New(`^1\.\d{2}$`)
)

// The minor versions that EKS has at the world's time, in standard or extended support; the newest is the default.
// https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
const (
	oldestMinor  = 29
	newestMinor  = 35
	defaultMinor = 34
)

const (
	eksService       = "eks.amazonaws.com"
	adminAccess      = "AmazonEKSClusterAdminPolicy"
	accessPolicyPath = "eks::aws:cluster-access-policy/"
)

func clusterKinds() map[string]*kind {
	return map[string]*kind{clusterToken: {
		Kind: provider.Kind{
			Name: "name", DeleteFirst: true,
			ForceNew: []string{
				"name", "roleArn", "kubernetesNetworkConfig.serviceIpv4Cidr", "kubernetesNetworkConfig.ipFamily", "bootstrapSelfManagedAddons",
				"accessConfig.bootstrapClusterCreatorAdminPermissions", "outpostConfig",
			},
			Computed: []string{
				"vpcConfig.clusterSecurityGroupId", "vpcConfig.vpcId", "vpcConfig.endpointPublicAccess", "vpcConfig.endpointPrivateAccess",
				"vpcConfig.publicAccessCidrs",
			},
			Check: checkCluster,
		},
		tagged: true,
		arn: func(c *call, id string) string {
			return c.me.makeARN("eks", "cluster/"+either(id, c.plannedName("name")))
		},
		create: createCluster, update: updateCluster, remove: removeCluster,
		rules: []string{
			"name: 1 to 100 letters, digits, - and _ ; taken once (ResourceInUseException)",
			"subnets exist, in one VPC, in two zones at least, none in a zone without EKS (UnsupportedAvailabilityZoneException)",
			"role exists, names eks.amazonaws.com in its trust policy and has a policy; groups and key exist",
			"version is one of EKS's; an update goes one minor version up, never down",
			"one of public and private endpoint; known log types; service range private, /12 to /24, apart from the VPC's",
			"deletion: not with node groups (ResourceInUseException)",
		},
	}}
}

func checkCluster(in map[string]any) []string {
	var p problems
	p.matches(in, "name", clusterNameForm, "1 to 100 letters, digits, - and _, beginning with a letter or digit")
	p.matches(in, "version", versionForm, "a minor version of Kubernetes such as 1.33")
	for _, t := range texts(in, "enabledClusterLogTypes") {
		if !slices.Contains([]string{"api", "audit", "authenticator", "controllerManager", "scheduler"}, t) {
			p.add("enabledClusterLogTypes", "%q is none of api, audit, authenticator, controllerManager, scheduler", t)
		}
	}
	p.oneOf(object(in, "accessConfig"), "authenticationMode", "API", "API_AND_CONFIG_MAP", "CONFIG_MAP")
	vpc := object(in, "vpcConfig")
	public, isPublic := vpc["endpointPublicAccess"].(bool)
	private, isPrivate := vpc["endpointPrivateAccess"].(bool)
	if isPublic && isPrivate && !public && !private {
		p.add("vpcConfig", "InvalidParameterException: Private and public endpoint access cannot be set to false.")
	}
	for _, block := range texts(vpc, "publicAccessCidrs") {
		p.cidr(map[string]any{"vpcConfig": block}, "vpcConfig", 0, 32)
	}
	p.cidr(map[string]any{"kubernetesNetworkConfig": object(in, "kubernetesNetworkConfig")["serviceIpv4Cidr"]}, "kubernetesNetworkConfig", 12, 24)
	p.tags(in)
	return p
}

// cluster finds a cluster by name.
func (c *call) cluster(name string) (*world.Object, error) {
	if o := c.tx.Get(clusterToken, name); o != nil {
		return o, nil
	}
	return nil, apiError("ResourceNotFoundException", "No cluster found for name: %s.", name)
}

// minor is the minor number of a Kubernetes version, 0 for none.
func minor(version string) int {
	_, m, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(m)
	return n
}

func (c *call) checkVersion(version string) error {
	if m := minor(version); version != "" && (m < oldestMinor || m > newestMinor) {
		return apiError("InvalidParameterException", "unsupported Kubernetes version %s (EKS has 1.%d to 1.%d)", version, oldestMinor, newestMinor)
	}
	return nil
}

func createCluster(c *call) (string, map[string]any, error) {
	name := c.autoName("name")
	if c.tx.Get(clusterToken, name) != nil {
		return "", nil, apiError("ResourceInUseException", "Cluster already exists with name: %s", name)
	}
	if err := c.checkVersion(text(c.In, "version")); err != nil {
		return "", nil, err
	}
	if err := c.serviceRole(text(c.In, "roleArn")); err != nil {
		return "", nil, err
	}
	subnets, err := c.clusterSubnets(name)
	if err != nil {
		return "", nil, err
	}
	vpc, err := c.vpc(subnets[0].String("vpcId"))
	if err != nil {
		return "", nil, err
	}
	config := object(c.In, "vpcConfig")
	groups := texts(config, "securityGroupIds")
	if err := c.groupsIn(groups, vpc.ID); err != nil {
		return "", nil, err
	}
	if err := c.clusterKeys(); err != nil {
		return "", nil, err
	}
	network, err := c.serviceRange(vpc.String("cidrBlock"))
	if err != nil {
		return "", nil, err
	}
	group, err := c.clusterGroup(name, vpc.ID)
	if err != nil {
		return "", nil, err
	}
	plugged := map[string]bool{}
	for _, s := range subnets { // the control plane has an interface in two zones
		if zone := s.String("availabilityZone"); !plugged[zone] && len(plugged) < 2 {
			plugged[zone] = true
			if _, err := c.plug(s, append([]string{group}, groups...), "Amazon EKS "+name, clusterToken, name, false); err != nil {
				return "", nil, err
			}
		}
	}
	return name, c.clusterOutputs(name, vpc.ID, group, network), c.bootstrapAdmin(name)
}

func (c *call) clusterOutputs(name, vpc, group string, network map[string]any) map[string]any {
	hex := strings.ToUpper(world.Hex(32))
	ca := base64.StdEncoding.EncodeToString([]byte("certificate authority of the simulated cluster " + name))
	config := map[string]any{
		"endpointPublicAccess": true, "endpointPrivateAccess": false, "publicAccessCidrs": []any{"0.0.0.0/0"},
		"clusterSecurityGroupId": group, "vpcId": vpc,
	}
	maps.Copy(config, object(c.In, "vpcConfig"))
	return c.with(
		map[string]any{
			"version": fmt.Sprintf("1.%d", defaultMinor), "kubernetesNetworkConfig": network, "bootstrapSelfManagedAddons": true,
			"accessConfig":  map[string]any{"authenticationMode": "API_AND_CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": true},
			"upgradePolicy": map[string]any{"supportType": "EXTENDED"},
		},
		map[string]any{
			"name": name, "arn": c.me.makeARN("eks", "cluster/"+name), "status": "ACTIVE", "platformVersion": "eks.1", "vpcConfig": config,
			"endpoint":               fmt.Sprintf("https://%s.gr7.%s.eks.%s", hex, c.me.region, domain(c.me.partition)),
			"certificateAuthority":   map[string]any{"data": ca},
			"certificateAuthorities": []any{map[string]any{"data": ca}},
			"identities": []any{map[string]any{"oidcs": []any{map[string]any{
				"issuer": fmt.Sprintf("https://oidc.eks.%s.%s/id/%s", c.me.region, domain(c.me.partition), hex),
			}}}},
			"createdAt": c.tx.Now().UTC().Format(time.RFC3339),
		})
}

// serviceRole checks the role that EKS assumes.
func (c *call) serviceRole(arn string) error {
	role := roleByARN(c.tx, arn)
	trusted := false
	if role != nil {
		trust, err := parseDocument(policyText(role.Props["assumeRolePolicy"]))
		trusted = err == nil && trust.trusts(eksService)
	}
	if !trusted {
		return apiError("InvalidParameterException", "Role with arn: %s, could not be assumed because it does not exist or the trusted entity is not correct", arn)
	}
	if !c.hasPolicy(role) {
		return apiError("InvalidParameterException", "The provided role doesn't have the Amazon EKS Managed Policies associated with it. "+
			"Please ensure the following policies [arn:%s:iam::aws:policy/AmazonEKSClusterPolicy] are attached", c.me.partition)
	}
	return nil
}

// hasPolicy reports whether a role has any right at all.
func (c *call) hasPolicy(role *world.Object) bool {
	return len(attachedPolicies(c.tx, role)) > 0 || len(objects(role.Props, "inlinePolicies")) > 0 ||
		c.tx.Find(rolePolicyToken, func(o *world.Object) bool { return o.String("role") == role.ID }) != nil
}

// clusterSubnets are the subnets asked for, which lie in one VPC and two zones at least.
func (c *call) clusterSubnets(name string) ([]*world.Object, error) {
	var subnets []*world.Object
	zones, vpcs := map[string]bool{}, map[string]bool{}
	info := region(c.me.region)
	without := info.prefix + "-az" + strconv.Itoa(info.noEKS)
	for _, id := range texts(object(c.In, "vpcConfig"), "subnetIds") {
		s, err := c.subnet(id)
		if err != nil {
			return nil, fmt.Errorf("InvalidParameterException: %w", err)
		}
		if s.String("availabilityZoneId") == without {
			return nil, apiError("UnsupportedAvailabilityZoneException",
				"Cannot create cluster '%s' because %s, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: %s",
				name, s.String("availabilityZone"), strings.Join(slices.DeleteFunc(zoneNames(c.me.region), func(z string) bool { return z == s.String("availabilityZone") }), ", "))
		}
		zones[s.String("availabilityZone")], vpcs[s.String("vpcId")] = true, true
		subnets = append(subnets, s)
	}
	switch {
	case len(zones) < 2:
		return nil, apiError("InvalidParameterException", "Subnets specified must be in at least two different AZs")
	case len(vpcs) > 1:
		return nil, apiError("InvalidParameterException", "Subnets specified must all be in the same VPC")
	}
	return subnets, nil
}

func (c *call) clusterKeys() error {
	arn := text(object(object(c.In, "encryptionConfig"), "provider"), "keyArn")
	if arn != "" && findKey(c.tx, arn) == nil {
		return apiError("InvalidParameterException", "The provided key %s does not exist or cannot be used", arn)
	}
	return nil
}

// serviceRange is the range of the cluster's services: the one asked for, apart from the VPC, or one that EKS chooses.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html
func (c *call) serviceRange(vpcBlock string) (map[string]any, error) {
	asked := text(object(c.In, "kubernetesNetworkConfig"), "serviceIpv4Cidr")
	private := within(asked, "10.0.0.0/8") || within(asked, "172.16.0.0/12") || within(asked, "192.168.0.0/16")
	if asked != "" && (!private || overlap(asked, vpcBlock)) {
		return nil, apiError("InvalidParameterException", "The specified service IPv4 CIDR %s is not a private range apart from the VPC's %s", asked, vpcBlock)
	}
	if asked == "" {
		asked = "10.100.0.0/16"
		if overlap(asked, vpcBlock) || within(vpcBlock, "10.0.0.0/8") {
			asked = "172.20.0.0/16"
		}
	}
	return map[string]any{"serviceIpv4Cidr": asked, "ipFamily": "ipv4"}, nil
}

// clusterGroup makes the security group that EKS makes for a cluster; control plane and nodes are in it.
// https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
func (c *call) clusterGroup(name, vpc string) (string, error) {
	id := c.tx.NewID("sg")
	return id, c.tx.Put(&world.Object{
		Kind: securityGroupToken, ID: id, Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{
			"name": "eks-cluster-sg-" + name + "-" + world.Hex(8), "vpcId": vpc, "ownerId": c.me.account, "arn": c.me.makeARN("ec2", "security-group/"+id),
			"description": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
			"madeBy":      "eks", "tags": map[string]any{"kubernetes.io/cluster/" + name: "owned", "aws:eks:cluster-name": name},
		},
	})
}

// bootstrapAdmin makes the creator an administrator of the cluster, unless that is not wanted.
func (c *call) bootstrapAdmin(name string) error {
	access := object(c.In, "accessConfig")
	if no, asked := access["bootstrapClusterCreatorAdminPermissions"].(bool); asked && !no {
		return nil
	}
	principal := c.me.principal(c.tx)
	if err := c.tx.Put(&world.Object{
		Kind: accessEntryToken, ID: name + ":" + principal, Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{"clusterName": name, "principalArn": principal, "type": "STANDARD", "madeBy": "eks"},
	}); err != nil {
		return err
	}
	policy := fmt.Sprintf("arn:%s:%s%s", c.me.partition, accessPolicyPath, adminAccess)
	return c.tx.Put(&world.Object{
		Kind: accessAssociationToken, ID: name + "#" + principal + "#" + policy, Created: c.tx.Now(), Ready: c.tx.Now(),
		Props: map[string]any{"clusterName": name, "principalArn": principal, "policyArn": policy, "accessScope": map[string]any{"type": "cluster"}, "madeBy": "eks"},
	})
}

func updateCluster(c *call, o *world.Object) (map[string]any, error) {
	was, is := o.String("version"), text(c.In, "version")
	if is != "" && is != was {
		if err := c.checkVersion(is); err != nil {
			return nil, err
		}
		if minor(is) != minor(was)+1 {
			return nil, apiError("InvalidParameterException", "Unsupported Kubernetes minor version update from %s to %s", was, is)
		}
	}
	subnets, err := c.clusterSubnets(o.ID)
	if err != nil {
		return nil, err
	}
	vpc := text(object(o.Props, "vpcConfig"), "vpcId")
	if subnets[0].String("vpcId") != vpc {
		return nil, apiError("InvalidParameterException", "Provided subnets belong to different VPC than the cluster's %s", vpc)
	}
	if err := c.groupsIn(texts(object(c.In, "vpcConfig"), "securityGroupIds"), vpc); err != nil {
		return nil, err
	}
	return nil, c.clusterKeys()
}

// removeCluster takes along what EKS keeps with a cluster. Its security group stays when something else still refers to it.
func removeCluster(c *call, o *world.Object) error {
	of := func(x *world.Object) bool { return x.String("clusterName") == o.ID }
	if g := c.tx.Find(nodeGroupToken, of); g != nil {
		return apiError("ResourceInUseException", "Cluster has nodegroups attached (%s)", g.String("nodeGroupName"))
	}
	for _, token := range []string{accessEntryToken, accessAssociationToken, addonToken} {
		for _, x := range c.tx.List(token) {
			if of(x) {
				if err := c.tx.Delete(token, x.ID); err != nil {
					return err
				}
			}
		}
	}
	if err := c.unplug(clusterToken, o.ID); err != nil {
		return err
	}
	if group := text(object(o.Props, "vpcConfig"), "clusterSecurityGroupId"); c.groupReferences(group) == "" {
		if err := c.dropRules(group); err != nil {
			return err
		}
		if err := c.tx.Delete(securityGroupToken, group); err != nil {
			return err
		}
	}
	return kubeapi.Drop(c.tx, o.ID)
}
