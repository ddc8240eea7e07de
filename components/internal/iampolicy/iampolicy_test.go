package iampolicy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/components/internal/iampolicy"
)

func TestJSON(t *testing.T) {
	got, err := iampolicy.JSON(iampolicy.Statement{
		Sid: "Assume", Effect: iampolicy.Allow,
		Principal: &iampolicy.Principal{Service: []string{"ec2.amazonaws.com"}},
		Action:    []string{"sts:AssumeRole"},
		Condition: iampolicy.Conditions{"StringEquals": {"aws:RequestedRegion": {"us-east-1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"Assume","Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com"]},` +
		`"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"aws:RequestedRegion":["us-east-1"]}}}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSplitKeepsOrderAndLimit(t *testing.T) {
	statement := func(sid string) iampolicy.Statement {
		return iampolicy.Statement{Sid: sid, Effect: iampolicy.Allow, Action: []string{"s3:" + strings.Repeat("x", 100)}, Resource: []string{"*"}}
	}
	var all []iampolicy.Statement
	for _, sid := range []string{"A", "B", "C", "D", "E"} {
		all = append(all, statement(sid))
	}
	const limit = 400
	documents, err := iampolicy.Split(all, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) < 2 {
		t.Fatalf("%d documents, want several", len(documents))
	}
	var joined []iampolicy.Statement
	for i, d := range documents {
		text, err := iampolicy.JSON(d...)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > limit {
			t.Errorf("document %d takes %d characters, limit %d", i, len(text), limit)
		}
		joined = append(joined, d...)
	}
	if diff := cmp.Diff(all, joined); diff != "" {
		t.Errorf("statements lost or moved (-want +got):\n%s", diff)
	}
	if _, err := iampolicy.Split(all, 100); err == nil || !strings.Contains(err.Error(), `"A"`) {
		t.Errorf("a statement over the limit: error %v, want one that names it", err)
	}
}
