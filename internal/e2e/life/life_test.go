// Package life_test takes a deployment from its first preview to the end of its data.
package life_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

var createCount = regexp.MustCompile(`(\d+) to create`)

func TestLifeOfADeployment(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	project, staging := d.Read("Pulumi.yaml"), d.Read("Pulumi.staging.yaml")

	d.Must(1, "status staging --sandbox").Has(t, "nothing is deployed", "hubwright up staging")
	preview := d.Must(3, "preview staging --sandbox --detailed-exitcode")
	if m := createCount.FindStringSubmatch(preview.Out); m == nil || m[1] == "0" {
		t.Errorf("the first preview creates nothing:\n%s", preview.Out)
	}
	d.Must(4, "up staging --sandbox").Has(t, "a confirmation is needed", "add --yes")
	d.Must(0, "up staging --sandbox --yes").Has(t, "created", "on AWS about", "https://", "verified: staging is healthy: 11 checks", "built-in outlines stood in for the charts cluster-autoscaler", "and jupyterhub",
		"note: the sandbox makes up what the secrets of 1 hub lack (oauth.clientId, oauth.clientSecret, tls.certificate, tls.key): hub; with real services a person enters it")

	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
	d.Must(0, "up staging --sandbox").Has(t, "no change")
	url := d.Must(0, "url staging --sandbox")
	if !strings.HasPrefix(url.Out, "https://") || strings.Count(url.Out, "\n") != 1 {
		t.Errorf("url printed %q", url.Out)
	}
	status := d.Must(0, "status staging --sandbox -o json").JSON(t)
	if status["healthy"] != true || status["schema"] != "hubwright/status/v1" || fmt.Sprint(status["resources"]) != createCount.FindStringSubmatch(preview.Out)[1] {
		t.Errorf("status is %v", status)
	}
	d.Must(0, "drift staging --sandbox --detailed-exitcode").Has(t, "no change")

	t.Run("it is verified, and what is wrong is diagnosed", func(t *testing.T) { verified(t, d) })

	t.Run("a change of values shows its leaf", func(t *testing.T) {
		d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
		r := d.Must(3, "preview staging --sandbox --detailed-exitcode -o json")
		r.JSON(t)
		var c struct {
			Steps []struct {
				Op, Type string
				Diff     []struct{ Path, Old, New string }
			}
		}
		if err := json.Unmarshal([]byte(r.Out), &c); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range c.Steps {
			for _, p := range s.Diff {
				found = found || p.Path == "values.singleuser.memory.limit" && p.Old == "15G" && p.New == "16G"
			}
		}
		if !found {
			t.Errorf("the memory limit is not in the change: %s", r.Out)
		}
		d.Must(0, "up staging --sandbox --yes").Has(t, "1 updated")
	})

	t.Run("a preview for a pull request", func(t *testing.T) {
		d.Edit("hubs/hub/common.yaml", "limit: 16G", "limit: 18G")
		r := d.Must(0, "preview staging --sandbox -o markdown --save change.json")
		r.Has(t, "### `staging`: 1 to update", "memory limit of single-user servers", "from `hubs/hub/common.yaml:", "the hub restarts", "+        limit: 18G")
		if saved := d.Read("change.json"); !strings.Contains(saved, `"schema": "hubwright/change/v1"`) || !strings.Contains(saved, `"rule": "hub-restarts"`) {
			t.Errorf("saved is %s", saved)
		}
		if again := d.Must(0, "preview staging --sandbox -o markdown --save change.json"); again.Out != r.Out {
			t.Errorf("a second preview reads otherwise:\n%s\n%s", r.Out, again.Out)
		}
		d.Edit("hubs/hub/common.yaml", "limit: 18G", "limit: 16G")
	})

	t.Run("a guard stops what strands homes, and is overridden by name", func(t *testing.T) {
		d.Edit("hubs/hub/common.yaml", "    type: static\n", "    type: static\n    homeMountPath: /home/other\n")
		d.Must(4, "preview staging --sandbox").Has(t, "stranded-homes stops: users would see other homes", "hubs/hub/common.yaml:")
		d.Must(4, "up staging --sandbox --yes").Has(t, "stranded-homes", "nothing was changed", "--override")
		d.Must(2, "up staging --sandbox --yes --override stranded-home=x").Has(t, "did you mean stranded-homes?")
		d.Must(2, "up staging --sandbox --yes --override stranded-homes").Has(t, "without a reason")
		d.Must(4, "up staging --sandbox --yes --override data-loss=x").Has(t, "stranded-homes")
		d.Must(0, "up staging --sandbox --yes --override stranded-homes=moved").Has(t, "is overridden (moved)", "1 updated")
		d.Edit("hubs/hub/common.yaml", "    homeMountPath: /home/other\n", "")
		d.Must(0, "up staging --sandbox --yes --override stranded-homes=back").Has(t, "1 updated")
	})

	t.Run("the user's files are as they were", func(t *testing.T) {
		if d.Read("Pulumi.yaml") != project || d.Read("Pulumi.staging.yaml") != staging {
			t.Error("a Pulumi file was rewritten")
		}
	})

	t.Run("no planted secret in state, world or events", func(t *testing.T) { d.ScanForSecrets(t, planted(t, d, "staging")) })

	t.Run("another account is refused and nothing is touched", func(t *testing.T) {
		before := d.Objects()
		d.Must(0, "sandbox set account=999999999999")
		d.Edit("hubs/hub/common.yaml", "limit: 16G", "limit: 17G")
		d.Must(4, "up staging --sandbox --yes").Has(t, "162808325377", "999999999999", "nothing was touched")
		for _, destroy := range []string{"destroy staging --sandbox --yes", "destroy staging --sandbox --with-data --confirm staging"} {
			d.Must(4, destroy).Has(t, "162808325377", "999999999999", "nothing was touched")
		}
		d.Must(0, "sandbox set account=162808325377")
		if after := d.Objects(); strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Error("the world was changed")
		}
		d.Edit("hubs/hub/common.yaml", "limit: 17G", "limit: 16G")
	})

	t.Run("a failed upgrade is taken back, told of, and not promoted", func(t *testing.T) {
		before := d.Read("hubs/hub/staging.yaml")
		d.Edit("hubs/hub/staging.yaml", before, before+"\nhub: {nodeSelector: {nope: \"1\"}}\n")
		d.Must(1, "up staging --sandbox --yes").Has(t, "has been rolled back due to atomic being set", "hint: the hub did not become ready in time")
		d.Must(5, "status staging --sandbox").Has(t, "staging (sandbox): not healthy", "failed", "mend its values, then `hubwright up staging --sandbox`")
		d.Must(5, "status staging --sandbox --recorded").Has(t, "failed")
		d.Must(4, "promote staging prod --sandbox --yes").Has(t, "staging is not healthy")
		d.Edit("hubs/hub/staging.yaml", d.Read("hubs/hub/staging.yaml"), before)
		d.Must(0, "up staging --sandbox --yes").Has(t, "1 updated")
		d.Must(0, "status staging --sandbox").Has(t, "healthy")
	})

	t.Run("another region is refused", func(t *testing.T) {
		d.Edit("Pulumi.staging.yaml", "aws:region: us-east-1", "aws:region: us-west-2")
		d.Must(4, "up staging --sandbox --yes").Has(t, "staging is deployed in us-east-1, but the configuration says us-west-2", "nothing was touched")
		d.Edit("Pulumi.staging.yaml", "aws:region: us-west-2", "aws:region: us-east-1")
	})

	t.Run("promotion holds the gate, copies, pins and updates", func(t *testing.T) { promotions(t, d) })

	t.Run("drift is found, accepted and mended", func(t *testing.T) {
		var record string
		for _, o := range d.Objects() {
			if id, ok := strings.CutPrefix(o, "aws:route53/record:Record "); ok && strings.Contains(id, "staging") || ok && record == "" {
				record = id
			}
		}
		d.Must(0, "sandbox delete aws:route53/record:Record "+record)
		envs := []string{"staging", "prod"}
		drifted := ""
		for _, env := range envs {
			if d.Run("drift "+env+" --sandbox --detailed-exitcode").Code == 3 {
				drifted = env
			}
		}
		if drifted == "" {
			t.Fatal("no drift was found")
		}
		d.Must(5, "status "+drifted+" --sandbox").Has(t, "drifted: delete")
		d.Must(0, "refresh "+drifted+" --sandbox --yes")
		d.Must(0, "up "+drifted+" --sandbox --yes").Has(t, "1 created")
	})

	t.Run("destroy keeps data until it is named", func(t *testing.T) {
		d.Must(4, "destroy staging --sandbox").Has(t, "a confirmation is needed")
		d.Must(0, "destroy staging --sandbox --yes").Has(t, "kept, because they hold data", "storage-homes  efs FileSystem")
		if !strings.Contains(strings.Join(d.Objects(), "\n"), "aws:efs/fileSystem:FileSystem") {
			t.Error("the homes are gone")
		}
		d.Must(5, "status staging --sandbox").Has(t, "not healthy", "absent", "`hubwright up staging --sandbox` deploys it again")
		d.Must(1, "url staging --sandbox").Has(t, "the hubs were destroyed", "resources that hold data are kept")
		d.Must(0, "outputs staging --sandbox").Has(t, "the hub hub was destroyed")
		d.Must(4, "promote staging prod --sandbox --yes").Has(t, "staging is not healthy")
		d.Must(4, "destroy prod --sandbox --with-data --yes").Has(t, "--confirm prod")
		d.Must(4, "destroy prod --sandbox --with-data --confirm staging").Has(t, "is not the environment's name")
		d.Must(0, "destroy prod --sandbox --with-data --confirm prod")
		d.Must(0, "destroy staging --sandbox --with-data --confirm staging")
		for _, o := range d.Objects() {
			for _, data := range []string{"aws:efs/", "aws:ec2/vpc", "aws:ecr/repository:", "aws:eks/"} {
				if strings.HasPrefix(o, data) {
					t.Errorf("left after everything was destroyed: %s", o)
				}
			}
		}
	})
}
