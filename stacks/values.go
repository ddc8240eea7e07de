package stacks

import (
	"maps"
	"slices"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// fileText is the layer of values that are the text of a file.
const fileText = "file"

// Values says what a hub's values are computed from: its files, low to high, and on top those that are a file's text.
func Values(stack *config.Stack, hub *config.Hub) values.Options {
	o := values.Options{Dir: stack.Dir}
	for _, f := range hub.Values {
		o.Layers = append(o.Layers, values.Layer{Name: values.LayerName(f.File), File: f.File, Optional: f.Optional})
	}
	for _, path := range slices.Sorted(maps.Keys(hub.ValuesFromFiles)) {
		o.Layers = append(o.Layers, values.Layer{Name: fileText, File: hub.ValuesFromFiles[path], Text: values.ParsePath(path)})
	}
	return o
}
