package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/secretname"
	"github.com/hubwright/hubwright/internal/values"
	"github.com/hubwright/hubwright/stacks"
)

// exact is the largest whole number up to which a number keeps all of its digits: values are JSON by the time a chart sees them.
// https://www.rfc-editor.org/rfc/rfc8259#section-6
const exact = 1 << 53

// faults are what is wrong with a plaintext that is to become the file, by its lines: what cannot be read as values, what YAML takes for something else than
// was meant, and what would not be encrypted. No value is in them.
func (s *secretsOf) faults(plain []byte) config.Problems {
	computed, err := values.Compute(values.Options{Layers: []values.Layer{{Name: "secrets", File: s.name(), Data: append([]byte{}, plain...), Secret: true}}})
	if err != nil {
		return asProblems(s.name(), err)
	}
	at := func(path []string) (any, bool) { return computed.At(path) }
	found := stacks.PlaceSecrets(s.stack.Misshapen(s.hub, at), s.hub, computed)
	var known []string
	for _, key := range config.SecretKeys {
		for _, path := range s.hub.SecretPaths(key) {
			known = append(known, values.Path(path).String())
		}
	}
	for _, leaf := range computed.Leaves(nil) {
		if len(leaf.Path) == 0 {
			continue
		}
		add := func(message, hint string) {
			found = append(found, config.Problem{File: leaf.File, Line: leaf.Line, Path: leaf.Path.String(), Message: message, Hint: hint})
		}
		if open := secretfile.Unencrypted(leaf.Path); open != "" && leaf.Value != nil {
			add(fmt.Sprintf("would be in plaintext in the file: sops encrypts nothing below a key that ends in %s, such as %s", secretfile.UnencryptedSuffix, open), "give the key another name, or put what is no secret into a file of values")
		}
		name := lastKey(leaf.Path)
		_, isText := leaf.Value.(string)
		number, isNumber := numeric(leaf.Value)
		ofKnown := slices.ContainsFunc(known, func(p string) bool { return leaf.Path.String() == p || strings.HasPrefix(leaf.Path.String(), p+"[") })
		switch {
		case ofKnown: // which is told above
		case isText && name != leaf.Path[len(leaf.Path)-1] && secretname.Is(name) && !strings.HasSuffix(name, "s"):
			add("is in a list, but "+name+" is the name of one secret, which is text", "write it behind the key itself")
		case !isNumber:
		case secretname.Is(name):
			add("is a number, but has the name of a secret, which is text", "put it in quotes, and write it anew: of a number YAML keeps some 16 digits")
		case math.Abs(number) > exact:
			add("is a number of more digits than a number keeps", "put it in quotes, and write it anew")
		}
	}
	return found.Sorted()
}

// empty says whether a plaintext has no values.
func empty(plain []byte) bool {
	computed, err := values.Compute(values.Options{Layers: []values.Layer{{Name: "secrets", Data: append([]byte{}, plain...)}}})
	return err == nil && len(computed.Values) == 0
}

// emptied says that a file would lose all that was in it.
func (s *secretsOf) emptied() config.Problems {
	return config.Problems{{
		File: s.name(), Message: "is empty: every secret in it would be gone", Hint: "leave the editor without saving to keep them; when the hub is to have none any more, delete the file",
	}}
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}

// lastKey is the last key of a path that is no position in a list.
func lastKey(path values.Path) string {
	for _, key := range slices.Backward(path) {
		if _, err := strconv.Atoi(key); err != nil {
			return key
		}
	}
	return ""
}

// asProblems are the problems that an error is, or the error as one.
func asProblems(file string, err error) config.Problems {
	if found, ok := err.(config.Problems); ok { //nolint:errorlint // values.Compute's own, never wrapped
		return found
	}
	return config.Problems{{File: file, Message: err.Error()}}
}

// inTheClear are the secrets that an encrypted file has in plaintext.
func inTheClear(stack *config.Stack, name string, data []byte) (found config.Problems) {
	for _, p := range secretfile.Plaintexts(data) {
		why := "sops encrypts nothing below a key that ends in " + secretfile.UnencryptedSuffix
		switch {
		case secretfile.Unencrypted(p.Path) != "":
		case values.Sensitive(p.Path), len(secretname.In(p.Text)) > 0:
			why = "the rules that sops wrote into the file leave it out"
		default:
			continue
		}
		found = append(found, config.Problem{
			File: name, Line: p.Line, Path: values.Path(p.Path).String(), Message: "is in plaintext in the encrypted file: " + why,
			Hint: fmt.Sprintf("consider it known, and write a new one below a key of another name: hubwright secrets edit %s", stack.Environment),
		})
	}
	return found
}
