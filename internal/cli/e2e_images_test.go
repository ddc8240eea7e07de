package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/components/image"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/awssim"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// What the registry has under the tag of the content is not built, whoever built it, and is no change from then on.
func TestImageBuiltElsewhere(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	d.must(0, "up staging --sandbox --yes").has(t, "user-image-image  docker:index/image:Image")
	before := d.imageRef()
	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")

	d.edit("images/user-image/Dockerfile", "FROM", "# built elsewhere\nFROM")
	tag, err := (&image.Args{Root: d.dir, Context: "images/user-image"}).ContentTag(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("e1", 32)
	d.inWorld(func(tx *world.Tx) error {
		return awssim.PushImage(tx, "162808325377.dkr.ecr.us-east-1.amazonaws.com/roman-sit-staging-user-image", tag, digest)
	})
	d.must(3, "preview staging --sandbox --detailed-exitcode").has(t, "→ "+tag+"@"+digest[:10])
	up := d.must(0, "up staging --sandbox --yes")
	if strings.Contains(up.err, "updated  user-image-image") || strings.Contains(up.err, "created  user-image-image") {
		t.Errorf("it was built:\n%s", up.err)
	}
	if ref := d.imageRef(); !strings.HasSuffix(ref, "@"+digest) {
		t.Errorf("the image is %s, want %s", ref, digest)
	}
	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")

	// Back to what was built here before, which the registry still has.
	d.edit("images/user-image/Dockerfile", "# built elsewhere\n", "")
	d.must(0, "up staging --sandbox --yes")
	if after := d.imageRef(); after != before {
		t.Errorf("the image is %s, it was %s", after, before)
	}
	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")
}

// imageRef is the user image's reference in the outputs.
func (d *deployment) imageRef() string {
	d.t.Helper()
	outputs, _ := d.must(0, "outputs staging --sandbox -o json").json(d.t)["outputs"].(map[string]any)
	images, _ := outputs["images"].(map[string]any)
	ref, _ := images["user-image"].(string)
	return ref
}

// inWorld changes what is in the sandbox's services.
func (d *deployment) inWorld(change func(*world.Tx) error) {
	d.t.Helper()
	w, err := world.Open(filepath.Join(sandbox.Home(d.dir), "world"), world.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	err = w.Update(change)
	if closed := w.Close(); err != nil || closed != nil {
		d.t.Fatal(err, closed)
	}
}
