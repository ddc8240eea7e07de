package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/components/storage"
	"github.com/hubwright/hubwright/internal/config"
)

// makeStorage makes the file system with the homes. An environment on another's cluster uses that one's, unless it names its own.
func (d *deployment) makeStorage() error {
	s := &d.Storage
	args := &storage.Args{
		Name: d.Prefix(), Kubernetes: d.cluster.Provider, Protect: &s.Protect, Tags: d.Tags(), LookupProvider: d.ambient, FileSystemID: s.FileSystemID,
		NoStorageClass: d.Cluster.From != "",
	}
	if args.FileSystemID == "" && d.Cluster.From != "" {
		id, err := d.fromSharedCluster("fileSystemId")
		if err != nil {
			return err
		}
		args.FileSystemID = id
	}
	if args.FileSystemID == "" {
		if d.network == nil {
			return fmt.Errorf("the homes need storage.fileSystemId: cluster %s exists already, so its network is not known here", d.ClusterName())
		}
		args.VpcID, args.NodeSecurityGroupID = d.network.VpcId, d.cluster.NodeSecurityGroupId
		args.ThroughputMode, args.Backup = s.ThroughputMode, &s.Backup
		if s.KmsKeyArn != "" {
			args.KmsKeyArn = pulumi.String(s.KmsKeyArn)
		}
		for _, subnet := range d.network.OnePerZone() {
			args.MountTargets = append(args.MountTargets, storage.MountTarget{Zone: subnet.Zone, SubnetID: subnet.ID})
		}
	}
	var err error
	if d.storage, err = storage.New(d.ctx, "storage", args, d.aws); err != nil {
		return err
	}
	d.ctx.Export("fileSystemId", d.storage.FileSystemId)
	return nil
}

// fromSharedCluster reads an output of the environment whose cluster this one uses.
func (d *deployment) fromSharedCluster(output string) (string, error) {
	name := fmt.Sprintf("%s/%s/%s", d.ctx.Organization(), d.ctx.Project(), d.Cluster.From)
	ref, err := pulumi.NewStackReference(d.ctx, "shared", &pulumi.StackReferenceArgs{Name: pulumi.String(name)})
	if err != nil {
		return "", fmt.Errorf("reading %s, whose cluster this environment uses: %w", d.Cluster.From, err)
	}
	details, err := ref.GetOutputDetails(output)
	if err != nil {
		return "", fmt.Errorf("reading %s of %s: %w", output, d.Cluster.From, err)
	}
	text, ok := details.Value.(string)
	if !ok || text == "" {
		return "", fmt.Errorf("%s has no output %s: deploy it first, since this environment uses its cluster", d.Cluster.From, output)
	}
	return text, nil
}

// homesClaim is what a hub's claim is called.
const homesClaim = storage.DefaultClaim

// homes makes a hub's claim on its directory of the file system.
func (d *deployment) homes(c *config.Hub) *hub.Homes {
	return &hub.Homes{Claim: func(ctx *pulumi.Context, namespace string, opts ...pulumi.ResourceOption) (pulumi.StringInput, []pulumi.Resource, error) {
		args := storage.HomeClaimArgs{
			Namespace: pulumi.String(namespace), ClaimName: homesClaim, SizeGiB: d.Storage.HomeSizeGiB, Labels: map[string]string{"hub": c.Name},
			Directory: d.HomesDirectory(c), User: c.Homes.UID, Group: c.Homes.GID,
		}
		claim, err := d.storage.HomeClaim(ctx, c.Name+"-homes", args, opts...)
		if err != nil {
			return nil, nil, err
		}
		return claim.Name, []pulumi.Resource{claim.Claim}, nil
	}}
}
