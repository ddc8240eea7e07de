package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/cluster"
	"github.com/hubwright/hubwright/components/creds"
	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/components/network"
	"github.com/hubwright/hubwright/components/secretstore"
	"github.com/hubwright/hubwright/components/storage"
	"github.com/hubwright/hubwright/internal/config"
)

// deployment is an environment being put together: its configuration, and the components made so far.
type deployment struct {
	*config.Stack
	ctx  *pulumi.Context
	opts Options
	hubs map[string]*hubInput

	secretFiles *SecretFiles // where the hubs' secrets were read

	ambient  *aws.Provider         // the identity that the program runs with
	deployer *aws.Provider         // the identity that everything below the credentials is made as
	aws      pulumi.ResourceOption // the same, as an option

	creds      *creds.Credentials
	secretsKey pulumi.StringInput // for the cluster's secrets; nil for none
	network    *network.Network
	cluster    *cluster.Cluster
	storage    *storage.HomeStorage
	images     map[string]*image.UserImage
	tags       map[string]string // of the images that are not pinned, by their content
	outputs    map[string]any    // of the last update
}

// deploy is the graph. The order of the lines is for the reader: what waits for what, the engine sees from what flows where.
func (d *deployment) deploy() error {
	for _, step := range []func() error{
		d.readOutputs, d.makeCreds, d.makeNetwork, d.makeSecretStore, d.makeCluster, d.makeStorage, d.makeImages, d.makeHubs, d.tellBundle,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// makeCreds makes the identity of everything below, and the provider that uses it.
func (d *deployment) makeCreds() error {
	account, region := d.Deployment.AccountID, d.Region()
	var err error
	d.ambient, err = aws.NewProvider(d.ctx, "ambient", &aws.ProviderArgs{
		Region: pulumi.String(region), AllowedAccountIds: pulumi.ToStringArray([]string{account}),
		DefaultTags: &aws.ProviderDefaultTagsArgs{Tags: pulumi.ToStringMap(d.Tags())},
	})
	if err != nil {
		return err
	}
	others, err := d.Others()
	if err != nil {
		return err
	}
	prefixes := []string{d.Creds.NamePrefix, d.Prefix(), d.ClusterName()}
	names := []string{d.SecretStore.KeyAlias}
	if d.SecretStore.Codecommit.Enabled {
		names = append(names, d.SecretStore.Codecommit.Name)
	}
	environments := []string{d.Environment}
	for _, other := range others {
		assumes := other.Creds.Mode == config.CredsAssume && other.Creds.RoleArn == creatorArn(d.Stack)
		if other.Cluster.From == d.Environment || assumes { // whose resources this deployer makes too
			prefixes = append(prefixes, other.Prefix())
			environments = append(environments, other.Environment)
		}
	}
	args := &creds.Args{
		Mode: creds.Mode(d.Creds.Mode), RoleArn: d.Creds.RoleArn, Prefix: d.Creds.NamePrefix,
		ResourcePrefixes: prefixes, ResourceNames: names,
		OwnerTags: map[string][]string{"deployment": {d.Deployment.Name}, "environment": environments}, AccountID: account, Region: region, TrustedPrincipals: d.Creds.TrustedPrincipals, Users: d.Creds.Users,
		PermissionsBoundary: d.Creds.PermissionsBoundary, Tags: d.Tags(), WaitAssumable: d.opts.waitAssumable(),
	}
	if args.HostedZones, err = d.zones(); err != nil {
		return err
	}
	if d.creds, err = creds.New(d.ctx, "creds", args, pulumi.Provider(d.ambient)); err != nil {
		return err
	}
	d.deployer, err = d.creds.Provider(d.ctx, "deployer", creds.ProviderArgs{Region: region, AccountID: account, DefaultTags: d.Tags()})
	if err != nil {
		return err
	}
	d.aws = pulumi.Provider(d.deployer)
	d.ctx.Export("deployerRoleArn", d.creds.RoleArn)
	return nil
}

// zones are the ids of the hosted zones that records are written in; none when there is none.
func (d *deployment) zones() ([]string, error) {
	switch {
	case d.DNS.ZoneID != "":
		return []string{d.DNS.ZoneID}, nil
	case d.DNS.Zone == "":
		return nil, nil
	}
	found, err := route53.LookupZone(d.ctx, &route53.LookupZoneArgs{Name: &d.DNS.Zone}, pulumi.Provider(d.ambient))
	if err != nil {
		return nil, fmt.Errorf("looking up hosted zone %q: %w", d.DNS.Zone, err)
	}
	return []string{found.ZoneId}, nil
}

// makeNetwork makes the VPC, or finds the one that is there. An environment on another's cluster has no network of its own.
func (d *deployment) makeNetwork() error {
	if !d.Cluster.Own() && !d.Network.Existing() {
		return nil
	}
	n := &d.Network
	var err error
	d.network, err = network.New(d.ctx, "network", &network.Args{
		Name: d.Prefix(), ClusterNames: []string{d.ClusterName()}, Region: d.Region(), Tags: d.Tags(), LookupProvider: d.ambient,
		CIDR: n.CIDR, Zones: n.AvailabilityZones.Names, ZoneCount: n.AvailabilityZones.Count, Private: n.Private, NAT: network.NAT(n.NAT), Endpoints: n.Endpoints,
		VpcID: n.VpcID, VpcName: n.VpcName, PublicSubnetIDs: n.PublicSubnetIDs, PrivateSubnetIDs: n.PrivateSubnetIDs,
	}, d.aws)
	if err != nil {
		return err
	}
	d.ctx.Export("vpcId", d.network.VpcId)
	d.ctx.Export("nodeSubnetIds", d.network.NodeSubnetIds)
	return nil
}

// makeSecretStore makes the key for encrypted files, and what goes with it.
func (d *deployment) makeSecretStore() error {
	s := &d.SecretStore
	args := &secretstore.Args{
		Name: d.Prefix() + "-secrets", AccountID: d.Deployment.AccountID, Alias: s.KeyAlias, KeyArn: s.KeyArn, DeletionWindowDays: s.DeletionWindowDays,
		EncryptPrincipals: s.EncryptPrincipals, DecryptPrincipals: s.DecryptPrincipals, PermissionsBoundary: d.Creds.PermissionsBoundary,
		Protect: s.Protect, Retain: s.Protect, Tags: d.Tags(),
	}
	if s.Codecommit.Enabled {
		args.Repository = s.Codecommit.Name
	}
	store, err := secretstore.New(d.ctx, "secretstore", args, d.aws)
	if err != nil {
		return err
	}
	d.ctx.Export("secretsKeyArn", store.KeyArn)
	d.ctx.Export("secretsRepositoryUrl", store.CloneURLHTTP)
	d.ctx.Export("sopsConfig", store.SopsConfig)
	if f := d.secretFiles; f.Repository != nil {
		d.ctx.Export("secretFiles", pulumi.ToStringMap(map[string]string{"repository": f.Repository.URL, "branch": f.Head.Branch, "commit": f.Head.Commit}))
	}
	if d.Cluster.SecretsEncryption {
		d.secretsKey = store.KeyArn
	}
	return nil
}

// makeCluster makes the cluster, or finds the one that is used.
func (d *deployment) makeCluster() error {
	c := &d.Cluster
	args := &cluster.Args{
		Name: d.ClusterName(), Region: d.Region(), RoleArn: d.creds.KubeRoleArn(), LookupProvider: d.ambient, Tags: d.Tags(), Existing: !c.Own(),
	}
	if c.Own() {
		d.describeCluster(args)
	}
	var err error
	if d.cluster, err = cluster.New(d.ctx, "cluster", args, d.aws); err != nil {
		return err
	}
	d.ctx.Export("clusterName", d.cluster.Name)
	d.ctx.Export("kubeconfig", d.cluster.Kubeconfig)
	return nil
}

// describeCluster fills in what a cluster of our own is made of.
func (d *deployment) describeCluster(args *cluster.Args) {
	c := &d.Cluster
	args.Version, args.VpcID, args.PublicSubnetIDs = c.Version, d.network.VpcId, d.network.PublicSubnetIds
	if d.Network.Private || len(d.Network.PrivateSubnetIDs) > 0 {
		args.PrivateSubnetIDs = d.network.PrivateSubnetIds
	}
	args.NodeSubnets = d.network.SubnetsInZones
	args.Endpoint = cluster.Endpoint{Public: c.Endpoint.Public, Private: c.Endpoint.Private, PublicCIDRs: c.Endpoint.PublicCIDRs}
	args.CreatorArn, args.Admins, args.LogTypes, args.PermissionsBoundary = creatorArn(d.Stack), c.Admins, c.LogTypes, c.PermissionsBoundary
	if d.secretsKey != nil {
		args.SecretsKeyArn = d.secretsKey
	}
	for _, a := range c.Access {
		args.Access = append(args.Access, cluster.Access{Principal: a.Principal, Policy: a.Policy, Namespaces: a.Namespaces})
	}
	args.Addons = cluster.Addons{
		VpcCni:    cluster.VpcCni{Version: c.Addons.VpcCni.Version, WarmIPTarget: c.Addons.VpcCni.WarmIPTarget},
		KubeProxy: c.Addons.KubeProxy.Version, CoreDNS: c.Addons.CoreDNS.Version, EbsCsi: c.Addons.EbsCsi.Version, EfsCsi: c.Addons.EfsCsi.Version,
	}
	for _, g := range c.NodeGroups {
		group := cluster.NodeGroup{
			Name: g.Name, Purpose: g.Purpose, InstanceTypes: g.InstanceTypes, Min: g.Min, Max: g.Max, Desired: g.Desired, DiskGiB: g.DiskGiB,
			Spot: g.Spot, Labels: g.Labels, Zones: g.Zones, AMIType: g.AmiType, GPU: g.GPU,
		}
		for _, t := range g.Taints {
			group.Taints = append(group.Taints, cluster.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
		}
		args.NodeGroups = append(args.NodeGroups, group)
	}
	if c.Autoscaler.Enabled {
		args.Autoscaler = &cluster.Autoscaler{ChartVersion: c.Autoscaler.ChartVersion}
	}
}

// creatorArn is the role that makes the cluster and all else, as far as that is known before.
func creatorArn(s *config.Stack) string {
	args := creds.Args{
		Mode: creds.Mode(s.Creds.Mode), RoleArn: s.Creds.RoleArn, Prefix: s.Creds.NamePrefix, AccountID: s.Deployment.AccountID,
	}
	return args.PlannedRoleArn()
}
