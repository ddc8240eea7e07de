package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Names in IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
var (
	roleNameForm   = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
	policyNameForm = lazyregexp.New(`^[\w+=,.@-]{1,128}$`)
	pathForm       = lazyregexp.New(`^/([!-~]*/)?$`)
	policyARNForm  = lazyregexp.New(`^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$`)
)

// maxAttached is how many managed policies a role may have:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxAttached = 10

func roleKinds() map[string]*kind {
	return map[string]*kind{
		roleToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "namePrefix", "path"}, DeleteFirst: true,
				Check: checkRole,
			},
			tagged: true,
			arn: func(c *call, id string) string {
				return c.me.iamARN("role" + pathOf(c.In) + either(id, c.plannedName("name")))
			},
			create: createRole, update: updateRole, remove: removeRole,
			rules: []string{
				"name: 1 to 64 letters, digits and +=,.@-_ ; taken once an account (EntityAlreadyExists)",
				"trust policy: JSON of the right form, at most 2048 characters; roles and users it names exist",
				"session length 3600 to 43200 seconds; description at most 1000 characters",
				"inline policies together at most 10240 characters; at most 10 managed ones, which exist",
				"deletion: not with policies attached or inline, unless forceDetachPolicies (DeleteConflict)",
				"can be assumed only 15 s after creation, and only by whom its trust policy names",
			},
		},
		rolePolicyToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "namePrefix", "role"}, DeleteFirst: true,
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "name", policyNameForm, "1 to 128 letters, digits and +=,.@-_")
					p.policy(in, "policy", identityPolicy, maxRolePolicies)
					return p
				},
			},
			create: func(c *call) (string, map[string]any, error) {
				name := c.autoName("name")
				role, err := c.role(text(c.In, "role"))
				if err == nil {
					err = c.inlineSize(role, name, c.In["policy"])
				}
				return text(c.In, "role") + ":" + name, map[string]any{"name": name}, err
			},
			update: func(c *call, o *world.Object) (map[string]any, error) {
				role, err := c.role(text(c.In, "role"))
				if err == nil {
					err = c.inlineSize(role, o.String("name"), c.In["policy"])
				}
				return nil, err
			},
			rules: []string{"role exists (NoSuchEntity); JSON of the right form; all inline policies of the role at most 10240 characters (LimitExceeded)"},
		},
		attachmentToken: {
			Kind: provider.Kind{
				ForceNew: []string{"*"},
				Check: func(in map[string]any) []string {
					var p problems
					p.matches(in, "policyArn", policyARNForm, "the ARN of a policy")
					return p
				},
			},
			create: createAttachment,
			rules:  []string{"role and policy exist (NoSuchEntity); policies of AWS's own have to be known here; at most 10 a role (LimitExceeded)"},
		},
	}
}

// matches checks the form of a text, when given.
func (p *problems) matches(in map[string]any, prop string, form *lazyregexp.Regexp, words string) {
	if v, ok := in[prop].(string); ok && !form.MatchString(v) {
		p.add(prop, "invalid value for %s (must be %s): %q", prop, words, v)
	}
}

// path checks the path of an entity of IAM. Lengths of hundreds are checked apart from forms: such a form takes a millisecond to compile.
func (p *problems) path(in map[string]any) {
	p.matches(in, "path", pathForm, "/ or a path between two slashes")
	p.longest(in, "path", 512)
}

// either is the first of two texts that is not empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func pathOf(in map[string]any) string { return either(text(in, "path"), "/") }

func checkRole(in map[string]any) []string {
	var p problems
	p.matches(in, "name", roleNameForm, "1 to 64 letters, digits and +=,.@-_")
	p.path(in)
	p.longest(in, "namePrefix", 38)
	p.longest(in, "description", 1000)
	p.between(in, "maxSessionDuration", 3600, 43200)
	p.policy(in, "assumeRolePolicy", trustPolicy, maxTrustPolicy)
	p.matches(in, "permissionsBoundary", policyARNForm, "the ARN of a policy")
	for _, inline := range objects(in, "inlinePolicies") {
		p.policy(inline, "policy", identityPolicy, maxRolePolicies)
	}
	p.tags(in)
	return p
}

func createRole(c *call) (string, map[string]any, error) {
	name := c.autoName("name")
	if !roleNameForm.MatchString(name) {
		return "", nil, apiError("ValidationError", "1 validation error detected: Value '%s' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64", name)
	}
	if c.tx.Get(roleToken, name) != nil {
		return "", nil, apiError("EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	if err := c.checkRoleReferences(name); err != nil {
		return "", nil, err
	}
	return name, c.with(
		map[string]any{"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": false, "description": ""},
		map[string]any{
			"name": name, "arn": c.me.iamARN("role" + pathOf(c.In) + name), "uniqueId": uniqueID("AROA"),
			"createDate": c.tx.Now().UTC().Format(time.RFC3339),
		}), nil
}

// uniqueID makes an id as IAM makes them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func uniqueID(prefix string) string { return prefix + strings.ToUpper(world.Hex(17)) }

func updateRole(c *call, o *world.Object) (map[string]any, error) {
	return nil, c.checkRoleReferences(o.ID)
}

// checkRoleReferences checks what a role refers to: principals, boundary, policies.
func (c *call) checkRoleReferences(name string) error {
	trust, err := checkPolicy(policyText(c.In["assumeRolePolicy"]), trustPolicy)
	if err != nil {
		return err
	}
	if err := c.principalsExist(trust, name); err != nil {
		return err
	}
	if b := text(c.In, "permissionsBoundary"); strings.Contains(b, "::aws:") {
		if err := c.policyExists(b); err != nil {
			return err
		}
	}
	arns := texts(c.In, "managedPolicyArns")
	if len(arns) > maxAttached {
		return apiError("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
	}
	for _, arn := range arns {
		if err := c.policyExists(arn); err != nil {
			return err
		}
	}
	total := 0
	for _, inline := range objects(c.In, "inlinePolicies") {
		total += size(policyText(inline["policy"]))
	}
	if total > maxRolePolicies {
		return apiError("LimitExceeded", "Maximum policy size of %d bytes exceeded for role %s", maxRolePolicies, name)
	}
	return nil
}

// principalsExist checks that the roles and users of this account that a policy names exist. Users are only known once one was made known
// (EnsureUser); until then any is taken to exist.
func (c *call) principalsExist(d document, self string) error {
	users := c.tx.List(userToken)
	for _, s := range d.Statements {
		if s.Principal == nil {
			continue
		}
		for _, arn := range (*s.Principal)["AWS"] {
			parts := strings.SplitN(arn, ":", 6)
			if len(parts) < 6 || parts[2] != "iam" || parts[4] != c.me.account {
				continue
			}
			missing := strings.HasPrefix(parts[5], "role/") && roleByARN(c.tx, arn) == nil && !strings.HasSuffix(arn, "/"+self) && arn != c.me.principal(c.tx)
			if user, ok := strings.CutPrefix(parts[5], "user/"); ok && len(users) > 0 && arn != c.me.arn {
				missing = c.tx.Get(userToken, user[strings.LastIndex(user, "/")+1:]) == nil
			}
			if missing {
				return apiError("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":%q (there is no such identity)", arn)
			}
		}
	}
	return nil
}

// role finds a role by name.
func (c *call) role(name string) (*world.Object, error) {
	if o := c.tx.Get(roleToken, name); o != nil {
		return o, nil
	}
	return nil, apiError("NoSuchEntity", "The role with name %s cannot be found.", name)
}

// inlineSize checks that a role's inline policies, with one of them new, are within the limit.
func (c *call) inlineSize(role *world.Object, name string, policy any) error {
	total := size(policyText(policy))
	for _, inline := range objects(role.Props, "inlinePolicies") {
		total += size(policyText(inline["policy"]))
	}
	for _, o := range c.tx.List(rolePolicyToken) {
		if o.String("role") == role.ID && o.String("name") != name {
			total += size(policyText(o.Props["policy"]))
		}
	}
	if total > maxRolePolicies {
		return apiError("LimitExceeded", "Maximum policy size of %d bytes exceeded for role %s", maxRolePolicies, role.ID)
	}
	return nil
}

// removeRole follows the provider, which takes away the inline policies and attachments that belong to the role resource itself.
func removeRole(c *call, o *world.Object) error {
	for _, token := range []string{attachmentToken, rolePolicyToken} {
		for _, p := range c.tx.List(token) {
			if p.String("role") != o.ID {
				continue
			}
			if !flag(o.Props, "forceDetachPolicies") {
				if token == attachmentToken {
					return apiError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
				}
				return apiError("DeleteConflict", "Cannot delete entity, must delete policies first.")
			}
			if err := c.tx.Delete(token, p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func createAttachment(c *call) (string, map[string]any, error) {
	arn := text(c.In, "policyArn")
	role, err := c.role(text(c.In, "role"))
	if err != nil {
		return "", nil, err
	}
	if err := c.policyExists(arn); err != nil {
		return "", nil, err
	}
	attached := attachedPolicies(c.tx, role)
	if !slices.Contains(attached, arn) && len(attached) >= maxAttached {
		return "", nil, apiError("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
	}
	// The provider's ids end with a time and a counter, and it reads by role and policy; one for the pair, in the form that its import takes,
	// keeps a repeated request from making a second object, and an adopted one from being missed.
	return role.ID + "/" + arn, nil, nil
}
