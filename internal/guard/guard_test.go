package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/change"
)

// of is a change with steps.
func of(steps ...change.Step) *change.Change {
	c := change.New("staging", change.Target{Account: "162808325377", Region: "us-east-1", Cluster: "sit"})
	c.Steps = append(c.Steps, steps...)
	return c
}

func step(op, token string, diff ...change.Property) change.Step {
	return change.Step{Op: op, Type: token, Name: "thing", URN: "urn:" + token, Diff: diff}
}

func prop(path, from, to string) change.Property {
	return change.Property{Path: path, Kind: "update", Old: from, New: to}
}

const (
	release = "kubernetes:helm.sh/v3:Release"
	claim   = "kubernetes:core/v1:PersistentVolumeClaim"
	eks     = "aws:eks/cluster:Cluster"
)

// effect is a change that interrupts, or does not.
func effect(weight string) *change.Change {
	c := of(step("update", release))
	c.Effects = []change.Effect{{Hub: "hub", Message: "the hub restarts", Weight: weight}}
	return c
}

// claimGoes is a change in which a chart deletes a claim.
func claimGoes(steps ...change.Step) *change.Change {
	c := of(steps...)
	c.Manifests = []change.Manifest{{Hub: "thing", Kind: "PersistentVolumeClaim", Name: "hub-db-dir", Op: "delete"}}
	return c
}

// monday is in the window of the tests, sunday is not.
var (
	monday = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	sunday = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	office = Policy{Closed: []Window{{Days: []string{"mon", "Tue"}, From: "08:00", To: "18:00", TimeZone: "America/New_York", Reason: "classes"}}}
)

// TestRules has for each rule what it finds, and what is nearly the same and passes.
func TestRules(t *testing.T) {
	named := change.Step{Op: "delete", Type: release, Name: "thing-release"}
	for _, test := range []struct {
		rule, finds   string // what is said of it
		stops, passes *change.Change
		facts, fine   Facts // with which it stops, and with which it passes
		policy        Policy
	}{
		{rule: DataLoss, finds: "the file system with users' homes (thing) would be deleted", stops: of(step("delete", "aws:efs/fileSystem:FileSystem")), passes: of(step("update", "aws:efs/fileSystem:FileSystem"))},
		{
			rule: DataLoss, finds: "the key that secrets are encrypted with (thing) would be replaced, since policy (f:3) changes",
			stops: of(step("replace", "aws:kms/key:Key", change.Property{Path: "policy", Kind: "update-replace", From: "f:3"}, prop("tags", "a", "b"))), passes: of(step("replace", "aws:iam/role:Role")),
		},
		{rule: DataLoss, finds: "the claim hub-db-dir", stops: claimGoes(), passes: claimGoes(named)},
		{
			rule: StrandedHomes, finds: "users would see other homes: values.singleuser.storage.static.pvcName of thing homes → others",
			stops: of(step("update", release, prop("values.singleuser.storage.static.pvcName", "homes", "others"))), passes: of(step("update", release, prop("values.singleuser.memory.limit", "1G", "2G"))),
		},
		{
			rule: StrandedHomes, finds: "values.jupyterhub.singleuser.storage.static.subPath",
			stops: of(step("update", release, prop("values.jupyterhub.singleuser.storage.static.subPath", "{username}", "home/{username}"))), passes: of(step("update", release, prop("values.hub.extraEnv.subPath", "a", "b"))),
		},
		{rule: StrandedHomes, finds: "spec.volumeName", stops: of(step("replace", claim, prop("spec.volumeName", "a", "b"))), passes: of(step("update", claim, prop("metadata.labels.a", "a", "b")))},
		{rule: WrongTarget, finds: "staging is deployed to account 111, and this would go to 222", stops: of(step("update", "pulumi:providers:aws", prop("allowedAccountIds[0]", "111", "222"))), passes: of(step("update", "pulumi:providers:aws", prop("version", "1", "2")))},
		{rule: WrongTarget, finds: "region us-east-1", stops: of(step("replace", "pulumi:providers:aws", prop("region", "us-east-1", "eu-west-1"))), passes: of(step("update", "aws:s3/bucket:Bucket", prop("region", "a", "b")))},
		{rule: WrongTarget, finds: "cluster a", stops: of(step("replace", "pulumi:providers:kubernetes", prop("clusterIdentifier", "a", "b"))), passes: of(step("update", "pulumi:providers:kubernetes", prop("clusterIdentifier", "a", "[unknown]")))},
		{rule: Protected, finds: "thing is protected, and would be deleted", stops: of(change.Step{Op: "delete", Type: "a:b/c:C", Name: "thing", Protected: true}), passes: of(change.Step{Op: "update", Type: "a:b/c:C", Protected: true})},
		{rule: Protected, finds: "the engine says so", stops: of(), passes: of(), facts: Facts{ReplacedProtected: "the engine says so"}},
		{rule: MissingSecrets, finds: "hub waits", stops: of(), passes: of(), facts: Facts{MissingSecrets: []string{"hub waits for its secrets"}}},
		{rule: UnadmittedImage, finds: "never scanned", stops: of(), passes: of(), facts: Facts{Unadmitted: []string{"image a: never scanned"}}},
		{rule: UntestedBundle, finds: "chart 4.4.0", stops: of(), passes: of(), facts: Facts{Untested: []string{"hub would run chart 4.4.0; tested is 4.3.0"}}},
		{rule: ClosedWindow, finds: "hub: the hub restarts, and that is closed now (classes)", stops: effect(change.Interrupts), passes: effect(change.Notice), facts: Facts{Now: monday}, fine: Facts{Now: monday}, policy: office},
		{rule: ClosedWindow, finds: "that is closed now", stops: effect(change.Loss), passes: effect(change.Loss), facts: Facts{Now: monday}, fine: Facts{Now: sunday}, policy: office},
		{rule: KubernetesVersion, finds: "from 1.33 to 1.35", stops: of(step("update", eks, prop("version", "1.33", "1.35"))), passes: of(step("update", eks, prop("version", "1.33", "1.34")))},
		{rule: KubernetesVersion, finds: "back from 1.34 to 1.33", stops: of(step("update", eks, prop("version", "1.34", "1.33"))), passes: of(step("update", eks, prop("version", "1.34", "[unknown]")))},
		{rule: ChartDowngrade, finds: "from 4.4.0 to 4.3.9", stops: of(step("update", release, prop("version", "4.4.0", "4.3.9"))), passes: of(step("update", release, prop("version", "4.3.9", "4.10.0")))},
		{
			rule: PublicEndpoint, finds: "everybody can reach", stops: of(step("create", eks)), passes: of(step("update", eks, prop("version", "1.33", "1.34"))),
			facts: Facts{PublicEndpoint: true, PublicCIDRs: []string{"10.0.0.0/8", "::/0"}}, fine: Facts{PublicEndpoint: true, PublicCIDRs: []string{"::/0"}},
		},
		{
			rule: PublicEndpoint, finds: "everybody can reach", stops: of(step("update", eks, prop("vpcConfig.publicAccessCidrs[0]", "a", "b"))), passes: of(step("create", eks)),
			facts: Facts{PublicEndpoint: true}, fine: Facts{PublicEndpoint: true, PublicCIDRs: []string{"192.0.2.0/24"}},
		},
		{rule: DummyAuth, finds: "anybody could log in to hub open", stops: of(), passes: of(), facts: Facts{DummyAuth: []string{"open"}}},
	} {
		t.Run(test.rule+"/"+test.finds, func(t *testing.T) {
			s, problems := Compile(test.policy)
			if problems != nil {
				t.Fatal(problems)
			}
			s.Apply(test.stops, test.facts, nil)
			found := slices.DeleteFunc(slices.Clone(test.stops.Guards), func(g change.Guard) bool { return g.Rule != test.rule })
			if len(found) == 0 || !strings.Contains(found[0].Message, test.finds) || found[0].Hint == "" {
				t.Errorf("it finds %+v", test.stops.Guards)
			}
			if want := s.severity[test.rule] == Stop; test.stops.Blocked() != want {
				t.Errorf("it stops the change: %v, want %v", !want, want)
			}
			s.Apply(test.passes, test.fine, nil)
			if len(test.passes.Guards) > 0 {
				t.Errorf("it stops what is fine: %+v", test.passes.Guards)
			}
		})
	}
}

// TestEveryRuleIsTried keeps the table above whole: a rule without a line of its own would be one without a test.
func TestEveryRuleIsTried(t *testing.T) {
	for _, r := range Rules() {
		if r.About == "" || r.Severity == "" {
			t.Errorf("%+v", r)
		}
	}
	if n := len(Rules()); n != 13 {
		t.Errorf("there are %d rules: give the new one its lines in TestRules, and its number here", n)
	}
}

func TestSeverityAndOverride(t *testing.T) {
	goes := func() *change.Change { return of(step("delete", "aws:efs/fileSystem:FileSystem")) }
	apply := func(p Policy, overrides map[string]string) *change.Change {
		s, problems := Compile(p)
		if problems != nil {
			t.Fatal(problems)
		}
		c := goes()
		s.Apply(c, Facts{}, overrides)
		return c
	}
	if c := apply(Policy{Severity: map[string]string{DataLoss: Warn}}, nil); c.Blocked() || len(c.Guards) != 1 {
		t.Errorf("warn: %+v", c.Guards)
	}
	if c := apply(Policy{Severity: map[string]string{DataLoss: Off}}, nil); len(c.Guards) != 0 {
		t.Errorf("off: %+v", c.Guards)
	}
	if c := apply(Policy{}, map[string]string{DataLoss: "copied"}); c.Blocked() || c.Guards[0].Overridden != "copied" {
		t.Errorf("overridden: %+v", c.Guards)
	}
	if c := apply(Policy{}, map[string]string{StrandedHomes: "copied"}); !c.Blocked() {
		t.Error("the override of another rule lets it pass")
	}
	s, _ := Compile(Policy{Severity: map[string]string{PendingOperations: Warn}})
	c := of()
	c.Guards = []change.Guard{{Rule: PendingOperations, Message: "x", Blocking: true}}
	if s.Apply(c, Facts{}, nil); c.Blocked() || len(c.Guards) != 1 {
		t.Errorf("what the driver found: %+v", c.Guards)
	}
}

func TestOverrides(t *testing.T) {
	s, _ := Compile(Policy{})
	got, err := s.Overrides([]string{"data-loss=homes were copied,  ticket=12\n"})
	if diff := cmp.Diff(map[string]string{DataLoss: "homes were copied, ticket=12"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for given, want := range map[string]string{"data-lose=x": `"data-lose" is no guard; did you mean data-loss?`, "data-loss": "without a reason", "data-loss=  ": "without a reason", "quux=x": "there are chart-downgrade, closed-window"} {
		if _, err := s.Overrides([]string{given}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestOwnRules(t *testing.T) {
	s, problems := Compile(Policy{Rules: []Own{
		{Name: "no-big-deletes", When: "change.summary.delete > 2", Message: "too much goes"},
		{Name: "frozen-image", When: `change.steps.exists(s, has(s.diff) && s.diff.exists(d, d.path.startsWith("values.singleuser.image")))`, Message: "the image is frozen", Severity: Warn},
		{Name: "blind", When: `change.nothing.there == 1`, Message: "it cannot see", Severity: Warn},
		{Name: "number", When: `change.summary.delete`, Message: "no answer", Severity: Warn},
	}})
	if problems != nil {
		t.Fatal(problems)
	}
	c := of(step("update", release, prop("values.singleuser.image.tag", "a", "b")))
	c.Summary.Delete = 3
	s.Apply(c, Facts{}, nil)
	var got []string
	for _, g := range c.Guards {
		got = append(got, fmt.Sprint(g.Rule, " ", g.Blocking))
	}
	if diff := cmp.Diff([]string{"no-big-deletes true", "blind false", "frozen-image false", "number false"}, got); diff != "" {
		t.Error(diff)
	}
	c = of()
	s.Apply(c, Facts{}, map[string]string{"no-big-deletes": "x"})
	if slices.ContainsFunc(c.Guards, func(g change.Guard) bool { return g.Rule == "no-big-deletes" || g.Rule == "frozen-image" }) {
		t.Errorf("%+v", c.Guards)
	}
}

// TestWrongPolicy has all that can be wrong at once: every problem is told, with the column where an expression has one.
func TestWrongPolicy(t *testing.T) {
	_, problems := Compile(Policy{
		Severity: map[string]string{"data-lost": Stop, DataLoss: "loud"},
		Rules: []Own{
			{Name: "a", When: "change.summary.delete >", Message: "m"},
			{Name: "b", When: "nothing == 1 && alsoNothing", Message: "m"},
			{Name: "c", When: "1 + 1", Message: "m"},
			{Name: "A b", Message: "", Severity: "x"},
			{When: "true", Message: "m"},
			{Name: DataLoss, When: "true", Message: "m"},
			{Name: "d", When: "true &&\n nope", Message: "m"},
		},
		Closed: []Window{{Days: []string{"funday"}, From: "8", To: "25:00", TimeZone: "Mars/Olympus", First: "1.12.2026"}, {First: "2026-12-02", Last: "2026-12-01"}},
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.Path+": "+p.Message)
	}
	for _, want := range []string{
		`severity.data-lost: is no guard`, `severity.data-loss: "loud" is no severity`, "rules[0].when: does not compile: column 24: ", "rules[1].when: does not compile: column 1: undeclared reference to 'nothing'",
		"rules[1].when: does not compile: column 17: undeclared reference to 'alsoNothing'", "rules[2].when: gives int", `rules[3].name: "A b" is no name`, "rules[3].message: is missing", "rules[3].when: is missing",
		`rules[3].severity: "x" is no severity`, "rules[4].name: is missing", `rules[5].name: there is a guard "data-loss" already`, "rules[6].when: does not compile: line 2, column 2: ",
		`closed[0].days: "funday" is no day of the week`, `closed[0].from: "8" is no time of the day`, `closed[0].to: "25:00" is no time of the day`, `closed[0].timeZone: "Mars/Olympus" is no time zone`,
		`closed[0].first: "1.12.2026" is no day`, "closed[1].last: 2026-12-01 is before 2026-12-02",
	} {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
			t.Errorf("%s is not told of", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

func TestWindows(t *testing.T) {
	night := Window{From: "22:00", To: "06:00"}
	summer := Window{From: "08:00", To: "18:00", TimeZone: "America/New_York"}
	exams := Window{First: "2026-12-01", Last: "2026-12-05", TimeZone: "Europe/Berlin"}
	for _, test := range []struct {
		w    Window
		now  string
		want string // until when; "" for open
	}{
		{night, "2026-11-23T23:00:00Z", "2026-11-24T06:00:00Z"},
		{night, "2026-11-24T05:59:59Z", "2026-11-24T06:00:00Z"},
		{night, "2026-11-24T06:00:00Z", ""},
		{summer, "2026-07-01T12:00:00Z", "2026-07-01T22:00:00Z"},
		{summer, "2026-01-05T12:30:00Z", ""},
		{summer, "2026-01-05T13:00:00Z", "2026-01-05T23:00:00Z"},
		{exams, "2026-11-30T22:59:00Z", ""},
		{exams, "2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z"},
		{exams, "2026-12-05T22:00:00Z", "2026-12-05T23:00:00Z"},
		{exams, "2026-12-05T23:00:00Z", ""},
		{Window{Days: []string{"fri"}, From: "20:00", To: "04:00"}, "2026-11-28T03:00:00Z", "2026-11-28T04:00:00Z"},
		{Window{Days: []string{"fri"}, From: "20:00", To: "04:00"}, "2026-11-27T03:00:00Z", ""},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		w := test.w.compile("", func(path, message, _ string) { t.Errorf("%s: %s", path, message) })
		until, in := w.covers(now)
		got := ""
		if in {
			got = until.UTC().Format(time.RFC3339)
		}
		if got != test.want {
			t.Errorf("%+v at %s: until %q, want %q", test.w, test.now, got, test.want)
		}
	}
}

// TestFiftyHarmless has fifty changes that no rule has anything to say of.
func TestFiftyHarmless(t *testing.T) {
	s, _ := Compile(office)
	tokens := []string{"aws:iam/role:Role", "aws:ec2/subnet:Subnet", release, "kubernetes:core/v1:ConfigMap", "aws:route53/record:Record", claim, "aws:efs/fileSystem:FileSystem", "aws:eks/nodeGroup:NodeGroup", "aws:kms/key:Key", eks}
	for i := range 50 {
		op := "update"
		if i%10 == 0 {
			op = "create"
		}
		c := of(step(op, tokens[i%len(tokens)], prop([]string{"tags.owner", "values.cull.timeout", "metadata.labels.x", "values.singleuser.extraEnv.A", "scalingConfig.maxSize"}[i/10], "a", "b")))
		s.Apply(c, Facts{Now: sunday, PublicEndpoint: true, PublicCIDRs: []string{"192.0.2.0/24"}}, nil)
		if len(c.Guards) > 0 {
			t.Errorf("%+v is stopped: %+v", c.Steps[0], c.Guards)
		}
	}
}
