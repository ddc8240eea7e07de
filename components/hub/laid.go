package hub

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Parts of Args that values of the component's own follow from.
const (
	PartBalancer  = "load balancer"
	PartSecrets   = "secrets"
	PartAuth      = "auth"
	PartHTTPS     = "https"
	PartTemplates = "templates"
	PartImages    = "images"
	PartChart     = "chart"
	PartHomes     = "homes"
)

// Laid is a value that the component lays under or over those of Args.
type Laid struct {
	// Path leads to it from the top of the values, items of lists by number.
	Path []string
	// Value is it, in plain JSON types. It is nil when Later is set.
	Value any
	// Later says that it, or a part of it, is an input, which may be known only when something else is made.
	Later bool
	// Secret says that it is a secret, or holds one.
	Secret bool
	// Part is what of Args it follows from.
	Part string
	// Replaces says that Values or SecretValues have another value there.
	Replaces bool
}

// Laid are the values that New lays under those of Args, which replace them, and over those: the same code makes them. The error joins all that New
// would refuse.
func (a *Args) Laid() (under, over []Laid, err error) {
	if err := a.validate(); err != nil {
		return nil, nil, err
	}
	below := a.empty()
	if err := below.set(a.balancerAnnotations(), balancerPath...); err != nil {
		return nil, nil, err
	}
	differences(map[string]any{}, below.root, nil, func(l Laid) { l.Part = PartBalancer; under = append(under, l) })
	v, err := a.given()
	if err != nil {
		return nil, nil, err
	}
	steps := a.steps()
	if a.Homes != nil {
		claim := a.Homes.ClaimName
		if claim == nil {
			claim = pulumi.String("").ToStringOutput() // what it is called is known once it is made
		}
		steps = append(steps, step{PartHomes, func(v *values) error { return v.homes(a.Homes, claim) }})
	}
	var problems []error
	for _, s := range steps {
		before := copied(v.root)
		problems = append(problems, s.lay(v))
		differences(before, v.root, nil, func(l Laid) { l.Part = s.part; over = append(over, l) })
	}
	return under, over, errors.Join(append(problems, a.check(v))...)
}

// copied is a value whose maps and lists can be changed without the value's.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = copied(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copied(e)
		}
		return out
	}
	return v
}

// differences tells of the leaves, changed lists and new items of lists that after has and before has not.
func differences(before, after any, path []string, tell func(Laid)) {
	switch after := after.(type) {
	case map[string]any:
		was, isMap := before.(map[string]any)
		if before != nil && !isMap {
			tell(laid(path, true, after))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(after)) {
			inner := append(slices.Clone(path), key)
			old, had := was[key]
			if _, deeper := after[key].(map[string]any); had || deeper {
				differences(old, after[key], inner, tell)
				continue
			}
			tell(laid(inner, false, after[key]))
		}
	case []any:
		was, isList := before.([]any)
		if !isList || len(after) < len(was) || !sameAll(was, after[:len(was)]) {
			tell(laid(path, true, after))
			return
		}
		for i, item := range after[len(was):] {
			tell(laid(append(slices.Clone(path), strconv.Itoa(len(was)+i)), false, item))
		}
	default:
		if !same(before, after) {
			tell(laid(path, true, after))
		}
	}
}

// same compares values. Inputs that are known later are the same when they are one.
func same(a, b any) bool {
	switch a := a.(type) {
	case pulumi.Output:
		later, ok := b.(pulumi.Output)
		return ok && a == later
	case map[string]any:
		m, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, m, same)
	case []any:
		list, ok := b.([]any)
		return ok && sameAll(a, list)
	}
	if _, later := b.(pulumi.Output); later {
		return false
	}
	was, _, _ := plain(a)
	is, _, _ := plain(b)
	return reflect.DeepEqual(was, is)
}

func sameAll(a, b []any) bool { return slices.EqualFunc(a, b, same) }

func laid(path []string, replaces bool, after any) Laid {
	l := Laid{Path: path, Replaces: replaces}
	l.Value, l.Later, l.Secret = plain(after)
	if l.Later {
		l.Value = nil
	}
	return l
}

// plain is a value without inputs.
func plain(v any) (value any, later, secret bool) {
	switch v := v.(type) {
	case pulumi.Output:
		return nil, true, pulumi.IsSecret(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			inner, l, s := plain(e)
			out[key], later, secret = inner, later || l, secret || s
		}
		return out, later, secret
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			inner, l, s := plain(e)
			out[i], later, secret = inner, later || l, secret || s
		}
		return out, later, secret
	case pulumi.String:
		return string(v), false, false
	}
	return v, false, false
}
