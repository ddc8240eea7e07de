package neighbours_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hubwright/hubwright/internal/cli/clitest"
	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/oci"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/sandbox"
	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// The images, one built of the other, are built by a real daemon, pushed to a real registry, tested and scanned there, deployed to staging on the sandbox's
// cluster, and promoted to a second registry: what prod's release runs is byte for byte what ran on staging.
func TestRealRegistries(t *testing.T) {
	t.Parallel()
	engine, err := dockerd.Connect(t.Context())
	if err != nil {
		needs.Skip(t, "no Docker daemon: %v", err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	staging, prod := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	d := clitest.New(t, func(name, text string) string {
		switch name {
		case "images/certificates/Dockerfile":
			return "FROM scratch\nCOPY authorities /authorities\n"
		case "images/common/Dockerfile":
			return "ARG BASE_IMAGE=certificates\nFROM ${BASE_IMAGE}\nCOPY healthcheck /healthcheck\n"
		case "images/user-image/Dockerfile":
			return "ARG BASE_IMAGE=common\nFROM ${BASE_IMAGE}\nCOPY --chmod=755 program /program\n"
		case "images/user-image/.dockerignore":
			return ""
		case "Pulumi.yaml":
			return strings.Replace(text, "        context: images/user-image\n", "        context: images/user-image\n        test: [/program]\n", 1) +
				"\n  hubwright:registry:\n    type: object\n    default: {gate: {scanner: {command: [./scanner, \"{image}\"], format: sarif}}}\n"
		}
		return text
	})
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(d.Dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("program.go", "package main\n\nfunc main() { println(\"well\") }\n", 0o600)
	compile := exec.Command("go", "build", "-o", filepath.Join(d.Dir, "images/user-image/program"), "program.go")
	compile.Dir, compile.Env = d.Dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write("scanner", "#!/bin/sh\n"+`echo '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "test"}}, "results": []}]}'`+"\n", 0o700)

	var digest, ref string
	pins := "config:\n  hubwright:pins:\n    images:\n"
	for _, image := range d.Must(0, "images build --env staging --push --registry "+staging.Host+" -o json").JSON(t)["images"].([]any) {
		built := image.(map[string]any)
		digest, ref = built["digest"].(string), built["reference"].(string) // the last is the one that the hub starts
		pins += "      " + built["name"].(string) + ": " + ref + "@" + digest + "\n"
	}
	d.Edit("Pulumi.staging.yaml", "config:\n", pins)
	d.Must(0, "images scan staging --registry "+staging.Host).Has(t, "user-image "+digest[:19]+": admitted", "tested: /program")

	d.Must(0, "up staging --sandbox --yes")
	d.Must(4, "promote staging prod --sandbox --yes").Has(t, "no admission is recorded of it") // the sandbox looks into no real registry by itself
	promoted := d.Must(0, "promote staging prod --sandbox --yes --registry "+prod.Host)
	promoted.Has(t, "copied", "to "+prod.Host+"/roman-sit-prod-user-image, ", " sent")
	want := prod.Host + "/roman-sit-prod-user-image@" + digest
	for _, env := range []string{"staging", "prod"} {
		if ref := releaseImage(t, d, env); !strings.HasSuffix(ref, "@"+digest) || env == "prod" && ref != want {
			t.Errorf("the release of %s runs %s, and %s was tested", env, ref, digest)
		}
	}
	_, tag, _ := strings.Cut(ref, "-user-image:")
	found, err := oci.New(oci.Options{}).Resolve(t.Context(), prod.Host+"/roman-sit-prod-user-image:"+tag)
	if err != nil || found.Digest != digest {
		t.Errorf("prod's registry has %v, %v", found, err)
	}
	again := d.Must(0, "promote staging prod --sandbox --yes --registry "+prod.Host).Has(t, "it was there", "no change")
	if strings.Contains(again.Err, " sent") {
		t.Errorf("it was copied again:\n%s", again.Err)
	}
}

// releaseImage is the users' image in the values of an environment's release, as the hub in the cluster reads them.
func releaseImage(t *testing.T, d *clitest.Deployment, env string) string {
	t.Helper()
	w, err := world.Open(filepath.Join(sandbox.Home(d.Dir), "world"), world.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	var sealed string
	err = w.View(func(tx *world.Tx) error {
		name := "roman-sit-" + env
		data, _ := tx.Get("k8s:v1/Secret", name+"/"+name+"/hub").Props["data"].(map[string]any)
		sealed, _ = data["$sealed"].(string)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := w.Unseal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Values []byte `json:"values.yaml"` // in base64, as Secrets have it
	}
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	var values struct {
		Singleuser struct{ Image struct{ Name, Tag string } }
	}
	if err := yaml.Unmarshal(data.Values, &values); err != nil || values.Singleuser.Image.Name == "" {
		t.Fatalf("%v: no image in\n%s", err, data.Values)
	}
	return values.Singleuser.Image.Name + ":" + values.Singleuser.Image.Tag
}
