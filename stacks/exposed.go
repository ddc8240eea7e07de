package stacks

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretname"
)

// Exposed are the secrets in those files of a hub that are no values and never encrypted: its manifests and page templates. A file that cannot be read
// has none here.
func Exposed(stack *config.Stack, h *config.Hub) (found config.Problems) {
	texts := map[string]string{}
	for _, f := range h.Manifests {
		if data, err := stack.Files().ReadFile(f.File, maxObject); err == nil {
			texts[f.File] = string(data)
		}
	}
	if pages, err := Templates(stack, h); err == nil {
		for name, text := range pages {
			texts[path.Join(h.Templates, name)] = text
		}
	}
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		for _, s := range secretname.In(texts[file]) {
			found = append(found, config.Problem{
				File: file, Line: 1 + strings.Count(texts[file][:s.Start], "\n"), Message: "holds " + s.What + ", in a file that is not encrypted",
				Hint: fmt.Sprintf("consider it known, make it anew, and have the new one in the file of secrets, where a value such as hub.extraFiles takes it: hubwright secrets edit %s --hub %s", stack.Environment, h.Name),
			})
		}
	}
	return found
}

// concealed are objects of a cluster with the texts that hold secrets marked as such, so that the state has none of them in plaintext.
func concealed(objects []map[string]any) []map[string]any {
	out := make([]map[string]any, len(objects))
	for i, object := range objects {
		out[i] = make(map[string]any, len(object))
		for key, v := range object {
			out[i][key] = conceal(v)
		}
	}
	return out
}

func conceal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		name, _ := v["name"].(string)
		for key, e := range v {
			if text, ok := e.(string); ok && text != "" && (secretname.Is(key) || key == "value" && secretname.Is(name)) {
				out[key] = pulumi.ToSecret(pulumi.String(text))
				continue
			}
			out[key] = conceal(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = conceal(e)
		}
		return out
	case string:
		if len(secretname.In(v)) > 0 {
			return pulumi.ToSecret(pulumi.String(v))
		}
	}
	return v
}
