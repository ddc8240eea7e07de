package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/dockerd"
	"github.com/hubwright/hubwright/internal/imagebuild"
	"github.com/hubwright/hubwright/internal/needs"
	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
	"github.com/hubwright/hubwright/internal/shipped"
)

// plant writes a file into a deployment, with its folder.
func plant(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// An authority that is added is in all images of the chain, and a package of the mission's in its own alone. A text about authorities is no content.
func TestShippedChainTags(t *testing.T) {
	dir := t.TempDir()
	if err := shipped.Copy(reference.Root(), dir, nil); err != nil {
		t.Fatal(err)
	}
	names := []string{"certificates", "common", "user-image"}
	before := map[string]string{}
	changed := func() (out string) {
		t.Helper()
		for _, name := range names {
			code, tag, errs := do(t, dir, "images tag "+name)
			if code != exitDone {
				t.Fatalf("%s: exit %d, %s", name, code, errs)
			}
			if before[name] != tag {
				out += name + " "
			}
			before[name] = tag
		}
		return out
	}
	if got := changed(); got != "certificates common user-image " {
		t.Fatalf("tags of %s", got)
	}
	for _, test := range []struct{ file, want string }{
		{"images/certificates/authorities/institute.crt", "certificates common user-image "},
		{"images/common/constraints.txt", "common user-image "},
		{"images/user-image/requirements.txt", "user-image "},
		{"images/certificates/authorities/README.md", ""},
		{"images/user-image/notes.txt", ""},
	} {
		plant(t, dir, test.file, "# another\n")
		if got := changed(); got != test.want {
			t.Errorf("with another %s there are other tags of %q, want %q", test.file, got, test.want)
		}
	}
}

// The shipped Dockerfiles build, one of the other, on a base that has the commands of Jupyter's: busybox and stand-ins for what would ask the internet.
func TestShippedChainBuilds(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", "")
	engine, err := dockerd.Connect(t.Context())
	if err != nil {
		needs.Skip(t, "no Docker daemon: %v", err)
	}
	defer func() { _ = engine.Close() }()
	busybox, err := os.ReadFile(needs.Command(t, "busybox", "busybox-static"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = shipped.Copy(reference.Root(), dir, func(file, text string) string {
		switch file {
		case "images/certificates/Dockerfile":
			base := text[strings.Index(text, "\nFROM quay.io/jupyter/base-notebook:")+1:]
			base, _, _ = strings.Cut(base, "\n")
			return strings.Replace(text, base, "ARG BASE_IMAGE=stand-in\nFROM ${BASE_IMAGE}", 1)
		case "Pulumi.yaml":
			return strings.Replace(text, "      - name: certificates\n", "      - {name: stand-in, context: images/stand-in}\n      - name: certificates\n", 1)
		}
		return text
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"stand-in/Dockerfile": "FROM scratch\nCOPY --chmod=755 busybox pip fix-permissions update-ca-certificates /bin/\nCOPY passwd group /etc/\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n" +
			"ENV NB_UID=1000 NB_GID=100 NB_USER=jovyan CONDA_DIR=/opt/conda\nRUN mkdir -m 1777 /log\nUSER 1000\n",
		"stand-in/busybox":                       string(busybox),
		"stand-in/passwd":                        "root:x:0:0::/root:/bin/sh\n",
		"stand-in/group":                         "root:x:0:\n",
		"stand-in/fix-permissions":               "#!/bin/sh\n",
		"stand-in/pip":                           "#!/bin/sh\nset -e\nfor file; do case \"$file\" in /*) echo \"user $(id -u): $file: $(grep -c == \"$file\" || [ -r \"$file\" ])\" >>/log/pip ;; esac; done\n",
		"stand-in/update-ca-certificates":        "#!/bin/sh\nmkdir -p /etc/ssl/certs\ncat /usr/local/share/ca-certificates/*/*.crt >/etc/ssl/certs/ca-certificates.crt\n",
		"certificates/authorities/institute.crt": "of the institute\n",
	} {
		plant(t, dir, "images/"+name, text)
	}
	code, out, errs := do(t, dir, "images build --env staging --push -o json --registry "+registrytest.New(t, registrytest.Options{}).Host)
	if code != exitDone {
		t.Fatalf("exit %d, %s", code, errs)
	}
	var builds result.ImageBuilds
	if err := json.Unmarshal([]byte(out), &builds); err != nil || len(builds.Images) != 4 {
		t.Fatalf("%v, %+v", err, builds.Images)
	}
	mission := builds.Images[3]
	if mission.Name != "user-image" || mission.State != imagebuild.Pushed {
		t.Fatalf("%+v", mission)
	}
	const look = `cat /log/pip "${SSL_CERT_FILE}" "${REQUESTS_CA_BUNDLE}"; head -n 1 /opt/hub/default-home/WELCOME.md; id -u; ` +
		`for hook in healthcheck post-start-hook; do [ -x /opt/hub/$hook ] && [ ! -w /opt/hub/$hook ] && echo $hook; done`
	const want = `user 1000: /opt/hub/common/requirements.txt: 2
user 1000: /opt/hub/common/constraints.txt: 0
user 1000: /opt/hub/mission/requirements.txt: 2
user 1000: /opt/hub/mission/constraints.txt: 0
user 1000: /opt/hub/common/requirements.txt: 2
of the institute
of the institute
# Welcome
1000
healthcheck
post-start-hook
`
	code, said, err := engine.Run(t.Context(), mission.Reference, []string{"/bin/sh", "-c", look})
	if diff := cmp.Diff(want, strings.ReplaceAll(said, "\r", "")); err != nil || code != 0 || diff != "" {
		t.Errorf("exit %d, %v, the image (-want +got)\n%s", code, err, diff)
	}
}
