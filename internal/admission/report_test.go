package admission

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// digest is the image that the files in testdata are about.
var digest = "sha256:" + strings.Repeat("a", 64)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	tests := []struct {
		file, format string
		want         Report
	}{
		{"trivy.json", FormatTrivy, Report{
			Scanner: "trivy", Completed: time.Date(2026, 1, 5, 10, 0, 0, 123456789, time.UTC), Ignored: 1, digests: []string{digest},
			Findings: []Finding{
				{ID: "CVE-2024-3094", Package: "xz-utils", Version: "5.6.1-1", Fixed: "5.6.1+really5.4.5-1", Given: "CRITICAL", Severity: Critical, Source: "Debian Security Tracker", URL: "https://avd.aquasec.com/nvd/cve-2024-3094"},
				{ID: "TEMP-0841856-B18BAF", Package: "bash", Version: "5.2.15-2+b7", Given: "UNKNOWN", Severity: Critical, Unknown: true, Source: "trivy"},
				{ID: "aws-secret-access-key", Package: "/home/jovyan/.aws/credentials", Given: "CRITICAL", Severity: Critical, Source: "trivy secret"},
				{ID: "CVE-2024-22195", Package: "Jinja2", Version: "3.1.2", Fixed: "3.1.3", Given: "MEDIUM", Severity: Medium, Source: "ghsa", URL: "https://avd.aquasec.com/nvd/cve-2024-22195"},
			},
		}},
		{"grype.json", FormatGrype, Report{
			Scanner: "grype", Version: "0.110.0", Completed: time.Date(2026, 1, 5, 10, 0, 0, 5e8, time.UTC), Database: time.Date(2026, 1, 4, 6, 48, 35, 0, time.UTC), Ignored: 1, digests: []string{digest},
			Findings: []Finding{
				{ID: "CVE-2024-3094", Package: "xz-utils", Version: "5.6.1-1", Given: "Critical", Severity: Critical, Source: "debian:distro:debian:13", URL: "https://security-tracker.debian.org/tracker/CVE-2024-3094"},
				{ID: "CVE-2025-0001", Package: "zlib1g", Version: "1:1.3", Given: "Unknown", Severity: Critical, Unknown: true, Source: "debian:distro:debian:13"},
				{ID: "GHSA-h5c8-rqwp-cp95", Package: "Jinja2", Version: "3.1.2", Fixed: "3.1.3", Given: "Medium", Severity: Medium, Source: "github:language:python", URL: "https://github.com/advisories/GHSA-h5c8-rqwp-cp95"},
				{ID: "CVE-2011-3389", Package: "libgnutls30", Version: "3.8.0-1", Given: "Negligible", Severity: Informational, Source: "debian:distro:debian:13", URL: "https://security-tracker.debian.org/tracker/CVE-2011-3389"},
			},
		}},
		{"trivy.sarif", FormatSARIF, Report{
			Scanner: "Trivy", Version: "0.58.1", digests: []string{digest},
			Findings: []Finding{
				{ID: "CVE-2024-3094", Package: "xz-utils", Version: "5.6.1-1", Fixed: "5.6.1+really5.4.5-1", Given: "10.0", Severity: Critical, Source: "Trivy", URL: "https://avd.aquasec.com/nvd/cve-2024-3094"},
				{ID: "TEMP-0841856-B18BAF", Package: "bash", Version: "5.2.15-2+b7", Given: "0.0", Severity: Critical, Unknown: true, Source: "Trivy"},
				{ID: "CVE-2024-22195", Package: "Jinja2", Version: "3.1.2", Fixed: "3.1.3", Given: "5.4", Severity: Medium, Source: "Trivy"},
			},
		}},
		{"levels.sarif", FormatSARIF, Report{
			Scanner: "linter", Version: "1.2.3", Completed: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC),
			Findings: []Finding{
				{ID: "R1", Given: "error", Severity: Critical, Source: "linter"},
				{ID: "R2", Given: "", Severity: Critical, Unknown: true, Source: "linter"},
				{ID: "R3", Given: "8.1", Severity: High, Source: "linter"},
				{ID: "R4", Given: "high", Severity: High, Source: "linter"},
				{ID: "CVE-2024-3094", Given: "note", Severity: Low, Source: "linter"},
				{ID: "R2/part", Given: "note", Severity: Low, Source: "linter"},
				{ID: "X1", Given: "3.9", Severity: Low, Source: "linter"},
			},
		}},
	}
	for _, test := range tests {
		for _, format := range []string{test.format, FormatAuto} {
			t.Run(test.file+" as "+format, func(t *testing.T) {
				got, err := Parse(format, sample(t, test.file))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, *got, cmp.AllowUnexported(Report{}), cmpopts.EquateApproxTime(0)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				text, err := (&Record{Scan: got}).text()
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), "planted-secret") {
					t.Error("a secret that the scanner found is in the record")
				}
			})
		}
	}
}

func TestRubbish(t *testing.T) {
	other := strings.NewReplacer("@"+digest, ":latest", digest, "latest")
	without := func(name, text, instead string) string {
		t.Helper()
		whole := string(sample(t, name))
		if !strings.Contains(whole, text) {
			t.Fatalf("%s has no %s", name, text)
		}
		return strings.Replace(whole, text, instead, 1)
	}
	tests := []struct {
		name, format, report, want string
	}{
		{"nothing", FormatAuto, " \n", "it is empty"},
		{"no JSON", FormatAuto, "scanning…\n{}", "it is not JSON: invalid character 's' looking for beginning of value"},
		{"half of it", FormatAuto, string(sample(t, "trivy.json")[:400]), "it breaks off in the middle"},
		{"more than it", FormatAuto, string(sample(t, "trivy.json")) + "done", "there is something behind the end of the JSON document"},
		{"a list", FormatAuto, "[]", "it is a JSON array, but an object is wanted"},
		{"another object", FormatAuto, `{"findings": []}`, "it is neither SARIF nor JSON of trivy or grype"},
		{"null", FormatAuto, "null", "it is neither SARIF nor JSON of trivy or grype"},
		{"a number for a list", FormatTrivy, `{"SchemaVersion": 2, "Results": 5}`, "it has a JSON number at Results, which is not of its form"},
		{"trivy of old", FormatTrivy, without("trivy.json", `"SchemaVersion": 2`, `"SchemaVersion": 1`), "it is trivy's JSON of schema version 1, and only 2 is understood"},
		{"a folder for trivy", FormatTrivy, without("trivy.json", `"container_image"`, `"filesystem"`), "trivy scanned a filesystem, not an image"},
		{"nothing for trivy to look at", FormatTrivy, `{"SchemaVersion": 2, "ArtifactName": "a@` + digest + `"}`, "trivy found nothing in the image that it could look at, neither an operating system nor packages: such an image it cannot judge"},
		{"trivy of a tag", FormatTrivy, other.Replace(string(sample(t, "trivy.json"))), `trivy says that it scanned "registry.example.org/user-image:latest", which no digest names`},
		{"a finding of nothing", FormatTrivy, without("trivy.json", `"VulnerabilityID": "TEMP-0841856-B18BAF"`, `"VulnerabilityID": ""`), "it has a finding without an id"},
		{"grype without matches", FormatGrype, `{"source": {"type": "image"}, "descriptor": {"name": "grype"}}`, "it has no matches, not even an empty list of them"},
		{"a folder for grype", FormatGrype, `{"matches": [], "source": {"type": "directory", "target": "/"}, "descriptor": {"name": "grype"}}`, `grype scanned a source of type "directory", not an image`},
		{"grype of a tag", FormatGrype, other.Replace(string(sample(t, "grype.json"))), `grype says that it scanned "registry.example.org/user-image:latest", which no digest names`},
		{"another SARIF", FormatSARIF, `{"version": "2.0.0", "runs": []}`, `it is SARIF of version "2.0.0", and only 2.1.0 is understood`},
		{"SARIF of nothing", FormatSARIF, `{"version": "2.1.0", "runs": []}`, "it has no run, so that nothing was scanned"},
		{"SARIF of nobody", FormatSARIF, `{"version": "2.1.0", "runs": [{"results": []}]}`, "run 0 does not name its tool"},
		{"SARIF without results", FormatSARIF, `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}}]}`, "the run of x has no results, not even an empty list of them"},
		{"a run that failed", FormatSARIF, without("levels.sarif", `"executionSuccessful": true`, `"executionSuccessful": false`), "linter says in it that its run failed"},
		{"a form that is none", "xml", "{}", `a report of form "xml" is not understood`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if r, err := Parse(test.format, []byte(test.report)); err == nil || err.Error() != test.want {
				t.Errorf("got %v, %v; want %s", r, err, test.want)
			}
		})
	}
}

func TestRank(t *testing.T) {
	for word, want := range map[string]Severity{
		"CRITICAL": Critical, "High": High, "Medium\n": Medium, "low": Low, "INFORMATIONAL": Informational, "Negligible": Informational,
		"UNDEFINED": Critical, "UNTRIAGED": Critical, "Unknown": Critical, "": Critical, "important": Critical, "CRITCAL": Critical,
	} {
		got, known := Rank(word)
		if got != want || known == (want == Critical && word != "CRITICAL") {
			t.Errorf("%q: %s, known %v; want %s", word, got, known, want)
		}
	}
	for n, want := range map[float64]Severity{10: Critical, 9: Critical, 8.9: High, 7: High, 6.9: Medium, 4: Medium, 3.9: Low, 0.1: Low} {
		if got, known := score(n); got != want || !known {
			t.Errorf("%v: %s, known %v; want %s", n, got, known, want)
		}
	}
	for _, n := range []float64{0, -1, 10.1} {
		if got, known := score(n); got != Critical || known {
			t.Errorf("%v: %s, known %v; want critical, unknown", n, got, known)
		}
	}
}

// parses holds what is read of any report to what has to be so of each: findings have ids and severities, sorted, and reading twice gives the same.
func parses(t *testing.T, format string, data []byte) {
	t.Helper()
	r, err := Parse(format, data)
	if err != nil {
		return
	}
	again, err := Parse(format, data)
	if diff := cmp.Diff(r, again, cmp.AllowUnexported(Report{})); diff != "" || err != nil {
		t.Errorf("reading twice gives something else: %v\n%s", err, diff)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.ID == "" || f.Source == "" || f.Severity == "" || f.Unknown && f.Severity != Critical {
			t.Errorf("finding %d: %+v", i, *f)
		}
		if i > 0 && r.Findings[i-1].Severity.rank() > f.Severity.rank() {
			t.Errorf("finding %d is worse than the one before it", i)
		}
	}
}

func FuzzSARIF(f *testing.F) {
	f.Add(sample(f, "trivy.sarif"))
	f.Add(sample(f, "levels.sarif"))
	f.Add([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"properties":{"security-severity":"NaN"}}]}},"results":[{"ruleIndex":0},{"ruleIndex":-1},{"ruleId":"/"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) { parses(t, FormatSARIF, data) })
}

func FuzzScannerJSON(f *testing.F) {
	f.Add(sample(f, "trivy.json"))
	f.Add(sample(f, "grype.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{FormatAuto, FormatTrivy, FormatGrype} {
			parses(t, format, data)
		}
	})
}
