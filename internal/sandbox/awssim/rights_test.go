package awssim

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/components/creds"
)

// TestDeployerKnowsEveryAction compares the actions that the simulation asks for with those that the deployer role allows at all; with which
// resources and conditions is seen when a deployment runs as that role.
func TestDeployerKnowsEveryAction(t *testing.T) {
	scope := creds.Scope{
		Partition: "aws", AccountID: "162808325377", Region: "us-east-1", Prefixes: []string{"roman-"}, Role: "roman-deployer",
		Boundary: "arn:aws:iam::162808325377:policy/limit",
	}
	allowed := scope.Actions()
	missing := map[string]bool{}
	look := func(words string) {
		for _, word := range strings.Fields(words) {
			if a := parseNeed(word).action; !slices.Contains(allowed, a) {
				missing[a] = true
			}
		}
	}
	for token, ops := range actions {
		switch token {
		case groupToken, groupPolicyTok, membershipToken: // made by whoever makes the deployer
			continue
		}
		for _, words := range ops {
			look(words)
		}
	}
	for _, f := range functions() {
		look(f.needs)
	}
	if len(missing) > 0 {
		t.Errorf("the deployer may not: %v", slices.Sorted(maps.Keys(missing)))
	}
}
