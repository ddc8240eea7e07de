package awssim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func networkFunctions() map[string]function {
	return map[string]function{
		"aws:ec2/getVpc:getVpc": {needs: "ec2:DescribeVpcs@* ec2:DescribeVpcAttribute@*", answer: func(c *call) (map[string]any, error) {
			o, err := c.one(vpcToken, "EC2 VPC", "cidrBlock")
			if err != nil {
				return nil, err
			}
			out := copied(o, "arn", "cidrBlock", "enableDnsHostnames", "enableDnsSupport", "instanceTenancy", "mainRouteTableId", "ownerId", "dhcpOptionsId", "tags")
			out["state"], out["default"] = "available", false
			return out, nil
		}},
		"aws:ec2/getSubnet:getSubnet": {needs: "ec2:DescribeSubnets@*", answer: func(c *call) (map[string]any, error) {
			o, err := c.one(subnetToken, "EC2 Subnet", "vpcId", "availabilityZone", "availabilityZoneId", "cidrBlock")
			if err != nil {
				return nil, err
			}
			out := copied(o, "arn", "availabilityZone", "availabilityZoneId", "cidrBlock", "mapPublicIpOnLaunch", "ownerId", "vpcId", "tags")
			out["state"], out["defaultForAz"] = "available", false
			return out, nil
		}},
		"aws:ec2/getSubnets:getSubnets": {needs: "ec2:DescribeSubnets@*", answer: func(c *call) (map[string]any, error) {
			found, err := c.matching(subnetToken)
			if err != nil {
				return nil, err
			}
			ids := []any{}
			for _, o := range found {
				ids = append(ids, o.ID)
			}
			return map[string]any{"id": c.me.region, "ids": ids, "tags": object(c.In, "tags")}, nil
		}},
		"aws:ec2/getSecurityGroup:getSecurityGroup": {needs: "ec2:DescribeSecurityGroups@*", answer: func(c *call) (map[string]any, error) {
			o, err := c.one(securityGroupToken, "EC2 Security Group", "vpcId", "name")
			if err != nil {
				return nil, err
			}
			return copied(o, "arn", "name", "description", "vpcId", "tags"), nil
		}},
	}
}

// filterProps are the properties that EC2's filters look at:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
var filterProps = map[string]string{
	"vpc-id": "vpcId", "availability-zone": "availabilityZone", "availabilityZone": "availabilityZone", "availability-zone-id": "availabilityZoneId",
	"cidr": "cidrBlock", "cidr-block": "cidrBlock", "cidrBlock": "cidrBlock", "map-public-ip-on-launch": "mapPublicIpOnLaunch", "group-name": "name",
	"owner-id": "ownerId",
}

// idFilters are the filters that look at the id.
var idFilters = []string{"subnet-id", "vpc-id", "group-id"}

// matching are the objects that the arguments' tags and filters leave.
func (c *call) matching(token string) ([]*world.Object, error) {
	var problem error
	found := slices.DeleteFunc(c.tx.List(token), func(o *world.Object) bool {
		tags := tagsOf(o)
		for key, v := range object(c.In, "tags") {
			if tags[key] != v {
				return true
			}
		}
		for _, f := range objects(c.In, "filters") {
			name, allowed := text(f, "name"), texts(f, "values")
			got, err := filtered(o, tags, token, name)
			if err != nil {
				problem = err
			}
			if !slices.ContainsFunc(allowed, func(pattern string) bool {
				return slices.ContainsFunc(got, func(v string) bool { return glob(pattern, v) })
			}) {
				return true
			}
		}
		return false
	})
	return found, problem
}

// filtered are the values of an object that a filter looks at.
func filtered(o *world.Object, tags map[string]any, token, name string) ([]string, error) {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		if v, has := tags[key]; has {
			return []string{fmt.Sprint(v)}, nil
		}
		return nil, nil
	}
	switch prop, known := filterProps[name]; {
	case name == "tag-key":
		var keys []string
		for k := range tags {
			keys = append(keys, k)
		}
		return keys, nil
	case slices.Contains(idFilters, name) && (name != "vpc-id" || token == vpcToken):
		return []string{o.ID}, nil
	case name == "state":
		return []string{"available"}, nil
	case known:
		return []string{fmt.Sprint(o.Props[prop])}, nil
	}
	return nil, apiError("InvalidParameterValue", "The filter '%s' is invalid", name)
}

// one is the only object that the arguments describe: by id, properties, tags and filters.
func (c *call) one(token, what string, props ...string) (*world.Object, error) {
	found, err := c.matching(token)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(o *world.Object) bool {
		if id := text(c.In, "id"); id != "" && o.ID != id {
			return true
		}
		return slices.ContainsFunc(props, func(p string) bool { return c.given(p) && c.In[p] != o.Props[p] })
	})
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no matching %s found", what)
	}
	return nil, fmt.Errorf("multiple %ss matched; use additional constraints to reduce matches to a single %s", what, what)
}
