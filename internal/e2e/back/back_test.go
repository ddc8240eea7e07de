// Package back_test goes back to what ran before.
package back_test

import (
	"fmt"
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
		d.Must(4, "diff staging prod --sandbox").Has(t, "prod: what runs there is not recorded")
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
