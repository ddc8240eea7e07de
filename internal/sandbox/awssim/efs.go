package awssim

import (
	"slices"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// maxTargetGroups is how many security groups a mount target may have: https://docs.aws.amazon.com/efs/latest/ug/limits.html
const maxTargetGroups = 5

func efsARN(resource string) func(*call, string) string {
	return func(c *call, id string) string {
		return c.me.makeARN("elasticfilesystem", resource+"/"+either(id, "*"))
	}
}

func efsKinds() map[string]*kind {
	return map[string]*kind{
		fileSystemToken: {
			Kind: provider.Kind{
				Name: "creationToken", ForceNew: []string{"creationToken", "encrypted", "kmsKeyId", "performanceMode", "availabilityZoneName"},
				Check: checkFileSystem,
			},
			tagged: true, arn: efsARN("file-system"), create: createFileSystem,
			update: func(c *call, _ *world.Object) (map[string]any, error) {
				return map[string]any{"name": c.allTags()["Name"]}, nil
			},
			read: func(c *call, o *world.Object) (map[string]any, error) {
				return map[string]any{"numberOfMountTargets": len(targets(c.tx, o.ID))}, nil
			},
			remove: func(c *call, o *world.Object) error {
				if t := targets(c.tx, o.ID); len(t) > 0 {
					return apiError("FileSystemInUse", "File system '%s' has %d mount targets and cannot be deleted. (%s)", o.ID, len(t), t[0].ID)
				}
				return nil
			},
			rules: []string{
				"one file system a creation token (FileSystemAlreadyExists); modes; a key only for encrypted ones, and it exists",
				"deletion: not with mount targets (FileSystemInUse)",
			},
		},
		mountTargetToken: {
			Kind: provider.Kind{ForceNew: []string{"fileSystemId", "subnetId", "ipAddress"}, DeleteFirst: true},
			// A mount target is authorized by its file system.
			create: createMountTarget,
			update: func(c *call, o *world.Object) (map[string]any, error) {
				return nil, c.checkTargetGroups(o.String("vpcId"))
			},
			remove: func(c *call, o *world.Object) error { return c.unplug(mountTargetToken, o.ID) },
			rules: []string{
				"file system and subnet exist; one target a zone, all in one VPC (MountTargetConflict); groups exist there, at most 5",
			},
		},
		backupPolicyToken: {
			Kind: provider.Kind{ForceNew: []string{"fileSystemId"}, Check: func(in map[string]any) []string {
				var p problems
				p.oneOf(object(in, "backupPolicy"), "status", "ENABLED", "DISABLED")
				return p
			}},
			create: ofFileSystem, rules: []string{"file system exists; status ENABLED or DISABLED"},
		},
		fileSystemPolicyToken: {
			Kind: provider.Kind{ForceNew: []string{"fileSystemId"}, Check: func(in map[string]any) []string {
				var p problems
				p.policy(in, "policy", resourcePolicy, 20000)
				return p
			}},
			create: ofFileSystem, rules: []string{"file system exists; JSON of the right form, at most 20000 characters"},
		},
		accessPointToken: {
			Kind: provider.Kind{
				ForceNew: []string{"fileSystemId", "posixUser", "rootDirectory"},
				Check: func(in map[string]any) []string {
					var p problems
					p.longest(object(in, "rootDirectory"), "path", 100)
					p.tags(in)
					return p
				},
			},
			tagged: true, arn: efsARN("access-point"),
			create: func(c *call) (string, map[string]any, error) {
				_, _, err := ofFileSystem(c)
				id := c.tx.NewID("fsap")
				return id, map[string]any{
					"arn": c.me.makeARN("elasticfilesystem", "access-point/"+id), "ownerId": c.me.account,
					"fileSystemArn": c.me.makeARN("elasticfilesystem", "file-system/"+text(c.In, "fileSystemId")),
				}, err
			},
			rules: []string{"file system exists"},
		},
	}
}

func checkFileSystem(in map[string]any) []string {
	var p problems
	if s, ok := in["creationToken"].(string); ok && (s == "" || len(s) > 64) {
		p.add("creationToken", "expected 1 to 64 characters, got %d", len(s))
	}
	p.oneOf(in, "performanceMode", "generalPurpose", "maxIO")
	p.oneOf(in, "throughputMode", "bursting", "provisioned", "elastic")
	switch {
	case text(in, "throughputMode") == "elastic" && text(in, "performanceMode") == "maxIO":
		p.add("throughputMode", "elastic throughput goes with performance mode generalPurpose only")
	case text(in, "throughputMode") == "provisioned" && in["provisionedThroughputInMibps"] == nil:
		p.add("provisionedThroughputInMibps", "is needed with throughput mode provisioned")
	}
	if encrypted, given := in["encrypted"].(bool); in["kmsKeyId"] != nil && given && !encrypted {
		p.add("kmsKeyId", "encrypted must be set to true when kms_key_id is specified")
	}
	days := []string{"AFTER_1_DAY", "AFTER_7_DAYS", "AFTER_14_DAYS", "AFTER_30_DAYS", "AFTER_60_DAYS", "AFTER_90_DAYS", "AFTER_180_DAYS", "AFTER_270_DAYS", "AFTER_365_DAYS"}
	for _, l := range objects(in, "lifecyclePolicies") {
		p.oneOf(l, "transitionToIa", days...)
		p.oneOf(l, "transitionToArchive", days...)
		p.oneOf(l, "transitionToPrimaryStorageClass", "AFTER_1_ACCESS")
	}
	p.tags(in)
	return p
}

func createFileSystem(c *call) (string, map[string]any, error) {
	token := text(c.In, "creationToken")
	if token == "" {
		token = c.Name + "-" + world.Hex(7)
	}
	if o := c.tx.Find(fileSystemToken, func(o *world.Object) bool { return o.String("creationToken") == token }); o != nil {
		return "", nil, apiError("FileSystemAlreadyExists", "File system '%s' already exists with creation token '%s'", o.ID, token)
	}
	key := text(c.In, "kmsKeyId")
	if key != "" && findKey(c.tx, key) == nil {
		return "", nil, apiError("KMSKeyNotFoundException", "Invalid keyId %s", key)
	}
	id := c.tx.NewID("fs")
	return id, c.with(
		map[string]any{"encrypted": key != "", "performanceMode": "generalPurpose", "throughputMode": "bursting", "protection": map[string]any{"replicationOverwrite": "ENABLED"}},
		map[string]any{
			"creationToken": token, "arn": c.me.makeARN("elasticfilesystem", "file-system/"+id), "dnsName": id + ".efs." + c.me.region + "." + domain(c.me.partition),
			"ownerId": c.me.account, "numberOfMountTargets": 0, "name": c.allTags()["Name"],
			"sizeInBytes": []any{map[string]any{"value": 6144, "valueInIa": 0, "valueInStandard": 6144}},
		}), nil
}

// targets are the mount targets of a file system.
func targets(tx *world.Tx, fileSystem string) []*world.Object {
	return slices.DeleteFunc(tx.List(mountTargetToken), func(o *world.Object) bool { return o.String("fileSystemId") != fileSystem })
}

// ofFileSystem makes what there is once for a file system, and has its id.
func ofFileSystem(c *call) (string, map[string]any, error) {
	id := text(c.In, "fileSystemId")
	if c.tx.Get(fileSystemToken, id) == nil {
		return "", nil, apiError("FileSystemNotFound", "File system '%s' does not exist.", id)
	}
	return id, nil, nil
}

func createMountTarget(c *call) (string, map[string]any, error) {
	fs, _, err := ofFileSystem(c)
	if err != nil {
		return "", nil, err
	}
	subnet, err := c.subnet(text(c.In, "subnetId"))
	if err != nil {
		return "", nil, apiError("SubnetNotFound", "The subnet ID '%s' does not exist", text(c.In, "subnetId"))
	}
	for _, other := range targets(c.tx, fs) {
		if other.String("availabilityZoneName") == subnet.String("availabilityZone") {
			return "", nil, apiError("MountTargetConflict", "mount target already exists in this AZ (%s in %s)", other.ID, subnet.String("availabilityZone"))
		}
		if other.String("vpcId") != subnet.String("vpcId") {
			return "", nil, apiError("MountTargetConflict", "requested subnet for new mount target is not in the same VPC as existing mount targets")
		}
	}
	if err := c.checkTargetGroups(subnet.String("vpcId")); err != nil {
		return "", nil, err
	}
	groups := texts(c.In, "securityGroups")
	if vpc := c.tx.Get(vpcToken, subnet.String("vpcId")); len(groups) == 0 && vpc != nil {
		groups = []string{vpc.String("defaultSecurityGroupId")}
	}
	id := c.tx.NewID("fsmt")
	eni, err := c.plug(subnet, groups, "EFS mount target for "+fs+" ("+id+")", mountTargetToken, id, false)
	if err != nil {
		return "", nil, err
	}
	zone, dns := subnet.String("availabilityZone"), fs+".efs."+c.me.region+"."+domain(c.me.partition)
	return id, c.with(map[string]any{"securityGroups": anyList(groups), "ipAddress": eni.String("privateIp")}, map[string]any{
		"availabilityZoneName": zone, "availabilityZoneId": subnet.String("availabilityZoneId"), "dnsName": dns, "mountTargetDnsName": zone + "." + dns,
		"fileSystemArn": c.me.makeARN("elasticfilesystem", "file-system/"+fs), "networkInterfaceId": eni.ID, "ownerId": c.me.account, "vpcId": subnet.String("vpcId"),
	}), nil
}

func (c *call) checkTargetGroups(vpc string) error {
	groups := texts(c.In, "securityGroups")
	if len(groups) > maxTargetGroups {
		return apiError("SecurityGroupLimitExceeded", "Maximum number of security groups reached: %d", maxTargetGroups)
	}
	for _, id := range groups {
		if g := c.tx.Get(securityGroupToken, id); g == nil || g.String("vpcId") != vpc {
			return apiError("SecurityGroupNotFound", "The security group '%s' does not exist in the VPC of the subnet", id)
		}
	}
	return nil
}
