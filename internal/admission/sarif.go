package admission

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// sarif is what is read of a SARIF 2.1.0 log: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type sarif struct {
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver     sarifTool   `json:"driver"`
		Extensions []sarifTool `json:"extensions"`
	} `json:"tool"`
	Invocations []struct {
		Successful *bool     `json:"executionSuccessful"`
		End        time.Time `json:"endTimeUtc"`
	} `json:"invocations"`
	Results []sarifResult `json:"results"`
	// The properties are trivy's: https://github.com/aquasecurity/trivy/blob/main/pkg/report/sarif.go
	Properties struct {
		RepoDigests []string `json:"repoDigests"`
		ImageName   string   `json:"imageName"`
	} `json:"properties"`
}

type sarifTool struct {
	Name            string      `json:"name"`
	Version         string      `json:"version"`
	SemanticVersion string      `json:"semanticVersion"`
	Rules           []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID            string `json:"id"`
	HelpURI       string `json:"helpUri"`
	Configuration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		SecuritySeverity json.RawMessage `json:"security-severity"` // a text for GitHub, a number for some
	} `json:"properties"`
}

type sarifResult struct {
	RuleID string `json:"ruleId"`
	Index  *int   `json:"ruleIndex"`
	Rule   struct {
		ID    string `json:"id"`
		Index *int   `json:"index"`
	} `json:"rule"`
	Kind    string `json:"kind"`
	Level   string `json:"level"`
	Message struct {
		Text string `json:"text"`
	} `json:"message"`
}

// parseSARIF reads a SARIF log. Whatever its results say of suppression, they count: grype once wrote each of its results as suppressed, and only the
// gate's allowances permit anything.
func parseSARIF(data []byte) (*Report, error) {
	var log sarif
	if err := decode(data, &log); err != nil {
		return nil, err
	}
	if log.Version != "2.1.0" {
		return nil, fmt.Errorf("it is SARIF of version %q, and only 2.1.0 is understood", log.Version)
	}
	if len(log.Runs) == 0 {
		return nil, errors.New("it has no run, so that nothing was scanned")
	}
	r := &Report{}
	var names []string
	for i := range log.Runs {
		run := &log.Runs[i]
		driver := &run.Tool.Driver
		if driver.Name == "" {
			return nil, fmt.Errorf("run %d does not name its tool", i)
		}
		names = append(names, driver.Name)
		if r.Version == "" {
			r.Version = cmp.Or(driver.SemanticVersion, driver.Version)
		}
		for _, invocation := range run.Invocations {
			if invocation.Successful != nil && !*invocation.Successful {
				return nil, fmt.Errorf("%s says in it that its run failed", driver.Name)
			}
			if invocation.End.After(r.Completed) {
				r.Completed = invocation.End
			}
		}
		if run.Results == nil { // "null" too: the tool did not get to its results
			return nil, fmt.Errorf("the run of %s has no results, not even an empty list of them", driver.Name)
		}
		r.about(run.Properties.RepoDigests...)
		r.about(run.Properties.ImageName)
		for j := range run.Results {
			if result := &run.Results[j]; result.Kind == "" || result.Kind == "fail" || result.Kind == "open" || result.Kind == "review" {
				r.Findings = append(r.Findings, run.finding(result))
			}
		}
	}
	r.Scanner = strings.Join(names, ", ")
	return r, nil
}

// vulnerability finds the id of a vulnerability in a rule's: grype's rules are named CVE-2024-3094-xz-utils.
var vulnerability = lazyregexp.New(`(?i)(?:CVE-\d{4}-\d{4,}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})`)

// finding is a result of a run.
func (run *sarifRun) finding(result *sarifResult) Finding {
	rule := run.rule(result)
	f := Finding{ID: cmp.Or(result.RuleID, result.Rule.ID, rule.ID, "a result without a rule"), Source: run.Tool.Driver.Name, URL: rule.HelpURI}
	if id := vulnerability.FindString(f.ID); id != "" {
		f.ID = id
	}
	// The lines are trivy's.
	for line := range strings.Lines(result.Message.Text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Package":
			f.Package = value
		case "Installed Version":
			f.Version = value
		case "Fixed Version":
			f.Fixed = value
		}
	}
	f.Given, f.Severity, f.Unknown = severityOf(rule, result)
	return f
}

// severityOf ranks a result: by its rule's security-severity, else by its level. An error may be anything up to critical, and counts as that; so does
// a result whose level nobody wrote, though SARIF calls it a warning then.
func severityOf(rule *sarifRule, result *sarifResult) (given string, severity Severity, unknown bool) {
	if raw := string(rule.Properties.SecuritySeverity); raw != "" && raw != "null" {
		given = strings.Trim(raw, `"`)
		if n, err := strconv.ParseFloat(given, 64); err == nil {
			severity, known := score(n)
			return given, severity, !known
		}
		severity, known := Rank(given)
		return given, severity, !known
	}
	switch given = cmp.Or(result.Level, rule.Configuration.Level); given {
	case "error":
		return given, Critical, false
	case "warning":
		return given, Medium, false
	case "note":
		return given, Low, false
	}
	return given, Critical, true
}

// rule is the rule of a result, an empty one when the log has none. Names go before numbers: grype once wrote 0 for each.
func (run *sarifRun) rule(result *sarifResult) *sarifRule {
	id := cmp.Or(result.RuleID, result.Rule.ID)
	for id != "" {
		for _, tool := range append([]sarifTool{run.Tool.Driver}, run.Tool.Extensions...) {
			for i := range tool.Rules {
				if tool.Rules[i].ID == id {
					return &tool.Rules[i]
				}
			}
		}
		id = id[:max(strings.LastIndex(id, "/"), 0)] // an id may go on with a part of the rule: section 3.27.5
	}
	if result.RuleID != "" || result.Rule.ID != "" {
		return &sarifRule{}
	}
	for _, index := range []*int{result.Index, result.Rule.Index} {
		if index != nil && *index >= 0 && *index < len(run.Tool.Driver.Rules) {
			return &run.Tool.Driver.Rules[*index]
		}
	}
	return &sarifRule{}
}
