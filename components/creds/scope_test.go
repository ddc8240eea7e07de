package creds_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/components/creds"
)

// What the deployer may change and delete carries the owner's tags, and those it can put only on what it makes or owns: otherwise anything could be made
// its own.
func TestOwner(t *testing.T) {
	args := creds.Args{
		Prefix: "roman", AccountID: "162808325377", Region: "us-east-1", ResourceNames: []string{"institute-key"},
		OwnerTags: map[string][]string{"deployment": {"roman"}, "environment": {"staging", "prod"}},
	}
	bySid := map[string]creds.Statement{}
	for _, topic := range args.Scope().Topics() {
		for _, s := range topic.Statements {
			bySid[s.Sid] = s
		}
	}
	for _, sid := range []string{"NetworkChange", "FilesChange", "KeysChange"} {
		want := map[string][]string{"aws:RequestedRegion": {"us-east-1"}, "aws:ResourceTag/deployment": {"roman"}, "aws:ResourceTag/environment": {"staging", "prod"}}
		if diff := cmp.Diff(want, bySid[sid].Condition["StringEquals"]); diff != "" {
			t.Errorf("%s: %s", sid, diff)
		}
	}
	for sid, action := range map[string]string{"NetworkTag": "ec2:CreateAction", "FilesTag": "elasticfilesystem:CreateAction"} {
		if made := bySid[sid].Condition["StringEquals"][action]; len(made) == 0 {
			t.Errorf("%s tags anything", sid)
		}
	}
	for sid, s := range bySid {
		for _, action := range s.Action {
			if (action == "ec2:CreateTags" || action == "elasticfilesystem:TagResource") && s.Condition == nil {
				t.Errorf("%s allows %s on anything", sid, action)
			}
		}
	}
	if !slices.ContainsFunc(bySid["KeyAliases"].Resource, func(arn string) bool { return strings.HasSuffix(arn, ":alias/institute-key") }) {
		t.Errorf("the alias that is named is not among %v", bySid["KeyAliases"].Resource)
	}
}
