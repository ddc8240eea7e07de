// Package principal checks who may be trusted: IAM principals named one by one, never everybody and, unless it is asked for, never
// a whole account.
package principal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hubwright/hubwright/internal/lazyregexp"
)

// shape is the form of the ARN of an IAM user, role or account root, in any partition:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
var shape = lazyregexp.New(`^arn:aws[a-z-]*:iam::[0-9]{12}:(root|user/[\w+=,.@/-]+|role/[\w+=,.@/-]+)$`)

// accountID is the form of an AWS account's number.
var accountID = lazyregexp.New(`^[0-9]{12}$`)

// Check says which of the ARNs cannot be trusted and why; field names where they were given. Account roots pass only with
// allowRoot: trusting a root trusts everyone in that account whom its administrators let assume roles.
func Check(field string, arns []string, allowRoot bool) error {
	var problems []error
	for i, arn := range arns {
		switch {
		case strings.Contains(arn, "*"):
			problems = append(problems, fmt.Errorf("%s[%d] %q: a wildcard would trust strangers; name each principal, such as arn:aws:iam::123456789012:user/name", field, i, arn))
		case !shape.MatchString(arn):
			problems = append(problems, fmt.Errorf("%s[%d] %q is not the ARN of an IAM user or role, such as arn:aws:iam::123456789012:role/name", field, i, arn))
		case strings.HasSuffix(arn, ":root") && !allowRoot:
			problems = append(problems, fmt.Errorf("%s[%d] %q trusts a whole account; name users or roles, or allow account roots explicitly", field, i, arn))
		}
	}
	return errors.Join(problems...)
}

// CheckAccount says whether an account id has twelve digits; field names where it was given.
func CheckAccount(field, id string) error {
	if !accountID.MatchString(id) {
		return fmt.Errorf("%s %q is not an AWS account id: it has twelve digits", field, id)
	}
	return nil
}

// Root is the ARN that stands for a whole account in a resource's policy.
func Root(partition, account string) string {
	return fmt.Sprintf("arn:%s:iam::%s:root", partition, account)
}
