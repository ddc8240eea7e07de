package creds

import (
	"fmt"
	"slices"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
)

// Statement is one statement of a policy, as plain data.
type Statement = iampolicy.Statement

// Topic is a group of statements that becomes one managed policy, or several when it grows over IAM's limit.
type Topic struct {
	// Name ends the policy's name: "<role>-<name>".
	Name       string
	Statements []Statement
}

// Scope is what the deployer's rights are limited to.
type Scope struct {
	// Partition is "aws", "aws-us-gov" or "aws-cn".
	Partition string
	// AccountID is the account's twelve digits.
	AccountID string
	// Region is where everything regional lives.
	Region string
	// Prefixes begin the names of all roles, policies, clusters, repositories, key aliases and CodeCommit repositories that the
	// deployer may make. Each ends with "-".
	Prefixes []string
	// Names are whole names of key aliases and CodeCommit repositories that the deployer may make besides.
	Names []string
	// Role is the deployer's own role, which it may not change.
	Role string
	// Boundary is the ARN of the permissions boundary that every role it makes has to carry; empty for none.
	Boundary string
	// Owner limits changes and deletions, where the service can, to what carries these tags, each with one of its values; none means no such
	// limit.
	Owner map[string][]string
	// HostedZones are the ids of the Route 53 zones it may write records in; empty means every zone of the account.
	HostedZones []string
}

// Topics returns all statements of the deployer, by topic, always in the same order.
//
// Which resources and which condition keys an action can be limited by is written, service by service, in
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func (s Scope) Topics() []Topic {
	return []Topic{
		{"iam", s.iam()},
		{"network", s.network()},
		{"cluster", s.cluster()},
		{"data", s.data()},
		{"dns", s.dns()},
	}
}

// Actions returns every action that the topics allow, sorted.
func (s Scope) Actions() []string {
	var all []string
	for _, t := range s.Topics() {
		for _, st := range t.Statements {
			if st.Effect == iampolicy.Allow {
				all = append(all, st.Action...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// named returns one ARN for each prefix, of the regional resources whose names begin with it.
func (s Scope) named(service, kind string) []string { return s.arns(service, s.Region, kind) }

// exactly returns the ARNs of the regional resources that have one of the names.
func (s Scope) exactly(service, kind string) []string {
	arns := make([]string, 0, len(s.Names))
	for _, name := range s.Names {
		arns = append(arns, s.regional(service, kind+name))
	}
	return arns
}

// global is named for IAM, whose ARNs have no region.
func (s Scope) global(service, kind string) []string { return s.arns(service, "", kind) }

func (s Scope) arns(service, region, kind string) []string {
	arns := make([]string, 0, len(s.Prefixes))
	for _, p := range s.Prefixes {
		arns = append(arns, fmt.Sprintf("arn:%s:%s:%s:%s:%s%s*", s.Partition, service, region, s.AccountID, kind, p))
	}
	return arns
}

// regional returns the ARN of every resource of one kind in the region, for services that name their resources themselves.
func (s Scope) regional(service, kind string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", s.Partition, service, s.Region, s.AccountID, kind)
}

// inRegion is the condition that a request goes to the deployment's region.
func (s Scope) inRegion() iampolicy.Conditions {
	return iampolicy.Conditions{"StringEquals": {"aws:RequestedRegion": {s.Region}}}
}

// owned is the condition that the resource carries the owner's tag, besides being in the region.
func (s Scope) owned() iampolicy.Conditions {
	c := s.inRegion()
	for key, values := range s.Owner {
		c["StringEquals"]["aws:ResourceTag/"+key] = values
	}
	return c
}

// made is the condition that the resource is made in that same request, by one of the service's actions. Without an owner's tag there is nothing to
// protect by it.
func (s Scope) made(service string, actions ...string) iampolicy.Conditions {
	c := s.inRegion()
	if len(s.Owner) > 0 {
		c["StringEquals"][service+":CreateAction"] = actions
	}
	return c
}

// allow is an allowing statement.
func allow(sid string, actions, resources []string, condition iampolicy.Conditions) Statement {
	return Statement{Sid: sid, Effect: iampolicy.Allow, Action: actions, Resource: resources, Condition: condition}
}

// deny is a denying statement.
func deny(sid string, actions, resources []string) Statement {
	return Statement{Sid: sid, Effect: iampolicy.Deny, Action: actions, Resource: resources}
}

// service qualifies action names with their service.
func service(name string, actions ...string) []string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = name + ":" + a
	}
	return out
}

var everything = []string{"*"}
