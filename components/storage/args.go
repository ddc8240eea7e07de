package storage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// DefaultStorageClass is the class that the runbook's hubs use.
const DefaultStorageClass = "aws-efs"

// Args says which file system holds the homes, and who reaches it.
type Args struct {
	// Name begins the names of what is made: "<name>-home-dirs". It is the cluster's. Required.
	Name string
	// VpcID and NodeSecurityGroupID are the VPC of the mount targets and the security group of the nodes. Required with them.
	VpcID, NodeSecurityGroupID pulumi.StringInput
	// MountTargets are where the file system is reached, one for each zone. Required for a new file system; for an existing one
	// they are made only when given.
	MountTargets []MountTarget
	// Kubernetes is the provider for what is made in the cluster. It is no option of the component, because a component waits
	// for its providers, and the file system doesn't need the cluster. Without one the component's own is used.
	Kubernetes pulumi.ProviderResource
	// StorageClass is the class's name; default DefaultStorageClass.
	StorageClass string
	// NoStorageClass leaves the class out, where another environment on the same cluster makes it.
	NoStorageClass bool
	// Protect keeps the file system, its backups and the homes' volumes from being deleted or replaced; nil means true.
	Protect *bool
	// Tags are put on everything.
	Tags map[string]string

	// For a new file system:

	// KmsKeyArn is the key it is encrypted with; nil means EFS's own.
	KmsKeyArn pulumi.StringInput
	// ThroughputMode is "bursting", whose speed grows with the size, or "elastic", which is paid by use; default bursting.
	ThroughputMode string
	// Backup has AWS Backup keep daily copies; nil means true.
	Backup *bool
	// TransitionToIA moves files that nobody has read for that long to cheaper storage, and back when they are read: AFTER_7_DAYS,
	// AFTER_30_DAYS and so on; empty means never.
	TransitionToIA string

	// For an existing one:

	// FileSystemID names it.
	FileSystemID string
	// AllowUnencrypted accepts one that is not encrypted.
	AllowUnencrypted bool
	// LookupProvider answers its look-up. It has to be configured in previews too; the default is the component's own provider.
	LookupProvider pulumi.ProviderResource
}

// MountTarget is where the file system is reached in one zone.
type MountTarget struct {
	// Zone is the availability zone.
	Zone string
	// SubnetID is the subnet in that zone.
	SubnetID pulumi.StringInput
}

func (a *Args) protect() bool { return a.Protect == nil || *a.Protect }
func (a *Args) backup() bool  { return a.Backup == nil || *a.Backup }

func (a *Args) storageClass() string {
	if a.StorageClass == "" {
		return DefaultStorageClass
	}
	return a.StorageClass
}

func (a *Args) throughput() string {
	if a.ThroughputMode == "" {
		return "bursting"
	}
	return a.ThroughputMode
}

var (
	fileSystemID = lazyregexp.New(`^fs-[0-9a-f]{8,40}$`)
	// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
	objectName = lazyregexp.New(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	// https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html
	transitions = []string{
		"AFTER_1_DAY", "AFTER_7_DAYS", "AFTER_14_DAYS", "AFTER_30_DAYS", "AFTER_60_DAYS", "AFTER_90_DAYS", "AFTER_180_DAYS",
		"AFTER_270_DAYS", "AFTER_365_DAYS",
	}
	// maxToken is EFS's limit of a creation token, which the name becomes:
	// https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html
	maxToken = 64
)

// validate reports every problem of the arguments at once.
func (a *Args) validate() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if a.Name == "" || len(a.Name)+len("-home-dirs") > maxToken {
		fail("name %q does not begin the file system's name: use up to %d characters, such as the cluster's name", a.Name, maxToken-len("-home-dirs"))
	}
	if !objectName.MatchString(a.storageClass()) {
		fail("storage class %q is not a name that Kubernetes accepts", a.StorageClass)
	}
	var zones []string
	for _, m := range a.MountTargets {
		if m.Zone == "" || m.SubnetID == nil {
			fail("a mount target lacks its zone or its subnet")
		} else if slices.Contains(zones, m.Zone) {
			fail("zone %s has two mount targets, and EFS permits one", m.Zone)
		}
		zones = append(zones, m.Zone)
	}
	if len(a.MountTargets) > 0 && (a.VpcID == nil || a.NodeSecurityGroupID == nil) {
		fail("mount targets need the VPC and the security group of the nodes")
	}
	if a.FileSystemID != "" {
		problems = append(problems, a.validateExisting())
		return errors.Join(problems...)
	}
	if len(a.MountTargets) == 0 {
		fail("no mount target is given: without one no node reaches the file system")
	}
	if !slices.Contains([]string{"bursting", "elastic"}, a.throughput()) {
		fail("throughput mode %q is unknown: use bursting or elastic", a.ThroughputMode)
	}
	if a.TransitionToIA != "" && !slices.Contains(transitions, a.TransitionToIA) {
		fail("transition %q is unknown: use one of %q", a.TransitionToIA, transitions)
	}
	if a.AllowUnencrypted {
		fail("a new file system is always encrypted: allowing it unencrypted is for an existing one")
	}
	return errors.Join(problems...)
}

func (a *Args) validateExisting() error {
	var problems []error
	if !fileSystemID.MatchString(a.FileSystemID) {
		problems = append(problems, fmt.Errorf("%q is not the id of a file system, such as fs-0123456789abcdef0", a.FileSystemID))
	}
	if a.KmsKeyArn != nil || a.ThroughputMode != "" || a.TransitionToIA != "" || a.Backup != nil {
		problems = append(problems, fmt.Errorf("file system %s exists, so its key, throughput, transitions and backup are as they are: leave them out", a.FileSystemID))
	}
	return errors.Join(problems...)
}
