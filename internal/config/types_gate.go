package config

import (
	"maps"
	"slices"
	"strings"
)

// Gate says what an image has to pass before it is admitted.
type Gate struct {
	// Threshold is the least severity of which no finding is permitted: critical, high, medium, low or informational. A severity that a scanner
	// does not name, or does not know, counts as critical. Default: critical.
	Threshold string `json:"threshold"`
	// AtMost are how many findings are permitted by their severity, whatever the threshold: {high: 10, medium: 50}.
	AtMost map[string]int `json:"atMost"`
	// Scanner is what looks for vulnerabilities. Default: ECR's own scan of the repository.
	Scanner Scanner `json:"scanner"`
	// TimeoutSeconds is how long the scan may take, in seconds. An image without a result by then is refused. Default: 900.
	TimeoutSeconds int `json:"timeoutSeconds"`
	// TestTimeoutSeconds is how long the image's test may take, in seconds. Default: 600.
	TestTimeoutSeconds int `json:"testTimeoutSeconds"`
	// Allow are findings that are permitted for a time.
	Allow []Allowance `json:"allow"`
	// Required has updates, too, refuse images without an admission that hubs would begin to run. Promotions refuse them in any case. An update builds
	// no image then, since what it builds has none. Default: false.
	Required bool `json:"required"`
}

// Scanner is a command that scans an image and writes its report to standard output.
type Scanner struct {
	// Command is the command, word by word; no shell reads it. {image} stands for the image by its digest, {digest} for the digest alone; one of
	// them has to be there. Credentials go into its environment: others see a command's words.
	Command []string `json:"command"`
	// Format is the form of its report: sarif (SARIF 2.1.0), trivy or grype (their JSON), or auto, which looks at the report. Default: auto.
	Format string `json:"format"`
	// FindingsExitCodes are the exit codes by which it says that there are findings. Any other but 0 means that it failed. Default: none.
	FindingsExitCodes []int `json:"findingsExitCodes"`
}

// Allowance permits a finding for a time.
type Allowance struct {
	// ID is the finding, as the scanner names it: CVE-2024-3094. Required.
	ID string `json:"id"`
	// Package is the package it is permitted in. Default: any.
	Package string `json:"package"`
	// Image is the image it is permitted in, by name. Default: any. In an image's own gate it is that image.
	Image string `json:"image"`
	// Reason says why it is harmless, or who works on it. Required.
	Reason string `json:"reason"`
	// Expires is the last day, in UTC, on which it holds: 2026-12-31. Required.
	Expires string `json:"expires"`
}

// Severities of findings, as a gate names them.
const (
	SeverityCritical      = "critical"
	SeverityHigh          = "high"
	SeverityMedium        = "medium"
	SeverityLow           = "low"
	SeverityInformational = "informational"
)

// Severities are all of them, the worst first.
func Severities() []string {
	return []string{SeverityCritical, SeverityHigh, SeverityMedium, SeverityLow, SeverityInformational}
}

// Formats of a scanner's report.
const (
	FormatAuto  = "auto"
	FormatSARIF = "sarif"
	FormatTrivy = "trivy"
	FormatGrype = "grype"
)

// timeOfDay is what the engine puts behind a day that is written without quotes: it reads a time, as YAML 1.1 has it.
const timeOfDay = " 00:00:00 +0000 UTC"

// complete takes the days of a gate's allowances as they are written.
func (g *Gate) complete() {
	for i := range g.Allow {
		g.Allow[i].Expires = strings.TrimSuffix(g.Allow[i].Expires, timeOfDay)
	}
}

// Gate is what an image has to pass: the registry's gate with what the image's own says otherwise. Of the allowances it has those that are for
// this image.
func (s *Stack) Gate(image *Image) Gate {
	g, own := s.Registry.Gate, image.Gate
	orElse(&own.Threshold, g.Threshold)
	g.Threshold, g.Required = own.Threshold, g.Required || own.Required
	g.AtMost = maps.Clone(g.AtMost)
	if g.AtMost == nil {
		g.AtMost = map[string]int{}
	}
	maps.Copy(g.AtMost, own.AtMost)
	if len(own.Scanner.Command) > 0 {
		g.Scanner = own.Scanner
	}
	if len(g.Scanner.Command) > 0 {
		orElse(&g.Scanner.Format, FormatAuto)
	}
	if own.TimeoutSeconds > 0 {
		g.TimeoutSeconds = own.TimeoutSeconds
	}
	if own.TestTimeoutSeconds > 0 {
		g.TestTimeoutSeconds = own.TestTimeoutSeconds
	}
	allow := slices.DeleteFunc(slices.Clone(g.Allow), func(a Allowance) bool { return a.Image != "" && a.Image != image.Name })
	for _, a := range own.Allow {
		a.Image = image.Name
		allow = append(allow, a)
	}
	g.Allow = allow
	return g
}
