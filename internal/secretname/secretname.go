// Package secretname tells secrets by what they are called, and by what they look like in a text.
package secretname

import "github.com/hubwright/hubwright/internal/lazyregexp"

// sensitive are names of values that are secrets wherever they stand; notSensitive are those that only look like it: names and addresses.
var (
	sensitive    = lazyregexp.New(`(?i)(secret|token|password|passwd|passphrase|credentials?|api_?key|private_?key|auth_?key)s?$`)
	notSensitive = lazyregexp.New(`(?i)^(existing|imagePull)Secrets?$`)
)

// Is says whether a value of that name is a secret: a password, a token, a key.
func Is(name string) bool { return sensitive.MatchString(name) && !notSensitive.MatchString(name) }
