package awssim

import (
	"github.com/hubwright/hubwright/internal/sandbox/provider"
)

func autoscalingKinds() map[string]*kind {
	return map[string]*kind{autoscalingTagToken: {
		Kind: provider.Kind{
			Name: "autoscalingGroupName", ForceNew: []string{"autoscalingGroupName", "tag.key"},
			Check: func(in map[string]any) []string {
				var p problems
				tag := object(in, "tag")
				if key, ok := tag["key"].(string); ok {
					p.tags(map[string]any{"tags": map[string]any{key: either(text(tag, "value"), "x")}})
				}
				return p
			},
		},
		create: func(c *call) (string, map[string]any, error) {
			group := text(c.In, "autoscalingGroupName")
			if c.tx.Get(groupOfNodesToken, group) == nil {
				return "", nil, apiError("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '%s' not found", group)
			}
			return group + "," + text(object(c.In, "tag"), "key"), nil, nil
		},
		rules: []string{"the Auto Scaling group exists (node groups make them); form of key and value"},
	}}
}
