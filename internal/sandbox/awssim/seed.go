package awssim

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// What exists in an account before anybody deploys is put into the world by the functions below. What is there already stays as it is.

func ensure(tx *world.Tx, kind, id string, props map[string]any) error {
	if tx.Get(kind, id) != nil {
		return nil
	}
	props["madeBy"] = "outside"
	return tx.Put(&world.Object{Kind: kind, ID: id, Props: props, Created: world.Epoch.Add(-time.Hour), Ready: world.Epoch.Add(-time.Hour)})
}

// account is the account of the world's settings.
func account(tx *world.Tx) string { return either(tx.Setting("account"), noAccount) }

func settingRegion(tx *world.Tx) string { return either(tx.Setting("region"), "us-east-1") }

// EnsureZone makes a public hosted zone for a domain, unless there is one. Its id follows from the name.
func EnsureZone(tx *world.Tx, name string) error {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if !dnsNameForm.MatchString(name) {
		return fmt.Errorf("hosted zone: %q is no domain name", name)
	}
	if tx.Find(zoneToken, func(o *world.Object) bool { return o.String("name") == name }) != nil {
		return nil
	}
	id := ZoneID(name)
	servers := []any{}
	for i, tld := range []string{"com", "net", "org", "co.uk"} {
		servers = append(servers, fmt.Sprintf("ns-%d.awsdns-%02d.%s", 100+i*512, 10+i, tld))
	}
	return ensure(tx, zoneToken, id, map[string]any{"name": name, "zoneId": id, "arn": "arn:aws:route53:::hostedzone/" + id, "nameServers": servers, "comment": ""})
}

// ZoneID is the id of the hosted zone that EnsureZone makes for a domain.
func ZoneID(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.TrimSuffix(strings.ToLower(name), ".")))
	return fmt.Sprintf("Z0%016X", h.Sum64())
}

// EnsureUser makes an IAM user known. Once one is, references to others of the account are refused.
func EnsureUser(tx *world.Tx, name string) error {
	if !userNameForm.MatchString(name) {
		return fmt.Errorf("user: %q is not the name of an IAM user", name)
	}
	return ensure(tx, userToken, name, map[string]any{"name": name, "arn": fmt.Sprintf("arn:aws:iam::%s:user/%s", account(tx), name)})
}

// EnsureRole makes a role with all rights that the principals, given by ARN, may assume: one that exists before the deployment, as in
// creds.mode assume, or one that a trust policy or an access entry names.
func EnsureRole(tx *world.Tx, arn string, trusted ...string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return fmt.Errorf("role: %q is not the ARN of a role", arn)
	}
	name := parts[5][strings.LastIndex(parts[5], "/")+1:]
	if len(trusted) == 0 {
		trusted = []string{fmt.Sprintf("arn:%s:iam::%s:root", parts[1], parts[4])}
	}
	trust := policyText(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": anyList(trusted)},
	}}})
	return ensure(tx, roleToken, name, map[string]any{
		"name": name, "arn": arn, "path": "/", "assumeRolePolicy": trust, "maxSessionDuration": 3600,
		"managedPolicyArns": []any{"arn:" + parts[1] + ":iam::aws:policy/AdministratorAccess"}, "createDate": world.Epoch.Add(-time.Hour).Format(time.RFC3339),
	})
}

// EnsurePolicy makes a managed policy, such as a permissions boundary that the institute prescribes.
func EnsurePolicy(tx *world.Tx, arn, document string) error {
	if !policyARNForm.MatchString(arn) {
		return fmt.Errorf("policy: %q is not the ARN of a policy", arn)
	}
	if _, err := checkPolicy(document, identityPolicy); err != nil {
		return fmt.Errorf("policy %s: %w", arn, err)
	}
	return ensure(tx, policyToken, arn, map[string]any{"name": arn[strings.LastIndex(arn, "/")+1:], "arn": arn, "policy": document, "path": "/"})
}

// EnsureCertificate makes an issued certificate for a domain and returns its ARN.
func EnsureCertificate(tx *world.Tx, domainName string) (string, error) {
	name := strings.ToLower(domainName)
	for _, o := range tx.List(certificateToken) {
		if o.String("domain") == name {
			return o.ID, nil
		}
	}
	x := strings.ToLower(ZoneID(name))[2:]
	arn := fmt.Sprintf("arn:aws:acm:%s:%s:certificate/%s-0000-4000-8000-%s00000000", settingRegion(tx), account(tx), x[:8], x[8:12])
	return arn, EnsureCertificateAs(tx, arn, name)
}

// EnsureCertificateAs makes an issued certificate of a given ARN for a domain.
func EnsureCertificateAs(tx *world.Tx, arn, domainName string) error {
	name := strings.ToLower(domainName)
	return ensure(tx, certificateToken, arn, map[string]any{"domain": name, "domainName": name, "arn": arn, "status": certificateIssued, "type": "AMAZON_ISSUED"})
}

// EnsureKeyAs makes a symmetric KMS key of a given ARN whose use the account's IAM policies govern.
func EnsureKeyAs(tx *world.Tx, arn string) error {
	root := fmt.Sprintf("arn:%s:iam::%s:root", partition(settingRegion(tx)), account(tx))
	return ensure(tx, keyToken, keyID(arn), map[string]any{
		"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": true, "enableKeyRotation": false, "multiRegion": false,
		"policy": delegating(root), "description": "", "keyId": keyID(arn), "arn": arn,
	})
}

// Subnet is a subnet of a network that exists already.
type Subnet struct {
	ID, CIDR, Zone string
	// Public says that instances get public addresses there.
	Public bool
	Tags   map[string]string
}

// EnsureNetwork makes a VPC with subnets that exists before the deployment. Its routes are not simulated: nodes reach the internet.
func EnsureNetwork(tx *world.Tx, vpcID, cidr string, tags map[string]string, subnets ...Subnet) error {
	regionName, acct := settingRegion(tx), account(tx)
	arn := func(resource string) string {
		return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", partition(regionName), regionName, acct, resource)
	}
	group := "sg-0" + strings.TrimPrefix(vpcID, "vpc-")
	err := ensure(tx, vpcToken, vpcID, map[string]any{
		"cidrBlock": cidr, "enableDnsSupport": true, "enableDnsHostnames": true, "instanceTenancy": "default", "arn": arn("vpc/" + vpcID),
		"ownerId": acct, "defaultSecurityGroupId": group, "tags": anyMap(tags),
	})
	if err != nil {
		return err
	}
	if err := ensure(tx, securityGroupToken, group, map[string]any{"name": "default", "vpcId": vpcID, "arn": arn("security-group/" + group)}); err != nil {
		return err
	}
	for _, s := range subnets {
		err := ensure(tx, subnetToken, s.ID, map[string]any{
			"vpcId": vpcID, "cidrBlock": s.CIDR, "availabilityZone": s.Zone, "availabilityZoneId": zoneIDOf(regionName, s.Zone),
			"mapPublicIpOnLaunch": s.Public, "arn": arn("subnet/" + s.ID), "ownerId": acct, "tags": anyMap(s.Tags),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// EnsureFileSystem makes an EFS file system that exists before the deployment.
func EnsureFileSystem(tx *world.Tx, id string) error {
	regionName, acct := settingRegion(tx), account(tx)
	return ensure(tx, fileSystemToken, id, map[string]any{
		"creationToken": id, "encrypted": true, "performanceMode": "generalPurpose", "throughputMode": "bursting", "ownerId": acct,
		"dnsName": id + ".efs." + regionName + "." + domain(partition(regionName)), "tags": map[string]any{},
		"arn": fmt.Sprintf("arn:%s:elasticfilesystem:%s:%s:file-system/%s", partition(regionName), regionName, acct, id),
	})
}

func anyMap(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// HasZone says whether there is a hosted zone of a name.
func HasZone(tx *world.Tx, name string) bool {
	return tx.Find(zoneToken, func(o *world.Object) bool { return absolute(o.String("name")) == absolute(name) }) != nil
}

// CodeCommitRepositories are the names of all repositories of CodeCommit.
func CodeCommitRepositories(tx *world.Tx) []string {
	var names []string
	for _, o := range tx.List(codecommitToken) {
		names = append(names, o.ID)
	}
	return names
}
