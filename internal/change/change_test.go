package change

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	c := New("staging", Target{Account: "162808325377", Region: "us-east-1", Cluster: "roman-sit-staging", Sandbox: true})
	c.Steps = []Step{
		{Op: "update", Type: "kubernetes:helm.sh/v3:Release", Name: "hub-release", URN: "c", Diff: []Property{
			{Path: "values.singleuser.memory.limit", Kind: "update", Old: "15G", New: "16G"},
			{Path: "values.hub.password", Kind: "update", Old: "[secret]", New: "[secret]"},
			{Path: "values.hub.x", Kind: "add", New: strings.Repeat("a", 200)},
			{Path: "values.hub.y", Kind: "delete", Old: "line\nline"},
		}},
		{Op: "replace", Type: "aws:ec2/vpc:Vpc", Name: "network-vpc", URN: "b", Diff: []Property{{Path: "cidrBlock", Kind: "update-replace", Old: "a", New: "[unknown]"}}},
		{Op: "create", Type: "aws:route53/record:Record", Name: "hub-dns", URN: "a", Diff: []Property{{Path: "name", Kind: "add", New: "x"}}},
	}
	c.Summary = Summary{Create: 1, Update: 1, Replace: 1, Same: 90}
	c.Guards = []Guard{{Rule: "data-loss", Message: "homes would go", Hint: "keep them", Blocking: true}}
	c.Sort()
	const want = `staging on cluster roman-sit-staging (account 162808325377, us-east-1, sandbox)
  + create   route53 Record  hub-dns
  ± replace  ec2 Vpc  network-vpc
      cidrBlock: a → (known after the update)  (forces replacement)
  ~ update   helm.sh Release  hub-release
      values.hub.password: [secret] → [secret]
      values.hub.x: set to aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
      values.hub.y: removed, was line⏎line
      values.singleuser.memory.limit: 15G → 16G
  ! data-loss stops: homes would go
    hint: keep them
1 to create, 1 to update, 1 to replace, 90 the same
`
	if got := c.Text(nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !c.Blocked() || len(c.Destroys()) != 1 {
		t.Errorf("blocked %v, destroys %v", c.Blocked(), c.Destroys())
	}
}

func TestSummary(t *testing.T) {
	var s Summary
	for op, n := range map[string]int{"create": 1, "import": 1, "update": 2, "replace": 3, "delete": 4, "same": 5, "read": 6, "discard": 7, "create-replacement": 9} {
		s.Add(op, n)
	}
	if want := (Summary{Create: 2, Update: 2, Replace: 3, Delete: 4, Same: 18}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if got := s.Done(); got != "2 created, 2 updated, 3 replaced, 4 deleted" {
		t.Errorf("done: %q", got)
	}
	same := Summary{Same: 3}
	if same.Text() != "no change (3 resources the same)" || same.Done() != "nothing to change" {
		t.Errorf("%q, %q", same.Text(), same.Done())
	}
}

func TestJSONHasEmptyLists(t *testing.T) {
	data, err := json.Marshal(New("staging", Target{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"hubwright/change/v1"`, `"steps":[]`, `"manifests":[]`, `"guards":[]`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s is not in %s", want, data)
		}
	}
}
