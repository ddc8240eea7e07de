package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// grype is what is read of grype's JSON: https://github.com/anchore/grype/blob/main/grype/presenter/models/document.go and the files beside it.
type grype struct {
	Matches *[]struct {
		Vulnerability struct {
			ID         string `json:"id"`
			DataSource string `json:"dataSource"`
			Namespace  string `json:"namespace"`
			Severity   string `json:"severity"`
			Fix        struct {
				Versions []string `json:"versions"`
			} `json:"fix"`
		} `json:"vulnerability"`
		Artifact struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"artifact"`
	} `json:"matches"`
	Ignored []json.RawMessage `json:"ignoredMatches"`
	Source  struct {
		Type   string          `json:"type"`
		Target json.RawMessage `json:"target"` // an object for an image, a text for a folder
	} `json:"source"`
	Descriptor struct {
		Name      string          `json:"name"`
		Version   string          `json:"version"`
		Timestamp string          `json:"timestamp"`
		DB        json.RawMessage `json:"db"`
	} `json:"descriptor"`
}

// parseGrype reads what "grype -o json" writes.
func parseGrype(data []byte) (*Report, error) {
	var g grype
	if err := decode(data, &g); err != nil {
		return nil, err
	}
	switch {
	case g.Matches == nil:
		return nil, errors.New("it has no matches, not even an empty list of them")
	case g.Source.Type != "image":
		return nil, fmt.Errorf("grype scanned a source of type %q, not an image", g.Source.Type)
	}
	var target struct {
		UserInput      string   `json:"userInput"`
		ManifestDigest string   `json:"manifestDigest"`
		RepoDigests    []string `json:"repoDigests"`
	}
	if err := json.Unmarshal(g.Source.Target, &target); err != nil {
		return nil, errors.New("it does not say which image grype scanned")
	}
	r := &Report{Scanner: "grype", Version: g.Descriptor.Version, Ignored: len(g.Ignored), Database: built(g.Descriptor.DB)}
	if at, err := time.Parse(time.RFC3339, g.Descriptor.Timestamp); err == nil {
		r.Completed = at
	}
	// The input is what it was asked for; the digests are what it then read. By way of a daemon the manifest is one that the daemon wrote.
	r.about(target.RepoDigests...)
	if r.about(target.ManifestDigest); len(target.RepoDigests) == 0 {
		r.about(target.UserInput)
	}
	if len(r.digests) == 0 {
		return nil, fmt.Errorf("grype says that it scanned %q, which no digest names", target.UserInput)
	}
	for i := range *g.Matches {
		m := &(*g.Matches)[i]
		v := &m.Vulnerability
		if v.ID == "" {
			return nil, errors.New("it has a finding without an id")
		}
		f := Finding{ID: v.ID, Package: m.Artifact.Name, Version: m.Artifact.Version, Fixed: strings.Join(v.Fix.Versions, ", "), Source: v.Namespace, URL: v.DataSource}
		if f.Source == "" {
			f.Source = "grype"
		}
		r.Findings = append(r.Findings, f.ranked(v.Severity))
	}
	return r, nil
}

// built is when grype's database was made: at db.built of the descriptor, and since version 6 of the database at db.status.built.
func built(db json.RawMessage) time.Time {
	var status struct {
		Built  string `json:"built"`
		Status struct {
			Built string `json:"built"`
		} `json:"status"`
	}
	if json.Unmarshal(db, &status) != nil {
		return time.Time{}
	}
	for _, text := range []string{status.Status.Built, status.Built} {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
