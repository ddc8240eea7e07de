package admission

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
)

// ECRAPI is what is asked of ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html and
// API_StartImageScan.html beside it. *ecr.Client has it.
type ECRAPI interface {
	DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error)
	StartImageScan(context.Context, *ecr.StartImageScanInput, ...func(*ecr.Options)) (*ecr.StartImageScanOutput, error)
}

// ECR is the scan that ECR makes of what is pushed to it, basic or enhanced, whichever the registry is set to.
type ECR struct {
	// API is ECR's.
	API ECRAPI
	// Registry is the account whose registry it is; "" is the caller's own.
	Registry string
	// Clock says how late it is.
	Clock Clock
}

// Waiting for ECR: how long before it is asked for the second time, and how long at most before a later one. A basic scan takes seconds, the first
// enhanced one minutes.
const firstPoll, longestPoll = 2 * time.Second, 30 * time.Second

// pageSize is the most that a page of findings may have:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html#API_DescribeImageScanFindings_RequestSyntax
const pageSize = 1000

// The scanners, as a report names them: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
const basicScanning, enhancedScanning = "ECR basic scanning", "ECR enhanced scanning"

// errNotYet says that the scan has not ended.
var errNotYet = errors.New("not yet")

// passing tells faults that pass: throttling, a service that is down, a connection that broke. The client has tried again by itself a few times; there
// may be time for more.
var passing = retry.NewStandard()

// Scan waits for ECR's scan of an image and reads its findings. A scan that nobody has begun it begins.
func (e *ECR) Scan(ctx context.Context, subject Subject, patience time.Duration) (*Report, error) {
	deadline := e.Clock.Now().Add(patience)
	calls, cancel := context.WithTimeout(ctx, patience) // for a service that takes a request and never answers
	defer cancel()
	begun := false
	for wait := firstPoll; ; wait = min(2*wait, longestPoll) {
		r, status, err := e.read(calls, subject)
		if err == nil {
			return r, nil
		}
		var none *types.ScanNotFoundException
		var last string // how it stood when the time was over
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err() //nolint:wrapcheck // it is the caller's own
		case errors.As(err, &none):
			if !begun {
				if err := e.begin(calls, subject); err != nil {
					return nil, err
				}
			}
			begun, last = true, "ECR has no scan of it"
		case errors.Is(err, errNotYet):
			last = status
		default:
			return nil, err
		}
		left := deadline.Sub(e.Clock.Now())
		if left <= 0 {
			return nil, &NoResultError{
				Why:  fmt.Sprintf("there was no result of ECR's scan after %s: %s", patience, last),
				Hint: "look at the repository's scan settings in ECR, or allow it more time with gate.timeoutSeconds",
			}
		}
		if err := e.Clock.Sleep(ctx, min(wait, left)); err != nil {
			return nil, err
		}
	}
}

// begin asks for a basic scan. That a scan was made within the day, or that scanning is enhanced and begins by itself, is no failure.
func (e *ECR) begin(ctx context.Context, subject Subject) error {
	_, err := e.API.StartImageScan(ctx, &ecr.StartImageScanInput{
		RepositoryName: aws.String(subject.path()), ImageId: &types.ImageIdentifier{ImageDigest: &subject.Digest}, RegistryId: optional(e.Registry),
	})
	var often *types.LimitExceededException
	var enhanced *types.ValidationException
	var unsupported *types.UnsupportedImageTypeException
	switch {
	case err == nil, errors.As(err, &often), errors.As(err, &enhanced):
		return nil
	case errors.As(err, &unsupported):
		return unsupportedImage(aws.ToString(unsupported.Message))
	}
	return ecrFailed("beginning a scan", err)
}

func unsupportedImage(why string) error {
	return &NoResultError{Why: sentence("ECR does not support this image, so that nothing is known of it", why), Hint: "build it on a system that ECR scans, or name a scanner with gate.scanner.command"}
}

// read reads the findings, page by page. The status is that of the scan in words when the error is errNotYet.
func (e *ECR) read(ctx context.Context, subject Subject) (*Report, string, error) {
	r := &Report{Scanner: basicScanning}
	counted := map[string]int32{}
	basic := 0
	seen := map[string]bool{}
	for token := (*string)(nil); ; {
		page, err := e.API.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{
			RepositoryName: aws.String(subject.path()), ImageId: &types.ImageIdentifier{ImageDigest: &subject.Digest}, RegistryId: optional(e.Registry),
			NextToken: token, MaxResults: aws.Int32(pageSize),
		})
		switch {
		case err != nil && ctx.Err() == nil && passing.IsErrorRetryable(err):
			return nil, "ECR does not answer as it should: " + inWords(err), errNotYet
		case err != nil:
			return nil, "", ecrFailed("reading the scan's findings", err)
		}
		if page.ImageId != nil {
			r.about(aws.ToString(page.ImageId.ImageDigest))
		}
		if status, err := statusOf(page); err != nil {
			return nil, status, err
		}
		if page.ImageScanStatus.Status == types.ScanStatusActive {
			r.Scanner = enhancedScanning
		}
		if f := page.ImageScanFindings; f != nil {
			r.Completed, r.Database = aws.ToTime(f.ImageScanCompletedAt), aws.ToTime(f.VulnerabilitySourceUpdatedAt)
			counted = f.FindingSeverityCounts
			basic += len(f.Findings)
			for i := range f.Findings {
				r.Findings = append(r.Findings, basicFinding(&f.Findings[i]))
			}
			for i := range f.EnhancedFindings {
				r.Scanner = enhancedScanning
				r.Findings = append(r.Findings, enhancedFindings(&f.EnhancedFindings[i])...)
			}
		}
		if token = page.NextToken; aws.ToString(token) == "" {
			break
		}
		if seen[*token] {
			return nil, "", &NoResultError{Why: "ECR's pages of findings have no end: one leads back to another"}
		}
		seen[*token] = true
	}
	if r.Completed.IsZero() {
		return nil, "", &NoResultError{Why: "ECR says that its scan has ended, and gave no result of it", Hint: "scan again"}
	}
	total := int32(0)
	for _, n := range counted {
		total += n
	}
	// The numbers of enhanced scanning are Amazon Inspector's own and are not compared.
	if r.Scanner == basicScanning && int(total) != basic {
		return nil, "", &NoResultError{Why: fmt.Sprintf("ECR counts %d findings and gave %d of them", total, basic), Hint: "scan again"}
	}
	r.tidy()
	return r, "", nil
}

// statusOf is nil when a page belongs to a scan that has ended, errNotYet with the status in words when it goes on, and otherwise what is wrong.
// The statuses: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
func statusOf(page *ecr.DescribeImageScanFindingsOutput) (string, error) {
	if page.ImageScanStatus == nil {
		return "", &NoResultError{Why: "ECR does not say how its scan stands"}
	}
	why := aws.ToString(page.ImageScanStatus.Description)
	switch status := page.ImageScanStatus.Status; status {
	case types.ScanStatusComplete:
		return "", nil
	case types.ScanStatusActive:
		// Enhanced scanning goes on for as long as the image is watched; before its first result there is no time of one.
		if page.ImageScanFindings == nil || page.ImageScanFindings.ImageScanCompletedAt == nil {
			return "ECR watches the image and has no result yet", errNotYet
		}
		return "", nil
	case types.ScanStatusInProgress:
		return "ECR's scan is in progress", errNotYet
	case types.ScanStatusPending:
		return "ECR's scan is pending", errNotYet
	case types.ScanStatusUnsupportedImage:
		return "", unsupportedImage(why)
	case types.ScanStatusFailed:
		return "", &NoResultError{Why: sentence("ECR's scan failed", why), Hint: "scan again"}
	case types.ScanStatusScanEligibilityExpired:
		return "", &NoResultError{Why: sentence("ECR no longer scans this image", why), Hint: "push it again, or lengthen Amazon Inspector's re-scan duration for ECR"}
	case types.ScanStatusFindingsUnavailable:
		return "", &NoResultError{Why: sentence("ECR's findings are not available", why), Hint: "scan again"}
	case types.ScanStatusLimitExceeded:
		return "", &NoResultError{Why: sentence("ECR's limit of scans is reached", why), Hint: "try again when a day has passed"}
	case types.ScanStatusImageArchived:
		return "", &NoResultError{Why: sentence("the image is archived in ECR, and is not scanned there", why), Hint: "restore it first"}
	default:
		return "", &NoResultError{Why: sentence(fmt.Sprintf("ECR's scan is in a state that is not known here, %q", string(status)), why)}
	}
}

// ecrFailed is an error of ECR's in words. That there is no scan stays what it is.
func ecrFailed(doing string, err error) error {
	var none *types.ScanNotFoundException
	var image *types.ImageNotFoundException
	var repository *types.RepositoryNotFoundException
	var api smithy.APIError
	switch {
	case errors.As(err, &none):
		return none
	case errors.As(err, &image):
		return &NoResultError{Why: "ECR has no image with this digest", Hint: "push it first"}
	case errors.As(err, &repository):
		return &NoResultError{Why: "ECR has no such repository", Hint: "hubwright up makes it"}
	case errors.As(err, &api) && api.ErrorFault() != smithy.FaultServer:
		return &NoResultError{Why: fmt.Sprintf("%s in ECR: %s", doing, inWords(err)), Hint: "the caller needs ecr:DescribeImageScanFindings and ecr:StartImageScan"}
	}
	return &NoResultError{Why: fmt.Sprintf("%s in ECR: %s", doing, inWords(err))}
}

// inWords is an error of AWS without what surrounds it.
func inWords(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

// basicFinding is a finding of basic scanning. Package and version are attributes; there is nothing of versions that are mended.
func basicFinding(f *types.ImageScanFinding) Finding {
	out := Finding{ID: aws.ToString(f.Name), Source: "ECR", URL: aws.ToString(f.Uri)}
	for _, a := range f.Attributes {
		switch aws.ToString(a.Key) {
		case "package_name":
			out.Package = aws.ToString(a.Value)
		case "package_version":
			out.Version = aws.ToString(a.Value)
		}
	}
	return out.ranked(string(f.Severity))
}

// enhancedFindings are those of one finding of Amazon Inspector, one a package. One that a suppression rule hides counts like any other: only the
// gate's allowances permit anything.
func enhancedFindings(f *types.EnhancedImageScanFinding) []Finding {
	if aws.ToString(f.Status) == "CLOSED" {
		return nil
	}
	out := Finding{ID: aws.ToString(f.Title), Source: "Amazon Inspector", URL: aws.ToString(f.FindingArn)}
	d := f.PackageVulnerabilityDetails
	if d == nil || len(d.VulnerablePackages) == 0 {
		if d != nil && aws.ToString(d.VulnerabilityId) != "" {
			out.ID, out.URL = *d.VulnerabilityId, aws.ToString(d.SourceUrl)
		}
		return []Finding{out.ranked(aws.ToString(f.Severity))}
	}
	var findings []Finding
	for i := range d.VulnerablePackages {
		p := &d.VulnerablePackages[i]
		out.ID, out.URL, out.Package, out.Version = aws.ToString(d.VulnerabilityId), aws.ToString(d.SourceUrl), aws.ToString(p.Name), versionOf(p)
		if out.Fixed = aws.ToString(p.FixedInVersion); out.Fixed == "NotAvailable" {
			out.Fixed = ""
		}
		findings = append(findings, out.ranked(aws.ToString(f.Severity)))
	}
	return findings
}

// versionOf is a package's version as its package manager writes it: epoch:version-release.
func versionOf(p *types.VulnerablePackage) string {
	version := aws.ToString(p.Version)
	if release := aws.ToString(p.Release); release != "" {
		version += "-" + release
	}
	if epoch := aws.ToInt32(p.Epoch); epoch != 0 {
		version = strconv.Itoa(int(epoch)) + ":" + version
	}
	return version
}

// optional is nil for the empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
