package awssim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// assumableAfter is how long a new role cannot be assumed: IAM is eventually consistent and gives no figure; 10 to 30 seconds are seen.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
const assumableAfter = 15 * time.Second

// noAccount is the account when nothing says which.
const noAccount = "000000000000"

// identity is who calls through a provider instance, and where.
type identity struct {
	account, region, partition string
	// arn is what STS says of the caller; role is the name of the role behind it, "" for anybody who may do everything.
	arn, role   string
	defaultTags map[string]any
	documents   map[string]*document // policies that were read
}

// principal is the ARN that policies name the caller by: of an assumed role the role's.
func (me *identity) principal(tx *world.Tx) string {
	if o := tx.Get(roleToken, me.role); me.role != "" && o != nil {
		return o.String("arn")
	}
	return me.arn
}

// identityOf is the identity of a configured session, or for one without configuration the ambient one.
func identityOf(tx *world.Tx, s *provider.Session) (*identity, error) {
	if me, ok := s.Value.(*identity); ok {
		return me, nil
	}
	return identify(tx, s.Config)
}

// identify finds out who a provider configuration stands for, assuming its roles, and refuses accounts that it does not allow.
func identify(tx *world.Tx, config map[string]any) (*identity, error) {
	config = decoded(config)
	me := &identity{region: text(config, "region"), defaultTags: object(object(config, "defaultTags"), "tags")}
	if me.region == "" {
		me.region = tx.Setting("region")
	}
	if me.region == "" {
		me.region = "us-east-1"
	}
	if !regionForm.MatchString(me.region) {
		return nil, fmt.Errorf("invalid AWS Region: %s", me.region)
	}
	me.partition = partition(me.region)
	allowed := texts(config, "allowedAccountIds")
	me.account = tx.Setting("account")
	if me.account == "" && len(allowed) == 1 {
		me.account = allowed[0]
	}
	if me.account == "" {
		me.account = noAccount
	}
	me.arn = tx.Setting("caller")
	if me.arn == "" {
		me.arn = fmt.Sprintf("arn:%s:iam::%s:user/sandbox", me.partition, me.account)
	}
	if o := roleByARN(tx, roleOfSession(me.arn)); o != nil {
		me.role = o.ID
	}
	roles := objects(config, "assumeRoles")
	if one := object(config, "assumeRole"); len(one) > 0 {
		roles = append(roles, one)
	}
	for _, r := range roles {
		if arn := text(r, "roleArn"); arn != "" {
			if err := me.assume(tx, arn, text(r, "sessionName")); err != nil {
				return nil, err
			}
		}
	}
	// The wording is that of https://github.com/hashicorp/aws-sdk-go-base (VerifyAccountIDAllowed).
	forbidden := texts(config, "forbiddenAccountIds")
	if len(allowed) > 0 && !slices.Contains(allowed, me.account) || slices.Contains(forbidden, me.account) {
		return nil, fmt.Errorf("AWS account ID not allowed: %s", me.account)
	}
	return me, nil
}

// decoded opens the configuration's nested values, which the SDKs send as JSON text.
func decoded(config map[string]any) map[string]any {
	out := maps.Clone(config)
	for key, v := range config {
		s, ok := v.(string)
		if !ok || s == "" || (s[0] != '{' && s[0] != '[') {
			continue
		}
		var nested any
		if json.Unmarshal([]byte(s), &nested) == nil {
			out[key] = nested
		}
	}
	return out
}

// assume makes the identity that of a role, if the role's trust policy and the caller's own rights let it.
func (me *identity) assume(tx *world.Tx, arn, session string) error {
	denied := func(why string) error {
		return fmt.Errorf("cannot assume IAM role %s: %w", arn,
			apiError("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s%s", me.arn, arn, why))
	}
	role := roleByARN(tx, arn)
	if role == nil {
		return denied(" (there is no such role)")
	}
	if tx.Now().Sub(role.Created) < assumableAfter {
		return denied(" (the role is new, and not known everywhere yet)")
	}
	trust, err := parseDocument(policyText(role.Props["assumeRolePolicy"]))
	if err != nil {
		return denied(" (its trust policy is damaged)")
	}
	direct, viaAccount := trust.names(me.principal(tx), me.account)
	if !direct && !viaAccount {
		return denied(" (its trust policy does not name the caller)")
	}
	if me.role != "" && !direct { // the account as a whole is trusted: the caller's own policies decide
		if err := me.rights(tx).allow(request{action: "sts:AssumeRole", resource: arn}); err != nil {
			return denied("")
		}
	}
	if session == "" {
		session = "aws-go-sdk"
	}
	parts := strings.Split(arn, ":")
	me.role, me.account = role.ID, parts[4]
	me.arn = fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parts[1], parts[4], role.ID, session)
	return nil
}

// roleOfSession turns the ARN of a role's session into the role's; any other ARN stays as it is. The role's path is not in it.
func roleOfSession(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "sts" {
		return arn
	}
	_, rest, _ := strings.Cut(parts[5], "/")
	name, _, _ := strings.Cut(rest, "/")
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", parts[1], parts[4], name)
}

// roleByARN finds a role, or nil. A role's name is its own in the account whatever its path is.
func roleByARN(tx *world.Tx, arn string) *world.Object {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return nil
	}
	o := tx.Get(roleToken, parts[5][strings.LastIndex(parts[5], "/")+1:])
	if o == nil || !strings.Contains(o.String("arn"), "::"+parts[4]+":") {
		return nil
	}
	return o
}

// makeARN is the ARN of a regional resource of the caller's account.
func (me *identity) makeARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", me.partition, service, me.region, me.account, resource)
}

// iamARN is the ARN of a resource of IAM in the caller's account, which belongs to no region.
func (me *identity) iamARN(resource string) string {
	return fmt.Sprintf("arn:%s:iam::%s:%s", me.partition, me.account, resource)
}
