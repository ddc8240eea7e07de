package awssim

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// need is one API action that an operation of a type takes. In the table (actions.go) it is written
//
//	service:Action            on the object itself
//	service:Action@prop       on what the input names (an id, a name, an ARN or a list of those)
//	service:Action@*          on no particular resource, for actions that know none
//	…#prop                    only when the input is given, in an update only when it changes
//	…!service.amazonaws.com   a role handed to that service (iam:PassRole), or a service's own role made
type need struct {
	action, on, prop, service string
	creating                  bool   // it is part of making the object,
	first                     string // which this action does
}

func parseNeed(word string) need {
	word, service, _ := strings.Cut(word, "!")
	word, prop, _ := strings.Cut(word, "#")
	action, on, _ := strings.Cut(word, "@")
	return need{action: action, on: on, prop: prop, service: service}
}

// authorize checks an operation against the rights of the role behind the instance; other identities may do everything.
func (c *call) authorize(k *kind, op string, o *world.Object) error {
	rights := c.me.rights(c.tx)
	if rights == nil {
		return nil
	}
	words := strings.Fields(actions[c.Token][op])
	for _, word := range words {
		n := parseNeed(word)
		n.creating = op == "create"
		n.first = parseNeed(words[0]).action
		if n.prop != "" && !c.concerned(n.prop, o) {
			continue
		}
		for _, r := range c.requests(k, n, o) {
			if err := rights.allow(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// concerned reports whether an operation touches an input.
func (c *call) concerned(prop string, o *world.Object) bool {
	now := c.In[prop]
	var old any
	if prop == "tags" {
		now = nil
		if all := c.allTags(); len(all) > 0 {
			now = all
		}
		prop = "tagsAll"
	}
	if o == nil {
		return now != nil
	}
	old = o.Props[prop]
	return !reflect.DeepEqual(now, old) && (now != nil || old != nil)
}

// requests are the requests that an action makes, one for each resource.
func (c *call) requests(k *kind, n need, o *world.Object) []request {
	base := map[string]string{"aws:requestedregion": c.me.region, "aws:principalarn": c.me.principal(c.tx)}
	if k != nil && k.tagged {
		for key, v := range c.allTags() {
			base["aws:requesttag/"+strings.ToLower(key)] = fmt.Sprint(v)
		}
	}
	if arn := text(c.In, "policyArn"); arn != "" {
		base["iam:policyarn"] = arn
	}
	if n.service != "" {
		base["iam:passedtoservice"], base["iam:awsservicename"] = n.service, n.service
	}
	// What is tagged in the very request that makes it: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
	if service, verb, ok := strings.Cut(n.first, ":"); ok && n.creating {
		base[service+":createaction"] = verb
	}
	if strings.HasPrefix(n.action, "kms:") && n.service != "" {
		base["kms:grantisforawsresource"] = "true"
		base["kms:viaservice"] = strings.Replace(n.service, ".", "."+c.me.region+".", 1)
	}
	var out []request
	add := func(arn string, target *world.Object) {
		context := maps.Clone(base)
		if target != nil {
			for key, v := range tagsOf(target) {
				context["aws:resourcetag/"+strings.ToLower(key)] = fmt.Sprint(v)
			}
			if target.Kind == roleToken && target.String("permissionsBoundary") != "" {
				context["iam:permissionsboundary"] = target.String("permissionsBoundary")
			}
		}
		if target == nil && n.on == "" && k != nil && k.tagged && !begins(n.action) { // what was made a moment ago carries its tags
			for key, v := range c.allTags() {
				context["aws:resourcetag/"+strings.ToLower(key)] = fmt.Sprint(v)
			}
		}
		if b := text(c.In, "permissionsBoundary"); b != "" {
			context["iam:permissionsboundary"] = b
		}
		out = append(out, request{n.action, arn, context})
	}
	switch n.on {
	case "*":
		add("*", nil)
	case "":
		arn := "*"
		if k != nil && k.arn != nil {
			arn = k.arn(c, c.ID)
		}
		add(arn, o)
	default:
		for _, v := range values(c.In, n.on) {
			add(c.target(n.on, v))
		}
	}
	return out
}

// begins reports whether an action is one that makes the object, which has no tags yet.
func begins(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return strings.HasPrefix(verb, "Create") || strings.HasPrefix(verb, "Allocate") || strings.HasPrefix(verb, "Tag")
}

// values are the texts at a dotted path, in lists and objects in lists too.
func values(m map[string]any, path string) []string {
	key, rest, nested := strings.Cut(path, ".")
	if !nested {
		if s := text(m, key); s != "" {
			return []string{s}
		}
		return texts(m, key)
	}
	var out []string
	for _, sub := range append(objects(m, key), object(m, key)) {
		out = append(out, values(sub, rest)...)
	}
	return out
}

// tagsOf are the tags that an object carries, the provider's default ones included.
func tagsOf(o *world.Object) map[string]any {
	if all := object(o.Props, "tagsAll"); all != nil {
		return all
	}
	return object(o.Props, "tags")
}

// idKinds are the types whose ids have a prefix of their own, with their names in EC2's and EFS's ARNs.
var idKinds = []struct{ prefix, token, service, resource string }{
	{"vpc-", vpcToken, "ec2", "vpc/"},
	{"subnet-", subnetToken, "ec2", "subnet/"},
	{"igw-", internetGatewayToken, "ec2", "internet-gateway/"},
	{"eipalloc-", eipToken, "ec2", "elastic-ip/"},
	{"nat-", natGatewayToken, "ec2", "natgateway/"},
	{"rtb-", routeTableToken, "ec2", "route-table/"},
	{"sg-", securityGroupToken, "ec2", "security-group/"},
	{"lt-", launchTemplateToken, "ec2", "launch-template/"},
	{"fs-", fileSystemToken, "elasticfilesystem", "file-system/"},
}

// named are the inputs that hold a name, with the type they name and its place in an ARN.
var named = map[string]struct{ token, service, resource string }{
	"role":                 {roleToken, "iam", "role/"},
	"group":                {groupToken, "iam", "group/"},
	"groups":               {groupToken, "iam", "group/"},
	"user":                 {userToken, "iam", "user/"},
	"clusterName":          {clusterToken, "eks", "cluster/"},
	"name":                 {repositoryToken, "ecr", "repository/"}, // of ecr/getRepository
	"repository":           {repositoryToken, "ecr", "repository/"},
	"repositoryName":       {repositoryToken, "ecr", "repository/"},
	"zoneId":               {zoneToken, "route53", "hostedzone/"},
	"autoscalingGroupName": {groupOfNodesToken, "autoscaling", "autoScalingGroup:*:autoScalingGroupName/"},
	"targetKeyId":          {keyToken, "kms", "key/"},
	"keyId":                {keyToken, "kms", "key/"},
	"kmsKeyId":             {keyToken, "kms", "key/"},
}

// target is the ARN of what an input names, and the object if it is in the world.
func (c *call) target(prop, value string) (string, *world.Object) {
	if strings.HasPrefix(value, "arn:") {
		if o := roleByARN(c.tx, value); o != nil {
			return value, o
		}
		return value, findKey(c.tx, value)
	}
	for _, k := range idKinds {
		if strings.HasPrefix(value, k.prefix) {
			return c.me.makeARN(k.service, k.resource+value), c.tx.Get(k.token, value)
		}
	}
	n, ok := named[prop]
	if !ok {
		return "*", nil
	}
	o := c.tx.Get(n.token, value)
	switch {
	case o != nil && o.String("arn") != "":
		return o.String("arn"), o
	case n.service == "iam":
		return c.me.iamARN(n.resource + value), o
	case n.service == "route53":
		return fmt.Sprintf("arn:%s:route53:::hostedzone/%s", c.me.partition, value), o
	}
	return c.me.makeARN(n.service, n.resource+value), o
}

// authorizeFunction checks the actions of a function.
func (c *call) authorizeFunction(words string) error {
	rights := c.me.rights(c.tx)
	if rights == nil {
		return nil
	}
	for _, word := range strings.Fields(words) {
		for _, r := range c.requests(nil, parseNeed(word), nil) {
			if err := rights.allow(r); err != nil {
				return err
			}
		}
	}
	return nil
}
