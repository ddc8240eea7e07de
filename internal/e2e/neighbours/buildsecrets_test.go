package neighbours_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// An image with build secrets for two platforms is built by the other provider. Its secrets are found nowhere, another value is no change, and a change takes
// layers over from the image before and leaves that in the registry.
func TestBuildSecrets(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	secrets := map[string]string{"env": "planted-in-a-variable", "file": "planted-in-a-file"}
	token := func(value string) { d.Env = append(d.Env, "HUBWRIGHT_TEST_TOKEN="+value) }
	token(secrets["env"])
	outside := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(outside, []byte(secrets["file"]), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Edit("Pulumi.yaml", "name: user-image", "name: user-image\n        platforms: [linux/amd64, linux/arm64]\n"+
		"        secrets: [{id: token, env: HUBWRIGHT_TEST_TOKEN}, {id: netrc, file: "+outside+"}, {id: licence}]")

	d.Must(0, "up staging --sandbox --yes").Has(t, "user-image-image  docker-build:index:Image")
	first := imageRef(t, d)
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	token("another")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")
	d.Must(0, "drift staging --sandbox --detailed-exitcode")

	token(secrets["env"])
	d.Edit("images/user-image/Dockerfile", "FROM", "# edited\nFROM")
	d.Must(0, "up staging --sandbox --yes")
	outputs, _ := d.Must(0, "outputs staging --sandbox -o json").JSON(t)["outputs"].(map[string]any)
	caches, _ := outputs["buildCaches"].(map[string]any)
	if from, _ := caches["user-image"].([]any); len(from) != 1 || from[0] != first {
		t.Errorf("layers come from %v, want %s", caches, first)
	}
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	// What the registry has is not built again, and the build that the stack then gives up stays in the registry.
	second := imageRef(t, d)
	d.Edit("images/user-image/Dockerfile", "# edited\n", "")
	d.Must(0, "up staging --sandbox --yes")
	if again := imageRef(t, d); again != first {
		t.Errorf("the image is %s, it was %s", again, first)
	}
	inWorld(t, d, func(tx *world.Tx) error {
		_, digest, _ := strings.Cut(second, "@")
		if tx.Find("aws:ecr:image", func(o *world.Object) bool { return o.String("digest") == digest }) == nil {
			t.Errorf("%s is gone from the registry", second)
		}
		return nil
	})
	for name, value := range map[string]string{"env": secrets["env"], "file": secrets["file"]} {
		secrets[name+" in base64"] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	d.ScanForSecrets(t, secrets)
}
