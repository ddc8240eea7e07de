package admission

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// trivy is what is read of trivy's JSON, of schema version 2: https://github.com/aquasecurity/trivy/blob/main/pkg/types/report.go and the files
// beside it.
type trivy struct {
	SchemaVersion int
	CreatedAt     time.Time
	ArtifactName  string
	ArtifactType  string
	Metadata      struct {
		OS          *struct{ Family, Name string }
		RepoDigests []string
	}
	Results []trivyResult
}

type trivyResult struct {
	Target          string
	Vulnerabilities []struct {
		VulnerabilityID, PkgName, InstalledVersion, FixedVersion, Severity, SeveritySource, PrimaryURL string
		DataSource                                                                                     struct{ Name string }
	}
	Misconfigurations []struct{ ID, AVDID, Severity, Status, PrimaryURL string }
	Secrets           []struct{ RuleID, Severity string }
	Licenses          []struct{ Name, PkgName, Severity, Link string }
	// What trivy left out by its ignore file or by VEX.
	ExperimentalModifiedFindings []struct{ Type string }
}

// parseTrivy reads what "trivy image --format json" writes. The text of a secret that trivy found is not read.
func parseTrivy(data []byte) (*Report, error) {
	var t trivy
	if err := decode(data, &t); err != nil {
		return nil, err
	}
	switch {
	case t.SchemaVersion != 2:
		return nil, fmt.Errorf("it is trivy's JSON of schema version %d, and only 2 is understood", t.SchemaVersion)
	case t.ArtifactType != "" && t.ArtifactType != "container_image":
		return nil, fmt.Errorf("trivy scanned a %s, not an image", strings.ReplaceAll(t.ArtifactType, "_", " "))
	case t.Metadata.OS == nil && len(t.Results) == 0:
		return nil, errors.New("trivy found nothing in the image that it could look at, neither an operating system nor packages: such an image it cannot judge")
	}
	r := &Report{Scanner: "trivy", Completed: t.CreatedAt}
	// A name that holds a digest is what it was asked for; the registry's digests are what it then read.
	if r.about(t.Metadata.RepoDigests...); len(r.digests) == 0 {
		r.about(t.ArtifactName)
	}
	if len(r.digests) == 0 {
		return nil, fmt.Errorf("trivy says that it scanned %q, which no digest names", t.ArtifactName)
	}
	for i := range t.Results {
		result := &t.Results[i]
		for j := range result.Vulnerabilities {
			v := &result.Vulnerabilities[j]
			f := Finding{ID: v.VulnerabilityID, Package: v.PkgName, Version: v.InstalledVersion, Fixed: v.FixedVersion, Source: v.DataSource.Name, URL: v.PrimaryURL}
			if f.Source == "" {
				f.Source = v.SeveritySource
			}
			r.Findings = append(r.Findings, f.ranked(v.Severity))
		}
		for _, m := range result.Misconfigurations {
			if m.Status != "PASS" && m.Status != "EXCEPTION" {
				r.Findings = append(r.Findings, Finding{ID: m.ID, Package: result.Target, Source: "trivy misconfiguration", URL: m.PrimaryURL}.ranked(m.Severity))
			}
		}
		for _, s := range result.Secrets {
			r.Findings = append(r.Findings, Finding{ID: s.RuleID, Package: result.Target, Source: "trivy secret"}.ranked(s.Severity))
		}
		for _, l := range result.Licenses {
			r.Findings = append(r.Findings, Finding{ID: l.Name, Package: l.PkgName, Source: "trivy license", URL: l.Link}.ranked(l.Severity))
		}
		r.Ignored += len(result.ExperimentalModifiedFindings)
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.ID == "" {
			return nil, errors.New("it has a finding without an id")
		} else if f.Source == "" {
			f.Source = "trivy"
		}
	}
	return r, nil
}
