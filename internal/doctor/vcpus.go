package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/awsapi"
)

// quotaOf is the quota that counts instances of a type, by the letters that it begins with. Each counts the vCPUs of all running instances of its
// families together: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html
func quotaOf(instanceType string, spot bool) (what quota, known bool) {
	var onDemand, onSpot quota
	switch instanceType[:max(0, strings.IndexFunc(instanceType, func(r rune) bool { return r < 'a' || r > 'z' }))] {
	case "a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z":
		onDemand, onSpot = onDemandStandard, spotStandard
	case "g", "gr", "vt":
		onDemand, onSpot = onDemandGraphics, spotGraphics
	case "p":
		onDemand, onSpot = onDemandAccelerated, spotAccelerated
	default:
		return quota{}, false
	}
	if spot {
		return onSpot, true
	}
	return onDemand, true
}

// cores is what counts against one quota.
type cores struct{ start, most, others int }

// vCPUs holds the node groups, as they begin and as they grow, to the quotas of their instance types.
func (q *quotas) vCPUs(ctx context.Context) {
	sizes, err := q.sizes(ctx)
	if err != nil {
		state, remedy := Warning, "look with credentials that have ec2:DescribeInstanceTypes"
		if code := awsapi.Code(err); strings.HasPrefix(code, "InvalidInstanceType") {
			state, remedy = Fail, "name types that there are in the region: `aws ec2 describe-instance-type-offerings --region "+q.cfg.Region+"`"
		}
		q.add("vCPUs", state, awsapi.InWords(err), remedy)
		return
	}
	var order []quota
	count := map[quota]*cores{}
	for _, g := range q.needs.NodeGroups {
		// Of several types any may be taken, so the largest counts for the group's most.
		perQuota := map[quota]int{}
		for _, t := range g.InstanceTypes {
			what, ok := quotaOf(t, g.Spot)
			if !ok {
				q.add("vCPUs of "+t, Skipped, "the quota of its family is not looked at", "")
				continue
			}
			perQuota[what] = max(perQuota[what], sizes[t])
			if count[what] == nil {
				count[what], order = &cores{}, append(order, what)
			}
		}
		for what, n := range perQuota {
			count[what].start += n * g.Start
			count[what].most += n * g.Most
		}
	}
	if len(order) == 0 {
		return
	}
	othersErr := q.others(ctx, count)
	for _, what := range order {
		limit, name, ok := q.read(ctx, what)
		if !ok {
			continue
		}
		c := count[what]
		seen := fmt.Sprintf("%d vCPUs, of which others use %d; the node groups take %d to begin with and %d at their largest", limit, c.others, c.start, c.most)
		if othersErr != nil {
			seen = fmt.Sprintf("%d vCPUs; the node groups take %d to begin with and %d at their largest; what else runs cannot be read: %s", limit, c.start, c.most, awsapi.InWords(othersErr))
		}
		switch {
		case c.others+c.start > limit:
			q.add(name, Fail, seen, q.more(what, c.others+c.most))
		case c.others+c.most > limit:
			q.add(name, Warning, seen, q.more(what, c.others+c.most))
		default:
			q.add(name, OK, seen, "")
		}
	}
}

// sizes are the vCPUs of the node groups' instance types.
func (q *quotas) sizes(ctx context.Context) (map[string]int, error) {
	params, sizes := map[string]string{}, map[string]int{}
	for _, g := range q.needs.NodeGroups {
		for _, t := range g.InstanceTypes {
			if _, known := sizes[t]; !known {
				sizes[t] = 0
				params["InstanceType."+strconv.Itoa(len(sizes))] = t
			}
		}
	}
	if len(sizes) == 0 {
		return sizes, nil
	}
	// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
	var out struct {
		Types []struct {
			Name  string `xml:"instanceType"`
			VCPUs int    `xml:"vCpuInfo>defaultVCpus"`
		} `xml:"instanceTypeSet>item"`
	}
	if err := awsapi.EC2(ctx, q.cfg, "DescribeInstanceTypes", params, &out); err != nil {
		return nil, err
	}
	for _, t := range out.Types {
		sizes[t.Name] = t.VCPUs
	}
	return sizes, nil
}

// others adds what runs beside the deployment's own cluster, whose managed nodes carry its name:
// https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html
func (q *quotas) others(ctx context.Context, count map[quota]*cores) error {
	params := map[string]string{
		"MaxResults": "1000", "Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "pending", "Filter.1.Value.2": "running",
	}
	for {
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
		var page struct {
			Instances []struct {
				tags
				Type      string `xml:"instanceType"`
				Lifecycle string `xml:"instanceLifecycle"`
				Cores     int    `xml:"cpuOptions>coreCount"`
				Threads   int    `xml:"cpuOptions>threadsPerCore"`
			} `xml:"reservationSet>item>instancesSet>item"`
			NextToken string `xml:"nextToken"`
		}
		if err := awsapi.EC2(ctx, q.cfg, "DescribeInstances", params, &page); err != nil {
			return err
		}
		for _, i := range page.Instances {
			what, _ := quotaOf(i.Type, i.Lifecycle == "spot")
			if c := count[what]; c != nil && !slices.Contains([]string{i.value("eks:cluster-name"), i.value("aws:eks:cluster-name")}, q.needs.Cluster) {
				c.others += i.Cores * i.Threads
			}
		}
		if page.NextToken == "" {
			return nil
		}
		params["NextToken"] = page.NextToken
	}
}
