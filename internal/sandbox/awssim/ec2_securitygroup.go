package awssim

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/kubeapi"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// Names and descriptions: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
var groupTextForm = lazyregexp.New(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`)

const groupTextWords = "at most 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"

// groupText checks a name or description of EC2.
func (p *problems) groupText(in map[string]any, prop string) {
	if len(text(in, prop)) > 255 || !groupTextForm.MatchString(text(in, prop)) {
		p.add(prop, "invalid value for %s (must be %s): %q", prop, groupTextWords, text(in, prop))
	}
}

// protocols are those that EC2 knows by name; any other goes by its number.
var protocols = []string{"-1", "tcp", "udp", "icmp", "icmpv6", "all"}

func securityGroupKinds() map[string]*kind {
	return map[string]*kind{
		securityGroupToken: {
			Kind: provider.Kind{
				Name: "name", ForceNew: []string{"name", "namePrefix", "description", "vpcId"},
				Check: checkSecurityGroup,
			},
			tagged: true, arn: ec2ARN("security-group"), create: createSecurityGroup,
			update: func(c *call, o *world.Object) (map[string]any, error) { return nil, c.inlineRules(o.ID) },
			remove: func(c *call, o *world.Object) error {
				if by := c.groupReferences(o.ID); by != "" {
					return apiError("DependencyViolation", "resource %s has a dependent object (%s)", o.ID, by)
				}
				return c.dropRules(o.ID)
			},
			rules: []string{
				"name and description: " + groupTextWords + "; the name does not begin with sg-; taken once a VPC (InvalidGroup.Duplicate)",
				"VPC and groups in rules exist", "deletion: not while a rule of another group or a network interface refers to it (DependencyViolation)",
			},
		},
		ingressToken:   ruleKind(ingressToken),
		egressToken:    ruleKind(egressToken),
		plainRuleToken: plainRuleKind(),
	}
}

func checkSecurityGroup(in map[string]any) []string {
	var p problems
	p.groupText(in, "name")
	p.groupText(in, "description")
	if strings.HasPrefix(text(in, "name"), "sg-") {
		p.add("name", "invalid value for name (cannot begin with sg-): %q", text(in, "name"))
	}
	if in["description"] == "" {
		p.add("description", "must not be empty")
	}
	for _, prop := range []string{"ingress", "egress"} {
		for _, rule := range objects(in, prop) {
			p.rule(prop, text(rule, "protocol"), rule)
			for _, block := range texts(rule, "cidrBlocks") {
				p.cidr(map[string]any{prop: block}, prop, 0, 32)
			}
		}
	}
	p.tags(in)
	return p
}

// protocolNumber is a protocol by its number in place of its name.
var protocolNumber = lazyregexp.New(`^\d{1,3}$`)

// rule checks protocol and ports.
func (p *problems) rule(prop, protocol string, rule map[string]any) {
	from, to := number(rule, "fromPort", -1), number(rule, "toPort", -1)
	isNumber := protocolNumber.MatchString(protocol)
	switch {
	case protocol == "":
	case !slices.Contains(protocols, protocol) && !isNumber:
		p.add(prop, "Invalid value '%s' for IP protocol. Unknown protocol.", protocol)
	case protocol != "tcp" && protocol != "udp" && protocol != "6" && protocol != "17":
	case from < 0 || from > 65535 || to < 0 || to > 65535 || from > to:
		p.add(prop, "Invalid value for portRange. The ports of %s have to be 0 to 65535, the first not above the last; got %d to %d", protocol, from, to)
	}
}

func createSecurityGroup(c *call) (string, map[string]any, error) {
	name := c.autoName("name")
	if _, err := c.vpc(text(c.In, "vpcId")); err != nil {
		return "", nil, err
	}
	taken := c.tx.Find(securityGroupToken, func(o *world.Object) bool {
		return o.String("vpcId") == text(c.In, "vpcId") && o.String("name") == name
	})
	if taken != nil {
		return "", nil, apiError("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, text(c.In, "vpcId"))
	}
	id := c.tx.NewID("sg")
	return id, c.with(map[string]any{"description": "Managed by Pulumi", "revokeRulesOnDelete": false}, map[string]any{
		"name": name, "arn": c.me.makeARN("ec2", "security-group/"+id), "ownerId": c.me.account,
	}), c.inlineRules(id)
}

func (c *call) inlineRules(self string) error {
	for _, prop := range []string{"ingress", "egress"} {
		for _, rule := range objects(c.In, prop) {
			for _, g := range texts(rule, "securityGroups") {
				if err := c.groupExistsFor(g, self); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *call) groupExistsFor(id, self string) error {
	if id != self && c.tx.Get(securityGroupToken, id) == nil {
		return apiError("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	return nil
}

// groupsIn checks that groups exist in a VPC.
func (c *call) groupsIn(ids []string, vpc string) error {
	for _, id := range ids {
		g := c.tx.Get(securityGroupToken, id)
		if g == nil {
			return apiError("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
		if g.String("vpcId") != vpc {
			return apiError("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, vpc)
		}
	}
	return nil
}

// groupReferences says what refers to a group, "" for nothing.
func (c *call) groupReferences(id string) string {
	for _, eni := range c.tx.List(kubeapi.InterfaceKind) {
		if slices.Contains(texts(eni.Props, "groups"), id) {
			return strings.Trim(usedBy([]*world.Object{eni}), " ()")
		}
	}
	for _, token := range []string{ingressToken, egressToken, plainRuleToken} {
		for _, r := range c.tx.List(token) {
			names := r.String("referencedSecurityGroupId") == id || r.String("sourceSecurityGroupId") == id
			if names && r.String("securityGroupId") != id {
				return "a rule of " + r.String("securityGroupId")
			}
		}
	}
	for _, g := range c.tx.List(securityGroupToken) {
		for _, prop := range []string{"ingress", "egress"} {
			for _, rule := range objects(g.Props, prop) {
				if g.ID != id && slices.Contains(texts(rule, "securityGroups"), id) {
					return "a rule of " + g.ID
				}
			}
		}
	}
	return ""
}

// dropRules removes the rules of a group that is deleted.
func (c *call) dropRules(id string) error {
	for _, token := range []string{ingressToken, egressToken, plainRuleToken} {
		for _, r := range c.tx.List(token) {
			if r.String("securityGroupId") == id {
				if err := c.tx.Delete(token, r.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sources are the inputs of a rule that say where traffic comes from or goes to; exactly one is given.
var sources = []string{"cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"}

func ruleKind(token string) *kind {
	return &kind{
		Kind: provider.Kind{
			ForceNew: []string{"securityGroupId"},
			Check: func(in map[string]any) []string {
				var p problems
				p.cidr(in, "cidrIpv4", 0, 32)
				if s, ok := in["cidrIpv6"].(string); ok {
					if b, err := netip.ParsePrefix(s); err != nil || !b.Addr().Is6() {
						p.add("cidrIpv6", "%q is not a valid IPv6 CIDR block", s)
					}
				}
				p.rule("ipProtocol", text(in, "ipProtocol"), in)
				p.groupText(in, "description")
				p.tags(in)
				return p
			},
		},
		tagged: true, arn: ec2ARN("security-group-rule"),
		create: func(c *call) (string, map[string]any, error) {
			id := c.tx.NewID("sgr")
			return id, map[string]any{"securityGroupRuleId": id, "arn": c.me.makeARN("ec2", "security-group-rule/"+id)}, c.checkRule(token, "")
		},
		update: func(c *call, o *world.Object) (map[string]any, error) { return nil, c.checkRule(token, o.ID) },
		rules: []string{
			"group and referenced group exist; one source; known protocol; ports 0 to 65535 in order",
			"no second rule of the same content in the group (InvalidPermission.Duplicate)",
		},
	}
}

func (c *call) checkRule(token, self string) error {
	if err := c.groupExistsFor(text(c.In, "securityGroupId"), ""); err != nil {
		return err
	}
	given := slices.DeleteFunc(slices.Clone(sources), func(s string) bool { return !c.given(s) })
	if len(given) != 1 {
		return apiError("InvalidParameterCombination", "exactly one of %s has to be given, got %d", strings.Join(sources, ", "), len(given))
	}
	if g := text(c.In, "referencedSecurityGroupId"); g != "" {
		if err := c.groupExistsFor(g, ""); err != nil {
			return err
		}
	}
	same := append([]string{"securityGroupId", "ipProtocol", "fromPort", "toPort"}, sources...)
	for _, r := range c.tx.List(token) {
		equal := r.ID != self && !slices.ContainsFunc(same, func(prop string) bool { return !reflect.DeepEqual(r.Props[prop], c.In[prop]) })
		if equal {
			return apiError("InvalidPermission.Duplicate", "the specified rule \"peer: %s, %s, from port: %d, to port: %d, ALLOW\" already exists",
				fmt.Sprint(c.In[given[0]]), strings.ToUpper(text(c.In, "ipProtocol")), number(c.In, "fromPort", -1), number(c.In, "toPort", -1))
		}
	}
	return nil
}

// plainRuleKind is the older form of a rule, in which one resource has several blocks.
func plainRuleKind() *kind {
	return &kind{
		Kind: provider.Kind{
			ForceNew: []string{"*"},
			Check: func(in map[string]any) []string {
				var p problems
				p.oneOf(in, "type", "ingress", "egress")
				p.rule("protocol", text(in, "protocol"), in)
				for _, block := range texts(in, "cidrBlocks") {
					p.cidr(map[string]any{"cidrBlocks": block}, "cidrBlocks", 0, 32)
				}
				p.groupText(in, "description")
				return p
			},
		},
		create: func(c *call) (string, map[string]any, error) {
			for _, prop := range []string{"securityGroupId", "sourceSecurityGroupId"} {
				if id := text(c.In, prop); id != "" {
					if err := c.groupExistsFor(id, ""); err != nil {
						return "", nil, err
					}
				}
			}
			content := []string{"securityGroupId", "type", "protocol", "fromPort", "toPort", "cidrBlocks", "sourceSecurityGroupId", "self", "prefixListIds"}
			for _, r := range c.tx.List(plainRuleToken) {
				if !slices.ContainsFunc(content, func(prop string) bool { return !reflect.DeepEqual(r.Props[prop], c.In[prop]) }) {
					return "", nil, apiError("InvalidPermission.Duplicate", "the specified rule of %s already exists", text(c.In, "securityGroupId"))
				}
			}
			return "sgrule-" + world.Hex(10), map[string]any{"securityGroupRuleId": c.tx.NewID("sgr")}, nil
		},
		rules: []string{"groups exist; known protocol; ports 0 to 65535 in order; no second rule of the same content (InvalidPermission.Duplicate)"},
	}
}
