package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
	"github.com/hubwright/hubwright/internal/driver/enginetest"
)

// What doctor says of a hub whose login and HTTPS are left to its values, and whose domain is nobody's.
func TestDoctorOfAHub(t *testing.T) {
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := layered(t, map[string]string{
		"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:dns: null\n  hubwright:hubs:\n" +
			"    - {name: hub, domain: roman.invalid, templates: null, image: null, https: {type: values}, auth: {type: values}}\n",
		"hubs/hub/common.yaml": "", "hubs/hub/staging.yaml": "",
	})
	for _, test := range []struct {
		sandbox bool
		want    map[string]string // the state of a check
	}{
		{true, map[string]string{"chart": doctor.Warning, "domain": doctor.Warning, "login and HTTPS in the values": doctor.Warning, "secrets": doctor.OK}},
		{false, map[string]string{"chart": doctor.Fail, "domain": doctor.Warning, "login and HTTPS in the values": doctor.Warning, "secrets": doctor.OK}},
	} {
		a, _, errs := testApp(t)
		stack, err := config.Load(dir, "staging", nil, config.Options{Sandbox: test.sandbox})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range a.checkHubOf(t.Context(), globals{dir: dir, sandbox: test.sandbox}, stack, stack.Hub("hub")) {
			check := strings.TrimPrefix(r.Check, "hub hub: ")
			got[check] = r.State
			if r.State != doctor.OK && r.Remedy == "" {
				t.Errorf("%s has no remedy", r.Check)
			}
		}
		for check, state := range test.want {
			if got[check] != state {
				t.Errorf("sandbox %t: %s is %q, not %q\n%s", test.sandbox, check, got[check], state, errs)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("sandbox %t: %v", test.sandbox, got)
		}
	}
}

// What the sandbox makes up because the configuration names it says nothing of the account, and is not called right; what cannot be right is wrong there, too.
// The remedies of a doctor of the sandbox work on the sandbox, in every form.
func TestDoctorOfTheSandbox(t *testing.T) {
	if testing.Short() {
		t.Skip("looks for the engine")
	}
	enginetest.Engine(t)
	t.Setenv("HUBWRIGHT_OFFLINE", "1")
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	const arn = "arn:aws:acm:%s:162808325377:certificate/1"
	run := func(region string, args ...string) (int, string) {
		dir := layered(t, map[string]string{
			"Pulumi.staging.yaml": "config:\n  aws:region: us-east-1\n  hubwright:images: null\n  hubwright:dns: null\n  hubwright:hubs:\n" +
				"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: null, https: {type: offload, certificateArn: '" + fmt.Sprintf(arn, region) + "'}, auth: {type: values}}\n",
			"hubs/hub/common.yaml": "a: 1\na: 2\n", "hubs/hub/staging.yaml": "",
		})
		a, out, errs := testApp(t)
		code := a.run(t.Context(), append([]string{"hubwright", "-C", dir, "doctor", "staging", "--sandbox"}, args...))
		return code, out.String() + errs.String()
	}
	_, text := run("us-east-1")
	wants(t, text, "skipped hub hub: certificate: the sandbox takes it that "+fmt.Sprintf(arn, "us-east-1")+" is for hub.science.stsci.edu", "only the account knows")
	_, text = run("us-east-1", "-o", "json")
	wants(t, text, "`hubwright validate staging --sandbox` shows them")
	code, text := run("eu-west-1")
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	wants(t, text, "is a certificate of region eu-west-1, but the load balancer is in us-east-1", "`hubwright validate staging --sandbox` shows them")
}
