package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// Needs are what a deployment takes of an account's quotas. What it has already is counted as its own, not once more.
type Needs struct {
	// Tags mark what the environment has made.
	Tags map[string]string
	// VPCs and Addresses are how many of them are made; each NAT gateway takes one address.
	VPCs, Addresses int
	// Cluster is the name of the cluster that is made, "" for none.
	Cluster string
	// NodeGroups are the cluster's.
	NodeGroups []NodeGroup
}

// NodeGroup is a group of nodes: how many there are to begin with and at most, and of which types.
type NodeGroup struct {
	Name          string
	InstanceTypes []string
	Start, Most   int
	Spot          bool
}

// quota is a quota of AWS's, by service and code. The codes are those that `aws service-quotas list-service-quotas --service-code SERVICE` lists, and that
// the tables of https://docs.aws.amazon.com/general/latest/gr/ec2-service.html, https://docs.aws.amazon.com/general/latest/gr/vpc-service.html and
// https://docs.aws.amazon.com/general/latest/gr/eks.html link to. What AWS itself calls it comes with the answer.
type quota struct{ service, code, name string }

var (
	vpcsPerRegion       = quota{"vpc", "L-F678F1CE", "VPCs per Region"}
	addressesPerRegion  = quota{"ec2", "L-0263D0A3", "EC2-VPC Elastic IPs"}
	clustersPerRegion   = quota{"eks", "L-1194D53C", "Clusters"}
	groupsPerCluster    = quota{"eks", "L-6D54EA21", "Managed node groups per cluster"}
	nodesPerGroup       = quota{"eks", "L-BD136A63", "Nodes per managed node group"}
	onDemandStandard    = quota{"ec2", "L-1216C47A", "Running On-Demand Standard instances"}
	spotStandard        = quota{"ec2", "L-34B43A08", "All Standard Spot Instance Requests"}
	onDemandGraphics    = quota{"ec2", "L-DB2E81BA", "Running On-Demand G and VT instances"}
	spotGraphics        = quota{"ec2", "L-3819A6DF", "All G and VT Spot Instance Requests"}
	onDemandAccelerated = quota{"ec2", "L-417A185B", "Running On-Demand P instances"}
	spotAccelerated     = quota{"ec2", "L-7212CCBC", "All P Spot Instance Requests"}
)

// quotas asks for the account's quotas and for what is in use.
type quotas struct {
	cfg    aws.Config
	client *servicequotas.Client
	needs  Needs
	rows   []Row
}

// Quotas looks at the account's quotas in a region. One that cannot be read is a warning.
func (m Machine) Quotas(ctx context.Context, region string, needs Needs) []Row {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	cfg, err := m.open(ctx, region)
	if err != nil {
		return []Row{{"quotas", Warning, awsapi.InWords(err), "look again from where AWS can be asked"}}
	}
	q := &quotas{cfg: cfg, client: servicequotas.NewFromConfig(cfg), needs: needs}
	if needs.VPCs > 0 {
		q.count(ctx, vpcsPerRegion, needs.VPCs, q.vpcs)
	}
	if needs.Addresses > 0 {
		q.count(ctx, addressesPerRegion, needs.Addresses, q.addresses)
	}
	if needs.Cluster != "" {
		q.count(ctx, clustersPerRegion, 1, q.clusters)
		q.most(ctx, groupsPerCluster, len(needs.NodeGroups), "the cluster has %d")
		most := 0
		for _, g := range needs.NodeGroups {
			most = max(most, g.Most)
		}
		q.most(ctx, nodesPerGroup, most, "the largest grows to %d")
		q.vCPUs(ctx)
	}
	return q.rows
}

func (q *quotas) add(check, state, seen, remedy string) {
	q.rows = append(q.rows, Row{"quota: " + check, state, seen, remedy})
}

// read reads a quota: the one that applies to the account, or, when it was never changed and the service says nothing of it, AWS's default.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func (q *quotas) read(ctx context.Context, what quota) (value int, name string, ok bool) {
	found, err := q.client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &what.service, QuotaCode: &what.code})
	if err == nil && found.Quota != nil && found.Quota.Value != nil {
		return int(*found.Quota.Value), cmp.Or(aws.ToString(found.Quota.QuotaName), what.name), true
	}
	if awsapi.Code(err) == "NoSuchResourceException" {
		var def *servicequotas.GetAWSDefaultServiceQuotaOutput
		def, err = q.client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &what.service, QuotaCode: &what.code})
		if err == nil && def.Quota != nil && def.Quota.Value != nil {
			return int(*def.Quota.Value), cmp.Or(aws.ToString(def.Quota.QuotaName), what.name), true
		}
	}
	seen := "cannot be read"
	if err != nil {
		seen += ": " + awsapi.InWords(err)
	}
	q.add(what.name, Warning, seen, "look with credentials that have servicequotas:GetServiceQuota, or in the console: "+q.console(what))
	return 0, "", false
}

func (q *quotas) console(what quota) string {
	return "https://" + q.cfg.Region + ".console.aws.amazon.com/servicequotas/home/services/" + what.service + "/quotas/" + url.PathEscape(what.code)
}

// more is how a greater quota is asked for.
func (q *quotas) more(what quota, wanted int) string {
	return fmt.Sprintf("`aws service-quotas request-service-quota-increase --region %s --service-code %s --quota-code %s --desired-value %d`; it can take AWS a day or more",
		q.cfg.Region, what.service, what.code, wanted)
}

// count holds what is in use, and what the deployment still takes, to a quota. used also says how much of it is the deployment's own.
func (q *quotas) count(ctx context.Context, what quota, needed int, used func(context.Context) (all, own int, err error)) {
	limit, name, ok := q.read(ctx, what)
	if !ok {
		return
	}
	all, own, err := used(ctx)
	if err != nil {
		q.add(name, Warning, fmt.Sprintf("the quota is %d; what is in use cannot be read: %s", limit, awsapi.InWords(err)), "look with credentials that may list it")
		return
	}
	missing := max(0, needed-own)
	seen := fmt.Sprintf("%d of %d in use; %s has all it takes", all, limit, "the deployment")
	if missing > 0 {
		seen = fmt.Sprintf("%d of %d in use; the deployment takes %d more", all, limit, missing)
	}
	if all+missing > limit {
		q.add(name, Fail, seen, q.more(what, all+missing))
		return
	}
	q.add(name, OK, seen, "")
}

// most holds a number of the configuration's to a quota.
func (q *quotas) most(ctx context.Context, what quota, n int, format string) {
	limit, name, ok := q.read(ctx, what)
	switch {
	case !ok:
	case n > limit:
		q.add(name, Fail, fmt.Sprintf("at most %d; "+format, limit, n), q.more(what, n))
	default:
		q.add(name, OK, fmt.Sprintf("at most %d; "+format, limit, n), "")
	}
}

// tags are an object's, as EC2 lists them.
type tags struct {
	List []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
}

func (t tags) value(key string) string {
	for _, tag := range t.List {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

// own counts what carries the environment's tags.
func (q *quotas) own(list []tags) (all, own int, err error) {
	for _, t := range list {
		if len(q.needs.Tags) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(q.needs.Tags)), func(k string) bool { return t.value(k) != q.needs.Tags[k] }) {
			own++
		}
	}
	return len(list), own, nil
}

func (q *quotas) vpcs(ctx context.Context) (all, own int, err error) {
	var out struct {
		List []tags `xml:"vpcSet>item"`
	}
	if err := awsapi.EC2(ctx, q.cfg, "DescribeVpcs", nil, &out); err != nil {
		return 0, 0, err
	}
	return q.own(out.List)
}

func (q *quotas) addresses(ctx context.Context) (all, own int, err error) {
	var out struct {
		List []tags `xml:"addressesSet>item"`
	}
	if err := awsapi.EC2(ctx, q.cfg, "DescribeAddresses", nil, &out); err != nil {
		return 0, 0, err
	}
	return q.own(out.List)
}

func (q *quotas) clusters(ctx context.Context) (all, own int, err error) {
	for next := ""; ; {
		var page struct {
			Clusters  []string `json:"clusters"`
			NextToken string   `json:"nextToken"`
		}
		path := "/clusters?maxResults=100"
		if next != "" {
			path += "&nextToken=" + url.QueryEscape(next)
		}
		if err := awsapi.EKS(ctx, q.cfg, path, &page); err != nil {
			return 0, 0, err
		}
		all += len(page.Clusters)
		if slices.Contains(page.Clusters, q.needs.Cluster) {
			own = 1
		}
		if next = page.NextToken; next == "" {
			return all, own, nil
		}
	}
}
