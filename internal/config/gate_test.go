package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubwright/hubwright/internal/config"
)

func TestGate(t *testing.T) {
	dir := staging(t, `  hubwright:registry:
    gate:
      threshold: high
      required: true
      atMost: {medium: 20, low: 100}
      scanner: {command: [grype, "{image}", -o, json], findingsExitCodes: [2]}
      allow:
        - {id: CVE-2024-1, reason: not reachable, expires: 2026-12-31}
        - {id: CVE-2024-2, image: user-image, reason: not reachable, expires: 2026-12-31}
        - {id: CVE-2024-3, image: gpu, reason: being mended, expires: "2026-12-31"}
  hubwright:images:
    - name: user-image
      test: [jupyter, lab, --version]
      gate: {atMost: {medium: 5}, timeoutSeconds: 60, allow: [{id: CVE-2024-4, package: curl, reason: being mended, expires: 2026-12-31}]}
    - {name: gpu, context: image, gate: {threshold: low, scanner: {command: [trivy, image, "{image}"], format: trivy}}}
`)
	s, err := config.Load(dir, "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const day = "2026-12-31"
	want := config.Gate{
		Threshold: "high", Required: true, AtMost: map[string]int{"medium": 5, "low": 100}, TimeoutSeconds: 60, TestTimeoutSeconds: 600,
		Scanner: config.Scanner{Command: []string{"grype", "{image}", "-o", "json"}, Format: "auto", FindingsExitCodes: []int{2}},
		Allow: []config.Allowance{
			{ID: "CVE-2024-1", Reason: "not reachable", Expires: day},
			{ID: "CVE-2024-2", Image: "user-image", Reason: "not reachable", Expires: day},
			{ID: "CVE-2024-4", Package: "curl", Image: "user-image", Reason: "being mended", Expires: day},
		},
	}
	if diff := cmp.Diff(want, s.Gate(s.Image("user-image"))); diff != "" {
		t.Errorf("user-image (-want +got)\n%s", diff)
	}
	want = config.Gate{
		Threshold: "low", Required: true, AtMost: map[string]int{"medium": 20, "low": 100}, TimeoutSeconds: 900, TestTimeoutSeconds: 600,
		Scanner: config.Scanner{Command: []string{"trivy", "image", "{image}"}, Format: "trivy"},
		Allow: []config.Allowance{
			{ID: "CVE-2024-1", Reason: "not reachable", Expires: day},
			{ID: "CVE-2024-3", Image: "gpu", Reason: "being mended", Expires: day},
		},
	}
	if diff := cmp.Diff(want, s.Gate(s.Image("gpu"))); diff != "" {
		t.Errorf("gpu (-want +got)\n%s", diff)
	}
	if got := s.Registry.Gate.AtMost; len(got) != 2 || got["medium"] != 20 {
		t.Errorf("the registry's gate was changed: %v", got)
	}
}

// TestGateOfTheEngine has the gate as the engine gives it to a running program: a day without quotes has become a time.
func TestGateOfTheEngine(t *testing.T) {
	const allow = `{"allow": [{"id": "CVE-2024-1", "reason": "being mended", "expires": "2026-12-31 00:00:00 +0000 UTC"}]}`
	dir := staging(t, `  hubwright:registry: {gate: {allow: [{id: CVE-2024-1, reason: being mended, expires: 2026-12-31}]}}
  hubwright:images: [{name: user-image, gate: {allow: [{id: CVE-2024-1, reason: being mended, expires: 2026-12-31}]}}]
`)
	s, err := config.Load(dir, "staging", map[string]string{
		"hubwright:registry": `{"gate": ` + allow + `}`, "hubwright:images": `[{"name": "user-image", "gate": ` + allow + `}]`,
	}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range s.Gate(s.Image("user-image")).Allow {
		if a.Expires != "2026-12-31" {
			t.Errorf("allowance %d holds until %q", i, a.Expires)
		}
	}
}

func TestGateByDefault(t *testing.T) {
	s, err := config.Load(staging(t, ""), "staging", nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Gate{Threshold: "critical", AtMost: map[string]int{}, TimeoutSeconds: 900, TestTimeoutSeconds: 600}
	if diff := cmp.Diff(want, s.Gate(s.Image("user-image"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWrongGate(t *testing.T) {
	const gate, image = "  hubwright:registry: {gate: ", "  hubwright:images: [{name: user-image, "
	tests := []struct {
		name, lines, want string
	}{
		{"an unknown key", gate + "{treshold: high}}", `registry.gate.treshold: is not a key of registry.gate; did you mean "threshold"?`},
		{"a threshold", gate + "{threshold: CRITCAL}}", `registry.gate.threshold: "CRITCAL" is not known; did you mean "critical"? It is one of critical, high, medium, low or informational`},
		{"an empty threshold", gate + `{threshold: ""}}`, `registry.gate.threshold: "" is not known; use critical, high, medium, low or informational`},
		{"a severity", gate + "{atMost: {moderate: 3}}}", `registry.gate.atMost.moderate: "moderate" is not known; use critical, high, medium, low or informational`},
		{"less than none", gate + "{atMost: {high: -1}}}", `registry.gate.atMost.high: is -1; use 0 or more; to permit any number, raise the threshold and take this out`},
		{"no time", gate + "{timeoutSeconds: 0}}", `registry.gate.timeoutSeconds: is 0; use 1 to 86400`},
		{"no time for a test", image + "gate: {testTimeoutSeconds: -1}}]", `images[user-image].gate.testTimeoutSeconds: is -1; use 1 to 86400`},
		{"a scanner without an image", gate + "{scanner: {command: [trivy, image]}}}", `registry.gate.scanner.command: does not say which image to scan; put "{image}" where the command wants the image: it stands for the image by its digest`},
		{"a shell's line", gate + `{scanner: {command: ["trivy image {image}"]}}}`, `registry.gate.scanner.command: does not say which image to scan; put "{image}" where the command wants the image: it stands for the image by its digest
Pulumi.staging.yaml:5: registry.gate.scanner.command[0]: "trivy image {image}" is several words in one, and no shell parts them; write each word as an entry: [trivy, image, {image}]`},
		{"a password", gate + `{scanner: {command: [trivy, image, --password=hunter2, "{image}"]}}}`, `registry.gate.scanner.command[2]: "--password" would show a credential to everybody on the machine; give it in the command's environment, such as TRIVY_PASSWORD, and take it out here`},
		{"a form", gate + `{scanner: {command: [snyk, "{image}"], format: serif}}}`, `registry.gate.scanner.format: "serif" is not known; did you mean "sarif"? It is one of auto, sarif, trivy or grype`},
		{"an exit code", gate + `{scanner: {command: [snyk, "{image}"], findingsExitCodes: [0]}}}`, `registry.gate.scanner.findingsExitCodes[0]: is 0; use 1 to 255`},
		{"a form of no command", gate + "{scanner: {format: sarif}}}", `registry.gate.scanner.format: is of a scanner, but there is no command; give the command word by word, such as [trivy, image, --format, json, "{image}"], or take scanner out: then ECR's own scan counts`},
		{"an allowance without a reason", gate + "{allow: [{id: CVE-2024-1, expires: 2026-12-31}]}}", `registry.gate.allow[0].reason: is missing; say why it is harmless, or who works on it`},
		{"an allowance for ever", gate + "{allow: [{id: CVE-2024-1, reason: harmless}]}}", `registry.gate.allow[0].expires: is missing; the last day on which it holds, such as 2026-12-31`},
		{"a day that is none", gate + "{allow: [{id: CVE-2024-1, reason: harmless, expires: 2026-02-30}]}}", `registry.gate.allow[0].expires: "2026-02-30" is not a day; write it like 2026-12-31`},
		{"an allowance of anything", gate + "{allow: [{reason: harmless, expires: 2026-12-31}]}}", `registry.gate.allow[0].id: is missing; the finding as the scanner names it, such as CVE-2024-3094`},
		{"an id of two", gate + "{allow: [{id: 'CVE-2024-1, CVE-2024-2', reason: harmless, expires: 2026-12-31}]}}", `registry.gate.allow[0].id: "CVE-2024-1, CVE-2024-2" is not the id of a finding; write it like CVE-2024-3094`},
		{"an image that is none", gate + "{allow: [{id: CVE-2024-1, image: user-imag, reason: harmless, expires: 2026-12-31}]}}", `registry.gate.allow[0].image: there is no image "user-imag"; did you mean "user-image"?`},
		{"another's gate", image + "gate: {allow: [{id: CVE-2024-1, image: gpu, reason: harmless, expires: 2026-12-31}]}}]", `images[user-image].gate.allow[0].image: is "gpu", but the gate is that of image "user-image"; take it out, or move the entry to that image, or to registry.gate`},
		{"permitted twice", gate + "{allow: [{id: CVE-2024-1, reason: a, expires: 2026-12-31}, {id: cve-2024-1, reason: b, expires: 2027-12-31}]}}", `registry.gate.allow[1]: permits cve-2024-1 again, after entry 0; keep one`},
		{"a test in one word", image + `test: ["jupyter lab --version"]}]`, `images[user-image].test[0]: "jupyter lab --version" is several words in one, and no shell parts them; write each word as an entry: [jupyter, lab, --version]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, staging(t, test.lines+"\n"), "Pulumi.staging.yaml:5: "+test.want)
		})
	}
}
