package awssim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func TestFunctions(t *testing.T) {
	w, c := aws(t)
	var certificate string
	update(t, w, func(tx *world.Tx) (err error) {
		if certificate, err = awssim.EnsureCertificate(tx, "hub.example.org"); err != nil {
			return err
		}
		return awssim.EnsureZone(tx, "example.org")
	})
	n, k := eks(c)
	r := c.Must(repo, "r", M{"name": "images"})
	digest := "sha256:" + strings.Repeat("a", 64)
	update(t, w, func(tx *world.Tx) error { return awssim.PushImage(tx, out(r, "repositoryUrl"), "v1", digest) })
	f := c.Must(fs, "f", M{"creationToken": "homes"})
	ap := c.Must("aws:efs/accessPoint:AccessPoint", "ap", M{"fileSystemId": f.ID, "rootDirectory": M{"path": "/hubs/x"}})
	for name, try := range map[string]struct {
		token string
		args  M
		want  M
	}{
		"identity":      {"aws:index/getCallerIdentity:getCallerIdentity", nil, M{"accountId": account, "arn": caller}},
		"partition":     {"aws:index/getPartition:getPartition", nil, M{"partition": "aws", "dnsSuffix": "amazonaws.com"}},
		"region":        {"aws:index/getRegion:getRegion", nil, M{"name": "us-east-1"}},
		"zones":         {"aws:index/getAvailabilityZones:getAvailabilityZones", M{"excludeNames": []any{"us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"}}, M{"names": []any{"us-east-1e", "us-east-1f"}, "zoneIds": []any{"use1-az3", "use1-az6"}}},
		"VPC":           {"aws:ec2/getVpc:getVpc", M{"id": n.vpc.ID}, M{"cidrBlock": "172.16.0.0/16"}},
		"subnets":       {"aws:ec2/getSubnets:getSubnets", M{"filters": []any{M{"name": "vpc-id", "values": []any{n.vpc.ID}}, M{"name": "availability-zone", "values": []any{"us-east-1b"}}}}, M{"ids": n.ids()[1:]}},
		"subnet":        {"aws:ec2/getSubnet:getSubnet", M{"id": n.subnets[0].ID}, M{"availabilityZone": "us-east-1a", "vpcId": n.vpc.ID}},
		"cluster":       {"aws:eks/getCluster:getCluster", M{"name": "roman-sit"}, M{"endpoint": k.Out["endpoint"], "version": "1.33"}},
		"add-on":        {"aws:eks/getAddonVersion:getAddonVersion", M{"addonName": "kube-proxy", "kubernetesVersion": "1.32", "mostRecent": true}, M{"version": "v1.32.5-eksbuild.2"}},
		"file system":   {"aws:efs/getFileSystem:getFileSystem", M{"fileSystemId": f.ID}, M{"creationToken": "homes", "fileSystemId": f.ID}},
		"access points": {"aws:efs/getAccessPoints:getAccessPoints", M{"fileSystemId": f.ID}, M{"ids": []any{ap.ID}}},
		"access point":  {"aws:efs/getAccessPoint:getAccessPoint", M{"accessPointId": ap.ID}, M{"fileSystemId": f.ID, "rootDirectories": []any{M{"path": "/hubs/x"}}}},
		"no point":      {"aws:efs/getAccessPoint:getAccessPoint", M{"accessPointId": "fsap-0"}, M{"error": "AccessPointNotFound"}},
		"zone":          {"aws:route53/getZone:getZone", M{"name": "Example.org."}, M{"zoneId": awssim.ZoneID("example.org"), "name": "example.org"}},
		"certificate":   {"aws:acm/getCertificate:getCertificate", M{"domain": "hub.example.org", "statuses": []any{"ISSUED"}}, M{"arn": certificate}},
		"image":         {"aws:ecr/getImage:getImage", M{"repositoryName": "images", "imageTag": "v1"}, M{"imageDigest": digest}},
		"token":         {"aws:ecr/getAuthorizationToken:getAuthorizationToken", nil, M{"userName": "AWS", "proxyEndpoint": "https://" + account + ".dkr.ecr.us-east-1.amazonaws.com"}},
		"classic zone":  {"aws:elb/getHostedZoneId:getHostedZoneId", nil, M{"id": "Z35SXDOTRQ7X7K"}},
		"network zone":  {"aws:lb/getHostedZoneId:getHostedZoneId", M{"loadBalancerType": "network"}, M{"id": "Z26RNL4JYFTOTI"}},
		"role":          {"aws:iam/getRole:getRole", M{"name": "eks"}, M{"arn": "arn:aws:iam::" + account + ":role/eks"}},
		"no VPC":        {"aws:ec2/getVpc:getVpc", M{"tags": M{"Name": "x"}}, M{"error": "no matching EC2 VPC found"}},
		"many subnets":  {"aws:ec2/getSubnet:getSubnet", M{"vpcId": n.vpc.ID}, M{"error": "multiple EC2 Subnets matched"}},
		"no filter":     {"aws:ec2/getSubnets:getSubnets", M{"filters": []any{M{"name": "colour", "values": []any{"red"}}}}, M{"error": "The filter 'colour' is invalid"}},
		"no cluster":    {"aws:eks/getCluster:getCluster", M{"name": "x"}, M{"error": "ResourceNotFoundException"}},
		"no zone":       {"aws:route53/getZone:getZone", M{"name": "example.com"}, M{"error": "no matching Route 53 Hosted Zone found"}},
		"no image":      {"aws:ecr/getImage:getImage", M{"repositoryName": "images", "imageTag": "v2"}, M{"error": "ImageNotFoundException"}},
		"no add-on":     {"aws:eks/getAddonVersion:getAddonVersion", M{"addonName": "x", "kubernetesVersion": "1.33"}, M{"error": "is not supported"}},
		"not simulated": {"aws:s3/getBucket:getBucket", nil, M{"error": "does not simulate the function"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Invoke(try.token, try.args)
			if want, ok := try.want["error"].(string); ok {
				refuses(t, name, err, want)
				return
			}
			accepts(t, name, err)
			for key, want := range try.want {
				if diff := cmp.Diff(want, got[key]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
		})
	}
}

// TestDescribe sees to it that every type says what it refuses, and that its actions are known.
func TestDescribe(t *testing.T) {
	rules := awssim.Describe()
	if len(rules) < 35 {
		t.Errorf("%d types, want all that the graph uses", len(rules))
	}
	for _, r := range rules {
		if len(r.Checks) == 0 || !r.Rights || r.Create <= 0 {
			t.Errorf("%s: %d checks, rights checked: %v, takes %s", r.Token, len(r.Checks), r.Rights, r.Create)
		}
		if r.Create%5e9 != 0 {
			t.Errorf("%s takes %s, which is not a multiple of five seconds", r.Token, r.Create)
		}
	}
}

func TestEnsureNetwork(t *testing.T) {
	w, c := aws(t)
	update(t, w, func(tx *world.Tx) error {
		return awssim.EnsureNetwork(tx, "vpc-0a", "10.0.0.0/16", map[string]string{"Name": "institute"},
			awssim.Subnet{ID: "subnet-0a", CIDR: "10.0.0.0/24", Zone: "us-east-1a", Tags: map[string]string{"tier": "private"}},
			awssim.Subnet{ID: "subnet-0b", CIDR: "10.0.1.0/24", Zone: "us-east-1b"})
	})
	got, err := c.Invoke("aws:ec2/getVpc:getVpc", M{"filters": []any{M{"name": "tag:Name", "values": []any{"inst*"}}}})
	accepts(t, "the VPC by its name tag", err)
	if got["id"] != "vpc-0a" {
		t.Errorf("found %v", got)
	}
	serviceRole(c, "eks", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
	serviceRole(c, "nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
	c.Must(cluster, "k", M{"name": "k", "roleArn": "arn:aws:iam::" + account + ":role/eks", "vpcConfig": M{"subnetIds": []any{"subnet-0a", "subnet-0b"}}})
	c.Must(nodes, "n", M{
		"clusterName": "k", "nodeRoleArn": "arn:aws:iam::" + account + ":role/nodes", "subnetIds": []any{"subnet-0a"},
		"scalingConfig": M{"minSize": 1, "maxSize": 1, "desiredSize": 1},
	})
}
