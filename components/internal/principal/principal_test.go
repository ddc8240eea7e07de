package principal_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/components/internal/principal"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, arn string
		allowRoot bool
		want      string // in the error; empty means accepted
	}{
		{name: "user", arn: "arn:aws:iam::162808325377:user/gough"},
		{name: "user with a path", arn: "arn:aws:iam::162808325377:user/team/gough"},
		{name: "role in GovCloud", arn: "arn:aws-us-gov:iam::162808325377:role/ci"},
		{name: "everybody", arn: "*", want: "a wildcard would trust strangers"},
		{name: "any user", arn: "arn:aws:iam::162808325377:user/*", want: "a wildcard would trust strangers"},
		{name: "root", arn: "arn:aws:iam::162808325377:root", want: "trusts a whole account"},
		{name: "root, allowed", arn: "arn:aws:iam::162808325377:root", allowRoot: true},
		{name: "group", arn: "arn:aws:iam::162808325377:group/x", want: "is not the ARN of an IAM user or role"},
		{name: "short account", arn: "arn:aws:iam::1628:user/x", want: "is not the ARN"},
		{name: "plain name", arn: "gough", want: "trusted[0] \"gough\" is not the ARN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := principal.Check("trusted", []string{tt.arn}, tt.allowRoot)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCheckAccount(t *testing.T) {
	if err := principal.CheckAccount("accountId", "162808325377"); err != nil {
		t.Errorf("refused: %v", err)
	}
	if err := principal.CheckAccount("accountId", "16280832537"); err == nil {
		t.Error("eleven digits accepted")
	}
}
