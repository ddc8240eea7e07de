package cluster

import (
	"encoding/json"
	"fmt"

	awseks "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
)

// The service accounts of the volume drivers, as their add-ons name them:
// https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html and https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html
var (
	ebsAccounts = []ServiceAccount{{"kube-system", "ebs-csi-controller-sa"}}
	efsAccounts = []ServiceAccount{{"kube-system", "efs-csi-controller-sa"}, {"kube-system", "efs-csi-node-sa"}}
)

// DefaultStorageClass is the class of volumes that ask for none, such as the hub's database.
const DefaultStorageClass = "gp3"

// addon is an add-on that runs pods on nodes.
type addon struct {
	name, version string
	roleArn       pulumi.StringPtrInput
	configuration map[string]any
	preserve      bool
}

// makeAddons makes the add-ons whose pods need a node to become active; CNI and kube-proxy, which nodes need to become ready,
// come with the cluster.
func (c *Cluster) makeAddons(ctx *pulumi.Context) error {
	versions := c.args.Addons
	// A cluster without name resolution serves nobody: deleting the add-on leaves its pods.
	addons := []addon{{name: "coredns", version: versions.CoreDNS, preserve: true}}
	if versions.EbsCsi != "" {
		role, err := c.ServiceAccountRole(ctx, "ebs-csi", ebsAccounts, []string{"service-role/AmazonEBSCSIDriverPolicy"}, "")
		if err != nil {
			return err
		}
		configuration := map[string]any{}
		if len(c.args.Tags) > 0 {
			configuration["controller"] = map[string]any{"extraVolumeTags": c.args.Tags}
		}
		addons = append(addons, addon{
			name: "aws-ebs-csi-driver", version: versions.EbsCsi, roleArn: role.Arn.ToStringPtrOutput(), configuration: configuration,
		})
		if err := c.makeStorageClass(ctx); err != nil {
			return err
		}
	}
	if versions.EfsCsi != "" {
		role, err := c.ServiceAccountRole(ctx, "efs-csi", efsAccounts, []string{"service-role/AmazonEFSCSIDriverPolicy"}, "")
		if err != nil {
			return err
		}
		addons = append(addons, addon{name: "aws-efs-csi-driver", version: versions.EfsCsi, roleArn: role.Arn.ToStringPtrOutput()})
	}
	for _, a := range addons {
		if err := c.makeAddon(ctx, a); err != nil {
			return fmt.Errorf("add-on %s: %w", a.name, err)
		}
	}
	return nil
}

func (c *Cluster) makeAddon(ctx *pulumi.Context, a addon) error {
	args := &awseks.AddonArgs{
		ClusterName: c.Name, AddonName: pulumi.String(a.name), AddonVersion: pulumi.String(a.version),
		ServiceAccountRoleArn:    a.roleArn,
		ResolveConflictsOnCreate: pulumi.String("OVERWRITE"), ResolveConflictsOnUpdate: pulumi.String("OVERWRITE"),
		Preserve: pulumi.Bool(a.preserve),
		Tags:     tags.Named(c.args.Tags, c.physical(a.name)),
	}
	if len(a.configuration) > 0 {
		text, err := json.Marshal(a.configuration)
		if err != nil {
			return fmt.Errorf("its configuration: %w", err)
		}
		args.ConfigurationValues = pulumi.String(string(text))
	}
	made, err := awseks.NewAddon(ctx, c.name+"-"+a.name, args, c.parent(), pulumi.DependsOn([]pulumi.Resource{c.base}))
	if err != nil {
		return err
	}
	c.workloads = append(c.workloads, made)
	return nil
}

// makeStorageClass makes the default class. EKS makes none since Kubernetes 1.30, and without one the hub's database volume stays
// pending: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions-standard.html
func (c *Cluster) makeStorageClass(ctx *pulumi.Context) error {
	_, err := storagev1.NewStorageClass(ctx, c.name+"-"+DefaultStorageClass, &storagev1.StorageClassArgs{
		Metadata: metav1.ObjectMetaArgs{
			Name:        pulumi.String(DefaultStorageClass),
			Annotations: pulumi.StringMap{"storageclass.kubernetes.io/is-default-class": pulumi.String("true")},
		},
		Provisioner: pulumi.String("ebs.csi.aws.com"),
		Parameters:  pulumi.StringMap{"type": pulumi.String("gp3"), "encrypted": pulumi.String("true")},
		// The volume is made in the zone where its pod runs.
		VolumeBindingMode:    pulumi.String("WaitForFirstConsumer"),
		AllowVolumeExpansion: pulumi.Bool(true),
		ReclaimPolicy:        pulumi.String("Delete"),
	}, c.parent(), pulumi.Provider(c.Provider))
	if err != nil {
		return fmt.Errorf("storage class %s: %w", DefaultStorageClass, err)
	}
	return nil
}
