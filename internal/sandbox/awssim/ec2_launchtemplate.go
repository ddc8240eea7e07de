package awssim

import (
	"encoding/base64"

	"github.com/hubwright/hubwright/internal/lazyregexp"
	"github.com/hubwright/hubwright/internal/sandbox/provider"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
var templateNameForm = lazyregexp.New(`^[a-zA-Z0-9()./_-]{3,128}$`)

func launchTemplateKinds() map[string]*kind {
	return map[string]*kind{launchTemplateToken: {
		Kind: provider.Kind{
			Name: "name", ForceNew: []string{"name", "namePrefix"}, DeleteFirst: true,
			Check: func(in map[string]any) []string {
				var p problems
				p.matches(in, "name", templateNameForm, "3 to 128 letters, digits and ()./_-")
				p.longest(in, "description", 255)
				if data, ok := in["userData"].(string); ok {
					if raw, err := base64.StdEncoding.DecodeString(data); err != nil || len(raw) > 16<<10 {
						p.add("userData", "has to be base64 of at most 16 KiB")
					}
				}
				p.tags(in)
				return p
			},
		},
		tagged: true, arn: ec2ARN("launch-template"),
		create: func(c *call) (string, map[string]any, error) {
			name := c.autoName("name")
			if c.tx.Find(launchTemplateToken, func(o *world.Object) bool { return o.String("name") == name }) != nil {
				return "", nil, apiError("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use. (%s)", name)
			}
			id := c.tx.NewID("lt")
			return id, c.with(map[string]any{"defaultVersion": 1}, map[string]any{
				"name": name, "latestVersion": 1, "arn": c.me.makeARN("ec2", "launch-template/"+id),
			}), c.templateGroups()
		},
		update: func(c *call, o *world.Object) (map[string]any, error) {
			next := number(o.Props, "latestVersion", 1) + 1
			out := map[string]any{"latestVersion": next}
			if flag(c.In, "updateDefaultVersion") {
				out["defaultVersion"] = next
			}
			return out, c.templateGroups()
		},
		rules: []string{"name: 3 to 128 letters, digits and ()./_- ; taken once (InvalidLaunchTemplateName.AlreadyExistsException)", "groups exist; user data: base64, at most 16 KiB; every change is a new version"},
	}}
}

func (c *call) templateGroups() error {
	for _, g := range texts(c.In, "vpcSecurityGroupIds") {
		if err := c.groupExistsFor(g, ""); err != nil {
			return err
		}
	}
	return nil
}
