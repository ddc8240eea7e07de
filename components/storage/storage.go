// Package storage makes the file system that holds users' home directories, and the volumes through which hubs reach it.
package storage

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/efs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/lookup"
	"github.com/hubwright/hubwright/components/internal/tags"
)

// Type is the component's type token.
const Type = "hubwright:aws:HomeStorage"

// driver is the CSI driver of EFS: https://github.com/kubernetes-sigs/aws-efs-csi-driver
const driver = "efs.csi.aws.com"

// nfsPort is where EFS listens: https://docs.aws.amazon.com/efs/latest/ug/network-access.html
const nfsPort = 2049

// HomeStorage is the file system of the homes.
type HomeStorage struct {
	pulumi.ResourceState

	// FileSystemId and Arn are the file system's.
	FileSystemId, Arn pulumi.StringOutput
	// SecurityGroupId is that of the mount targets; empty when none is made here.
	SecurityGroupId pulumi.StringOutput
	// StorageClass is the name of the class for volumes on the file system.
	StorageClass string

	args    *Args
	name    string            // of the component, begins the children's
	mounted []pulumi.Resource // what has to be there before a node can mount it
}

// New registers the component. The file system is made first and waits for nothing; only the rule that lets the nodes in waits
// for their security group, and what is made in Kubernetes for the cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*HomeStorage, error) {
	if args == nil {
		args = &Args{}
	}
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("home storage %q: %w", name, err)
	}
	s := &HomeStorage{args: args, name: name, StorageClass: args.storageClass(), SecurityGroupId: pulumi.String("").ToStringOutput()}
	if err := ctx.RegisterComponentResource(Type, name, s, opts...); err != nil {
		return nil, fmt.Errorf("home storage %q: %w", name, err)
	}
	fileSystem := s.makeFileSystem
	if args.FileSystemID != "" {
		fileSystem = s.findFileSystem
	}
	for _, step := range []func(*pulumi.Context) error{fileSystem, s.makeMountTargets, s.makeStorageClass} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("home storage %q: %w", name, err)
		}
	}
	if err := ctx.RegisterResourceOutputs(s, pulumi.Map{
		"fileSystemId": s.FileSystemId, "arn": s.Arn, "securityGroupId": s.SecurityGroupId,
	}); err != nil {
		return nil, fmt.Errorf("home storage %q: %w", name, err)
	}
	return s, nil
}

func (s *HomeStorage) parent() pulumi.ResourceOption { return pulumi.Parent(s) }

// kept are the options of what holds data: it is protected, and even when somebody takes it out of the graph AWS keeps it.
func kept(protect bool) []pulumi.ResourceOption {
	return []pulumi.ResourceOption{pulumi.Protect(protect), pulumi.RetainOnDelete(protect)}
}

// inKubernetes are the options of what is made in the cluster.
func (s *HomeStorage) inKubernetes() []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{s.parent()}
	if s.args.Kubernetes != nil {
		opts = append(opts, pulumi.Provider(s.args.Kubernetes))
	}
	return opts
}

// homes is the AWS name of the file system and what belongs to it.
func (s *HomeStorage) homes() string { return s.args.Name + "-home-dirs" }

// makeFileSystem makes the file system, encrypted and backed up.
func (s *HomeStorage) makeFileSystem(ctx *pulumi.Context) error {
	a := s.args
	config := &efs.FileSystemArgs{
		// A second create with the same token is refused: https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html
		CreationToken:  pulumi.String(s.homes()),
		Encrypted:      pulumi.Bool(true),
		ThroughputMode: pulumi.String(a.throughput()),
		Tags:           tags.Named(a.Tags, s.homes()),
	}
	if a.KmsKeyArn != nil {
		config.KmsKeyId = a.KmsKeyArn.ToStringOutput().ToStringPtrOutput()
	}
	if a.TransitionToIA != "" {
		config.LifecyclePolicies = efs.FileSystemLifecyclePolicyArray{
			efs.FileSystemLifecyclePolicyArgs{TransitionToIa: pulumi.String(a.TransitionToIA)},
			efs.FileSystemLifecyclePolicyArgs{TransitionToPrimaryStorageClass: pulumi.String("AFTER_1_ACCESS")},
		}
	}
	opts := append(kept(a.protect()), s.parent())
	fs, err := efs.NewFileSystem(ctx, s.name+"-homes", config, opts...)
	if err != nil {
		return fmt.Errorf("file system %s: %w", s.homes(), err)
	}
	s.FileSystemId, s.Arn = fs.ID().ToStringOutput(), fs.Arn
	status := "ENABLED"
	if !a.backup() {
		status = "DISABLED"
	}
	if _, err := efs.NewBackupPolicy(ctx, s.name+"-homes", &efs.BackupPolicyArgs{
		FileSystemId: fs.ID(), BackupPolicy: efs.BackupPolicyBackupPolicyArgs{Status: pulumi.String(status)},
	}, opts...); err != nil {
		return fmt.Errorf("backup of file system %s: %w", s.homes(), err)
	}
	return nil
}

// findFileSystem looks an existing file system up and checks that it is encrypted.
func (s *HomeStorage) findFileSystem(ctx *pulumi.Context) error {
	a := s.args
	found, err := efs.LookupFileSystem(ctx, &efs.LookupFileSystemArgs{FileSystemId: &a.FileSystemID}, lookup.Via(s, a.LookupProvider)...)
	if err != nil {
		return fmt.Errorf("looking up file system %s: %w", a.FileSystemID, err)
	}
	if found.Arn == "" {
		return fmt.Errorf("looking up file system %s gave nothing: the provider is not configured yet, as in a first preview as a role that doesn't exist: give LookupProvider", a.FileSystemID)
	}
	if !found.Encrypted && !a.AllowUnencrypted {
		return fmt.Errorf("file system %s is not encrypted, and EFS cannot encrypt it afterwards: move the homes to a new one, or allow it explicitly", a.FileSystemID)
	}
	s.FileSystemId = pulumi.String(a.FileSystemID).ToStringOutput()
	s.Arn = pulumi.String(found.Arn).ToStringOutput()
	return nil
}

// makeMountTargets makes a mount target in each zone, behind a security group that lets only the nodes in. Nothing goes out of
// it: answers belong to the connection that asked.
func (s *HomeStorage) makeMountTargets(ctx *pulumi.Context) error {
	a := s.args
	if len(a.MountTargets) == 0 {
		return nil
	}
	named := tags.Named(a.Tags, s.homes())
	group, err := ec2.NewSecurityGroup(ctx, s.name+"-homes", &ec2.SecurityGroupArgs{
		Name: pulumi.String(s.homes()), Description: pulumi.String("Home directories, reached from the nodes"),
		VpcId: a.VpcID.ToStringOutput().ToStringPtrOutput(), Tags: named,
	}, s.parent())
	if err != nil {
		return fmt.Errorf("security group %s: %w", s.homes(), err)
	}
	s.SecurityGroupId = group.ID().ToStringOutput()
	rule, err := vpc.NewSecurityGroupIngressRule(ctx, s.name+"-homes-nfs", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), ReferencedSecurityGroupId: a.NodeSecurityGroupID.ToStringOutput().ToStringPtrOutput(),
		IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(nfsPort), ToPort: pulumi.Int(nfsPort),
		Description: pulumi.String("NFS from the nodes"), Tags: named,
	}, s.parent())
	if err != nil {
		return fmt.Errorf("rule of security group %s: %w", s.homes(), err)
	}
	s.mounted = append(s.mounted, rule)
	for _, m := range a.MountTargets {
		target, err := efs.NewMountTarget(ctx, s.name+"-homes-"+m.Zone, &efs.MountTargetArgs{
			FileSystemId: s.FileSystemId, SubnetId: m.SubnetID, SecurityGroups: pulumi.StringArray{group.ID()},
		}, s.parent())
		if err != nil {
			return fmt.Errorf("mount target in %s: %w", m.Zone, err)
		}
		s.mounted = append(s.mounted, target)
	}
	return nil
}

// makeStorageClass makes the class by which volumes are made on the file system, each a directory behind an access point.
func (s *HomeStorage) makeStorageClass(ctx *pulumi.Context) error {
	if s.args.NoStorageClass {
		return nil
	}
	_, err := storagev1.NewStorageClass(ctx, s.name+"-class", &storagev1.StorageClassArgs{
		Metadata:    metav1.ObjectMetaArgs{Name: pulumi.String(s.StorageClass)},
		Provisioner: pulumi.String(driver),
		// https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/README.md#storage-class-parameters-for-dynamic-provisioning
		Parameters: pulumi.StringMap{
			"provisioningMode": pulumi.String("efs-ap"), "fileSystemId": s.FileSystemId, "directoryPerms": pulumi.String("700"),
			"basePath": pulumi.String("/volumes"),
		},
		ReclaimPolicy:     pulumi.String("Retain"),
		VolumeBindingMode: pulumi.String("Immediate"),
	}, s.inKubernetes()...)
	if err != nil {
		return fmt.Errorf("storage class %s: %w", s.StorageClass, err)
	}
	return nil
}
