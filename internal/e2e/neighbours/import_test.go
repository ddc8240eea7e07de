package neighbours_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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
		"gough/hubploy.yaml":                                  "images: {image_name: example.org/gough-user-image}\ncluster: {provider: aws, aws: {project: 162808325377, zone: us-east-1}}\n",
	} {
		file := filepath.Join(source, "deployments", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	d.Must(2, "import hubploy").Has(t, "which checkout?")
	d.Must(2, "import hubploy "+d.Dir).Has(t, "is no checkout with deployments for hubploy", "hint: give the folder that holds deployments")
	d.Must(2, "import hubploy "+source+" --into "+filepath.Join(source, "new")).Has(t, "would be written into the checkout", "nothing was written")
	if _, err := os.Stat(filepath.Join(source, "new")); err == nil {
		t.Error("something was written into the checkout")
	}
	d.Must(2, "import hubploy "+source+" --domain stagign=a.example.org").Has(t, `did you mean "staging"`)
	d.Must(0, "import hubploy "+source+" --domain staging=gough.example.org").Has(t, "line 2: proxy is there twice", "quota-claim", "announcements.py that the checkout does not have", "example.org/gough-user-image with tag latest-<env> goes to jupyterhub.singleuser.image in hubs/hub/image-${env}.yaml")
	d.Must(2, "validate").Has(t, `Pulumi.yaml:`, `"hubs/hub/files/announcements.py" does not exist`)
	d.Must(2, "import hubploy "+source+" --check").Has(t, "staging ok: 7 as in the checkout", `"hubs/hub/files/announcements.py" does not exist`)
	if err := errors.Join(os.Mkdir(filepath.Join(d.Dir, "hubs", "hub", "files"), 0o755), os.WriteFile(filepath.Join(d.Dir, "hubs", "hub", "files", "announcements.py"), []byte("x = 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d.Must(0, "validate").Has(t, "staging ok")
	d.Must(0, "import hubploy "+source+" --check").Has(t, "staging ok: 7 as in the checkout, 1 on purpose",
		`on purpose: jupyterhub.hub.extraFiles.announcements.stringData is new: "x = 1\n" (hubs/hub/files/announcements.py:1)`)
	d.Must(0, "import hubploy "+source+" --domain staging=gough.example.org -o json").JSON(t)
	d.Must(0, "up staging --sandbox --yes").Has(t, "hub-persistentvolumeclaim-quota-claim", "hub-configmap-hub-templates", "gough.example.org")
	d.Must(0, "status staging --sandbox").Has(t, "healthy")
	d.Must(0, "preview staging --sandbox --detailed-exitcode").Has(t, "no change")

	d.Edit("hubs/hub/common.yaml", "15G", "16G")
	d.Must(1, "import hubploy "+source+" --check").Has(t, "staging differs: 6 as in the checkout, 1 different, 1 on purpose",
		`jupyterhub.singleuser.memory.limit is another: it was "15G" (deployments/gough/config/common.yaml:3), it is "16G" (hubs/hub/common.yaml:3)`,
		`hint: if it is not meant, write "15G" at hubs/hub/common.yaml:3`)
	d.Must(1, "import hubploy "+source+" --check -o json").JSON(t)
	d.Edit("hubs/hub/image-staging.yaml", "tag: latest-staging", "tag: latest-staging@sha256:"+strings.Repeat("0", 64))
	d.Must(1, "import hubploy "+source+" --check").Has(t, "1 different, 2 on purpose", "the tag is pinned to a digest")
	d.Must(4, "import hubploy "+source+" --domain staging=gough.example.org").Has(t, "has files that differ", "hubs/hub/common.yaml", "nothing was changed")
}

// An image that is built here is another than the script's on purpose, before it is pinned and after.
func TestImportOfAnImage(t *testing.T) {
	t.Parallel()
	d := clitest.New(t, nil)
	source := filepath.Join(d.Dir, "checkout")
	d.Dir = t.TempDir()
	for name, text := range map[string]string{
		"config/staging.yaml": "jupyterhub: {hub: {config: {JupyterHub: {authenticator_class: generic-oauth}}}}\n",
		"image/Dockerfile":    "FROM scratch\n",
		"hubploy.yaml": "images:\n  registry: {provider: aws, aws: {account_id: '162808325377', region: us-east-1}}\n  images:\n    - name: example.org/gough-user-image\n      path: image\n" +
			"cluster: {provider: aws, aws: {account_id: '162808325377', region: us-east-1, cluster: gough}}\n",
	} {
		file := filepath.Join(source, "deployments", "gough", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	d.Must(0, "import hubploy "+source+" --domain staging=gough.example.org").Has(t, "the script put example.org/gough-user-image with tag latest-<env> at jupyterhub.singleuser.image")
	d.Must(0, "validate --sandbox").Has(t, "staging ok")
	d.Must(0, "import hubploy "+source+" --check").Has(t, "staging ok: 1 as in the checkout, 2 on purpose",
		`jupyterhub.singleuser.image.name is another: it was "example.org/gough-user-image" (deployments/gough/hubploy.yaml:4), it is "gough-staging-user-image" (Pulumi.yaml:`,
		`jupyterhub.singleuser.image.tag is another: it was "latest-staging" (deployments/gough/hubploy.yaml:4), it is "(its digest when it is built)"`, "image user-image is built here of images/user-image")
	d.Edit("Pulumi.staging.yaml", "config:\n", "config:\n  hubwright:pins: {images: {user-image: \"example.org/gough-user-image@sha256:"+strings.Repeat("0", 64)+"\"}}\n")
	d.Must(0, "import hubploy "+source+" --check").Has(t, "staging ok: 1 as in the checkout, 2 on purpose", "image user-image is pinned by its digest in Pulumi.staging.yaml")
	d.Must(0, "values staging").Has(t, "name: example.org/gough-user-image@sha256")
}
