package creds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
	"github.com/hubwright/hubwright/components/internal/principal"
	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Mode says where the identity comes from.
type Mode string

// The modes. The zero value means Create.
const (
	// Create makes a deployer role and the group that may assume it.
	Create Mode = "create"
	// Assume uses a role that exists.
	Assume Mode = "assume"
	// Ambient uses the identity that the program runs with.
	Ambient Mode = "ambient"
)

// Args says what identity a deployment runs as.
type Args struct {
	// Mode is create, assume or ambient; default create.
	Mode Mode
	// RoleArn is the existing role, in mode assume.
	RoleArn string

	// The rest belongs to mode create.

	// Prefix begins the names of the role, its policies and the group; a "-" is added when it doesn't end with one.
	Prefix string
	// ResourcePrefixes begin the names of what the role may make; default is Prefix alone. Each gets a "-" like Prefix.
	ResourcePrefixes []string
	// ResourceNames are whole names of key aliases and CodeCommit repositories that the role may make besides.
	ResourceNames []string
	// Partition is "aws" unless given.
	Partition string
	// AccountID and Region are what the role's rights are limited to.
	AccountID, Region string
	// TrustedPrincipals are the ARNs of users and roles that may assume the role. Users are trusted without being listed here.
	TrustedPrincipals []string
	// AllowAccountRoot permits the account's root among TrustedPrincipals, which trusts every identity of the account that may
	// assume roles at all.
	AllowAccountRoot bool
	// PermissionsBoundary is the ARN of a policy that the role, and every role it makes, is bounded by.
	PermissionsBoundary string
	// MaxSession is how long a session may last: 1h to 12h, in whole seconds; default 1h.
	MaxSession time.Duration
	// Users are the names of the IAM users of the account who join the group.
	Users []string
	// HostedZones are the ids of the Route 53 zones the role may write in; empty means all of the account.
	HostedZones []string
	// OwnerTags are the tags that mark what the role may change and delete, where the service can check it: a resource has to carry each
	// key with one of its values. Default: "deployment" as it is in Tags; without that key in Tags there is no such limit.
	OwnerTags map[string][]string
	// Tags are put on the role and its policies.
	Tags map[string]string
	// WaitAssumable is called once the role exists, outside previews, with its creation time, and returns when it can be assumed.
	// The default waits on the real clock until 20 s after creation.
	WaitAssumable func(ctx context.Context, created time.Time) error
}

func (a *Args) mode() Mode {
	if a.Mode == "" {
		return Create
	}
	return a.Mode
}

func (a *Args) partition() string {
	if a.Partition == "" {
		return "aws"
	}
	return a.Partition
}

func (a *Args) maxSession() time.Duration {
	if a.MaxSession == 0 {
		return time.Hour
	}
	return a.MaxSession
}

func (a *Args) prefix() string    { return dashed(a.Prefix) }
func (a *Args) roleName() string  { return a.prefix() + "deployer" }
func (a *Args) groupName() string { return a.prefix() + "deployers" }

// dashed ends a prefix with the separator that the names after it need.
func dashed(prefix string) string {
	if strings.HasSuffix(prefix, "-") {
		return prefix
	}
	return prefix + "-"
}

// PlannedRoleArn is the ARN of the role before it exists: the one that is made, or the one that is assumed; empty in ambient mode.
// It serves to tell the creator of a cluster apart from those who need an access entry.
func (a *Args) PlannedRoleArn() string {
	switch a.mode() {
	case Create:
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", a.partition(), a.AccountID, a.roleName())
	case Assume:
		return a.RoleArn
	default:
		return ""
	}
}

// Scope is what the created role's rights are limited to.
func (a *Args) Scope() Scope {
	prefixes := []string{a.prefix()}
	if len(a.ResourcePrefixes) > 0 {
		prefixes = nil
		for _, p := range a.ResourcePrefixes {
			prefixes = append(prefixes, dashed(p))
		}
		slices.Sort(prefixes)
		prefixes = slices.Compact(prefixes)
	}
	owner := a.OwnerTags
	if value := a.Tags["deployment"]; owner == nil && value != "" {
		owner = map[string][]string{"deployment": {value}}
	}
	return Scope{
		Partition: a.partition(), AccountID: a.AccountID, Region: a.Region, Prefixes: prefixes, Names: a.ResourceNames, Role: a.roleName(),
		Boundary: a.PermissionsBoundary, Owner: owner, HostedZones: a.HostedZones,
	}
}

// trustPolicy names who may assume the role.
func (a *Args) trustPolicy() (string, error) {
	principals := slices.Clone(a.TrustedPrincipals)
	for _, user := range a.Users {
		principals = append(principals, fmt.Sprintf("arn:%s:iam::%s:user/%s", a.partition(), a.AccountID, user))
	}
	slices.Sort(principals)
	text, err := iampolicy.JSON(Statement{
		Sid: "NamedPrincipals", Effect: iampolicy.Allow,
		Principal: &iampolicy.Principal{AWS: slices.Compact(principals)},
		Action:    service("sts", "AssumeRole"),
	})
	if err != nil {
		return "", err
	}
	if len(text) > iampolicy.MaxTrustPolicy {
		return "", fmt.Errorf("the trust policy of %s takes %d characters and IAM allows %d: trust a role that the people can assume instead of each of them",
			a.roleName(), len(text), iampolicy.MaxTrustPolicy)
	}
	return text, nil
}

// document is one managed policy of the role.
type document struct{ suffix, json string }

// maxAttached is how many managed policies IAM attaches to a role by default:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxAttached = 10

// documents are the topics as policies within IAM's limit; a topic that grows over it continues in "<topic>-2".
func (a *Args) documents() ([]document, error) {
	var out []document
	for _, topic := range a.Scope().Topics() {
		parts, err := iampolicy.Split(topic.Statements, iampolicy.MaxManagedPolicy)
		if err != nil {
			return nil, fmt.Errorf("policy %s-%s: %w; give fewer ResourcePrefixes", a.roleName(), topic.Name, err)
		}
		for i, part := range parts {
			text, err := iampolicy.JSON(part...)
			if err != nil {
				return nil, err
			}
			suffix := topic.Name
			if i > 0 {
				suffix += "-" + strconv.Itoa(i+1)
			}
			out = append(out, document{suffix, text})
		}
	}
	if len(out) > maxAttached {
		return nil, fmt.Errorf("the rights of %s take %d policies and IAM attaches %d to a role: give fewer ResourcePrefixes", a.roleName(), len(out), maxAttached)
	}
	return out, nil
}

var (
	regionName = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-\d$`)
	roleArn    = lazyregexp.New(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	policyArn  = lazyregexp.New(`^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$`)
	// Names of users: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
	userName   = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
	namePrefix = lazyregexp.New(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,48}$`)
)

// validate reports every problem of the arguments at once.
func (a *Args) validate() error {
	switch a.mode() {
	case Ambient:
		if a.RoleArn != "" {
			return fmt.Errorf("mode ambient uses no role, but role %q is given: use mode assume", a.RoleArn)
		}
		return nil
	case Assume:
		if !roleArn.MatchString(a.RoleArn) {
			return fmt.Errorf("mode assume needs the ARN of a role, such as arn:aws:iam::162808325377:role/deployer, and got %q", a.RoleArn)
		}
		return nil
	case Create:
		return a.validateCreate()
	default:
		return fmt.Errorf("mode %q is unknown: use create, assume or ambient", a.Mode)
	}
}

func (a *Args) validateCreate() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, p := range append([]string{a.Prefix}, a.ResourcePrefixes...) {
		if !namePrefix.MatchString(p) {
			fail("prefix %q does not begin a name: use up to 49 letters, digits and dashes, such as \"gough-\"", p)
		}
	}
	if err := principal.CheckAccount("accountId", a.AccountID); err != nil {
		problems = append(problems, err)
	}
	if !regionName.MatchString(a.Region) {
		fail("region %q is not one of AWS, such as us-east-1", a.Region)
	}
	if a.RoleArn != "" {
		fail("mode create makes its role, but role %q is given: use mode assume for that one", a.RoleArn)
	}
	if a.PermissionsBoundary != "" && !policyArn.MatchString(a.PermissionsBoundary) {
		fail("permissions boundary %q is not the ARN of a policy", a.PermissionsBoundary)
	}
	if s := a.maxSession(); s < time.Hour || s > 12*time.Hour || s%time.Second != 0 {
		// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
		fail("session length %s is not between 1h and 12h", a.MaxSession)
	}
	if len(a.TrustedPrincipals) == 0 && len(a.Users) == 0 {
		fail("nobody is trusted with the role: name the ARNs of users or roles, among them the identity that runs this program")
	}
	if err := principal.Check("trustedPrincipals", a.TrustedPrincipals, a.AllowAccountRoot); err != nil {
		problems = append(problems, err)
	}
	for i, u := range a.Users {
		if !userName.MatchString(u) {
			fail("user %q is not the name of an IAM user (the name, not its ARN)", u)
		} else if slices.Index(a.Users, u) != i {
			fail("user %q is listed twice", u)
		}
	}
	return errors.Join(problems...)
}
