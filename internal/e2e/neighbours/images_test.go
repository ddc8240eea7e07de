package neighbours_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// What the registry has under the tag of the content is not built, whoever built it, and is no change from then on.
func TestImageBuiltElsewhere(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	d.Must(0, "up staging --sandbox --yes").Has(t, "user-image-image  docker:index/image:Image")
	before := imageRef(t, d)
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	d.Edit("images/user-image/Dockerfile", "FROM", "# built elsewhere\nFROM")
	tag := strings.TrimSpace(d.Must(0, "images tag user-image").Out)
	digest := "sha256:" + strings.Repeat("e1", 32)
	inWorld(t, d, func(tx *world.Tx) error {
		return awssim.PushImage(tx, "162808325377.dkr.ecr.us-east-1.amazonaws.com/roman-sit-staging-user-image", tag, digest)
	})
	d.Must(3, "preview staging --sandbox --detailed-exitcode").Has(t, "→ "+tag+"@"+digest[:10])
	up := d.Must(0, "up staging --sandbox --yes")
	if strings.Contains(up.Err, "updated  user-image-image") || strings.Contains(up.Err, "created  user-image-image") {
		t.Errorf("it was built:\n%s", up.Err)
	}
	if ref := imageRef(t, d); !strings.HasSuffix(ref, "@"+digest) {
		t.Errorf("the image is %s, want %s", ref, digest)
	}
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	// Back to what was built here before, which the registry still has.
	d.Edit("images/user-image/Dockerfile", "# built elsewhere\n", "")
	d.Must(0, "up staging --sandbox --yes")
	if after := imageRef(t, d); after != before {
		t.Errorf("the image is %s, it was %s", after, before)
	}
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
}

// imageRef is the user image's reference in the outputs.
func imageRef(t *testing.T, d *clitest.Deployment) string {
	t.Helper()
	outputs, _ := d.Must(0, "outputs staging --sandbox -o json").JSON(t)["outputs"].(map[string]any)
	images, _ := outputs["images"].(map[string]any)
	ref, _ := images["user-image"].(string)
	return ref
}

// inWorld changes what is in the sandbox's services.
func inWorld(t *testing.T, d *clitest.Deployment, change func(*world.Tx) error) {
	t.Helper()
	w, err := world.Open(filepath.Join(sandbox.Home(d.Dir), "world"), world.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Update(change)
	if closed := w.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
}
