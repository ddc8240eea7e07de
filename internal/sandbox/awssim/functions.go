package awssim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// function is one function: what it answers, and the actions that the real one calls, written as in actions.go.
type function struct {
	answer func(c *call) (map[string]any, error)
	needs  string
}

func (f function) build(token string) provider.Function {
	return func(tx *world.Tx, s *provider.Session, args map[string]any) (map[string]any, error) {
		me, err := identityOf(tx, s)
		if err != nil {
			return nil, err
		}
		c := &call{Call: &provider.Call{Session: s, Token: token, In: args}, tx: tx, me: me}
		if err := c.authorizeFunction(f.needs); err != nil {
			return nil, err
		}
		return f.answer(c)
	}
}

func functions() map[string]function {
	all := map[string]function{
		"aws:index/getCallerIdentity:getCallerIdentity": {answer: func(c *call) (map[string]any, error) {
			return map[string]any{"id": c.me.account, "accountId": c.me.account, "arn": c.me.arn, "userId": "AIDASANDBOX"}, nil
		}},
		"aws:index/getPartition:getPartition": {answer: func(c *call) (map[string]any, error) {
			suffix := domain(c.me.partition)
			parts := strings.Split(suffix, ".")
			slices.Reverse(parts)
			return map[string]any{"id": c.me.partition, "partition": c.me.partition, "dnsSuffix": suffix, "reverseDnsPrefix": strings.Join(parts, ".")}, nil
		}},
		"aws:index/getRegion:getRegion": {answer: func(c *call) (map[string]any, error) {
			name := either(text(c.In, "name"), c.me.region)
			return map[string]any{"id": name, "name": name, "description": name, "endpoint": "ec2." + name + "." + domain(partition(name))}, nil
		}},
		"aws:index/getAvailabilityZones:getAvailabilityZones": {answer: getZones, needs: "ec2:DescribeAvailabilityZones@*"},
		"aws:elb/getHostedZoneId:getHostedZoneId": {answer: func(c *call) (map[string]any, error) {
			return c.balancerZone(false)
		}},
		"aws:lb/getHostedZoneId:getHostedZoneId": {answer: func(c *call) (map[string]any, error) {
			return c.balancerZone(text(c.In, "loadBalancerType") == "network")
		}},
		"aws:iam/getRole:getRole": {answer: func(c *call) (map[string]any, error) {
			o, err := c.role(text(c.In, "name"))
			if err != nil {
				return nil, err
			}
			return copied(o, "arn", "assumeRolePolicy", "createDate", "description", "maxSessionDuration", "name", "path", "permissionsBoundary", "uniqueId", "tags"), nil
		}},
		"aws:kms/getKey:getKey": {needs: "kms:DescribeKey@keyId", answer: func(c *call) (map[string]any, error) {
			o, err := c.usableKey(text(c.In, "keyId"))
			if err != nil {
				return nil, err
			}
			out := copied(o, "arn", "description", "customerMasterKeySpec", "keyUsage", "multiRegion")
			out["keyId"], out["enabled"], out["keyState"], out["awsAccountId"] = o.ID, true, "Enabled", c.me.account
			return out, nil
		}},
		"aws:acm/getCertificate:getCertificate": {answer: getCertificate, needs: "acm:ListCertificates@*"},
	}
	for _, part := range []map[string]function{networkFunctions(), registryFunctions(), clusterFunctions(), dnsFunctions(), findFunctions()} {
		maps.Copy(all, part)
	}
	return all
}

// copied are some of an object's properties, with its id; texts and maps that it lacks are empty ones.
func copied(o *world.Object, props ...string) map[string]any {
	out := map[string]any{"id": o.ID}
	for _, p := range props {
		switch v := o.Props[p]; {
		case v != nil:
			out[p] = v
		case p == "tags":
			out[p] = map[string]any{}
		default:
			out[p] = ""
		}
	}
	if all := tagsOf(o); out["tags"] != nil && all != nil {
		out["tags"] = all
	}
	return out
}

func getZones(c *call) (map[string]any, error) {
	names, ids := []any{}, []any{}
	for i, z := range zoneNames(c.me.region) {
		id := zoneID(c.me.region, i)
		if !slices.Contains(texts(c.In, "excludeNames"), z) && !slices.Contains(texts(c.In, "excludeZoneIds"), id) {
			names, ids = append(names, z), append(ids, id)
		}
	}
	return map[string]any{"id": c.me.region, "names": names, "zoneIds": ids, "groupNames": []any{c.me.region}}, nil
}

func (c *call) balancerZone(network bool) (map[string]any, error) {
	name := either(text(c.In, "region"), c.me.region)
	id := HostedZoneID(name, network)
	if id == "" {
		return nil, fmt.Errorf("unsupported AWS Region: %s", name)
	}
	return map[string]any{"id": id, "region": name}, nil
}

// HostedZoneID is the hosted zone of a region's classic and application load balancers, or of its network load balancers; "" for regions
// that are not known here.
func HostedZoneID(regionName string, network bool) string {
	if network {
		return regions[regionName].network
	}
	return regions[regionName].classic
}

func getCertificate(c *call) (map[string]any, error) {
	name := strings.ToLower(text(c.In, "domain"))
	statuses := texts(c.In, "statuses")
	if len(statuses) == 0 {
		statuses = []string{certificateIssued}
	}
	for _, o := range c.tx.List(certificateToken) {
		if o.String("domain") == name && slices.Contains(statuses, o.String("status")) {
			return copied(o, "arn", "domain", "status", "tags"), nil
		}
	}
	return nil, fmt.Errorf("no matching ACM Certificate found for domain %s", name)
}

func registryFunctions() map[string]function {
	return map[string]function{
		"aws:ecr/getAuthorizationToken:getAuthorizationToken": {needs: "ecr:GetAuthorizationToken@*", answer: func(c *call) (map[string]any, error) {
			registry := either(text(c.In, "registryId"), c.me.account)
			password := "sandbox-" + world.Hex(24)
			return map[string]any{
				"id": c.me.region, "userName": "AWS", "password": password, "authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
				"proxyEndpoint": fmt.Sprintf("https://%s.dkr.ecr.%s.%s", registry, c.me.region, domain(c.me.partition)),
				"expiresAt":     c.tx.Now().Add(12 * time.Hour).UTC().Format(time.RFC3339), "registryId": registry,
			}, nil
		}},
		"aws:ecr/getRepository:getRepository": {needs: "ecr:DescribeRepositories@name", answer: func(c *call) (map[string]any, error) {
			o := c.tx.Get(repositoryToken, text(c.In, "name"))
			if o == nil {
				return nil, apiError("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", text(c.In, "name"), c.me.account)
			}
			return copied(o, "arn", "name", "registryId", "repositoryUrl", "imageTagMutability", "tags"), nil
		}},
		"aws:ecr/getImage:getImage": {needs: "ecr:DescribeImages@repositoryName", answer: getImage},
	}
}

func getImage(c *call) (map[string]any, error) {
	name, tag, digest := text(c.In, "repositoryName"), text(c.In, "imageTag"), text(c.In, "imageDigest")
	repository := c.tx.Get(repositoryToken, name)
	if repository == nil {
		return nil, apiError("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, c.me.account)
	}
	var found *world.Object
	for _, i := range imagesOf(c.tx, repository) {
		matches := (tag == "" || i.String("tag") == tag) && (digest == "" || i.String("digest") == digest)
		if matches && (found == nil || flag(c.In, "mostRecent") && i.Created.After(found.Created)) {
			found = i
		}
	}
	if found == nil {
		return nil, apiError("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
			digest, tag, name, c.me.account)
	}
	return map[string]any{
		"id": found.String("digest"), "imageDigest": found.String("digest"), "imageTags": []any{found.String("tag")}, "imageTag": found.String("tag"),
		"imageUri": repository.String("repositoryUrl") + "@" + found.String("digest"), "registryId": c.me.account, "repositoryName": name,
		"imagePushedAt": found.Created.Unix(), "imageSizeInBytes": 1 << 30,
	}, nil
}

func dnsFunctions() map[string]function {
	return map[string]function{
		"aws:route53/getZone:getZone": {needs: "route53:ListHostedZones@*", answer: func(c *call) (map[string]any, error) {
			id, name := strings.TrimPrefix(text(c.In, "zoneId"), "/hostedzone/"), strings.TrimSuffix(strings.ToLower(text(c.In, "name")), ".")
			for _, z := range c.tx.List(zoneToken) {
				if (id != "" && z.ID == id) || (id == "" && name != "" && strings.TrimSuffix(z.String("name"), ".") == name) {
					out := copied(z, "arn", "name", "comment", "nameServers", "tags")
					out["zoneId"], out["privateZone"], out["callerReference"] = z.ID, false, z.ID
					out["resourceRecordSetCount"] = len(c.recordSets(z.ID)) + 2 // NS and SOA
					return out, nil
				}
			}
			return nil, fmt.Errorf("no matching Route 53 Hosted Zone found (%s)", either(name, id))
		}},
		"aws:route53/getRecords:getRecords": {needs: "route53:ListResourceRecordSets@zoneId", answer: func(c *call) (map[string]any, error) {
			zone, err := c.zone(text(c.In, "zoneId"))
			if err != nil {
				return nil, err
			}
			return map[string]any{"id": zone.ID, "zoneId": zone.ID, "resourceRecordSets": c.recordSets(zone.ID)}, nil
		}},
	}
}

// recordSets are the records of a zone as getRecords has them.
func (c *call) recordSets(zone string) []any {
	out := []any{}
	z := c.tx.Get(zoneToken, zone)
	for _, o := range c.tx.List(recordToken) {
		if z == nil || o.String("zoneId") != zone {
			continue
		}
		values := []any{}
		for _, r := range texts(o.Props, "records") {
			values = append(values, map[string]any{"value": r})
		}
		out = append(out, map[string]any{
			"name": fullName(o.String("name"), absolute(z.String("name"))), "type": o.String("type"), "ttl": number(o.Props, "ttl", 0), "resourceRecords": values,
		})
	}
	return out
}
