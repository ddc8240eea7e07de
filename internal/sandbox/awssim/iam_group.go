package awssim

import (
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
var (
	groupNameForm = lazyregexp.New(`^[\w+=,.@-]{1,128}$`)
	userNameForm  = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
)

// maxGroups is how many groups a user may be in: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxGroups = 10

func groupKinds() map[string]*kind {
	return map[string]*kind{
		groupToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "path"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "name", groupNameForm, "1 to 128 letters, digits and +=,.@-_")
					p.path(in)
					return p
				},
			},
			arn: func(c *call, id string) string {
				return c.me.iamARN("group" + pathOf(c.In) + either(id, c.plannedName("name")))
			},
			create: func(c *call) (string, map[string]any, error) {
				name := c.autoName("name")
				if c.tx.Get(groupToken, name) != nil {
					return "", nil, apiError("EntityAlreadyExists", "Group with name %s already exists.", name)
				}
				return name, c.with(map[string]any{"path": "/"}, map[string]any{
					"name": name, "arn": c.me.iamARN("group" + pathOf(c.In) + name), "uniqueId": uniqueID("AGPA"),
				}), nil
			},
			remove: func(c *call, o *world.Object) error {
				if c.tx.Find(groupPolicyTok, func(p *world.Object) bool { return p.String("group") == o.ID }) != nil {
					return apiError("DeleteConflict", "Cannot delete entity, must delete policies first.")
				}
				if c.tx.Find(membershipToken, func(m *world.Object) bool { return slices.Contains(texts(m.Props, "groups"), o.ID) }) != nil {
					return apiError("DeleteConflict", "Cannot delete entity, must remove users from group first.")
				}
				return nil
			},
			rules: []string{"name: 1 to 128 letters, digits and +=,.@-_ ; taken once an account (EntityAlreadyExists)", "deletion: not with users or policies in it (DeleteConflict)"},
		},
		groupPolicyTok: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "namePrefix", "group"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "name", policyNameForm, "1 to 128 letters, digits and +=,.@-_")
					p.policy(in, "policy", identityPolicy, maxGroupPolicies)
					return p
				},
			},
			create: func(c *call) (string, map[string]any, error) {
				name, group := c.autoName("name"), text(c.In, "group")
				if err := c.groupExists(group); err != nil {
					return "", nil, err
				}
				return group + ":" + name, map[string]any{"name": name}, c.groupPolicySize(group, name)
			},
			update: func(c *call, o *world.Object) (map[string]any, error) {
				return nil, c.groupPolicySize(text(c.In, "group"), o.String("name"))
			},
			rules: []string{"group exists (NoSuchEntity); JSON of the right form; all policies of the group at most 5120 characters (LimitExceeded)"},
		},
		membershipToken: {
			Kind: provider.Kind{
				Name: "user", ForceNew: []string{"user"},
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "user", userNameForm, "1 to 64 letters, digits and +=,.@-_")
					return p
				},
			},
			create: func(c *call) (string, map[string]any, error) {
				return "membership-" + world.Hex(16), nil, c.checkMembership("")
			},
			update: func(c *call, o *world.Object) (map[string]any, error) { return nil, c.checkMembership(o.ID) },
			rules:  []string{"user and groups exist (NoSuchEntity; users only once some are known); at most 10 groups a user (LimitExceeded)"},
		},
	}
}

func (c *call) groupExists(name string) error {
	if c.tx.Get(groupToken, name) == nil {
		return apiError("NoSuchEntity", "The group with name %s cannot be found.", name)
	}
	return nil
}

// groupPolicySize checks the group's policies with one of them new.
func (c *call) groupPolicySize(group, name string) error {
	body := policyText(c.In["policy"])
	if _, err := checkPolicy(body, identityPolicy); err != nil {
		return err
	}
	total := size(body)
	for _, o := range c.tx.List(groupPolicyTok) {
		if o.String("group") == group && o.String("name") != name {
			total += size(policyText(o.Props["policy"]))
		}
	}
	if total > maxGroupPolicies {
		return apiError("LimitExceeded", "Maximum policy size of %d bytes exceeded for group %s", maxGroupPolicies, group)
	}
	return nil
}

func (c *call) checkMembership(self string) error {
	user := text(c.In, "user")
	known := len(c.tx.List(userToken)) > 0
	if known && c.tx.Get(userToken, user) == nil && !strings.HasSuffix(c.me.arn, ":user/"+user) {
		return apiError("NoSuchEntity", "The user with name %s cannot be found.", user)
	}
	groups := map[string]bool{}
	for _, g := range texts(c.In, "groups") {
		if err := c.groupExists(g); err != nil {
			return err
		}
		groups[g] = true
	}
	for _, m := range c.tx.List(membershipToken) {
		if m.String("user") == user && m.ID != self {
			for _, g := range texts(m.Props, "groups") {
				groups[g] = true
			}
		}
	}
	if len(groups) > maxGroups {
		return apiError("LimitExceeded", "Cannot exceed quota for GroupsPerUser: %d", maxGroups)
	}
	return nil
}
