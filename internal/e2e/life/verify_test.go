package life_test

import (
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

// verified looks at a staging that was just deployed, then at one whose hub crashes, and at one whose name leads elsewhere.
func verified(t *testing.T, d *clitest.Deployment) {
	v := d.Must(0, "verify staging --sandbox -o json").JSON(t)
	if v["healthy"] != true || v["schema"] != "hubwright/verification/v1" || v["sandbox"] != true {
		t.Errorf("verification is %v", v)
	}
	d.Must(0, "verify staging --sandbox").Has(t, "staging (sandbox): healthy", "JupyterHub", "1 node for core", "claims are bound", "oauth/authorize", "signed by itself")
	one := d.Must(0, "verify staging --sandbox --check dns --check login -o json").JSON(t)
	hubs, _ := one["hubs"].([]any)
	if checks, _ := hubs[0].(map[string]any)["checks"].([]any); len(checks) != 2 {
		t.Errorf("two checks were asked for: %v", one)
	}
	d.Must(2, "verify staging --sandbox --check dnss").Has(t, "did you mean \"dns\"?")

	hub := only(t, d, "k8s:apps/v1/Deployment ", "/hub")
	d.Must(0, "sandbox set k8s:apps/v1/Deployment "+hub+" sandbox.crash=OSError:disk-full")
	r := d.Must(5, "verify staging --sandbox").Has(t, "staging (sandbox): not healthy", "0 of 1 pods are ready", "CrashLoopBackOff", "Back-off restarting failed container hub", "OSError:disk-full", "answers 503")
	pod, event, log := strings.Index(r.Out, "CrashLoopBackOff"), strings.Index(r.Out, "Back-off restarting"), strings.Index(r.Out, "OSError:disk-full")
	if pod > event || event > log {
		t.Errorf("the evidence is not in the order pod, event, log:\n%s", r.Out)
	}
	d.Must(4, "promote staging prod --sandbox --yes").Has(t, "staging is not healthy, so what runs there is not promoted", "hubwright verify staging")
	d.Must(0, "sandbox set k8s:apps/v1/Deployment "+hub+" sandbox.crash=")
	d.Must(0, "verify staging --sandbox")

	record := only(t, d, "aws:route53/record:Record ", "_CNAME")
	d.Must(0, "sandbox set aws:route53/record:Record "+record+" fqdn=elsewhere.example.org")
	d.Must(5, "verify staging --sandbox --check dns --check health").Has(t, "does not resolve: there is no such name", "health")
	d.Must(0, "sandbox set aws:route53/record:Record "+record+" fqdn=roman-sit-staging.science.stsci.edu")
	d.Must(0, "verify staging --sandbox --check dns")
}

// only is the id of the only object of a kind whose id ends so.
func only(t *testing.T, d *clitest.Deployment, kind, end string) string {
	t.Helper()
	for _, o := range d.Objects() {
		if id, ok := strings.CutPrefix(o, kind); ok && strings.HasSuffix(id, end) {
			return id
		}
	}
	t.Fatalf("there is no %s…%s", kind, end)
	return ""
}
