package storage_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/components/storage"
)

func newArgs() *storage.Args {
	return &storage.Args{
		Name: "roman-sit-staging", VpcID: pulumi.String("vpc-1"), NodeSecurityGroupID: pulumi.String("sg-nodes"),
		MountTargets: []storage.MountTarget{
			{Zone: "us-east-1a", SubnetID: pulumi.String("subnet-1")}, {Zone: "us-east-1b", SubnetID: pulumi.String("subnet-2")},
		},
		Tags: map[string]string{"deployment": "roman-sit"},
	}
}

// run makes the storage with an AWS provider and a Kubernetes provider that waits for a cluster; after sees it.
func run(r *recorder.Recorder, args *storage.Args, after func(*pulumi.Context, *storage.HomeStorage) error) error {
	return r.Run("staging", func(ctx *pulumi.Context) error {
		deployer, err := aws.NewProvider(ctx, "deployer", &aws.ProviderArgs{Region: pulumi.String("us-east-1")})
		if err != nil {
			return err
		}
		if args.Kubernetes, err = kubernetes.NewProvider(ctx, "k8s", &kubernetes.ProviderArgs{}); err != nil {
			return err
		}
		s, err := storage.New(ctx, "homes", args, pulumi.Provider(deployer))
		if err != nil || after == nil {
			return err
		}
		return after(ctx, s)
	})
}

func mustRun(t *testing.T, args *storage.Args, after func(*pulumi.Context, *storage.HomeStorage) error) *recorder.Recorder {
	t.Helper()
	r := &recorder.Recorder{}
	if err := run(r, args, after); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFileSystem(t *testing.T) {
	r := mustRun(t, newArgs(), nil)
	fs := r.One(t, "aws:efs/fileSystem:FileSystem", "homes-homes")
	fs.CheckInputs(t, map[string]any{
		"creationToken": "roman-sit-staging-home-dirs", "encrypted": true, "kmsKeyId": nil, "throughputMode": "bursting",
		"tags.Name": "roman-sit-staging-home-dirs", "tags.deployment": "roman-sit", "lifecyclePolicies": nil,
	})
	backup := r.One(t, "aws:efs/backupPolicy:BackupPolicy", "homes-homes")
	backup.CheckInputs(t, map[string]any{"backupPolicy.status": "ENABLED", "fileSystemId": "homes-homes-id"})
	for _, res := range []recorder.Resource{fs, backup} {
		if !res.Protect || !res.RetainOnDelete {
			t.Errorf("%s: protect %t, retained %t, want both", res.Type, res.Protect, res.RetainOnDelete)
		}
		if !strings.HasSuffix(res.Parent, "::homes") || !strings.HasSuffix(res.Provider, "::deployer::deployer-id") {
			t.Errorf("%s: parent %q, provider %q", res.Type, res.Parent, res.Provider)
		}
	}
	if len(fs.DependsOn) != 0 {
		t.Errorf("the file system waits for %q", fs.DependsOn)
	}

	group := r.One(t, "aws:ec2/securityGroup:SecurityGroup", "homes-homes")
	group.CheckInputs(t, map[string]any{"name": "roman-sit-staging-home-dirs", "vpcId": "vpc-1", "egress": nil, "ingress": nil})
	r.One(t, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "homes-homes-nfs").CheckInputs(t, map[string]any{
		"referencedSecurityGroupId": "sg-nodes", "fromPort": 2049.0, "toPort": 2049.0, "ipProtocol": "tcp", "cidrIpv4": nil,
		"securityGroupId": "homes-homes-id",
	})
	if n := len(r.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")); n != 1 {
		t.Errorf("%d rules let something in, want one", n)
	}
	if n := len(r.OfType("aws:efs/mountTarget:MountTarget")); n != 2 {
		t.Errorf("%d mount targets, want one per zone", n)
	}
	b := r.One(t, "aws:efs/mountTarget:MountTarget", "homes-homes-us-east-1b")
	b.CheckInputs(t, map[string]any{"subnetId": "subnet-2", "securityGroups[0]": "homes-homes-id", "fileSystemId": "homes-homes-id"})
	if b.Protect || group.Protect {
		t.Error("what holds no data is protected")
	}

	class := r.One(t, "kubernetes:storage.k8s.io/v1:StorageClass", "homes-class")
	class.CheckInputs(t, map[string]any{
		"metadata.name": "aws-efs", "provisioner": "efs.csi.aws.com", "parameters.fileSystemId": "homes-homes-id", "reclaimPolicy": "Retain",
	})
	if !strings.HasSuffix(class.Provider, "::k8s::k8s-id") {
		t.Errorf("the class goes through %q", class.Provider)
	}
	if got, ok := r.One(t, storage.Type, "homes").Providers["kubernetes"]; ok {
		t.Errorf("the component is given %q, and the file system would wait for the cluster", got)
	}
}

func TestOptions(t *testing.T) {
	args := newArgs()
	args.KmsKeyArn, args.ThroughputMode, args.TransitionToIA = pulumi.String("arn:key"), "elastic", "AFTER_30_DAYS"
	args.Backup, args.Protect, args.NoStorageClass = pulumi.BoolRef(false), pulumi.BoolRef(false), true
	r := mustRun(t, args, nil)
	fs := r.One(t, "aws:efs/fileSystem:FileSystem", "homes-homes")
	fs.CheckInputs(t, map[string]any{
		"kmsKeyId": "arn:key", "throughputMode": "elastic", "lifecyclePolicies[0].transitionToIa": "AFTER_30_DAYS",
		"lifecyclePolicies[1].transitionToPrimaryStorageClass": "AFTER_1_ACCESS",
	})
	if fs.Protect || fs.RetainOnDelete {
		t.Error("protected against the arguments")
	}
	r.One(t, "aws:efs/backupPolicy:BackupPolicy", "homes-homes").CheckInputs(t, map[string]any{"backupPolicy.status": "DISABLED"})
	if n := len(r.OfType("kubernetes:storage.k8s.io/v1:StorageClass")); n != 0 {
		t.Errorf("%d storage classes", n)
	}
}

func TestHomeClaim(t *testing.T) {
	r := mustRun(t, newArgs(), func(ctx *pulumi.Context, s *storage.HomeStorage) error {
		claim, err := s.HomeClaim(ctx, "hub-homes", storage.HomeClaimArgs{
			Namespace: pulumi.String("roman-sit-staging"), SizeGiB: 500, Labels: map[string]string{"hub": "hub"},
		})
		if err != nil {
			return err
		}
		return ctx.RegisterResource("test:index:User", "user", pulumi.Map{"claim": claim.Name}, &pulumi.CustomResourceState{})
	})
	volume := r.One(t, "kubernetes:core/v1:PersistentVolume", "hub-homes-volume")
	volume.CheckInputs(t, map[string]any{
		"metadata.name": "roman-sit-staging-users-jh-pvc", "metadata.labels.hub": "hub",
		"spec.csi.driver": "efs.csi.aws.com", "spec.csi.volumeHandle": "homes-homes-id", "spec.accessModes[0]": "ReadWriteMany",
		"spec.persistentVolumeReclaimPolicy": "Retain", "spec.capacity.storage": "500Gi", "spec.storageClassName": "aws-efs",
		"spec.claimRef.namespace": "roman-sit-staging", "spec.claimRef.name": "users-jh-pvc",
	})
	claim := r.One(t, "kubernetes:core/v1:PersistentVolumeClaim", "hub-homes-claim")
	claim.CheckInputs(t, map[string]any{
		"metadata.name": "users-jh-pvc", "metadata.namespace": "roman-sit-staging", "spec.volumeName": "roman-sit-staging-users-jh-pvc",
		"spec.accessModes[0]": "ReadWriteMany", "spec.resources.requests.storage": "500Gi", "spec.storageClassName": "aws-efs",
	})
	for _, res := range []recorder.Resource{volume, claim} {
		if !res.Protect || !res.RetainOnDelete || !strings.HasSuffix(res.Provider, "::k8s::k8s-id") {
			t.Errorf("%s: protect %t, retained %t, provider %q", res.Type, res.Protect, res.RetainOnDelete, res.Provider)
		}
	}
	for _, end := range []string{"homes-homes-us-east-1a", "homes-homes-us-east-1b", "homes-homes-nfs", "hub-homes-volume"} {
		if !claim.WaitsFor(end) {
			t.Errorf("the claim does not wait for %s", end)
		}
	}
	user := r.One(t, "test:index:User", "user")
	user.CheckInputs(t, map[string]any{"claim": "users-jh-pvc"})
	if !user.WaitsFor("hub-homes-claim") {
		t.Error("what uses the name does not wait for the claim")
	}
}

func TestHomeClaimOfADirectory(t *testing.T) {
	r := mustRun(t, newArgs(), func(ctx *pulumi.Context, s *storage.HomeStorage) error {
		_, err := s.HomeClaim(ctx, "hub-homes", storage.HomeClaimArgs{
			Namespace: pulumi.String("ns"), ClaimName: "homes", Directory: "/hubs/ns", User: 1001, Protect: pulumi.BoolRef(false),
		})
		return err
	})
	point := r.One(t, "aws:efs/accessPoint:AccessPoint", "hub-homes-directory")
	point.CheckInputs(t, map[string]any{
		"rootDirectory.path": "/hubs/ns", "rootDirectory.creationInfo.ownerUid": 1001.0, "rootDirectory.creationInfo.permissions": "0755",
		"posixUser.uid": 1001.0, "posixUser.gid": 100.0, "fileSystemId": "homes-homes-id", "tags.deployment": "roman-sit",
	})
	volume := r.One(t, "kubernetes:core/v1:PersistentVolume", "hub-homes-volume")
	volume.CheckInputs(t, map[string]any{"spec.csi.volumeHandle": "homes-homes-id::hub-homes-directory-id", "spec.capacity.storage": "100Gi"})
	if volume.Protect || point.Protect {
		t.Error("protected against the arguments")
	}
}

// found is the answer to the look-up of a file system.
func found(encrypted bool, arn string) *recorder.Recorder {
	return &recorder.Recorder{Invokes: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:efs/getFileSystem:getFileSystem": func(args resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{
				"fileSystemId": args["fileSystemId"], "arn": resource.NewProperty(arn), "encrypted": resource.NewProperty(encrypted),
			}, nil
		},
	}}
}

func TestExistingFileSystem(t *testing.T) {
	const arn = "arn:aws:elasticfilesystem:us-east-1:162808325377:file-system/fs-01234567"
	existing := func() *storage.Args { return &storage.Args{Name: "roman-sit-staging", FileSystemID: "fs-01234567"} }
	r := found(true, arn)
	err := run(r, existing(), func(ctx *pulumi.Context, s *storage.HomeStorage) error {
		return ctx.RegisterResource("test:index:User", "user", pulumi.Map{
			"id": s.FileSystemId, "arn": s.Arn, "group": s.SecurityGroupId,
		}, &pulumi.CustomResourceState{})
	})
	if err != nil {
		t.Fatal(err)
	}
	r.One(t, "test:index:User", "user").CheckInputs(t, map[string]any{"id": "fs-01234567", "arn": arn, "group": ""})
	for _, res := range r.All() {
		if strings.HasPrefix(res.Type, "aws:") {
			t.Errorf("%s %s is made for a file system that exists", res.Type, res.Name)
		}
	}

	args := newArgs()
	args.FileSystemID = "fs-01234567"
	r = found(true, arn)
	if err := run(r, args, nil); err != nil {
		t.Fatal(err)
	}
	r.One(t, "aws:efs/mountTarget:MountTarget", "homes-homes-us-east-1a").CheckInputs(t, map[string]any{"fileSystemId": "fs-01234567"})
	if n := len(r.OfType("aws:efs/fileSystem:FileSystem")) + len(r.OfType("aws:efs/backupPolicy:BackupPolicy")); n != 0 {
		t.Errorf("%d file systems and backup policies are made beside the existing one", n)
	}

	if err := run(found(false, arn), existing(), nil); err == nil || !strings.Contains(err.Error(), "is not encrypted") {
		t.Errorf("an unencrypted file system: error %v", err)
	}
	args = existing()
	args.AllowUnencrypted = true
	if err := run(found(false, arn), args, nil); err != nil {
		t.Errorf("an unencrypted file system that is allowed: %v", err)
	}
	if err := run(found(false, ""), existing(), nil); err == nil || !strings.Contains(err.Error(), "give LookupProvider") {
		t.Errorf("an empty answer: error %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*storage.Args)
		want   []string
	}{
		{"many at once", func(a *storage.Args) {
			a.Name, a.StorageClass, a.ThroughputMode, a.TransitionToIA, a.AllowUnencrypted = "", "No!", "fast", "soon", true
			a.MountTargets[1].Zone, a.NodeSecurityGroupID = "us-east-1a", nil
		}, []string{`name ""`, `"No!" is not a name`, `mode "fast"`, `transition "soon"`, "always encrypted", "us-east-1a has two mount targets", "security group of the nodes"}},
		{"no mount target", func(a *storage.Args) { a.MountTargets = nil }, []string{"no node reaches the file system"}},
		{"bad mount target", func(a *storage.Args) { a.MountTargets[0].SubnetID = nil }, []string{"lacks its zone or its subnet"}},
		{"bad id", func(a *storage.Args) { a.FileSystemID = "vol-1" }, []string{`"vol-1" is not the id`}},
		{"shape of an existing one", func(a *storage.Args) { a.FileSystemID, a.Backup = "fs-01234567", pulumi.BoolRef(true) }, []string{"leave them out"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := newArgs()
			tc.change(args)
			err := run(&recorder.Recorder{}, args, nil)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
	err := run(&recorder.Recorder{}, newArgs(), func(ctx *pulumi.Context, s *storage.HomeStorage) error {
		_, err := s.HomeClaim(ctx, "hub-homes", storage.HomeClaimArgs{ClaimName: "No!", SizeGiB: -1, Directory: "../etc"})
		return err
	})
	for _, want := range []string{"no namespace", `claim "No!"`, "-1 GiB", `directory "../etc"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}
