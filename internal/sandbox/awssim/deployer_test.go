package awssim_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hubwright/hubwright/components/creds"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// TestDeployer makes one of everything with no more rights than the deployer role has, reads and deletes it again, and then tries what the
// role must not be able to do.
func TestDeployer(t *testing.T) {
	w, c := aws(t)
	update(t, w, func(tx *world.Tx) error { return awssim.EnsureZone(tx, "example.org") })
	as := realDeployer(t, w, c)
	tags := M{"deployment": "roman"}
	var made []*simtest.Resource
	do := func(token, name string, in M) *simtest.Resource {
		t.Helper()
		r, err := as.Create(token, name, in)
		if err != nil {
			t.Fatalf("creating %s: %v", token, err)
		}
		made = append(made, r)
		return r
	}
	v := do(vpc, "v", M{"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": true, "tags": tags})
	gw := do(igw, "g", M{"vpcId": v.ID, "tags": tags})
	rt := do(table, "t", M{"vpcId": v.ID, "tags": tags})
	do(route, "r", M{"routeTableId": rt.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gw.ID})
	var subnets []any
	for i := range 2 {
		s := do(subnet, fmt.Sprint("s", i), M{
			"vpcId": v.ID, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i), "availabilityZone": "us-east-1" + string(rune('a'+i)), "mapPublicIpOnLaunch": true, "tags": tags,
		})
		do(assoc, fmt.Sprint("a", i), M{"routeTableId": rt.ID, "subnetId": s.ID})
		subnets = append(subnets, s.ID)
	}
	do(nat, "n", M{"subnetId": subnets[0], "allocationId": do(eip, "e", M{"domain": "vpc", "tags": tags}).ID, "tags": tags})
	do(endpoint, "s3", M{"vpcId": v.ID, "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": []any{rt.ID}, "tags": tags})
	sg := do(group, "g", M{"name": "roman-nfs", "vpcId": v.ID, "tags": tags})
	do(ingress, "i", M{"securityGroupId": sg.ID, "ipProtocol": "tcp", "fromPort": 2049, "toPort": 2049, "cidrIpv4": "10.0.0.0/16", "tags": tags})

	k := do(key, "k", M{"enableKeyRotation": true, "tags": tags})
	do(alias, "k", M{"name": "alias/roman-secrets", "targetKeyId": k.ID})
	service := do(role, "eks", M{"name": "roman-eks", "assumeRolePolicy": trust("eks.amazonaws.com"), "tags": tags})
	do(attach, "eks", M{"role": "roman-eks", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"})
	workers := do(role, "nodes", M{"name": "roman-nodes", "assumeRolePolicy": trust("ec2.amazonaws.com"), "tags": tags})
	do(attach, "nodes", M{"role": "roman-nodes", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"})
	kube := do(cluster, "c", M{
		"name": "roman-sit", "roleArn": service.Out["arn"], "version": "1.33", "vpcConfig": M{"subnetIds": subnets}, "tags": tags,
		"encryptionConfig": M{"provider": M{"keyArn": k.Out["arn"]}, "resources": []any{"secrets"}},
	})
	issuer := out(kube, "identities[0].oidcs[0].issuer")
	do(oidc, "o", M{"url": issuer, "clientIdLists": []any{"sts.amazonaws.com"}, "tags": tags})
	ng := do(nodes, "core", M{
		"clusterName": "roman-sit", "nodeGroupName": "core", "nodeRoleArn": workers.Out["arn"], "subnetIds": subnets, "tags": tags,
		"scalingConfig": M{"minSize": 1, "maxSize": 1, "desiredSize": 1},
	})
	asg := out(ng, "resources[0].autoscalingGroups[0].name")
	do(asgTag, "t", M{"autoscalingGroupName": asg, "tag": M{"key": "k8s.io/x", "value": "y", "propagateAtLaunch": true}})
	do(addon, "dns", M{"clusterName": "roman-sit", "addonName": "coredns", "addonVersion": "v1.12.4-eksbuild.1", "tags": tags})
	do(entry, "e", M{"clusterName": "roman-sit", "principalArn": workers.Out["arn"], "type": "STANDARD", "tags": tags})
	home := do(fs, "home", M{"creationToken": "roman-home", "encrypted": true, "kmsKeyId": k.Out["arn"], "tags": tags})
	do(target, "home", M{"fileSystemId": home.ID, "subnetId": subnets[0], "securityGroups": []any{sg.ID}})
	do("aws:efs/backupPolicy:BackupPolicy", "home", M{"fileSystemId": home.ID, "backupPolicy": M{"status": "ENABLED"}})
	do(repo, "r", M{"name": "roman-user-image", "tags": tags})
	do(git, "r", M{"repositoryName": "roman-secrets", "tags": tags})
	do(record, "hub", M{"zoneId": awssim.ZoneID("example.org"), "name": "hub.example.org", "type": "A", "ttl": 60, "records": []any{"192.0.2.1"}})

	for i := range made {
		r := made[len(made)-1-i]
		if exists, err := r.Read(); !exists || err != nil {
			t.Errorf("reading %s %s: exists %v, %v", r.Token, r.ID, exists, err)
		}
		accepts(t, "deleting "+r.Token, r.Delete())
	}

	for what, try := range map[string]struct {
		token string
		in    M
	}{
		"a role of another name":      {role, M{"name": "other", "assumeRolePolicy": trust("ec2.amazonaws.com")}},
		"an administrator":            {attach, M{"role": "roman-eks", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}},
		"more rights for itself":      {inline, M{"name": "more", "role": "roman-deployer", "policy": doc(M{"Action": "*", "Resource": "*"})}},
		"a repository of other names": {repo, M{"name": "other"}},
		"a group of people":           {people, M{"name": "roman-people"}},
	} {
		_, err := as.Create(try.token, "x", try.in)
		refuses(t, what, err, "AccessDenied", "is not authorized to perform")
	}
}

// realDeployer makes the deployer role with the very policies of the credentials component, and an instance that works as it.
func realDeployer(t *testing.T, w *world.World, c *simtest.Conn) *simtest.Conn {
	t.Helper()
	scope := creds.Scope{
		Partition: "aws", AccountID: account, Region: "us-east-1", Prefixes: []string{"roman-"}, Role: "roman-deployer",
		Owner: map[string][]string{"deployment": {"roman"}},
	}
	c.Must(role, "deployer", M{"name": scope.Role, "assumeRolePolicy": trustAWS(caller)})
	attached := 0
	grant := func(statements []creds.Statement) {
		body, err := json.Marshal(M{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s-%d", scope.Role, attached)
		attached++
		p := c.Must(policy, name, M{"name": name, "policy": string(body)})
		c.Must(attach, name, M{"role": scope.Role, "policyArn": p.Out["arn"]})
	}
	for _, topic := range scope.Topics() {
		half := len(topic.Statements) / 2 // a whole topic may be longer than one policy
		grant(topic.Statements[:half])
		grant(topic.Statements[half:])
	}
	w.Clock.Advance(time.Minute)
	as, err := assume(c, scope.Role)
	if err != nil {
		t.Fatal(err)
	}
	return as
}
