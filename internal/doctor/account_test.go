package doctor

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/hubwright/hubwright/internal/bootstrap"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const account = "162808325377"

// account is a world whose services are asked in their own protocols, and a machine that asks them.
type simulated struct {
	*world.World
	Machine
	t *testing.T
}

func simulate(t *testing.T) *simulated {
	t.Helper()
	s := &simulated{World: simtest.World(t), t: t}
	server := httptest.NewServer(awssim.API(s.World))
	t.Cleanup(server.Close)
	s.AWS = func(_ context.Context, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
			HTTPClient: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		}, nil
	}
	s.Now = func() time.Time { return world.Epoch }
	s.change(func(tx *world.Tx) error { return tx.Set("account", account) })
	return s
}

func (s *simulated) change(f func(*world.Tx) error) {
	s.t.Helper()
	if err := s.Update(f); err != nil {
		s.t.Fatal(err)
	}
}

// put adds an object, or changes properties of one.
func (s *simulated) put(kind, id string, props map[string]any) {
	s.t.Helper()
	s.change(func(tx *world.Tx) error {
		o := &world.Object{Kind: kind, ID: id, Props: map[string]any{}, Created: world.Epoch, Ready: world.Epoch}
		if old := tx.Get(kind, id); old != nil {
			*o = *old
			o.Props = maps.Clone(old.Props)
		}
		maps.Copy(o.Props, props)
		return tx.Put(o)
	})
}

// row is the row of a check; the test fails without it.
func row(t *testing.T, rows []Row, check string) Row {
	t.Helper()
	for _, r := range rows {
		if strings.HasPrefix(r.Check, check) {
			return r
		}
	}
	t.Fatalf("no row %q in %v", check, rows)
	return Row{}
}

func TestState(t *testing.T) {
	s := simulate(t)
	target := bootstrap.Target{
		Account: account, Partition: "aws", Bucket: "roman-state", Region: "us-east-1", Key: "alias/roman", KeyRegion: "us-east-1", Tags: map[string]string{"managed-by": "hubwright"},
	}
	look := func() []Row { return s.State(t.Context(), target, "`hubwright bootstrap staging`") }
	for _, what := range []string{"state's key", "state's bucket"} {
		r := row(t, look(), what)
		holds(t, r, Fail, "there is no ")
		if r.Remedy != "`hubwright bootstrap staging` makes it" {
			t.Errorf("remedy %q", r.Remedy)
		}
	}
	plan, err := bootstrap.Inspect(t.Context(), s.AWS, target)
	if err == nil {
		err = plan.Apply(t.Context(), func(bootstrap.Step) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	holds(t, row(t, look(), "state's key"), OK, "alias/roman is arn:aws:kms:us-east-1:162808325377:key/")
	holds(t, row(t, look(), "state's bucket"), OK, "roman-state is in us-east-1, of account 162808325377; versioning: every version of the state is kept; encryption: with alias/roman")

	s.put("aws:s3/bucket:Bucket", "roman-state", map[string]any{"versioning": "Suspended"})
	r := row(t, look(), "state's bucket")
	holds(t, r, Warning, "versioning: every version of the state is kept, in place of: off")
	s.put("aws:s3/bucket:Bucket", "roman-state", map[string]any{"tags": map[string]any{}})
	r = row(t, look(), "state's bucket")
	holds(t, r, Warning, "versioning: off: a state that is overwritten is gone")
	if !strings.Contains(r.Remedy, "--mend") || !strings.Contains(r.Remedy, "aws s3api put-bucket-versioning") {
		t.Errorf("remedy %q", r.Remedy)
	}
	s.put("aws:s3/bucket:Bucket", "roman-state", map[string]any{"account": "999999999999"})
	holds(t, row(t, look(), "state's bucket and key"), Warning, "belongs to another account")
	s.put("aws:s3/bucket:Bucket", "roman-state", map[string]any{"region": "eu-west-1"})
	holds(t, row(t, look(), "state's bucket and key"), Fail, "is in eu-west-1, not in us-east-1")
	if rows := s.State(t.Context(), bootstrap.Target{}, ""); rows != nil {
		t.Error(rows)
	}
}

func TestQuotas(t *testing.T) {
	s := simulate(t)
	mine := map[string]any{"deployment": "roman-sit", "environment": "staging"}
	needs := Needs{
		Tags: map[string]string{"deployment": "roman-sit", "environment": "staging"}, VPCs: 1, Addresses: 3, Cluster: "roman-sit-staging",
		NodeGroups: []NodeGroup{
			{Name: "core", InstanceTypes: []string{"t3.medium"}, Start: 1, Most: 3},
			{Name: "user", InstanceTypes: []string{"t3.xlarge", "m5.2xlarge"}, Most: 10},
			{Name: "spot", InstanceTypes: []string{"m5.xlarge"}, Start: 1, Most: 1, Spot: true},
			{Name: "odd", InstanceTypes: []string{"f1.2xlarge"}, Most: 1},
		},
	}
	look := func() []Row { return s.Quotas(t.Context(), "us-east-1", needs) }
	vpc := func(id string, tags map[string]any) {
		s.put("aws:ec2/vpc:Vpc", id, map[string]any{"arn": "arn:aws:ec2:us-east-1:162808325377:vpc/" + id, "tags": tags})
	}
	for _, id := range []string{"vpc-1", "vpc-2", "vpc-3", "vpc-4"} {
		vpc(id, nil)
	}
	s.put("aws:ec2/vpc:Vpc", "vpc-far", map[string]any{"arn": "arn:aws:ec2:eu-west-1:162808325377:vpc/vpc-far"})
	holds(t, row(t, look(), "quota: VPCs per Region"), OK, "4 of 5 in use; the deployment takes 1 more")
	vpc("vpc-5", mine)
	holds(t, row(t, look(), "quota: VPCs per Region"), OK, "5 of 5 in use; the deployment has all it takes")
	vpc("vpc-5", map[string]any{"deployment": "roman-sit", "environment": "prod"})
	r := row(t, look(), "quota: VPCs per Region")
	holds(t, r, Fail, "5 of 5 in use; the deployment takes 1 more")
	if !strings.Contains(r.Remedy, "--region us-east-1 --service-code vpc --quota-code L-F678F1CE --desired-value 6") {
		t.Errorf("remedy %q", r.Remedy)
	}

	for _, id := range []string{"eipalloc-1", "eipalloc-2", "eipalloc-3"} {
		s.put("aws:ec2/eip:Eip", id, map[string]any{"arn": "arn:aws:ec2:us-east-1:162808325377:elastic-ip/" + id})
	}
	holds(t, row(t, look(), "quota: EC2-VPC Elastic IPs"), Fail, "3 of 5 in use; the deployment takes 3 more")
	s.put("aws:ec2/eip:Eip", "eipalloc-1", map[string]any{"tags": mine})
	holds(t, row(t, look(), "quota: EC2-VPC Elastic IPs"), OK, "takes 2 more")

	holds(t, row(t, look(), "quota: Clusters"), OK, "0 of 100 in use; the deployment takes 1 more")
	s.put("aws:eks/cluster:Cluster", "roman-sit-staging", map[string]any{"name": "roman-sit-staging", "arn": "arn:aws:eks:us-east-1:162808325377:cluster/roman-sit-staging"})
	holds(t, row(t, look(), "quota: Clusters"), OK, "1 of 100 in use; the deployment has all it takes")
	holds(t, row(t, look(), "quota: Managed node groups per cluster"), OK, "at most 30; the cluster has 4")
	holds(t, row(t, look(), "quota: Nodes per managed node group"), OK, "at most 450; the largest grows to 10")

	// Core takes 2 vCPUs to begin with and 6 at most, user 8 in each of 10: it counts the larger type.
	standard := "quota: Running On-Demand Standard"
	holds(t, row(t, look(), standard), Warning, "5 vCPUs, of which others use 0; the node groups take 2 to begin with and 86 at their largest")
	nodes := func(cluster string, n int) {
		s.put("aws:eks/nodeGroup:NodeGroup", cluster+":core", map[string]any{
			"arn": "arn:aws:eks:us-east-1:162808325377:nodegroup/" + cluster, "clusterName": cluster, "instanceTypes": []any{"t3.large"}, "scalingConfig": map[string]any{"desiredSize": float64(n)},
		})
	}
	nodes("roman-sit-staging", 2)
	nodes("roman-sit-prod", 2)
	r = row(t, look(), standard)
	holds(t, r, Fail, "5 vCPUs, of which others use 4; the node groups take 2")
	if !strings.Contains(r.Remedy, "--desired-value 90") {
		t.Errorf("remedy %q", r.Remedy)
	}
	s.put("aws:servicequotas/serviceQuota:ServiceQuota", "ec2/L-1216C47A", map[string]any{"value": float64(100)})
	holds(t, row(t, look(), standard), OK, "100 vCPUs")
	holds(t, row(t, look(), "quota: All Standard"), OK, "5 vCPUs, of which others use 0; the node groups take 4 to begin with and 4 at their largest")
	holds(t, row(t, look(), "quota: vCPUs of f1.2xlarge"), Skipped, "not looked at")

	needs.NodeGroups[0].InstanceTypes = []string{"t3.huge"}
	holds(t, row(t, look(), "quota: vCPUs"), Fail, "do not exist: [t3.huge]")
	s.change(func(tx *world.Tx) error {
		return tx.SetFaults([]world.Fault{{Kind: "aws:servicequotas/*", Op: "*", Message: "not now"}})
	})
	holds(t, row(t, look(), "quota: VPCs per Region"), Warning, "cannot be read: InternalFailure: not now")
	s.change(func(tx *world.Tx) error {
		return tx.SetFaults([]world.Fault{{Kind: "aws:ec2/*", Op: "*", Message: "not now"}})
	})
	holds(t, row(t, look(), "quota: VPCs per Region"), Warning, "the quota is 5; what is in use cannot be read: InternalFailure: not now")
	if rows := s.Quotas(t.Context(), "us-east-1", Needs{}); len(rows) > 0 {
		t.Error(rows)
	}
}

func TestCertificate(t *testing.T) {
	s := simulate(t)
	const kind, arn = "aws:acm/certificate:Certificate", "arn:aws:acm:us-east-1:162808325377:certificate/1"
	look := func(domain string) Row { return s.Certificate(t.Context(), "certificate", arn, domain, "us-east-1") }
	holds(t, look("roman.example.org"), Fail, "there is no "+arn)
	holds(t, s.Certificate(t.Context(), "certificate", arn, "roman.example.org", "eu-west-1"), Fail, "is not in eu-west-1")
	s.put(kind, arn, map[string]any{"domain": "roman.example.org", "status": "PENDING_VALIDATION"})
	holds(t, look("roman.example.org"), Fail, "waits for its validation")
	s.put(kind, arn, map[string]any{"status": "REVOKED"})
	holds(t, look("roman.example.org"), Fail, "is REVOKED")
	s.put(kind, arn, map[string]any{"status": "ISSUED", "subjectAlternativeNames": []any{"roman.example.org", "*.hubs.example.org"}})
	holds(t, look("roman.example.org"), OK, "valid for 395 days more, until 2027-02-04")
	holds(t, look("tess.hubs.example.org"), OK, "*.hubs.example.org")
	holds(t, look("tess.example.org"), Fail, "not for tess.example.org")
	holds(t, look("a.b.hubs.example.org"), Fail, "not for a.b.hubs.example.org")
	named := func(name string) Row {
		return s.CertificateNamed(t.Context(), "certificate", name, "roman.example.org", "us-east-1")
	}
	holds(t, named("Roman.example.org"), OK, "valid for 395 days more")
	holds(t, named("*.example.org"), Fail, "no certificate of *.example.org is issued in us-east-1")
	until := func(days int) {
		s.put(kind, arn, map[string]any{"notAfter": world.Epoch.AddDate(0, 0, days).Format(time.RFC3339)})
	}
	until(30)
	holds(t, look("roman.example.org"), Warning, "valid for 30 days more")
	until(0)
	holds(t, look("roman.example.org"), Fail, "ended on 2026-01-05")
	none := Machine{AWS: func(context.Context, string) (aws.Config, error) { return aws.Config{}, errors.New("no way out") }}
	holds(t, none.Certificate(t.Context(), "certificate", arn, "roman.example.org", "us-east-1"), Warning, "no way out")
}
