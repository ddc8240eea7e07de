package neighbours_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hubwright/hubwright/internal/cli/clitest"
)

// A deployment of hubploy is imported, validated, deployed in the sandbox, and shown to have the same values.
func TestImportOfHubploy(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	source := filepath.Join(d.Dir, "checkout")
	d.Dir = t.TempDir()
	for name, text := range map[string]string{
		"common/config/all.yaml":                              "jupyterhub:\n  hub:\n    extraFiles:\n      announcements:\n        mountPath: /srv/announcements.py\n    extraVolumes:\n      - {name: quota, persistentVolumeClaim: {claimName: quota-claim}}\n",
		"gough/config/common.yaml":                            "jupyterhub:\n  singleuser:\n    memory: {limit: 15G}\n",
		"gough/config/staging.yaml":                           "jupyterhub:\n  proxy: {}\n  proxy:\n    chp: {}\n",
		"gough/config/custom-ui-templates-staging-gough.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hub-templates}\ndata: {login.html: hello}\n",
		"gough/hubploy.yaml":                                  "cluster: {provider: aws, aws: {project: 162808325377, zone: us-east-1}}\n",
	} {
		file := filepath.Join(source, "deployments", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	d.Must(2, "import hubploy").Has(t, "which checkout?")
	d.Must(2, "import hubploy "+d.Dir).Has(t, "is no checkout of a hubploy deployment")
	d.Must(2, "import hubploy "+source+" --domain stagign=a.example.org").Has(t, `did you mean "staging"`)
	d.Must(0, "import hubploy "+source+" --domain staging=gough.example.org").Has(t, "line 2: proxy is there twice", "quota-claim", "announcements.py that the checkout does not have")
	d.Must(2, "validate").Has(t, `Pulumi.yaml:`, `"hubs/hub/files/announcements.py" does not exist`)
	if err := errors.Join(os.Mkdir(filepath.Join(d.Dir, "hubs", "hub", "files"), 0o755), os.WriteFile(filepath.Join(d.Dir, "hubs", "hub", "files", "announcements.py"), []byte("x = 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d.Must(0, "validate").Has(t, "staging ok")
	d.Must(0, "import hubploy "+source+" --check").Has(t, "staging ok: 5 values are those of the checkout")
	d.Must(0, "import hubploy "+source+" --domain staging=gough.example.org -o json").JSON(t)
	d.Must(0, "up staging --sandbox --yes").Has(t, "hub-persistentvolumeclaim-quota-claim", "hub-configmap-hub-templates", "gough.example.org")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	d.Edit("hubs/hub/common.yaml", "15G", "16G")
	d.Must(1, "import hubploy "+source+" --check").Has(t, "jupyterhub.singleuser.memory.limit: is another")
	d.Must(4, "import hubploy "+source+" --domain staging=gough.example.org").Has(t, "has files that differ", "hubs/hub/common.yaml", "nothing was changed")
}
