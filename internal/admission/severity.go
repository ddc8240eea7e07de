package admission

import (
	"slices"
	"strings"
)

// Severity is how grave a finding is.
type Severity string

// The severities, the worst first. They are those of ECR's basic scanning:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
const (
	Critical      Severity = "critical"
	High          Severity = "high"
	Medium        Severity = "medium"
	Low           Severity = "low"
	Informational Severity = "informational"
)

// Severities are all of them, the worst first.
var Severities = []Severity{Critical, High, Medium, Low, Informational}

// rank counts from 0, the worst.
func (s Severity) rank() int {
	if i := slices.Index(Severities, s); i >= 0 {
		return i
	}
	return 0
}

// Rank is the severity that a scanner's word for one stands for, and whether that word is known. An unknown one is the worst: among them are
// ECR's UNDEFINED, Amazon Inspector's UNTRIAGED, which it says of what nobody has looked at yet, and trivy's and grype's Unknown.
func Rank(word string) (Severity, bool) {
	switch s := Severity(strings.ToLower(strings.TrimSpace(word))); s {
	case Critical, High, Medium, Low, Informational:
		return s, true
	case "negligible": // grype's, and Debian's and Ubuntu's own
		return Informational, true
	}
	return Critical, false
}

// score is the severity of a score of 0 to 10, as GitHub ranks a rule's security-severity: critical over 9.0, high from 7.0, medium from 4.0, low
// below (https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning). 9.0 itself is
// critical, as in CVSS: https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale. Nothing, and what is outside the
// scale, is unknown: trivy writes 0.0 for a severity that it does not know.
func score(n float64) (Severity, bool) {
	switch {
	case !(n > 0 && n <= 10): // NaN too
		return Critical, false
	case n >= 9:
		return Critical, true
	case n >= 7:
		return High, true
	case n >= 4:
		return Medium, true
	}
	return Low, true
}
