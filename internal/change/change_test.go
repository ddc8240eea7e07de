package change

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
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

func TestTextOfEachOperation(t *testing.T) {
	diff := []Property{{Path: "name", Kind: "update", Old: "a", New: "b"}}
	for _, test := range []struct{ op, want string }{
		{"create", "  + create   ec2 Vpc  vpc\n"},
		{"update", "  ~ update   ec2 Vpc  vpc\n      name: a → b\n"},
		{"replace", "  ± replace  ec2 Vpc  vpc\n      name: a → b\n"},
		{"delete", "  - delete   ec2 Vpc  vpc\n"},
		{"import", "  = import   ec2 Vpc  vpc\n      name: a → b\n"},
		{"other", "  ? other    ec2 Vpc  vpc\n      name: a → b\n"},
	} {
		c := New("prod", Target{Account: "1", Region: "r"})
		c.Steps = []Step{{Op: test.op, Type: "aws:ec2/vpc:Vpc", Name: "vpc", Diff: diff}}
		want := "prod (account 1, r)\n" + test.want + "no change (0 resources the same)\n"
		if got := c.Text(nil); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.op, got, want)
		}
	}
}

func TestTextIsPaintedByOperation(t *testing.T) {
	c := New("prod", Target{})
	c.Steps = []Step{{Op: "delete", Type: "hubwright:k8s:Hub", Name: "hub"}}
	if got := c.Text(func(op, text string) string { return "<" + op + ">" + text + "</>" }); !strings.Contains(got, "\n<delete>  - delete   k8s Hub  hub</>\n") {
		t.Error(got)
	}
}

func TestGuards(t *testing.T) {
	c := New("prod", Target{})
	c.Guards = []Guard{{Rule: "replace", Message: "the network is replaced"}}
	if got := c.Text(nil); !strings.Contains(got, "\n  ! replace warns: the network is replaced\n") || strings.Contains(got, "hint:") || c.Blocked() {
		t.Errorf("a guard that warns: blocked %v\n%s", c.Blocked(), got)
	}
	c.Guards = append(c.Guards, Guard{Rule: "data-loss", Message: "homes would go", Blocking: true})
	if got := c.Text(nil); !strings.Contains(got, "\n  ! data-loss stops: homes would go\n") || !c.Blocked() {
		t.Errorf("a guard that stops: blocked %v\n%s", c.Blocked(), got)
	}
}

func TestWordsOfAProperty(t *testing.T) {
	for _, test := range []struct {
		name string
		p    Property
		want string
	}{
		{"changed", Property{Kind: "update", Old: 1, New: 2.5}, "1 → 2.5"},
		{"set", Property{Kind: "add", New: true}, "set to true"},
		{"removed", Property{Kind: "delete", Old: "x"}, "removed, was x"},
		{"replaces", Property{Kind: "update-replace", Old: "a", New: "b"}, "a → b  (forces replacement)"},
		{"set and replaces", Property{Kind: "add-replace", New: "b"}, "set to b  (forces replacement)"},
		{"removed and replaces", Property{Kind: "delete-replace", Old: "a"}, "removed, was a  (forces replacement)"},
		{"a secret", Property{Kind: "update", Old: "[secret]", New: "[secret]"}, "[secret] → [secret]"},
		{"unknown", Property{Kind: "update", Old: "a", New: "[unknown]"}, "a → (known after the update)"},
		{"not given", Property{Kind: "update"}, "? → ?"},
		{"lines", Property{Kind: "add", New: "a\nb\n"}, "set to a⏎b⏎"},
		{"just short enough", Property{Kind: "add", New: strings.Repeat("é", 72)}, "set to " + strings.Repeat("é", 72)},
		{
			"alike at the beginning",
			Property{Kind: "update", Old: strings.Repeat("a", 80) + ":1", New: strings.Repeat("a", 80) + ":2"},
			"…" + strings.Repeat("a", 23) + ":1 → …" + strings.Repeat("a", 23) + ":2",
		},
		{"too long", Property{Kind: "add", New: strings.Repeat("é", 73)}, "set to " + strings.Repeat("é", 71) + "…"},
		{"what cannot be compared", Property{Kind: "add", New: []any{"a"}}, "set to [a]"},
	} {
		if got := test.p.Text(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCounts(t *testing.T) {
	for _, test := range []struct {
		s          Summary
		text, done string
	}{
		{Summary{}, "no change (0 resources the same)", "nothing to change"},
		{Summary{Create: 1}, "1 to create", "1 created"},
		{Summary{Update: 2, Same: 1}, "2 to update, 1 the same", "2 updated"},
		{Summary{Replace: 3, Delete: 4}, "3 to replace, 4 to delete", "3 replaced, 4 deleted"},
		{Summary{1, 2, 3, 4, 5}, "1 to create, 2 to update, 3 to replace, 4 to delete, 5 the same", "1 created, 2 updated, 3 replaced, 4 deleted"},
	} {
		if text, done := test.s.Text(), test.s.Done(); text != test.text || done != test.done {
			t.Errorf("%+v: %q, %q", test.s, text, done)
		}
	}
}

func TestShortType(t *testing.T) {
	for token, want := range map[string]string{
		"aws:ec2/vpc:Vpc": "ec2 Vpc", "kubernetes:core/v1:Secret": "core Secret", "hubwright:k8s:Hub": "k8s Hub", "odd": "odd", "a:b:c:d": "a:b:c:d",
	} {
		if got := ShortType(token); got != want {
			t.Errorf("%s: got %q, want %q", token, got, want)
		}
	}
}

// Whatever order the engine's events come in, the JSON has the same bytes.
func TestSortGivesTheSameBytes(t *testing.T) {
	made := func(shuffle func(n int, swap func(i, j int))) string {
		c := New("staging", Target{})
		for i := range 20 {
			urn := "urn:" + string(rune('a'+i))
			for _, op := range []string{"create", "delete"} {
				c.Steps = append(c.Steps, Step{Op: op, URN: urn, Diff: []Property{{Path: "x"}, {Path: "y[0]"}, {Path: "y[1]"}, {Path: "z"}}})
			}
		}
		shuffle(len(c.Steps), func(i, j int) { c.Steps[i], c.Steps[j] = c.Steps[j], c.Steps[i] })
		for _, s := range c.Steps {
			shuffle(len(s.Diff), func(i, j int) { s.Diff[i], s.Diff[j] = s.Diff[j], s.Diff[i] })
		}
		c.Sort()
		if !slices.IsSortedFunc(c.Steps, func(a, b Step) int { return strings.Compare(a.URN, b.URN) }) {
			t.Fatalf("not in order: %v", c.Steps)
		}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	want := made(func(int, func(i, j int)) {})
	for seed := range uint64(20) {
		if got := made(rand.New(rand.NewPCG(seed, 0)).Shuffle); got != want {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// TestTextOfCluster has the objects of releases: their differences while these are few lines, else only their names; those made by the dozen are counted.
func TestTextOfCluster(t *testing.T) {
	c := New("staging", Target{Account: "1", Region: "r"})
	c.Steps = []Step{{Op: "update", Type: "kubernetes:helm.sh/v3:Release", Name: "hub-release", Diff: []Property{
		{Path: "values.x", Kind: "update", Old: 1, New: 2, Words: "what it is", From: "common.yaml:3"},
	}}}
	c.Manifests = []Manifest{
		{Hub: "hub", Kind: "Deployment", Name: "hub", Op: "update"},
		{Hub: "hub", Kind: "Secret", Name: "hub", Op: "update", Diff: "@@ -1 +1 @@\n-a: 1\n+a: 2\n"},
	}
	for range few + 1 {
		c.Manifests = append(c.Manifests, Manifest{Hub: "two", Kind: "Pod", Name: "p", Op: "create", Diff: strings.Repeat("+x\n", 1000)})
	}
	c.Effects = []Effect{{Hub: "hub", Rule: "hub-restarts", Message: "it restarts", Weight: Interrupts}}
	const want = `staging (account 1, r)
  ~ update   helm.sh Release  hub-release
      values.x: 1 → 2  (what it is; common.yaml:3)
  in the cluster, of hub:
    ~ update   Deployment hub  (its pods are made anew, since something that they read changes)
    ~ update   Secret hub
        @@ -1 +1 @@
        -a: 1
        +a: 2
  in the cluster, of two:
    + create 6 objects
  hub: it restarts
no change (0 resources the same)
`
	if got := c.Text(nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c.Manifests[1].Diff += strings.Repeat("+b\n", mostLines)
	if got := c.Text(nil); strings.Contains(got, "+a: 2") || !strings.Contains(got, "(63 lines differ: -o json has them)") {
		t.Errorf("a long difference is shown all the same:\n%s", got)
	}
}
