package driver

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/hubwright/hubwright/internal/change"
)

// TestInputs has secrets in the engine's form: those that change are told apart from those that stay.
func TestInputs(t *testing.T) {
	inputs := func() map[string]any {
		secret := func() map[string]any { return map[string]any{secretSignature: secretMark, "ciphertext": "x"} }
		return map[string]any{
			"same": secret(), "one": secret(), "deep": map[string]any{"in": secret(), "beside": secret()}, "list": []any{"plain", secret()}, "plain": "text",
		}
	}
	m := apitype.StepEventMetadata{URN: "u", Op: apitype.OpUpdate, Old: &apitype.StepEventStateMetadata{Inputs: inputs()}, New: &apitype.StepEventStateMetadata{Inputs: inputs()}}
	var diff []change.Property
	for _, path := range []string{"one", "deep.in.below", "list[1]", "plain", "absent.too", "deep"} {
		diff = append(diff, change.Property{Path: path})
	}
	got := inputsOf(m, diff)
	want := map[string]any{
		"same": secretText, "one": changedText, "deep": map[string]any{"in": changedText, "beside": secretText}, "list": []any{"plain", changedText}, "plain": "text",
	}
	if diff := cmp.Diff(want, got.After); diff != "" {
		t.Error(diff)
	}
	if got.Before["one"] != secretText || got.Op != "update" {
		t.Errorf("%+v", got)
	}
	m.Op = apitype.OpDelete
	if got := inputsOf(m, nil); got.After != nil {
		t.Errorf("a resource that is deleted has inputs after it: %v", got.After)
	}
}
