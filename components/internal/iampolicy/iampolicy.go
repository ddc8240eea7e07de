// Package iampolicy writes IAM policy documents from Go values, so that no component asks AWS for a document it can write itself
// and a preview shows every policy in full.
package iampolicy

import (
	"encoding/json"
	"fmt"
)

// Version is the policy language in which policy variables and all condition operators exist:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
const Version = "2012-10-17"

// Limits of IAM in characters, white space not counted:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	MaxManagedPolicy = 6144
	MaxGroupPolicies = 5120
	MaxRolePolicies  = 10240
	MaxTrustPolicy   = 2048
)

// Effects of a statement.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// Conditions maps an operator ("StringEquals") to condition keys and the values that they may have.
type Conditions map[string]map[string][]string

// Principal is who a resource policy or a trust policy speaks about.
type Principal struct {
	AWS       []string `json:"AWS,omitempty"`
	Service   []string `json:"Service,omitempty"`
	Federated []string `json:"Federated,omitempty"`
}

// Statement is one statement of a policy. Principal stays nil in an identity policy, Resource empty in a trust policy.
type Statement struct {
	Sid       string     `json:"Sid,omitempty"`
	Effect    string     `json:"Effect"`
	Principal *Principal `json:"Principal,omitempty"`
	Action    []string   `json:"Action"`
	Resource  []string   `json:"Resource,omitempty"`
	Condition Conditions `json:"Condition,omitempty"`
}

// JSON writes a document with the statements, without white space and the same way each time.
func JSON(statements ...Statement) (string, error) {
	b, err := json.Marshal(struct {
		Version   string
		Statement []Statement
	}{Version, statements})
	if err != nil {
		return "", fmt.Errorf("writing a policy document: %w", err)
	}
	return string(b), nil
}

// Split distributes statements over as few documents as their order allows, each of at most limit characters. A statement that
// is too long by itself is an error.
func Split(statements []Statement, limit int) ([][]Statement, error) {
	var documents [][]Statement
	var current []Statement
	for _, s := range statements {
		alone, err := JSON(s)
		if err != nil {
			return nil, err
		}
		if len(alone) > limit {
			return nil, fmt.Errorf("policy statement %q takes %d characters by itself; IAM allows %d", s.Sid, len(alone), limit)
		}
		together, err := JSON(append(current[:len(current):len(current)], s)...)
		if err != nil {
			return nil, err
		}
		if len(together) > limit {
			documents = append(documents, current)
			current = nil
		}
		current = append(current, s)
	}
	if len(current) > 0 {
		documents = append(documents, current)
	}
	return documents, nil
}
