package awssim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// Limits of IAM in characters, white space not counted:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
const (
	maxManagedPolicy = 6144
	maxRolePolicies  = 10240
	maxTrustPolicy   = 2048
	maxGroupPolicies = 5120
)

// document is a policy of any kind.
type document struct {
	Version    string
	ID         string `json:"Id"`
	Statements statements
}

type statements []statement

// statement is one statement of a policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
type statement struct {
	Sid          string
	Effect       string
	Principal    *principals
	NotPrincipal *principals
	Action       wordList
	NotAction    wordList
	Resource     wordList
	NotResource  wordList
	Condition    map[string]map[string]wordList
}

// wordList is one word or a list of words.
type wordList []string

func (l *wordList) UnmarshalJSON(data []byte) error {
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	many, isList := one.([]any)
	if !isList {
		many = []any{one}
	}
	*l = wordList{}
	for _, v := range many {
		switch v := v.(type) {
		case string:
			*l = append(*l, v)
		case bool, float64:
			*l = append(*l, fmt.Sprint(v))
		default:
			return fmt.Errorf("%v is not a text", v)
		}
	}
	return nil
}

func (l *statements) UnmarshalJSON(data []byte) error {
	type plain statements
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		data = append(append([]byte{'['}, trimmed...), ']')
	}
	return strict(data, (*plain)(l))
}

// principals are who a statement speaks of, by kind (AWS, Service, Federated, CanonicalUser); "*" is everybody.
type principals map[string]wordList

func (p *principals) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == `"*"` {
		*p = principals{"AWS": {"*"}}
		return nil
	}
	type plain principals
	return json.Unmarshal(data, (*plain)(p))
}

// strict decodes JSON and refuses what it does not know, as IAM does.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// policyText is a policy as JSON text; programs may hand it over as text or as an object.
func policyText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

// parseDocument reads a policy. Its errors have IAM's code for them.
func parseDocument(policy string) (document, error) {
	var raw any
	if err := json.Unmarshal([]byte(policy), &raw); err != nil {
		return document{}, apiError("MalformedPolicyDocument", "This policy contains invalid Json: %v", err)
	}
	if _, ok := raw.(map[string]any); !ok {
		return document{}, apiError("MalformedPolicyDocument", "This policy contains invalid Json: it is not an object")
	}
	var d struct {
		Version   string
		ID        string `json:"Id"`
		Statement statements
	}
	if err := strict([]byte(policy), &d); err != nil {
		return document{}, apiError("MalformedPolicyDocument", "Syntax errors in policy: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return document{d.Version, d.ID, d.Statement}, nil
}

// use is where a policy is put, which decides what its statements must have.
type use int

const (
	identityPolicy use = iota
	trustPolicy
	resourcePolicy
)

var (
	sidForm    = lazyregexp.New(`^[A-Za-z0-9]*$`)
	actionForm = lazyregexp.New(`^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
	resourceForm = lazyregexp.New(`^(\*|arn:[^:]*:[^:]+:[^:]*:[^:]*:.+)$`)
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
	awsPrincipal     = lazyregexp.New(`^(\*|\d{12}|arn:aws[a-z-]*:(iam::\d{12}:(root|user/.+|role/.+)|sts::\d{12}:(assumed-role|federated-user)/.+)|A[A-Z0-9]{16,})$`)
	servicePrincipal = lazyregexp.New(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
)

// checkPolicy reads a policy and checks its form: the elements that its use needs, and the spelling of what they hold.
func checkPolicy(policy string, as use) (document, error) {
	d, err := parseDocument(policy)
	if err != nil {
		return d, err
	}
	bad := func(format string, args ...any) (document, error) {
		return d, apiError("MalformedPolicyDocument", format, args...)
	}
	switch {
	case d.Version != "" && d.Version != "2012-10-17" && d.Version != "2008-10-17":
		return bad("Syntax errors in policy: the version %q is none of 2012-10-17, 2008-10-17", d.Version)
	case d.Version != "2012-10-17" && as == identityPolicy:
		return bad("Policy document must be version 2012-10-17 or greater")
	case len(d.Statements) == 0:
		return bad("Syntax errors in policy: there is no statement")
	}
	sids := map[string]bool{}
	for i, s := range d.Statements {
		if why := s.problem(as); why != "" {
			return bad("%s (statement %d %s)", why, i+1, s.Sid)
		}
		if s.Sid != "" && sids[s.Sid] {
			return bad("Statement IDs (SID) in a single policy must be unique: %s", s.Sid)
		}
		sids[s.Sid] = true
	}
	return d, nil
}

// problem says what is wrong with the form of a statement, "" for nothing.
func (s *statement) problem(as use) string {
	hasPrincipal, hasResource := s.Principal != nil || s.NotPrincipal != nil, len(s.Resource)+len(s.NotResource) > 0
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Sprintf("Syntax errors in policy: the effect %q is none of Allow, Deny", s.Effect)
	case len(s.Action) > 0 == (len(s.NotAction) > 0):
		return "Policy statement must contain actions"
	case as == identityPolicy && hasPrincipal:
		return "Policy document should not specify a principal"
	case as == identityPolicy && !hasResource:
		return "Policy statement must contain resources"
	case as != identityPolicy && !hasPrincipal:
		return "Missing required field Principal"
	case as == trustPolicy && hasResource:
		return "Has prohibited field Resource"
	case as == identityPolicy && !sidForm.MatchString(s.Sid):
		return fmt.Sprintf("Statement IDs (SID) must be alpha-numeric: %q", s.Sid)
	}
	for _, a := range slices.Concat(s.Action, s.NotAction) {
		if !actionForm.MatchString(a) {
			return fmt.Sprintf("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q", a)
		}
		if as == trustPolicy && a != "*" && !strings.HasPrefix(strings.ToLower(a), "sts:") {
			return "AssumeRole policy may only specify STS AssumeRole actions"
		}
	}
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		if !resourceForm.MatchString(r) {
			return fmt.Sprintf("Resource %s must be in ARN format or \"*\"", r)
		}
	}
	return s.principalProblem()
}

func (s *statement) principalProblem() string {
	for _, p := range []*principals{s.Principal, s.NotPrincipal} {
		if p == nil {
			continue
		}
		for kind, names := range *p {
			for _, name := range names {
				switch {
				case kind == "AWS" && awsPrincipal.MatchString(name), kind == "Service" && servicePrincipal.MatchString(name),
					kind == "Federated" && name != "", kind == "CanonicalUser" && name != "":
				default:
					return fmt.Sprintf("Invalid principal in policy: %q:%q", kind, name)
				}
			}
		}
	}
	return ""
}

// size counts a policy's characters without white space.
func size(policy string) int {
	n := 0
	for _, r := range policy {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// policy checks, in previews too, that a property holds a policy of a use and size.
func (p *problems) policy(in map[string]any, prop string, as use, most int) {
	if in[prop] == nil {
		return
	}
	body := policyText(in[prop])
	if _, err := checkPolicy(body, as); err != nil {
		p.add(prop, "contains an invalid JSON policy: %v", err)
		return
	}
	if n := size(body); most > 0 && n > most {
		p.add(prop, "LimitExceeded: Cannot exceed quota for PolicySize: %d (it has %d characters without white space)", most, n)
	}
}
