package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/oci/registrytest"
	"github.com/hubwright/hubwright/internal/reference"
	"github.com/hubwright/hubwright/internal/result"
)

// The configured scanner looks at the image by its digest, with the registry's credentials; the verdict is shown, recorded, and listed.
func TestImagesScan(t *testing.T) {
	t.Setenv("HUBWRIGHT_SANDBOX", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dir, r := withImages(t), registrytest.New(t, registrytest.Options{})
	scanner := filepath.Join(dir, "scanner")
	sarif := func(results string) {
		t.Helper()
		text := "#!/bin/sh\n[ -s \"$DOCKER_CONFIG/config.json\" ] && echo \"$1 signed in\" >> " + filepath.Join(dir, "asked") + "\ncat <<'E'\n" +
			`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "test", "rules": [{"id": "CVE-1", "properties": {"security-severity": "9.8"}}]}}, "results": [` + results + "]}]}\nE\n"
		if err := os.WriteFile(scanner, []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "Pulumi.staging.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "  hubwright:registry: {gate: {scanner: {command: ["+scanner+`, "{image}"], format: sarif}}}`+"\n"...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := do(t, dir, "images scan staging base --registry "+r.Host)
	if code != exitFailed || !strings.Contains(errs, "the registry lacks what is to be scanned: base") {
		t.Fatalf("exit %d, %s", code, errs)
	}
	_, tag, _ := do(t, dir, "images tag --env staging base")
	digest := r.Push(t, "roman-sit-staging-base", strings.TrimSpace(tag), time.Now())

	sarif("")
	code, out, errs := do(t, dir, "images scan staging base --registry "+r.Host)
	if code != exitDone || !strings.Contains(out, "base "+digest[:19]+": admitted") {
		t.Fatalf("exit %d, %s, %s", code, out, errs)
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); err != nil || string(asked) != r.Host+"/roman-sit-staging-base@"+digest+" signed in\n" {
		t.Errorf("the scanner was asked %q, %v", asked, err)
	}
	if left, err := os.ReadDir(os.Getenv("XDG_RUNTIME_DIR")); err != nil || len(left) > 0 {
		t.Errorf("credentials are left: %v, %v", left, err)
	}
	if _, out, _ := do(t, dir, "images list staging --registry "+r.Host); !strings.Contains(out, "  yes          yes ") {
		t.Errorf("listed:\n%s", out)
	}

	sarif(`{"ruleId": "CVE-1", "message": {"text": "bad"}}`)
	code, out, errs = do(t, dir, "images scan staging base -o json --registry "+r.Host)
	reference.Fits(t, []byte(out))
	var verdicts result.Admissions
	if err := json.Unmarshal([]byte(out), &verdicts); err != nil || code != exitStopped || verdicts.Admitted || verdicts.Images[0].Counts.Critical != 1 || !strings.Contains(errs, "the gate refuses") {
		t.Errorf("exit %d, %v, %s, %s", code, err, out, errs)
	}
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{"images scan", "which environment?", exitUsage},
		{"images scan staging bse", `did you mean "base"?`, exitUsage},
		{"images scan staging --for staging", "to another environment than staging", exitUsage},
		{"images scan staging --for prd", `did you mean "prod"?`, exitUsage},
		{"images scan staging base --sandbox --registry x", "the sandbox has a registry of its own", exitUsage},
	} {
		if code, _, errs := do(t, dir, test.line); code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit %d, %s", test.line, code, errs)
		}
	}
}
