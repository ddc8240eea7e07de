package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A deployment of hubploy is imported, validated, deployed in the sandbox, and shown to have the same values.
func TestImportOfHubploy(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, nil)
	source := filepath.Join(d.dir, "checkout")
	d.dir = t.TempDir()
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
	d.must(2, "import hubploy").has(t, "which checkout?")
	d.must(2, "import hubploy "+d.dir).has(t, "is no checkout of a hubploy deployment")
	d.must(2, "import hubploy "+source+" --domain stagign=a.example.org").has(t, `did you mean "staging"`)
	d.must(0, "import hubploy "+source+" --domain staging=gough.example.org").has(t, "line 2: proxy is there twice", "quota-claim", "announcements.py that the checkout does not have")
	d.must(2, "validate").has(t, `Pulumi.yaml:`, `"hubs/hub/files/announcements.py" does not exist`)
	if err := errors.Join(os.Mkdir(filepath.Join(d.dir, "hubs", "hub", "files"), 0o755), os.WriteFile(filepath.Join(d.dir, "hubs", "hub", "files", "announcements.py"), []byte("x = 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d.must(0, "validate").has(t, "staging ok")
	d.must(0, "import hubploy "+source+" --check").has(t, "staging ok: 5 values are those of the checkout")
	d.must(0, "import hubploy "+source+" --domain staging=gough.example.org -o json").json(t)
	d.must(0, "up staging --sandbox --yes").has(t, "hub-persistentvolumeclaim-quota-claim", "hub-configmap-hub-templates", "gough.example.org")
	d.must(0, "status staging --sandbox").has(t, "healthy")
	d.must(0, "preview staging --sandbox --detailed-exitcode").has(t, "no change")

	d.edit("hubs/hub/common.yaml", "15G", "16G")
	d.must(1, "import hubploy "+source+" --check").has(t, "jupyterhub.singleuser.memory.limit: is another")
	d.must(4, "import hubploy "+source+" --domain staging=gough.example.org").has(t, "has files that differ", "hubs/hub/common.yaml", "nothing was changed")
}
