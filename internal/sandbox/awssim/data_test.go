package awssim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func TestFileSystem(t *testing.T) {
	w, c := aws(t)
	n := network(c, 2)
	g := c.Must(group, "g", M{"name": "nfs", "vpcId": n.vpc.ID})
	f := c.Must(fs, "home", M{"creationToken": "roman-sit-home-dirs", "encrypted": true})
	if want := f.ID + ".efs.us-east-1.amazonaws.com"; f.Out["dnsName"] != want {
		t.Errorf("DNS name %v, want %s", f.Out["dnsName"], want)
	}
	_, err := c.Create(fs, "again", M{"creationToken": "roman-sit-home-dirs"})
	refuses(t, "a token used twice", err, "FileSystemAlreadyExists: File system '"+f.ID+"' already exists with creation token 'roman-sit-home-dirs'")
	_, err = c.Create(fs, "k", M{"creationToken": "k", "encrypted": false, "kmsKeyId": "arn:aws:kms:us-east-1:1:key/x"})
	refuses(t, "a key without encryption", err, "encrypted must be set to true")
	_, err = c.Create(fs, "k", M{"creationToken": "k", "encrypted": true, "kmsKeyId": "arn:aws:kms:us-east-1:1:key/x"})
	refuses(t, "a missing key", err, "KMSKeyNotFoundException")
	_, err = c.Create(fs, "k", M{"creationToken": "k", "throughputMode": "fast"})
	refuses(t, "a throughput mode", err, "expected throughputMode to be one of")

	before := w.Clock.Now()
	mt := c.Must(target, "a", M{"fileSystemId": f.ID, "subnetId": n.subnets[0].ID, "securityGroups": []any{g.ID}})
	if took := w.Clock.Now().Sub(before); took < 90*time.Second {
		t.Errorf("a mount target took %s, want 90 s", took)
	}
	for what, in := range map[string]M{
		"MountTargetConflict: mount target already exists in this AZ": {"fileSystemId": f.ID, "subnetId": n.subnets[0].ID},
		"FileSystemNotFound":    {"fileSystemId": "fs-0", "subnetId": n.subnets[0].ID},
		"SubnetNotFound":        {"fileSystemId": f.ID, "subnetId": "subnet-0"},
		"SecurityGroupNotFound": {"fileSystemId": f.ID, "subnetId": n.subnets[1].ID, "securityGroups": []any{"sg-0"}},
	} {
		_, err := c.Create(target, "b", in)
		refuses(t, what, err, what)
	}
	refuses(t, "a file system with mount targets", f.Delete(), "FileSystemInUse: File system '"+f.ID+"'")
	refuses(t, "the group of a mount target", g.Delete(), "DependencyViolation")
	refuses(t, "the subnet of a mount target", n.subnets[0].Delete(), "DependencyViolation")
	accepts(t, "the mount target", mt.Delete())
	accepts(t, "the file system", f.Delete())
	accepts(t, "the group", g.Delete())
}

func TestRegistry(t *testing.T) {
	w, c := aws(t)
	r := c.Must(repo, "r", M{"name": "roman-sit-user-image", "imageTagMutability": "IMMUTABLE"})
	url := account + ".dkr.ecr.us-east-1.amazonaws.com/roman-sit-user-image"
	if r.Out["repositoryUrl"] != url {
		t.Errorf("URL %v, want %s", r.Out["repositoryUrl"], url)
	}
	_, err := c.Create(repo, "again", M{"name": "roman-sit-user-image"})
	refuses(t, "a name taken", err, "RepositoryAlreadyExistsException: The repository with name 'roman-sit-user-image' already exists in the registry with id '"+account+"'")
	for _, name := range []string{"Upper", "a", "-a", "a--b..c", strings.Repeat("x", 257)} {
		_, err := c.Create(repo, "x", M{"name": name})
		refuses(t, "the name "+name, err, "invalid repository name")
	}
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	push := func(url, tag, digest string) error {
		return w.Update(func(tx *world.Tx) error { return awssim.PushImage(tx, url, tag, digest) })
	}
	accepts(t, "a push", push(url, "v1", one))
	accepts(t, "the same push", push(url, "v1", one))
	refuses(t, "the tag with other content", push(url, "v1", two), "ImageTagAlreadyExistsException: The image tag 'v1' already exists in the 'roman-sit-user-image' repository")
	accepts(t, "another tag", push(url, "v2", two))
	refuses(t, "no repository", push(url+"x", "v1", one), "RepositoryNotFoundException")
	refuses(t, "no digest", push(url, "v3", "sha256:1"), "invalid digest")
	refuses(t, "a repository with images", r.Delete(), "RepositoryNotEmptyException: The repository with name 'roman-sit-user-image'", "cannot be deleted because it still contains images")
	accepts(t, "consent to deletion", r.Update(M{"name": "roman-sit-user-image", "imageTagMutability": "MUTABLE", "forceDelete": true}))
	accepts(t, "the tag with other content where tags are mutable", push(url, "v1", two))
	accepts(t, "the repository", r.Delete())
}

func TestLifecyclePolicy(t *testing.T) {
	_, c := aws(t)
	c.Must(repo, "r", M{"name": "images"})
	const kind = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	rule := func(s string) string {
		return `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":` + s + `},"action":{"type":"expire"}}]}`
	}
	_, err := c.Create(kind, "ok", M{"repository": "images", "policy": rule("30")})
	accepts(t, "a good policy", err)
	for policy, want := range map[string]string{
		"{": "no JSON", rule("0"): "countNumber", `{"rules":[]}`: "needs rules",
		strings.Replace(rule("1"), "expire", "drop", 1): "not expire",
	} {
		_, err := c.Create(kind, "x", M{"repository": "images", "policy": policy})
		refuses(t, policy, err, "Lifecycle policy validation failure", want)
	}
	_, err = c.Create(kind, "x", M{"repository": "none", "policy": rule("1")})
	refuses(t, "no repository", err, "RepositoryNotFoundException")
}

func TestKeys(t *testing.T) {
	w, c := aws(t)
	k := c.Must(key, "k", M{"description": "secrets", "enableKeyRotation": true, "deletionWindowInDays": 7})
	a := c.Must(alias, "a", M{"name": "alias/roman-sit", "targetKeyId": k.ID})
	if a.Out["targetKeyArn"] != k.Out["arn"] {
		t.Errorf("target %v, want %v", a.Out["targetKeyArn"], k.Out["arn"])
	}
	for what, in := range map[string]M{
		"AlreadyExistsException: An alias with the name arn:aws:kms:us-east-1:" + account + ":alias/roman-sit already exists": {"name": "alias/roman-sit", "targetKeyId": k.ID},
		"alias/ and up to 250": {"name": "roman-sit", "targetKeyId": k.ID},
		"reserved":             {"name": "alias/aws/x", "targetKeyId": k.ID},
		"NotFoundException: Key 'none' does not exist": {"name": "alias/x", "targetKeyId": "none"},
	} {
		_, err := c.Create(alias, "x", in)
		refuses(t, what, err, what)
	}
	locked := doc(M{"Action": "kms:Decrypt", "Resource": "*", "Principal": M{"AWS": "arn:aws:iam::" + account + ":root"}})
	for what, in := range map[string]M{
		"range (7 - 30)":          {"deletionWindowInDays": 3},
		"MalformedPolicyDocument": {"policy": "x"},
		"will not allow you to update the key policy in the future": {"policy": locked},
	} {
		_, err := c.Create(key, "x", in)
		refuses(t, what, err, what)
	}
	accepts(t, "scheduling the deletion", k.Delete())
	_ = w.View(func(tx *world.Tx) error {
		if o := tx.Get("aws:kms:scheduledKey", k.ID); o == nil || o.String("keyState") != "PendingDeletion" {
			t.Errorf("scheduled key %v, want it in state PendingDeletion", o)
		}
		return nil
	})
	_, err := c.Create(alias, "b", M{"name": "alias/other", "targetKeyId": k.ID})
	refuses(t, "an alias of a key to be deleted", err, "KMSInvalidStateException: "+out(k, "arn")+" is pending deletion.")
	_, err = c.Create(fs, "f", M{"creationToken": "f", "encrypted": true, "kmsKeyId": k.Out["arn"]})
	refuses(t, "a file system with a key to be deleted", err, "KMSKeyNotFoundException")
	next := c.Must(key, "k2", nil)
	_, err = c.Create(alias, "a", M{"name": "alias/roman-sit", "targetKeyId": next.ID})
	refuses(t, "the alias while its key waits", err, "AlreadyExistsException")
	w.Clock.Advance(8 * 24 * time.Hour)
	_, err = c.Create(alias, "a", M{"name": "alias/roman-sit", "targetKeyId": next.ID})
	accepts(t, "the alias after its key is gone", err)
}

func TestCodecommit(t *testing.T) {
	_, c := aws(t)
	r := c.Must(git, "r", M{"repositoryName": "roman-sit-secrets"})
	if want := "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/roman-sit-secrets"; r.Out["cloneUrlHttp"] != want {
		t.Errorf("clone URL %v, want %s", r.Out["cloneUrlHttp"], want)
	}
	for name, want := range map[string]string{"roman-sit-secrets": "RepositoryNameExistsException", "x.git": "must not end with .git", "a b": "1 to 100 letters"} {
		_, err := c.Create(git, "x", M{"repositoryName": name})
		refuses(t, name, err, want)
	}
}

func TestRecords(t *testing.T) {
	w, c := aws(t)
	update(t, w, func(tx *world.Tx) error { return awssim.EnsureZone(tx, "example.org") })
	zone := awssim.ZoneID("example.org")
	in := func(name, kind string, more M) M {
		out := M{"zoneId": zone, "name": name, "type": kind, "ttl": 300, "records": []any{"a.us-east-1.elb.amazonaws.com"}}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	elb := M{"name": "a.us-east-1.elb.amazonaws.com", "zoneId": awssim.HostedZoneID("us-east-1", false), "evaluateTargetHealth": false}
	r := c.Must(record, "hub", in("hub.example.org", "CNAME", nil))
	if r.ID != zone+"_hub.example.org_CNAME" || r.Out["fqdn"] != "hub.example.org" {
		t.Errorf("id %s, fqdn %v", r.ID, r.Out["fqdn"])
	}
	for name, try := range map[string]struct {
		in   M
		want string
	}{
		"exists":         {in("hub.example.org", "CNAME", nil), "InvalidChangeBatch: [Tried to create resource record set [name='hub.example.org.', type='CNAME'] but it already exists]"},
		"beside a CNAME": {in("hub.example.org", "A", M{"records": []any{"192.0.2.1"}}), "conflicts with other records with the same DNS name"},
		"apex":           {in("example.org", "CNAME", nil), "RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone example.org."},
		"outside":        {in("hub.example.com", "CNAME", nil), "RRSet with DNS name hub.example.com. is not permitted in zone example.org."},
		"suffix only":    {in("badexample.org", "CNAME", nil), "is not permitted in zone"},
		"zone":           {in("x.example.org", "CNAME", M{"zoneId": "Z0"}), "NoSuchHostedZone"},
		"type":           {in("x.example.org", "NAME", nil), "expected type to be one of"},
		"address":        {in("x.example.org", "A", nil), "not a valid IPv4 address"},
		"CNAME to an IP": {in("x.example.org", "CNAME", M{"records": []any{"192.0.2.1"}}), "not a domain name"},
		"name":           {in("hub..example.org", "CNAME", nil), "is no domain name"},
		"no ttl":         {M{"zoneId": zone, "name": "x.example.org", "type": "A", "records": []any{"192.0.2.1"}}, "Missing field 'TTL'"},
		"alias and ttl":  {in("x.example.org", "A", M{"records": nil, "aliases": []any{elb}}), "conflicts with aliases"},
		"alias zone": {
			M{"zoneId": zone, "name": "x.example.org", "type": "A", "aliases": []any{M{"name": elb["name"], "zoneId": zone}}},
			"does not lie within the target zone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Create(record, "x", try.in)
			refuses(t, name, err, try.want)
		})
	}
	_, err := c.Create(record, "alias", M{"zoneId": zone, "name": "example.org", "type": "A", "aliases": []any{elb}})
	accepts(t, "an alias at the apex", err)
	_, err = c.Create(record, "over", in("hub.example.org", "CNAME", M{"allowOverwrite": true}))
	accepts(t, "overwriting with consent", err)
	update(t, w, func(tx *world.Tx) error {
		return tx.Put(&world.Object{Kind: record, ID: "foreign", Props: M{"zoneId": zone, "name": "old.example.org.", "type": "CNAME", "records": []any{"x.example"}}})
	})
	_, err = c.Create(record, "old", in("old.example.org", "CNAME", nil))
	refuses(t, "a foreign record", err, "but it already exists")
}
