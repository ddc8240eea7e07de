package awssim_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

func TestIAMRefusals(t *testing.T) {
	w, c := aws(t)
	ok := trust("ec2.amazonaws.com")
	read := doc(M{"Action": "s3:GetObject", "Resource": "*"})
	long := func(n int) string {
		return doc(M{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + strings.Repeat("x", n)})
	}
	c.Must(role, "r", M{"name": "r", "assumeRolePolicy": ok})
	c.Must(policy, "p", M{"name": "p", "policy": read})
	c.Must(people, "g", M{"name": "g"})
	update(t, w, func(tx *world.Tx) error { return awssim.EnsureUser(tx, "gough") })
	for name, try := range map[string]struct {
		token string
		in    M
		want  string
	}{
		"role name":             {role, M{"name": "a b", "assumeRolePolicy": ok}, "1 to 64 letters"},
		"role name too long":    {role, M{"name": strings.Repeat("n", 65), "assumeRolePolicy": ok}, "1 to 64 letters"},
		"role name taken":       {role, M{"name": "r", "assumeRolePolicy": ok}, "EntityAlreadyExists: Role with name r already exists."},
		"session length":        {role, M{"name": "s", "assumeRolePolicy": ok, "maxSessionDuration": 60}, "in the range (3600 - 43200)"},
		"trust not JSON":        {role, M{"name": "s", "assumeRolePolicy": "{"}, "MalformedPolicyDocument"},
		"trust without who":     {role, M{"name": "s", "assumeRolePolicy": doc(M{"Action": "sts:AssumeRole"})}, "Missing required field Principal"},
		"trust too long":        {role, M{"name": "s", "assumeRolePolicy": trustAWS("arn:aws:iam::111111111111:role/" + strings.Repeat("x", 2048))}, "LimitExceeded"},
		"trust names nobody":    {role, M{"name": "s", "assumeRolePolicy": trustAWS("arn:aws:iam::" + account + ":role/none")}, "Invalid principal in policy"},
		"trust unknown user":    {role, M{"name": "s", "assumeRolePolicy": trustAWS("arn:aws:iam::" + account + ":user/none")}, "Invalid principal in policy"},
		"trust odd principal":   {role, M{"name": "s", "assumeRolePolicy": trustAWS("gough")}, "Invalid principal in policy"},
		"policy not JSON":       {policy, M{"name": "q", "policy": "not JSON"}, "MalformedPolicyDocument"},
		"policy unknown key":    {policy, M{"name": "q", "policy": doc(M{"Actoin": "s3:*", "Resource": "*"})}, "Syntax errors in policy"},
		"policy no version":     {policy, M{"name": "q", "policy": `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}, "2012-10-17 or greater"},
		"policy effect":         {policy, M{"name": "q", "policy": doc(M{"Effect": "Permit", "Action": "s3:*", "Resource": "*"})}, `"Permit" is none of`},
		"policy without what":   {policy, M{"name": "q", "policy": doc(M{"Action": "s3:*"})}, "must contain resources"},
		"policy bad action":     {policy, M{"name": "q", "policy": doc(M{"Action": "GetObject", "Resource": "*"})}, "prefaced by a vendor"},
		"policy bad resource":   {policy, M{"name": "q", "policy": doc(M{"Action": "s3:*", "Resource": "bucket"})}, "must be in ARN format"},
		"policy too long":       {policy, M{"name": "q", "policy": long(6144)}, "LimitExceeded"},
		"policy name taken":     {policy, M{"name": "p", "policy": read}, "EntityAlreadyExists: A policy called p already exists."},
		"inline without role":   {inline, M{"name": "i", "role": "none", "policy": read}, "NoSuchEntity: The role with name none"},
		"inline too long":       {inline, M{"name": "i", "role": "r", "policy": long(10240)}, "LimitExceeded"},
		"attach without role":   {attach, M{"role": "none", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}, "NoSuchEntity"},
		"attach unknown policy": {attach, M{"role": "r", "policyArn": "arn:aws:iam::" + account + ":policy/none"}, "does not exist or is not attachable"},
		"attach misspelled":     {attach, M{"role": "r", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolice"}, "does not exist or is not attachable"},
		"group name taken":      {people, M{"name": "g"}, "EntityAlreadyExists: Group with name g"},
		"group policy too long": {"aws:iam/groupPolicy:GroupPolicy", M{"name": "x", "group": "g", "policy": long(5120)}, "LimitExceeded"},
		"member of no group":    {member, M{"user": "gough", "groups": []any{"none"}}, "NoSuchEntity: The group"},
		"member unknown":        {member, M{"user": "nobody", "groups": []any{"g"}}, "NoSuchEntity: The user"},
		"issuer without https":  {oidc, M{"url": "http://x.example", "clientIdLists": []any{"sts.amazonaws.com"}}, "must be an https:// URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Create(try.token, "x", try.in)
			refuses(t, name, err, try.want)
		})
	}
	_, err := c.Create(policy, "fits", M{"name": "fits", "policy": long(6000) + strings.Repeat(" ", 500)})
	accepts(t, "a policy that is only long by white space", err)
}

func TestInlinePoliciesAddUp(t *testing.T) {
	_, c := aws(t)
	c.Must(role, "r", M{"name": "r", "assumeRolePolicy": trust("ec2.amazonaws.com")})
	half := doc(M{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + strings.Repeat("x", 6000)})
	c.Must(inline, "a", M{"name": "a", "role": "r", "policy": half})
	_, err := c.Create(inline, "b", M{"name": "b", "role": "r", "policy": half})
	refuses(t, "two halves over the limit", err, "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r")
}

func TestIAMDeletion(t *testing.T) {
	_, c := aws(t)
	r := c.Must(role, "r", M{"name": "r", "assumeRolePolicy": trust("ec2.amazonaws.com")})
	p := c.Must(policy, "p", M{"name": "p", "policy": doc(M{"Action": "s3:*", "Resource": "*"})})
	a := c.Must(attach, "a", M{"role": "r", "policyArn": p.Out["arn"]})
	refuses(t, "an attached policy", p.Delete(), "DeleteConflict: Cannot delete a policy attached to entities.")
	refuses(t, "a role with a policy attached", r.Delete(), "DeleteConflict: Cannot delete entity, must detach all policies first.")
	accepts(t, "detaching", a.Delete())
	i := c.Must(inline, "i", M{"name": "i", "role": "r", "policy": doc(M{"Action": "s3:*", "Resource": "*"})})
	refuses(t, "a role with an inline policy", r.Delete(), "DeleteConflict: Cannot delete entity, must delete policies first.")
	accepts(t, "deleting the inline policy", i.Delete())
	accepts(t, "the bare role", r.Delete())
	accepts(t, "the loose policy", p.Delete())

	g := c.Must(people, "g", M{"name": "g"})
	m := c.Must(member, "m", M{"user": "gough", "groups": []any{"g"}})
	refuses(t, "a group with users", g.Delete(), "DeleteConflict: Cannot delete entity, must remove users from group first.")
	accepts(t, "removing the user", m.Delete())
	accepts(t, "the empty group", g.Delete())

	f := c.Must(role, "f", M{"name": "f", "assumeRolePolicy": trust("ec2.amazonaws.com"), "forceDetachPolicies": true})
	c.Must(attach, "fa", M{"role": "f", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"})
	accepts(t, "a role that detaches its policies itself", f.Delete())
}

func TestIssuerOnce(t *testing.T) {
	_, c := aws(t)
	in := M{"url": "https://oidc.eks.us-east-1.amazonaws.com/id/ABC", "clientIdLists": []any{"sts.amazonaws.com"}}
	p := c.Must(oidc, "o", in)
	if want := "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"; p.ID != want {
		t.Errorf("id %s, want %s", p.ID, want)
	}
	_, err := c.Create(oidc, "again", in)
	refuses(t, "a second provider", err, "EntityAlreadyExists")
}
