package driver

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/hubwright/hubwright/internal/change"
)

// How a secret reads in Inputs.
const (
	secretText  = "[secret]"
	changedText = "[secret, changed]"
)

// inputsOf keeps what a resource is made of, before and after.
func inputsOf(m apitype.StepEventMetadata, diff []change.Property) Inputs {
	in := Inputs{URN: m.URN, Op: string(m.Op)}
	if m.Old != nil {
		in.Before, _ = masked(m.Old.Inputs).(map[string]any)
	}
	if m.New != nil && m.Op != apitype.OpDelete {
		in.After, _ = masked(m.New.Inputs).(map[string]any)
	}
	for _, d := range diff {
		markChanged(in.After, change.SplitPath(d.Path))
	}
	return in
}

// markChanged marks the secret at a path as another than before; one that covers the path, too, and all that are in a list there. Of an object the engine
// does not say which of its values have changed.
func markChanged(in map[string]any, path []string) {
	var at any = in
	for i, key := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return
		}
		last := i == len(path)-1
		switch v := m[key].(type) {
		case string:
			if v == secretText {
				m[key] = changedText
			}
			return
		case []any:
			m[key] = allChanged(v)
			return
		default:
			if last {
				return
			}
			at = v
		}
	}
}

func allChanged(v any) any {
	switch v := v.(type) {
	case string:
		if v == secretText {
			return changedText
		}
	case []any:
		for i, e := range v {
			v[i] = allChanged(e)
		}
	case map[string]any:
		for key, e := range v {
			v[key] = allChanged(e)
		}
	}
	return v
}

// sortedInputs are the inputs that were kept, in order of their URNs.
func (g *gathered) sortedInputs() []Inputs {
	var out []Inputs
	for _, urn := range slices.SortedFunc(maps.Keys(g.inputs), strings.Compare) {
		out = append(out, g.inputs[urn])
	}
	return out
}
