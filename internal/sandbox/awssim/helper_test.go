package awssim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// M is a resource's properties.
type M = simtest.Map

const (
	account  = "162808325377"
	vpc      = "aws:ec2/vpc:Vpc"
	subnet   = "aws:ec2/subnet:Subnet"
	igw      = "aws:ec2/internetGateway:InternetGateway"
	eip      = "aws:ec2/eip:Eip"
	nat      = "aws:ec2/natGateway:NatGateway"
	table    = "aws:ec2/routeTable:RouteTable"
	route    = "aws:ec2/route:Route"
	assoc    = "aws:ec2/routeTableAssociation:RouteTableAssociation"
	endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint"
	group    = "aws:ec2/securityGroup:SecurityGroup"
	ingress  = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	template = "aws:ec2/launchTemplate:LaunchTemplate"
	role     = "aws:iam/role:Role"
	policy   = "aws:iam/policy:Policy"
	inline   = "aws:iam/rolePolicy:RolePolicy"
	attach   = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	people   = "aws:iam/group:Group"
	member   = "aws:iam/userGroupMembership:UserGroupMembership"
	oidc     = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
	cluster  = "aws:eks/cluster:Cluster"
	nodes    = "aws:eks/nodeGroup:NodeGroup"
	addon    = "aws:eks/addon:Addon"
	entry    = "aws:eks/accessEntry:AccessEntry"
	access   = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
	asgTag   = "aws:autoscaling/tag:Tag"
	fs       = "aws:efs/fileSystem:FileSystem"
	target   = "aws:efs/mountTarget:MountTarget"
	repo     = "aws:ecr/repository:Repository"
	key      = "aws:kms/key:Key"
	alias    = "aws:kms/alias:Alias"
	git      = "aws:codecommit/repository:Repository"
	record   = "aws:route53/record:Record"
)

// aws is a configured provider over a new world.
func aws(t *testing.T) (*world.World, *simtest.Conn) {
	t.Helper()
	w := simtest.World(t)
	update(t, w, func(tx *world.Tx) error { return tx.Set("account", account) })
	c := simtest.Client(t, awssim.New(w))
	if err := c.Configure(M{"region": "us-east-1", "allowedAccountIds": []string{account}}); err != nil {
		t.Fatal(err)
	}
	return w, c
}

func update(t *testing.T, w *world.World, f func(*world.Tx) error) {
	t.Helper()
	if err := w.Update(f); err != nil {
		t.Fatal(err)
	}
}

// refuses fails the test unless an error holds all the texts.
func refuses(t *testing.T, what string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one with %q", what, want)
		return
	}
	for _, s := range want {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: error %q, want one with %q", what, err, s)
		}
	}
}

func accepts(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// out is the text at a path in a resource's outputs, "" for none.
func out(r *simtest.Resource, path string) string {
	p, err := resource.ParsePropertyPath(path)
	if err != nil {
		return ""
	}
	v, ok := p.Get(resource.NewProperty(r.Props))
	if !ok || !v.IsString() {
		return ""
	}
	return v.StringValue()
}

// doc is a policy with one allowing statement.
func doc(fields M) string {
	s := M{"Effect": "Allow"}
	for k, v := range fields {
		s[k] = v
	}
	data, _ := json.Marshal(M{"Version": "2012-10-17", "Statement": []any{s}})
	return string(data)
}

func trust(service string) string {
	return doc(M{"Action": "sts:AssumeRole", "Principal": M{"Service": service}})
}

func trustAWS(arns ...string) string {
	return doc(M{"Action": "sts:AssumeRole", "Principal": M{"AWS": arns}})
}

// net is a VPC with an internet gateway and a public subnet in each of n zones.
type net struct {
	vpc     *simtest.Resource
	igw     *simtest.Resource
	subnets []*simtest.Resource
	tables  []*simtest.Resource
}

func (n net) ids() []any {
	var out []any
	for _, s := range n.subnets {
		out = append(out, s.ID)
	}
	return out
}

func network(c *simtest.Conn, zones int) net {
	n := net{vpc: c.Must(vpc, "v", M{"cidrBlock": "172.16.0.0/16", "enableDnsHostnames": true, "enableDnsSupport": true})}
	n.igw = c.Must(igw, "i", M{"vpcId": n.vpc.ID})
	rt := c.Must(table, "rt", M{"vpcId": n.vpc.ID})
	n.tables = append(n.tables, rt)
	c.Must(route, "out", M{"routeTableId": rt.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": n.igw.ID})
	for i := range zones {
		s := c.Must(subnet, fmt.Sprint("s", i), M{
			"vpcId": n.vpc.ID, "cidrBlock": fmt.Sprintf("172.16.%d.0/24", i+1), "availabilityZone": "us-east-1" + string(rune('a'+i)), "mapPublicIpOnLaunch": true,
		})
		c.Must(assoc, fmt.Sprint("a", i), M{"routeTableId": rt.ID, "subnetId": s.ID})
		n.subnets = append(n.subnets, s)
	}
	return n
}

// serviceRole makes a role for a service, with a policy of AWS's own.
func serviceRole(c *simtest.Conn, name, service, managed string) *simtest.Resource {
	r := c.Must(role, name, M{"name": name, "assumeRolePolicy": trust(service)})
	c.Must(attach, name, M{"role": name, "policyArn": "arn:aws:iam::aws:policy/" + managed})
	return r
}

// eks makes a network and a cluster in it.
func eks(c *simtest.Conn) (net, *simtest.Resource) {
	n := network(c, 2)
	r := serviceRole(c, "eks", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
	return n, c.Must(cluster, "k", M{"name": "roman-sit", "roleArn": r.Out["arn"], "version": "1.33", "vpcConfig": M{"subnetIds": n.ids()}})
}
