package storage

import (
	"cmp"
	"errors"
	"fmt"
	"maps"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/efs"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/tags"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// DefaultClaim is the claim's name in the runbook's values, where single-user servers mount it with subPath "{username}".
const DefaultClaim = "users-jh-pvc"

// defaultSizeGiB is written on a volume because Kubernetes wants a size; EFS has none, and grows with what is in it.
const defaultSizeGiB = 100

// HomeClaimArgs says where a hub's homes are.
type HomeClaimArgs struct {
	// Namespace is the hub's. Required.
	Namespace pulumi.StringInput
	// ClaimName is the claim's name; default DefaultClaim.
	ClaimName string
	// SizeGiB is the size written on the volume; 0 means 100. It limits nothing.
	SizeGiB int
	// Directory is the part of the file system that the hub sees, such as "/hubs/roman-sit-staging"; it is made when it is first
	// mounted. Whatever is done in it is done as User and Group, so that the folder which the kubelet, as root, makes for a new user
	// (subPath) is one that user may write. Empty means the whole file system as it is, where such a folder is root's.
	Directory string
	// User and Group are the numeric ids that own what is in Directory; 0 means 1000 and 100, those of the Jupyter images:
	// https://jupyter-docker-stacks.readthedocs.io/en/latest/using/common.html
	User, Group int
	// Labels are put on the volume and the claim.
	Labels map[string]string
	// Protect keeps the volume and the claim from being deleted; nil means as the file system.
	Protect *bool
}

// HomeClaim is a hub's way to its homes.
type HomeClaim struct {
	// Name is the claim's name. What uses it waits until the claim is there and the file system can be mounted.
	Name pulumi.StringOutput
	// Volume and Claim are the two ends of it.
	Volume *corev1.PersistentVolume
	Claim  *corev1.PersistentVolumeClaim
}

// The user and group of the Jupyter images.
const (
	defaultUser  = 1000
	defaultGroup = 100
)

var directory = lazyregexp.New(`^(/[A-Za-z0-9._-]+){1,4}$`)

func (a *HomeClaimArgs) validate() error {
	var problems []error
	if a.Namespace == nil {
		problems = append(problems, errors.New("no namespace is given"))
	}
	if !objectName.MatchString(a.claimName()) {
		problems = append(problems, fmt.Errorf("claim %q is not a name that Kubernetes accepts", a.ClaimName))
	}
	if a.SizeGiB < 0 {
		problems = append(problems, fmt.Errorf("size %d GiB is negative", a.SizeGiB))
	}
	// https://docs.aws.amazon.com/efs/latest/ug/API_RootDirectory.html
	if a.Directory != "" && !directory.MatchString(a.Directory) {
		problems = append(problems, fmt.Errorf("directory %q is not a path of up to four names, such as /hubs/roman-sit-staging", a.Directory))
	}
	return errors.Join(problems...)
}

func (a *HomeClaimArgs) claimName() string {
	if a.ClaimName == "" {
		return DefaultClaim
	}
	return a.ClaimName
}

func (a *HomeClaimArgs) size() pulumi.StringMap {
	gib := a.SizeGiB
	if gib == 0 {
		gib = defaultSizeGiB
	}
	return pulumi.StringMap{"storage": pulumi.String(fmt.Sprintf("%dGi", gib))}
}

// HomeClaim makes a volume on the file system and the claim that a hub's servers mount. Both name each other, so that no other
// claim takes the volume; deleting them deletes no file.
func (s *HomeStorage) HomeClaim(ctx *pulumi.Context, name string, args HomeClaimArgs, opts ...pulumi.ResourceOption) (*HomeClaim, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("home claim %q: %w", name, err)
	}
	protect := s.args.protect()
	if args.Protect != nil {
		protect = *args.Protect
	}
	handle, err := s.handle(ctx, name, args, protect)
	if err != nil {
		return nil, fmt.Errorf("home claim %q: %w", name, err)
	}
	common := append(append(s.inKubernetes(), kept(protect)...), opts...)
	volumeName := pulumi.Sprintf("%s-%s", args.Namespace, args.claimName())
	modes := pulumi.StringArray{pulumi.String("ReadWriteMany")}
	volume, err := corev1.NewPersistentVolume(ctx, name+"-volume", &corev1.PersistentVolumeArgs{
		Metadata: metav1.ObjectMetaArgs{Name: volumeName, Labels: pulumi.ToStringMap(args.Labels)},
		Spec: corev1.PersistentVolumeSpecArgs{
			AccessModes: modes, Capacity: args.size(), VolumeMode: pulumi.String("Filesystem"),
			PersistentVolumeReclaimPolicy: pulumi.String("Retain"),
			StorageClassName:              pulumi.String(s.StorageClass),
			ClaimRef: corev1.ObjectReferenceArgs{
				ApiVersion: pulumi.String("v1"), Kind: pulumi.String("PersistentVolumeClaim"),
				Namespace: args.Namespace.ToStringOutput().ToStringPtrOutput(), Name: pulumi.String(args.claimName()),
			},
			Csi: corev1.CSIPersistentVolumeSourceArgs{Driver: pulumi.String(driver), VolumeHandle: handle},
		},
	}, common...)
	if err != nil {
		return nil, fmt.Errorf("home claim %q: its volume: %w", name, err)
	}
	after := pulumi.DependsOn(append([]pulumi.Resource{volume}, s.mounted...))
	claim, err := corev1.NewPersistentVolumeClaim(ctx, name+"-claim", &corev1.PersistentVolumeClaimArgs{
		Metadata: metav1.ObjectMetaArgs{
			Name: pulumi.String(args.claimName()), Namespace: args.Namespace.ToStringOutput().ToStringPtrOutput(),
			Labels: pulumi.ToStringMap(args.Labels),
		},
		Spec: corev1.PersistentVolumeClaimSpecArgs{
			AccessModes: modes, StorageClassName: pulumi.String(s.StorageClass), VolumeName: volumeName,
			Resources: corev1.VolumeResourceRequirementsArgs{Requests: args.size()},
		},
	}, append(common, after)...)
	if err != nil {
		return nil, fmt.Errorf("home claim %q: %w", name, err)
	}
	return &HomeClaim{Name: claim.Metadata.Name().Elem(), Volume: volume, Claim: claim}, nil
}

// handle is what the driver mounts: the whole file system, or the access point of a directory.
func (s *HomeStorage) handle(ctx *pulumi.Context, name string, args HomeClaimArgs, protect bool) (pulumi.StringInput, error) {
	if args.Directory == "" {
		return s.FileSystemId, nil
	}
	user, group := pulumi.Int(cmp.Or(args.User, defaultUser)), pulumi.Int(cmp.Or(args.Group, defaultGroup))
	labelled := map[string]string{}
	maps.Copy(labelled, args.Labels) // the hub's name, among them
	maps.Copy(labelled, s.args.Tags)
	point, err := efs.NewAccessPoint(ctx, name+"-directory", &efs.AccessPointArgs{
		FileSystemId: s.FileSystemId,
		RootDirectory: efs.AccessPointRootDirectoryArgs{
			Path:         pulumi.String(args.Directory),
			CreationInfo: efs.AccessPointRootDirectoryCreationInfoArgs{OwnerUid: user, OwnerGid: group, Permissions: pulumi.String("0755")},
		},
		// https://docs.aws.amazon.com/efs/latest/ug/enforce-identity-access-points.html
		PosixUser: efs.AccessPointPosixUserArgs{Uid: user, Gid: group},
		Tags:      tags.Named(labelled, s.homes()+args.Directory),
	}, append(kept(protect), s.parent())...)
	if err != nil {
		return nil, fmt.Errorf("access point of %s: %w", args.Directory, err)
	}
	return pulumi.Sprintf("%s::%s", s.FileSystemId, point.ID()), nil
}
