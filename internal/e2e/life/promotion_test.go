package life_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/sandbox"
)

// imageOf is the reference of the user image that an environment runs.
func imageOf(t *testing.T, d *clitest.Deployment, env string) string {
	t.Helper()
	outputs, _ := d.Must(0, "outputs "+env+" --sandbox -o json").JSON(t)["outputs"].(map[string]any)
	images, _ := outputs["images"].(map[string]any)
	ref, _ := images["user-image"].(string)
	if !strings.Contains(ref, "@sha256:") {
		t.Fatalf("%s runs %q", env, ref)
	}
	return ref
}

// promotions take what was tested on staging to prod, which takes nothing that the gate has not admitted, by whichever door.
func promotions(t *testing.T, d *clitest.Deployment) {
	t.Helper()
	const staging, prod = "/roman-sit-staging-user-image@", "/roman-sit-prod-user-image@"
	before := d.Objects()
	d.Must(4, "promote staging prod --sandbox --yes").Has(t, "the gate of prod does not admit what runs on staging, and nothing was changed:\n  image certificates, sha256:", "\n  image user-image, sha256:", "no admission is recorded of it",
		"hint: `hubwright images scan staging --for prod --sandbox`")
	if after := d.Objects(); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("the world was changed")
	}
	d.Must(0, "images scan staging --for prod --sandbox -o json").JSON(t)
	d.Must(0, "promote staging prod --sandbox --yes").Has(t, "prod has no repositories before its first update", "pinned in Pulumi.prod.yaml", "sha256:", "created")
	d.Must(0, "status prod --sandbox").Has(t, "prod (sandbox): healthy")
	first := imageOf(t, d, "staging")
	if ref := imageOf(t, d, "prod"); ref != first || !strings.Contains(ref, staging) {
		t.Errorf("staging runs %s, prod %s", first, ref)
	}
	d.Must(4, "destroy staging --sandbox --with-data --confirm staging").Has(t, "prod runs the images certificates, common, user-image from the registry of staging, which would be lost with its data; nothing was changed")

	// From the second on, prod runs what is in its own repository, by the same digest.
	d.Edit("images/user-image/Dockerfile", "FROM", "# another\nFROM")
	d.Must(0, "up staging --sandbox --yes")
	d.Must(4, "promote staging prod --sandbox --yes").Has(t, "no admission is recorded of it")
	d.Must(0, "images scan staging --sandbox")
	d.Must(0, "promote staging prod --sandbox --yes").Has(t, "copied", prod, "a simulated image has no content to copy", "1 updated")
	second := imageOf(t, d, "prod")
	if _, digest, _ := strings.Cut(imageOf(t, d, "staging"), "@"); !strings.HasSuffix(second, prod+digest) || strings.HasSuffix(first, digest) {
		t.Errorf("prod runs %s, staging %s", second, digest)
	}

	// Where the gate is held to in updates too, what runs is not asked for, and nothing else is taken, from this door or the other.
	d.Edit("Pulumi.prod.yaml", "config:\n", "config:\n  hubwright:registry: {gate: {required: true}}\n")
	d.Must(0, "preview prod --sandbox --detailed-exitcode").Has(t, "no change")
	pinned, err := filepath.Rel(d.Dir, filepath.Join(sandbox.Home(d.Dir), "project", "Pulumi.prod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(second, "@")
	other := "sha256:" + strings.Repeat("ab", 32)
	d.Edit(pinned, digest, other)
	refusal := "the gate of prod does not admit image user-image, " + other + ": no admission is recorded of it"
	for _, verb := range []string{"preview prod --sandbox", "up prod --sandbox --yes"} {
		d.Must(4, verb).Has(t, "prod: "+refusal, "hint: promote an image that is admitted")
	}
	d.Edit(pinned, other, digest)
	d.Edit("images/user-image/Dockerfile", "# another\n", "# a third\n")
	d.Must(0, "up staging --sandbox --yes")
	d.Must(0, "images scan staging --for prod --sandbox")
	d.Must(0, "promote staging prod --write-only --sandbox").Has(t, "copied", "pinned in Pulumi.prod.yaml")
	door := d.Serve("prod")
	third := strings.Split(imageInFile(t, d, pinned), "@")[1]
	d.Edit(pinned, third, other)
	if out, err := door.Try("up", "-s", "prod", "--yes"); err == nil || !strings.Contains(out, refusal) {
		t.Errorf("pulumi up: %v\n%s", err, out)
	}
	d.Edit(pinned, other, third)
	if out := door.Pulumi("up", "-s", "prod", "--yes", "--skip-preview"); !strings.Contains(out, "1 updated") {
		t.Errorf("pulumi up did not update the release:\n%s", out)
	}
	if ref := imageOf(t, d, "prod"); !strings.HasSuffix(ref, prod+third) {
		t.Errorf("prod runs %s, pinned is %s", ref, third)
	}
}

// imageInFile is the pinned reference of the user image.
func imageInFile(t *testing.T, d *clitest.Deployment, file string) string {
	t.Helper()
	for line := range strings.Lines(d.Read(file)) {
		if ref, is := strings.CutPrefix(strings.TrimSpace(line), "user-image: "); is {
			return ref
		}
	}
	t.Fatal("nothing is pinned")
	return ""
}
