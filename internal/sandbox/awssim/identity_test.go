package awssim_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/simtest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

const caller = "arn:aws:iam::" + account + ":user/sandbox"

func TestWrongAccount(t *testing.T) {
	_, c := aws(t)
	other := c.Another()
	refuses(t, "another account", other.Configure(M{"region": "us-east-1", "allowedAccountIds": []string{"111111111111"}}), "AWS account ID not allowed: "+account)
	refuses(t, "a forbidden account", other.Configure(M{"region": "us-east-1", "forbiddenAccountIds": []string{account}}), "AWS account ID not allowed: "+account)
	refuses(t, "no region", other.Configure(M{"region": "mars"}), "invalid AWS Region: mars")
}

// assume configures an instance as a role.
func assume(c *simtest.Conn, name string) (*simtest.Conn, error) {
	as := c.Another()
	return as, as.Configure(M{"region": "us-east-1", "assumeRole": M{"roleArn": "arn:aws:iam::" + account + ":role/" + name, "sessionName": "hubwright"}})
}

func TestAssumeRole(t *testing.T) {
	w, c := aws(t)
	_, err := assume(c, "none")
	refuses(t, "no role", err, "AccessDenied: User: "+caller+" is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"+account+":role/none")
	born := w.Clock.Now()
	c.Must(role, "d", M{"name": "d", "assumeRolePolicy": trustAWS(caller)})
	_, err = assume(c, "d")
	refuses(t, "a new role", err, "AccessDenied", "not known everywhere yet")
	w.Clock.Advance(born.Add(15 * time.Second).Sub(w.Clock.Now()))
	as, err := assume(c, "d")
	accepts(t, "the role after 15 s", err)
	got, err := as.Invoke("aws:index/getCallerIdentity:getCallerIdentity", nil)
	accepts(t, "asking who it is", err)
	if want := "arn:aws:sts::" + account + ":assumed-role/d/hubwright"; got["arn"] != want {
		t.Errorf("caller %v, want %s", got["arn"], want)
	}

	c.Must(role, "other", M{"name": "other", "assumeRolePolicy": trustAWS("arn:aws:iam::111111111111:user/x")})
	c.Must(role, "root", M{"name": "root", "assumeRolePolicy": trustAWS("arn:aws:iam::" + account + ":root")})
	w.Clock.Advance(time.Minute)
	_, err = assume(c, "other")
	refuses(t, "a role that trusts somebody else", err, "AccessDenied", "does not name the caller")
	_, err = assume(c, "root")
	accepts(t, "a role that trusts the account", err)
}

// deployer makes a role with one inline policy of the statements, and an instance that works as it.
func deployer(t *testing.T, w *world.World, c *simtest.Conn, statements ...M) *simtest.Conn {
	t.Helper()
	var list []any
	for _, s := range statements {
		if s["Effect"] == nil {
			s["Effect"] = "Allow"
		}
		list = append(list, s)
	}
	body, _ := json.Marshal(M{"Version": "2012-10-17", "Statement": list})
	c.Must(role, "d", M{"name": "d", "assumeRolePolicy": trustAWS(caller)})
	c.Must(inline, "d", M{"name": "d", "role": "d", "policy": string(body)})
	w.Clock.Advance(time.Minute)
	as, err := assume(c, "d")
	if err != nil {
		t.Fatal(err)
	}
	return as
}

func TestRights(t *testing.T) {
	region := M{"StringEquals": M{"aws:RequestedRegion": "us-east-1"}}
	tagged := M{"StringEquals": M{"aws:ResourceTag/deployment": "roman"}}
	w, c := aws(t)
	as := deployer(t, w, c,
		M{"Action": []any{"ec2:Create*", "ec2:Describe*"}, "Resource": "*", "Condition": region},
		M{"Action": "ec2:DeleteVpc", "Resource": "*", "Condition": tagged},
		M{
			"Action": []any{"iam:CreateRole", "iam:Get*", "iam:List*", "iam:TagRole"}, "Resource": "arn:aws:iam::" + account + ":role/roman-*",
			"Condition": M{"StringEquals": M{"iam:PermissionsBoundary": "arn:aws:iam::" + account + ":policy/limit"}},
		},
		M{"Action": []any{"iam:DeleteRole", "iam:ListInstanceProfilesForRole"}, "Resource": "*"},
		M{"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "arn:aws:iam::" + account + ":role/d"},
		M{"Action": []any{"iam:AttachRolePolicy", "iam:ListAttachedRolePolicies"}, "Resource": "*", "Condition": M{"ArnLike": M{"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonEKS*"}}},
		M{"Action": "iam:PassRole", "Resource": "*", "Condition": M{"StringEquals": M{"iam:PassedToService": "ec2.amazonaws.com"}}},
		M{"Action": "eks:*", "Resource": "arn:aws:eks:us-east-1:" + account + ":cluster/roman-*"},
	)
	user := "User: arn:aws:sts::" + account + ":assumed-role/d/hubwright is not authorized to perform: "

	mine, err := as.Create(vpc, "v", M{"cidrBlock": "10.0.0.0/16", "tags": M{"deployment": "roman"}})
	accepts(t, "a VPC", err)
	_, err = as.Create(vpc, "v2", M{"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": true})
	refuses(t, "a VPC attribute", err, "AccessDenied: "+user+"ec2:ModifyVpcAttribute on resource: arn:aws:ec2:us-east-1:"+account+":vpc/*", "no identity-based policy allows")
	foreign := c.Must(vpc, "f", M{"cidrBlock": "10.2.0.0/16", "tags": M{"deployment": "other"}})
	theirs, err := as.Import(vpc, "f", foreign.ID)
	accepts(t, "reading a foreign VPC", err)
	refuses(t, "deleting a foreign VPC", theirs.Delete(), user+"ec2:DeleteVpc on resource: arn:aws:ec2:us-east-1:"+account+":vpc/"+foreign.ID)
	accepts(t, "deleting the own VPC", mine.Delete())

	limited := M{"name": "roman-x", "assumeRolePolicy": trust("ec2.amazonaws.com"), "permissionsBoundary": "arn:aws:iam::" + account + ":policy/limit"}
	made, err := as.Create(role, "x", limited)
	accepts(t, "a role with the boundary", err)
	delete(limited, "permissionsBoundary")
	limited["name"] = "roman-y"
	_, err = as.Create(role, "y", limited)
	refuses(t, "a role without the boundary", err, user+"iam:CreateRole")
	limited["name"] = "other"
	_, err = as.Create(role, "z", limited)
	refuses(t, "a role of another name", err, user+"iam:CreateRole on resource: arn:aws:iam::"+account+":role/other")
	_, err = as.Create(attach, "a", M{"role": "roman-x", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
	refuses(t, "making an administrator", err, user+"iam:AttachRolePolicy")
	a, err := as.Create(attach, "a", M{"role": "roman-x", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"})
	accepts(t, "attaching what may be attached", err)
	refuses(t, "detaching without the right", a.Delete(), user+"iam:DetachRolePolicy")
	self, err := c.Import(role, "d", "d")
	accepts(t, "reading the own role", err)
	selfAs, err := as.Import(role, "d", self.ID)
	refuses(t, "reading a role outside of the names", err, user+"iam:GetRole")
	refuses(t, "an explicit deny", selfAs.Delete(), "with an explicit deny in an identity-based policy")
	accepts(t, "deleting a role", c.Must(role, "loose", M{"name": "loose", "assumeRolePolicy": trust("ec2.amazonaws.com")}).Delete())

	n := network(c, 2)
	_, err = as.Create(cluster, "k", M{"name": "roman-k", "roleArn": made.Out["arn"], "vpcConfig": M{"subnetIds": n.ids()}})
	refuses(t, "passing a role to another service", err, user+"iam:PassRole on resource: "+out(made, "arn"))
	_, err = as.Invoke("aws:route53/getZone:getZone", M{"name": "example.org"})
	refuses(t, "a function", err, user+"route53:ListHostedZones on resource: *")
}

func TestBoundary(t *testing.T) {
	w, c := aws(t)
	limit := "arn:aws:iam::" + account + ":policy/limit"
	update(t, w, func(tx *world.Tx) error {
		return awssim.EnsurePolicy(tx, limit, doc(M{"Action": []any{"ecr:*", "ec2:Describe*"}, "Resource": "*"}))
	})
	c.Must(role, "d", M{"name": "d", "assumeRolePolicy": trustAWS(caller), "permissionsBoundary": limit, "managedPolicyArns": []any{"arn:aws:iam::aws:policy/AdministratorAccess"}})
	w.Clock.Advance(time.Minute)
	as, err := assume(c, "d")
	accepts(t, "assuming", err)
	_, err = as.Create(repo, "r", M{"name": "images"})
	accepts(t, "what the boundary allows", err)
	_, err = as.Create(vpc, "v", M{"cidrBlock": "10.0.0.0/16"})
	refuses(t, "what it does not", err, "no permissions boundary allows the ec2:CreateVpc action")
}

func TestEnsureRole(t *testing.T) {
	w, c := aws(t)
	update(t, w, func(tx *world.Tx) error {
		return awssim.EnsureRole(tx, "arn:aws:iam::"+account+":role/institute/deployer", caller)
	})
	_, err := assume(c, "institute/deployer")
	accepts(t, "a role that was there before", err)
}

func TestDefaultTags(t *testing.T) {
	_, c := aws(t)
	as := c.Another()
	accepts(t, "configuring", as.Configure(M{"region": "us-east-1", "defaultTags": M{"tags": M{"owner": "dmd", "environment": "staging"}}}))
	v := as.Must(vpc, "v", M{"cidrBlock": "10.0.0.0/16", "tags": M{"environment": "prod"}})
	all, _ := v.Out["tagsAll"].(M)
	if all["owner"] != "dmd" || all["environment"] != "prod" {
		t.Errorf("tagsAll %v, want the default owner and the own environment", all)
	}
	got, err := as.Invoke("aws:ec2/getVpc:getVpc", M{"tags": M{"owner": "dmd"}})
	accepts(t, "finding it by a default tag", err)
	if got["id"] != v.ID {
		t.Errorf("found %v, want %s", got["id"], v.ID)
	}
}
