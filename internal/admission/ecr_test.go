package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-cmp/cmp"
)

// ecrServer answers as ECR does, in the words of its API.
type ecrServer struct {
	*httptest.Server
	answers []string // to DescribeImageScanFindings, one after another; the last one stays. "Name: message" is an error
	start   string   // the error of StartImageScan, "" for none
	asked   []string // the operations, and the token where there is one
}

func newECR(t *testing.T, answers ...string) *ecrServer {
	t.Helper()
	s := &ecrServer{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var in struct {
			RepositoryName, RegistryID, NextToken string
			ImageID                               struct{ ImageDigest string }
		}
		if err != nil || json.Unmarshal(body, &in) != nil || in.RepositoryName != "roman/user-image" || in.ImageID.ImageDigest != digest || in.RegistryID != "162808325377" {
			t.Errorf("asked for %s", body)
		}
		_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
		s.asked = append(s.asked, strings.TrimSpace(operation+" "+in.NextToken))
		answer := "{}"
		switch {
		case operation == "StartImageScan" && s.start != "":
			answer = s.start
		case operation == "DescribeImageScanFindings":
			answer = s.answers[0]
			s.answers = s.answers[min(1, len(s.answers)-1):]
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if name, message, found := strings.Cut(answer, "Exception: "); found {
			code := http.StatusBadRequest
			if name == "Server" {
				code = http.StatusInternalServerError
			}
			w.WriteHeader(code)
			answer = fmt.Sprintf(`{"__type": "%sException", "message": %q}`, name, message)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

// scanner is ECR behind the server, as the SDK reaches it.
func (s *ecrServer) scanner(clock Clock) *ECR {
	return &ECR{Registry: "162808325377", Clock: clock, API: ecr.New(ecr.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIA", "s", ""), RetryMaxAttempts: 1,
	})}
}

// page is a page of an ended basic scan.
func page(token string, counts map[string]int, findings ...string) string {
	c, _ := json.Marshal(counts)
	return fmt.Sprintf(`{"imageId": {"imageDigest": %q}, "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."}, "nextToken": %q,
"imageScanFindings": {"imageScanCompletedAt": 1767607200, "vulnerabilitySourceUpdatedAt": 1767571200.5, "findingSeverityCounts": %s, "findings": [%s]}}`, digest, token, c, strings.Join(findings, ","))
}

func status(name, description string) string {
	return fmt.Sprintf(`{"imageId": {"imageDigest": %q}, "imageScanStatus": {"status": %q, "description": %q}}`, digest, name, description)
}

const (
	basicXZ   = `{"name": "CVE-2024-3094", "severity": "CRITICAL", "uri": "https://security-tracker.debian.org/tracker/CVE-2024-3094", "attributes": [{"key": "package_version", "value": "5.6.1-1"}, {"key": "package_name", "value": "xz-utils"}, {"key": "CVSS2_SCORE", "value": "10"}]}`
	basicBash = `{"name": "CVE-2026-0001", "severity": "UNDEFINED", "attributes": [{"key": "package_name", "value": "bash"}]}`
	basicCurl = `{"name": "CVE-2025-0001", "severity": "LOW", "attributes": [{"key": "package_name", "value": "curl"}, {"key": "package_version", "value": "7.88.1"}]}`
)

func TestECRBasic(t *testing.T) {
	counts := map[string]int{"CRITICAL": 1, "UNDEFINED": 1, "LOW": 1}
	server := newECR(t,
		"ScanNotFoundException: there is none", "ThrottlingException: too fast", "ServerException: later", page("more", counts, basicCurl, basicBash), page("", counts, basicXZ))
	clock := &fakeClock{now: noon}
	r, err := server.scanner(clock).Scan(t.Context(), subject, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Scanner: "ECR basic scanning", Completed: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC), Database: time.Date(2026, 1, 5, 0, 0, 0, 5e8, time.UTC), digests: []string{digest},
		Findings: []Finding{
			{ID: "CVE-2024-3094", Package: "xz-utils", Version: "5.6.1-1", Given: "CRITICAL", Severity: Critical, Source: "ECR", URL: "https://security-tracker.debian.org/tracker/CVE-2024-3094"},
			{ID: "CVE-2026-0001", Package: "bash", Given: "UNDEFINED", Severity: Critical, Unknown: true, Source: "ECR"},
			{ID: "CVE-2025-0001", Package: "curl", Version: "7.88.1", Given: "LOW", Severity: Low, Source: "ECR"},
		},
	}
	if diff := cmp.Diff(want, *r, cmp.AllowUnexported(Report{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	const ask = "DescribeImageScanFindings"
	if diff := cmp.Diff([]string{ask, "StartImageScan", ask, ask, ask, ask + " more"}, server.asked); diff != "" {
		t.Errorf("asked (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}, clock.waits); diff != "" {
		t.Errorf("waited (-want +got)\n%s", diff)
	}
}

func TestECREnhanced(t *testing.T) {
	// As https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html has it.
	finding := func(id, severity, status string) string {
		return fmt.Sprintf(`{"awsAccountId": "162808325377", "findingArn": "arn:aws:inspector2:us-east-1:162808325377:finding/1", "fixAvailable": "PARTIAL", "score": 9.8, "severity": %q, "status": %q, "title": "%s - openssl, libssl3", "type": "PACKAGE_VULNERABILITY",
"packageVulnerabilityDetails": {"source": "DEBIAN_CVE", "sourceUrl": "https://security-tracker.debian.org/tracker/%s", "vulnerabilityId": %q, "relatedVulnerabilities": [],
"vulnerablePackages": [{"name": "openssl", "epoch": 1, "version": "3.0.11", "release": "1", "fixedInVersion": "0:3.0.13-1", "packageManager": "OS"}, {"name": "libssl3", "epoch": 0, "version": "3.0.11", "fixedInVersion": "NotAvailable"}]}}`, severity, status, id, id, id)
	}
	enhanced := func(completed string, findings ...string) string {
		return fmt.Sprintf(`{"imageId": {"imageDigest": %q}, "imageScanStatus": {"status": "ACTIVE", "description": "Continuous scan is selected for image."}, "imageScanFindings": {%s "findingSeverityCounts": {"CRITICAL": 1}, "enhancedFindings": [%s]}}`, digest, completed, strings.Join(findings, ","))
	}
	server := newECR(t, status("PENDING", ""), enhanced(""), enhanced(`"imageScanCompletedAt": 1767607200,`,
		finding("CVE-2025-1000", "CRITICAL", "ACTIVE"), finding("CVE-2025-1001", "UNTRIAGED", "SUPPRESSED"), finding("CVE-2025-1002", "HIGH", "CLOSED"), `{"title": "CVE-2025-1003 - something", "severity": "MEDIUM", "status": "ACTIVE"}`))
	clock := &fakeClock{now: noon}
	r, err := server.scanner(clock).Scan(t.Context(), subject, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	const tracker = "https://security-tracker.debian.org/tracker/"
	want := []Finding{
		{ID: "CVE-2025-1000", Package: "libssl3", Version: "3.0.11", Given: "CRITICAL", Severity: Critical, Source: "Amazon Inspector", URL: tracker + "CVE-2025-1000"},
		{ID: "CVE-2025-1000", Package: "openssl", Version: "1:3.0.11-1", Fixed: "0:3.0.13-1", Given: "CRITICAL", Severity: Critical, Source: "Amazon Inspector", URL: tracker + "CVE-2025-1000"},
		{ID: "CVE-2025-1001", Package: "libssl3", Version: "3.0.11", Given: "UNTRIAGED", Severity: Critical, Unknown: true, Source: "Amazon Inspector", URL: tracker + "CVE-2025-1001"},
		{ID: "CVE-2025-1001", Package: "openssl", Version: "1:3.0.11-1", Fixed: "0:3.0.13-1", Given: "UNTRIAGED", Severity: Critical, Unknown: true, Source: "Amazon Inspector", URL: tracker + "CVE-2025-1001"},
		{ID: "CVE-2025-1003 - something", Given: "MEDIUM", Severity: Medium, Source: "Amazon Inspector"},
	}
	if diff := cmp.Diff(want, r.Findings); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if r.Scanner != "ECR enhanced scanning" || len(clock.waits) != 2 {
		t.Errorf("scanner %q, waited %v", r.Scanner, clock.waits)
	}
}

func TestECRWithoutResult(t *testing.T) {
	loop := page("again", map[string]int{"LOW": 1}, basicCurl)
	tests := []struct {
		name, start, want string
		answers           []string
	}{
		{"in progress for ever", "", "there was no result of ECR's scan after 1m0s: ECR's scan is in progress", []string{status("IN_PROGRESS", "")}},
		{"pending for ever", "", "there was no result of ECR's scan after 1m0s: ECR's scan is pending", []string{status("PENDING", "")}},
		{"down for ever", "", "there was no result of ECR's scan after 1m0s: ECR does not answer as it should: ServerException: later", []string{"ServerException: later"}},
		{"never begun", "", "there was no result of ECR's scan after 1m0s: ECR has no scan of it", []string{"ScanNotFoundException: none"}},
		{"begun by itself", "ValidationException: enhanced scanning is on", "there was no result of ECR's scan after 1m0s: ECR has no scan of it", []string{"ScanNotFoundException: none"}},
		{"scanned today", "LimitExceededException: once a day", "there was no result of ECR's scan after 1m0s: ECR has no scan of it", []string{"ScanNotFoundException: none"}},
		{"not to be begun", "AccessDeniedException: not for you", "beginning a scan in ECR: AccessDeniedException: not for you", []string{"ScanNotFoundException: none"}},
		{"unsupported on beginning", "UnsupportedImageTypeException: no such thing", "ECR does not support this image, so that nothing is known of it: no such thing", []string{"ScanNotFoundException: none"}},
		{"unsupported", "", "ECR does not support this image, so that nothing is known of it: UnsupportedImageError: The operating system is not supported.", []string{status("UNSUPPORTED_IMAGE", "UnsupportedImageError: The operating system is not supported.")}},
		{"failed", "", "ECR's scan failed: it broke", []string{status("FAILED", "it broke")}},
		{"no longer", "", "ECR no longer scans this image", []string{status("SCAN_ELIGIBILITY_EXPIRED", "")}},
		{"not available", "", "ECR's findings are not available", []string{status("FINDINGS_UNAVAILABLE", "")}},
		{"too many", "", "ECR's limit of scans is reached", []string{status("LIMIT_EXCEEDED", "")}},
		{"archived", "", "the image is archived in ECR, and is not scanned there", []string{status("IMAGE_ARCHIVED", "")}},
		{"a state of tomorrow", "", `ECR's scan is in a state that is not known here, "PAUSED"`, []string{status("PAUSED", "")}},
		{"no state", "", "ECR does not say how its scan stands", []string{"{}"}},
		{"ended without a result", "", "ECR says that its scan has ended, and gave no result of it", []string{status("COMPLETE", "")}},
		{"fewer than counted", "", "ECR counts 2 findings and gave 1 of them", []string{page("", map[string]int{"CRITICAL": 1, "LOW": 1}, basicCurl)}},
		{"pages without an end", "", "ECR's pages of findings have no end: one leads back to another", []string{loop}},
		{"no image", "", "ECR has no image with this digest", []string{"ImageNotFoundException: none"}},
		{"no repository", "", "ECR has no such repository", []string{"RepositoryNotFoundException: none"}},
		{"not permitted", "", "reading the scan's findings in ECR: AccessDeniedException: not for you", []string{"AccessDeniedException: not for you"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newECR(t, test.answers...)
			server.start = test.start
			clock := &fakeClock{now: noon}
			_, err := server.scanner(clock).Scan(t.Context(), subject, time.Minute)
			var none *NoResultError
			if !errors.As(err, &none) || none.Why != test.want {
				t.Errorf("got %v; want %s", err, test.want)
			}
			if waited := clock.now.Sub(noon); waited > time.Minute {
				t.Errorf("waited %s, longer than there was time", waited)
			}
		})
	}
}

func TestECRGivesUpWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := newECR(t, status("IN_PROGRESS", ""))
	if _, err := server.scanner(&fakeClock{now: noon, woken: cancel}).Scan(ctx, subject, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(server.asked) != 1 {
		t.Errorf("asked %v", server.asked)
	}
}
