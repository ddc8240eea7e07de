package admission

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Forms of a scanner's report, as the configuration names them.
const (
	FormatAuto  = "auto"
	FormatSARIF = "sarif"
	FormatTrivy = "trivy"
	FormatGrype = "grype"
)

// Parse reads a scanner's report. It fails on what is no report, and on one that is not whole: a report that nobody understands says nothing of
// the image.
func Parse(format string, data []byte) (*Report, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	var shape struct {
		Version       any             `json:"version"`
		Runs          json.RawMessage `json:"runs"`
		SchemaVersion any             `json:"SchemaVersion"`
		Descriptor    *struct {
			Name string `json:"name"`
		} `json:"descriptor"`
		Matches json.RawMessage `json:"matches"`
	}
	if err := decode(data, &shape); err != nil {
		return nil, err
	}
	if format == FormatAuto || format == "" {
		switch {
		case shape.Runs != nil:
			format = FormatSARIF
		case shape.Descriptor != nil && shape.Matches != nil:
			format = FormatGrype
		case shape.SchemaVersion != nil:
			format = FormatTrivy
		default:
			return nil, errors.New("it is neither SARIF nor JSON of trivy or grype")
		}
	}
	var r *Report
	var err error
	switch format {
	case FormatSARIF:
		r, err = parseSARIF(data)
	case FormatTrivy:
		r, err = parseTrivy(data)
	case FormatGrype:
		r, err = parseGrype(data)
	default:
		return nil, fmt.Errorf("a report of form %q is not understood", format)
	}
	if err != nil {
		return nil, err
	}
	r.tidy()
	return r, nil
}

// decode reads one JSON document, and nothing behind it.
func decode(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(v); err != nil {
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &kind) && kind.Field == "":
			return fmt.Errorf("it is a JSON %s, but an object is wanted", kind.Value)
		case errors.As(err, &kind):
			return fmt.Errorf("it has a JSON %s at %s, which is not of its form", kind.Value, kind.Field)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("it breaks off in the middle")
		}
		return fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the end of the JSON document")
	}
	return nil
}

// about adds the digests that are in references, such as registry/name@sha256:….
func (r *Report) about(references ...string) {
	for _, reference := range references {
		if digest := digestOf(reference); digest != "" && !slices.Contains(r.digests, digest) {
			r.digests = append(r.digests, digest)
		}
	}
}

// digestOf is the digest in a reference, or the reference itself when it is one; "" without.
func digestOf(reference string) string {
	if i := strings.LastIndex(reference, "@"); i >= 0 {
		reference = reference[i+1:]
	}
	if !digestForm.MatchString(reference) {
		return ""
	}
	return reference
}
