package awssim

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// request is one API action on one resource, with what conditions can ask about.
type request struct {
	action, resource string
	// context holds condition keys in lower case: "aws:requesttag/owner".
	context map[string]string
}

// names reports whether a trust policy lets a principal assume: by its own name, or through its whole account.
func (d document) names(principal, account string) (direct, viaAccount bool) {
	for _, s := range d.Statements {
		context := map[string]string{"aws:principalarn": principal, "aws:principalaccount": account}
		if s.Effect != "Allow" || s.Principal == nil || !s.acts("sts:AssumeRole") || !met(s.Condition, context) {
			continue
		}
		for _, name := range (*s.Principal)["AWS"] {
			switch {
			case name == "*" || name == principal:
				direct = true
			case name == account || strings.HasSuffix(name, "::"+account+":root"):
				viaAccount = true
			}
		}
	}
	return direct, viaAccount
}

// trusts reports whether a trust policy names a service.
func (d document) trusts(service string) bool {
	for _, s := range d.Statements {
		if s.Effect == "Allow" && s.Principal != nil && s.acts("sts:AssumeRole") && slices.Contains((*s.Principal)["Service"], service) {
			return true
		}
	}
	return false
}

// decide evaluates policies for a request as IAM does: an explicit denial counts more than anything, and without permission all is denied.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func decide(docs []document, r request) (allowed, denied bool) {
	for _, d := range docs {
		for _, s := range d.Statements {
			if !s.acts(r.action) || !s.concerns(r.resource) || !met(s.Condition, r.context) {
				continue
			}
			if s.Effect == "Deny" {
				return false, true
			}
			allowed = true
		}
	}
	return allowed, false
}

func (s *statement) acts(action string) bool {
	matches := func(pattern string) bool { return glob(strings.ToLower(pattern), strings.ToLower(action)) }
	if len(s.NotAction) > 0 {
		return !slices.ContainsFunc(s.NotAction, matches)
	}
	return slices.ContainsFunc(s.Action, matches)
}

func (s *statement) concerns(resource string) bool {
	matches := func(pattern string) bool { return glob(pattern, resource) }
	if len(s.NotResource) > 0 {
		return !slices.ContainsFunc(s.NotResource, matches)
	}
	return slices.ContainsFunc(s.Resource, matches)
}

// met evaluates conditions. Policy variables are not substituted, and operators on dates, numbers and addresses never hold.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func met(conditions map[string]map[string]wordList, context map[string]string) bool {
	for operator, keys := range conditions {
		for key, values := range keys {
			if !holds(operator, strings.ToLower(key), values, context) {
				return false
			}
		}
	}
	return true
}

func holds(operator, key string, values []string, context map[string]string) bool {
	operator = strings.TrimPrefix(strings.TrimPrefix(operator, "ForAnyValue:"), "ForAllValues:")
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	got, known := context[key]
	if operator == "Null" {
		return slices.Contains(values, map[bool]string{true: "false", false: "true"}[known])
	}
	if !known {
		return ifExists || strings.Contains(operator, "Not")
	}
	var match func(string) bool
	switch strings.Replace(operator, "Not", "", 1) {
	case "StringEquals":
		match = func(v string) bool { return v == got }
	case "StringEqualsIgnoreCase", "Bool":
		match = func(v string) bool { return strings.EqualFold(v, got) }
	case "StringLike", "ArnEquals", "ArnLike":
		match = func(v string) bool { return glob(v, got) }
	default:
		return false
	}
	return slices.ContainsFunc(values, match) != strings.Contains(operator, "Not")
}

// glob matches a pattern with * for anything and ? for one character.
func glob(pattern, s string) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '*':
			for i := len(s); i >= 0; i-- {
				if glob(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
		default:
			if s == "" || s[0] != pattern[0] {
				return false
			}
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}

// rights are what the policies of the caller's role and its permissions boundary say; nil for a caller who may do everything.
type rights struct {
	me       *identity
	policies []document
	boundary *document
}

func (me *identity) rights(tx *world.Tx) *rights {
	role := tx.Get(roleToken, me.role)
	if me.role == "" || role == nil {
		return nil
	}
	r := &rights{me: me, boundary: me.managed(tx, role.String("permissionsBoundary"))}
	add := func(d *document) {
		if d != nil {
			r.policies = append(r.policies, *d)
		}
	}
	for _, arn := range attachedPolicies(tx, role) {
		add(me.managed(tx, arn))
	}
	for _, inline := range objects(role.Props, "inlinePolicies") {
		add(me.parsed(policyText(inline["policy"])))
	}
	for _, o := range tx.List(rolePolicyToken) {
		if o.String("role") == role.ID {
			add(me.parsed(policyText(o.Props["policy"])))
		}
	}
	return r
}

// allow checks one request.
func (r *rights) allow(q request) error {
	if r == nil {
		return nil
	}
	ok, denied := decide(r.policies, q)
	why := "because no identity-based policy allows the " + q.action + " action"
	if denied {
		why = "with an explicit deny in an identity-based policy"
	}
	if ok && r.boundary != nil {
		if ok, denied = decide([]document{*r.boundary}, q); denied {
			why = "with an explicit deny in a permissions boundary"
		} else {
			why = "because no permissions boundary allows the " + q.action + " action"
		}
	}
	if ok {
		return nil
	}
	return apiError("AccessDenied", "User: %s is not authorized to perform: %s on resource: %s %s", r.me.arn, q.action, q.resource, why)
}

// attachedPolicies are the ARNs of a role's managed policies.
func attachedPolicies(tx *world.Tx, role *world.Object) []string {
	arns := texts(role.Props, "managedPolicyArns")
	for _, o := range tx.List(attachmentToken) {
		if o.String("role") == role.ID {
			arns = append(arns, o.String("policyArn"))
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// managed is a managed policy's document; nil for one of AWS's own whose content is not simulated, and for one that is not there.
func (me *identity) managed(tx *world.Tx, arn string) *document {
	if o := tx.Get(policyToken, arn); o != nil {
		return me.parsed(policyText(o.Props["policy"]))
	}
	name, _ := awsManaged(arn)
	return me.parsed(awsPolicies[name])
}

// parsed reads a policy once for each instance; transactions are one at a time, so the cache needs no lock.
func (me *identity) parsed(body string) *document {
	if d, ok := me.documents[body]; ok {
		return d
	}
	if me.documents == nil {
		me.documents = map[string]*document{}
	}
	var kept *document
	if d, err := parseDocument(body); err == nil {
		kept = &d
	}
	me.documents[body] = kept
	return kept
}
