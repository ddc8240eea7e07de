package cli

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/doctor"
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
