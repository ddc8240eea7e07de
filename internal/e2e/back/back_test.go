// Package back_test goes back to what ran before.
package back_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "history staging --sandbox").Has(t, "nothing was deployed yet")
	d.Must(4, "rollback staging --sandbox --yes").Has(t, "there is nothing to go back to")
	d.Commit("one")
	d.Must(0, "up staging --sandbox --yes")
	d.Must(4, "rollback staging --sandbox --yes").Has(t, "there is nothing to go back to")

	d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	d.Edit("hubs/hub/templates/login.html", "\n", "\n<!-- of the second -->\n")
	d.Commit("two")
	d.Must(0, "up staging --sandbox --yes")

	t.Run("the history tells of both", func(t *testing.T) {
		h := d.Must(0, "history staging --sandbox -o json").JSON(t)
		all, _ := h["deployments"].([]any)
		if h["schema"] != "hubwright/history/v1" || len(all) != 2 {
			t.Fatalf("%v", h)
		}
		newest, _ := all[0].(map[string]any)
		record, _ := newest["record"].(map[string]any)
		if newest["number"] != 2.0 || newest["result"] != "succeeded" || record["verb"] != "up" || len(fmt.Sprint(record["commit"])) != 40 || record["dirty"] != nil {
			t.Errorf("%v", newest)
		}
		d.Must(0, "diff staging --from 1 --sandbox").Has(t, "file hubs/hub/common.yaml: ", "file hubs/hub/templates/login.html: ")
		d.Must(2, "diff staging --from 7 --sandbox").Has(t, "its history goes from 1 to 2")
		d.Must(2, "diff staging --sandbox").Has(t, "name a second environment, or deployments with --from and --to")
		d.Must(1, "diff staging prod --sandbox").Has(t, "prod: nothing is deployed there")
	})

	t.Run("a comment and another order are no other bundle", func(t *testing.T) {
		d.Edit("hubs/hub/common.yaml", "cull:\n", "# said\ncull:\n")
		d.Must(0, "up staging --sandbox --yes").Has(t, "no change")
		d.Commit("three")
	})

	t.Run("back with one command", func(t *testing.T) {
		r := d.Must(0, "rollback staging --sandbox --yes")
		r.Has(t, "goes back to deployment 1", "16G → 15G", "hubs/hub/common.yaml, hubs/hub/templates/login.html", "pinned from now on", "updated")
		if text := d.Read("hubs/hub/common.yaml"); !strings.Contains(text, "limit: 16G") {
			t.Error("the rollback has edited the user's files")
		}
		if text := d.Read("Pulumi.staging.yaml"); strings.Contains(text, "pins") {
			t.Error("a rollback in the sandbox has written into the user's file")
		}
		d.Must(0, "status staging --sandbox").Has(t, "healthy")
		d.Must(0, "history staging --sandbox").Has(t, "rollback from #1")
		d.Must(0, "diff staging --from 1 --sandbox").Has(t, "run the same")
		d.Must(3, "preview staging --sandbox --detailed-exitcode").Has(t, "15G → 16G")
	})

	t.Run("what was never committed cannot be gone back to", func(t *testing.T) {
		d.Must(0, "up staging --sandbox --yes")
		d.Edit("hubs/hub/common.yaml", "limit: 16G", "limit: 17G")
		d.Must(0, "up staging --sandbox --yes")
		d.Edit("hubs/hub/common.yaml", "limit: 17G", "limit: 18G")
		d.Commit("five")
		d.Must(0, "up staging --sandbox --yes")
		before := d.Objects()
		d.Must(4, "rollback staging --sandbox --yes").Has(t, "hubs/hub/common.yaml", "edited, and not committed", "--keep-values")
		d.Must(4, "rollback staging --sandbox --yes --to 5").Has(t, "edited, and not committed")
		if after := d.Objects(); len(after) != len(before) {
			t.Error("a rollback that was refused has changed something")
		}
		d.Must(0, "rollback staging --sandbox --yes --to 1").Has(t, "18G → 15G")
	})
}

// An earlier image, whose digest only the registry knows, is gone back to, and one that was pruned since is not.
func TestBackToAnImageThatIsGone(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Commit("one")
	d.Must(0, "up staging --sandbox --yes")
	d.Edit("images/user-image/requirements.txt", "\n", "\n# of the second\n")
	d.Commit("two")
	d.Must(0, "up staging --sandbox --yes")
	d.Must(0, "rollback staging --sandbox --yes").Has(t, "goes back to deployment 1")
	d.Must(0, "rollback staging --sandbox --yes --to 2")
	d.Must(0, "images prune staging --keep 0 --sandbox --yes")
	before := d.Objects()
	d.Must(4, "rollback staging --sandbox --yes --to 1").Has(t, "has left the registry, and nothing was deployed", "image user-image: ", "builds what is not there")
	if after := d.Objects(); len(after) != len(before) {
		t.Error("a rollback that was refused has changed something")
	}
	d.Must(0, "verify staging --sandbox")
}

// TestPromotionIsHeldToWhatWasTested edits what was promoted, and breaks a promotion: prod stays what staging was, or goes back to what it was.
func TestPromotionIsHeldToWhatWasTested(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	pins := filepath.Join(".hubwright", "sandbox", "project", "Pulumi.prod.yaml")
	d.Commit("one")
	d.Must(0, "up staging --sandbox --yes")
	d.Must(0, "images scan staging --for prod --sandbox")
	d.Must(0, "promote staging prod --sandbox --yes").Has(t, "created")
	d.Must(0, "preview prod --sandbox --detailed-exitcode").Has(t, "no change")
	d.Must(0, "diff staging prod --sandbox").Has(t, "file hubs/hub/prod.yaml")

	t.Run("values that were not tested", func(t *testing.T) {
		d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
		d.Commit("two")
		d.Must(4, "up prod --sandbox --yes").Has(t, "untested-bundle stops: hubs/hub/common.yaml says something else than what was tested on staging")
		d.Must(4, "promote staging prod --sandbox --yes").Has(t, "untested-bundle", "nothing was changed")
		d.Edit("hubs/hub/prod.yaml", "replicas: 1", "replicas: 2") // prod's own layer
		d.Must(4, "preview prod --sandbox").Has(t, "untested-bundle stops")
		d.Edit("hubs/hub/common.yaml", "limit: 16G", "limit: 15G")
		d.Must(0, "preview prod --sandbox").Has(t, "places that are kept free for users")
		d.Edit("hubs/hub/prod.yaml", "replicas: 2", "replicas: 1")
		d.Edit("hubs/hub/common.yaml", "limit: 15G", "limit: 16G")
	})

	t.Run("pins that were edited by hand", func(t *testing.T) {
		before := d.Read(pins)
		d.Edit(pins, "hub: 4.4.0", "hub: 4.4.1")
		d.Must(4, "preview prod --sandbox").Has(t, "untested-bundle stops: the pins in Pulumi.prod.yaml are not those that the promotion from staging wrote")
		d.Edit(pins, "hub: 4.4.1", "hub: 4.4.0")
		if d.Read(pins) != before {
			t.Error("the file is another than before")
		}
	})

	t.Run("a promotion that fails goes back by itself", func(t *testing.T) {
		d.Must(0, "up staging --sandbox --yes").Has(t, "1 updated")
		before := d.Read(pins)
		d.Edit("hubs/hub/prod.yaml", "singleuser:\n", "hub: {nodeSelector: {nope: \"1\"}}\nsingleuser:\n") // prod's own, that no other environment tests
		d.Commit("three")
		kept := d.Must(1, "promote staging prod --sandbox --yes --keep")
		if strings.Contains(kept.Err, "goes back") {
			t.Errorf("--keep goes back: %s", kept)
		}
		d.Must(5, "status prod --sandbox").Has(t, "not healthy")
		d.Must(1, "promote staging prod --sandbox --yes").Has(t, "rolled back due to atomic", "prod goes back to deployment 1", "it runs again what it ran before")
		d.Must(0, "status prod --sandbox").Has(t, "healthy")
		d.Must(0, "history prod --sandbox").Has(t, "failed", "rollback from #1")
		if !strings.Contains(d.Read(pins), "from: staging") {
			t.Errorf("after it went back, prod is not held to what was tested any more:\n%s", before)
		}
		d.Must(4, "up prod --sandbox --yes").Has(t, "untested-bundle")
	})
}
