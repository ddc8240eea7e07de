package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

// withImages is a deployment of two images, the second built of the first. prod has the second one pinned.
func withImages(t *testing.T) string {
	t.Helper()
	const images = "config:\n  aws:region: us-east-1\n  hubwright:dns: null\n  hubwright:images:\n" +
		"    - {name: base, context: images/base}\n    - {name: user-image, context: images/user-image}\n  hubwright:hubs:\n" +
		"    - {name: hub, domain: hub.science.stsci.edu, templates: null, image: user-image}\n"
	return layered(t, map[string]string{
		"Pulumi.staging.yaml":          images,
		"Pulumi.prod.yaml":             images + "  hubwright:pins: {images: {user-image: registry.example.org/team/user-image@sha256:" + strings.Repeat("ab", 32) + "}}\n",
		"images/base/Dockerfile":       "FROM scratch\nCOPY Dockerfile /base\n",
		"images/user-image/Dockerfile": "ARG BASE_IMAGE=base\nFROM ${BASE_IMAGE}\nCOPY Dockerfile /user\n",
		"hubs/hub/common.yaml":         "", "hubs/hub/staging.yaml": "", "hubs/hub/prod.yaml": "",
	})
}

// do runs a command line in a deployment.
func do(t *testing.T, dir, line string) (code int, out, errs string) {
	t.Helper()
	a, o, e := testApp(t)
	code = a.run(t.Context(), append([]string{"hubwright", "-C", dir}, strings.Fields(line)...))
	return code, o.String(), e.String()
}

func TestImagesTag(t *testing.T) {
	dir := withImages(t)
	code, tag, errs := do(t, dir, "images tag base")
	if code != exitDone || !regexp.MustCompile(`^h1-[0-9a-f]{32}\n$`).MatchString(tag) || errs != "" {
		t.Fatalf("exit %d, %q, %s", code, tag, errs)
	}
	if _, again, _ := do(t, dir, "images tag --env staging base"); again != tag {
		t.Errorf("of staging it is %q, of all %q", again, tag)
	}
	_, text, _ := do(t, dir, "images tag user-image -o json")
	reference.Fits(t, []byte(text))
	for _, test := range []struct{ line, want string }{
		{"images tag", "which image?"},
		{"images tag usr-image", `there is no image "usr-image"; did you mean "user-image"?`},
		{"images tag --env prod user-image", "image user-image is built nowhere: it is pinned, in prod to registry.example.org"},
		{"images tags", `there is no "tags"; did you mean "tag"?`},
	} {
		if code, out, errs := do(t, dir, test.line); code != exitUsage || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit %d, %s, %s", test.line, code, out, errs)
		}
	}
}

func TestImagesList(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	dir, r := withImages(t), registrytest.New(t, registrytest.Options{})
	_, tag, _ := do(t, dir, "images tag base")
	digest := r.Push(t, "roman-sit-staging-base", strings.TrimSpace(tag), time.Now().Add(-50*time.Hour))

	code, out, errs := do(t, dir, "images list staging --registry "+r.Host)
	rows := strings.Split(out, "\n")
	if code != exitDone || errs != "" || len(rows) != 4 {
		t.Fatalf("exit %d, %s, %s", code, out, errs)
	}
	for i, want := range []string{"^NAME +TAG +DIGEST", "^base +" + strings.TrimSpace(tag) + " +" + digest[:19] + ` +\d+ B +2d +yes +none +image user-image$`, `^user-image +h1-\w+ +- +- +- +no +none +hub$`} {
		if !regexp.MustCompile(want).MatchString(rows[i]) {
			t.Errorf("row %d is %q, want %s", i, rows[i], want)
		}
	}

	// A registry that is not there hides nothing of what is known without it.
	r.Stop()
	code, out, errs = do(t, dir, "images list staging -o json --registry "+r.Host)
	reference.Fits(t, []byte(out))
	var list result.Images
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitDone || len(list.Images) != 2 {
		t.Fatalf("exit %d, %v, %s", code, err, errs)
	}
	if base := list.Images[0]; base.Tag != strings.TrimSpace(tag) || base.InRegistry != "unknown" || base.Admitted != "unknown" || len(list.Unasked) == 0 || !strings.Contains(errs, "connection refused") {
		t.Errorf("%+v, %v, %s", base, list.Unasked, errs)
	}
}
