package awssim

import (
	"maps"
	"slices"
	"time"
)

// Rules are what the simulation does with one type.
type Rules struct {
	// Token is the type.
	Token string
	// Checks are what it refuses, in words.
	Checks []string
	// Create, Update and Delete are how long these take on the virtual clock.
	Create, Update, Delete time.Duration
	// Rights say whether a role's rights to the type's API actions are checked.
	Rights bool
}

// Describe returns the rules of every simulated type, sorted by type, for the documentation.
func Describe() []Rules {
	all := kinds()
	var out []Rules
	for _, token := range slices.Sorted(maps.Keys(all)) {
		out = append(out, Rules{
			Token: token, Checks: all[token].rules, Rights: len(actions[token]) > 0,
			Create: takes(token, "create", nil), Update: takes(token, "update", nil), Delete: takes(token, "delete", nil),
		})
	}
	return out
}

// DescribeFunctions returns the tokens of the simulated functions, sorted.
func DescribeFunctions() []string { return slices.Sorted(maps.Keys(functions())) }
