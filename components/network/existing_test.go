package network_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/hubwright/hubwright/components/internal/recorder"
	"github.com/hubwright/hubwright/components/network"
)

// world answers the look-ups of an existing VPC with subnets in the given zones.
func world(zones map[string]string, public, private []string) map[string]func(resource.PropertyMap) (resource.PropertyMap, error) {
	list := func(ids []string) resource.PropertyValue {
		var out []resource.PropertyValue
		for _, id := range ids {
			out = append(out, resource.NewProperty(id))
		}
		return resource.NewProperty(out)
	}
	return map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
		"aws:ec2/getVpc:getVpc": func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{"id": resource.NewProperty("vpc-1"), "cidrBlock": resource.NewProperty("10.1.0.0/16")}, nil
		},
		"aws:ec2/getSubnets:getSubnets": func(args resource.PropertyMap) (resource.PropertyMap, error) {
			tags := args["tags"].ObjectValue()
			if tags["kubernetes.io/role/elb"].IsString() {
				return resource.PropertyMap{"ids": list(public)}, nil
			}
			return resource.PropertyMap{"ids": list(private)}, nil
		},
		"aws:ec2/getSubnet:getSubnet": func(args resource.PropertyMap) (resource.PropertyMap, error) {
			id := args["id"].StringValue()
			zone, ok := zones[id]
			if !ok {
				return nil, errors.New("no matching subnet")
			}
			vpc := "vpc-1"
			if id == "subnet-f" {
				vpc = "vpc-2"
			}
			return resource.PropertyMap{
				"id": resource.NewProperty(id), "availabilityZone": resource.NewProperty(zone), "vpcId": resource.NewProperty(vpc),
			}, nil
		},
	}
}

func TestExistingNetwork(t *testing.T) {
	zones := map[string]string{
		"subnet-1": "us-east-1a", "subnet-2": "us-east-1b", "subnet-a": "us-east-1b", "subnet-b": "us-east-1a", "subnet-c": "us-east-1a",
		"subnet-f": "us-east-1a",
	}
	for _, tc := range []struct {
		name            string
		args            network.Args
		public, private []string // found by tag
		want            map[string][]string
		one             []string
		err             string
	}{
		{
			name: "by name and tags", args: network.Args{VpcName: "shared"},
			public: []string{"subnet-2", "subnet-1"}, private: []string{"subnet-c", "subnet-a", "subnet-b"},
			want: map[string][]string{
				"public": {"subnet-1", "subnet-2"}, "private": {"subnet-b", "subnet-c", "subnet-a"}, "nodes": {"subnet-b", "subnet-c", "subnet-a"},
				"pinned": {"subnet-b", "subnet-c"}, "vpc": {"vpc-1", "10.1.0.0/16"},
			},
			one: []string{"us-east-1a", "us-east-1b"},
		},
		{
			name: "by ids", args: network.Args{VpcID: "vpc-1", PublicSubnetIDs: []string{"subnet-1", "subnet-2"}},
			want: map[string][]string{
				"public": {"subnet-1", "subnet-2"}, "private": {}, "nodes": {"subnet-1", "subnet-2"}, "pinned": {"subnet-1"}, "vpc": {"vpc-1", "10.1.0.0/16"},
			},
			one: []string{"us-east-1a", "us-east-1b"},
		},
		{name: "no tags", args: network.Args{VpcID: "vpc-1"}, err: "no subnet with the tag"},
		{name: "one zone", args: network.Args{VpcID: "vpc-1", PrivateSubnetIDs: []string{"subnet-b", "subnet-c"}}, err: "EKS wants 2 zones"},
		{name: "foreign subnet", args: network.Args{VpcID: "vpc-1", PublicSubnetIDs: []string{"subnet-1", "subnet-f"}}, err: "subnet-f is in vpc-2, not in vpc-1"},
		{name: "no such subnet", args: network.Args{VpcID: "vpc-1", PublicSubnetIDs: []string{"subnet-d"}}, err: "looking up subnet subnet-d"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder.Recorder{Invokes: world(zones, tc.public, tc.private)}
			seen, err := run(r, &tc.args, "us-east-1a")
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q in it", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, seen.lists); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.one, seen.one); diff != "" {
				t.Errorf("one subnet per zone (-want +got):\n%s", diff)
			}
			for _, res := range r.All() {
				if strings.HasPrefix(res.Type, "aws:") {
					t.Errorf("%s %s is made in a network that exists", res.Type, res.Name)
				}
			}
		})
	}
}
