package stacks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hubwright/hubwright/components/hub"
	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/values"
)

// fileText is the layer of values that are the text of a file.
const fileText = "file"

// Values says what a hub's values are computed from: its files, low to high, and on top those that are a file's text.
func Values(stack *config.Stack, hub *config.Hub) values.Options {
	o := values.Options{Files: stack.Files()}
	for _, f := range hub.Values {
		o.Layers = append(o.Layers, values.Layer{Name: values.LayerName(f.File), File: f.File, Optional: f.Optional})
	}
	for _, path := range slices.Sorted(maps.Keys(hub.ValuesFromFiles)) {
		o.Layers = append(o.Layers, values.Layer{Name: fileText, File: hub.ValuesFromFiles[path], Text: values.ParsePath(path)})
	}
	return o
}

// imageLayer is the layer of a hub's image.
const imageLayer = "image"

// ImageSets put the image that a hub is pinned to on top of its values, as an update does. open are the paths at which an update puts one that is not
// pinned: its digest is known when it is built.
func ImageSets(stack *config.Stack, h *config.Hub, computed *values.Computed) (sets []values.Set, open []string, err error) {
	img := stack.Image(h.Image)
	if img == nil {
		return nil, nil, nil
	}
	paths := make([]values.Path, len(img.ValuesPaths))
	for i, text := range img.ValuesPaths {
		paths[i] = h.Below(values.ParsePath(strings.TrimPrefix(text, "jupyterhub."))...)
	}
	pin := stack.Pins.Images[img.Name]
	if pin == "" {
		for _, path := range paths {
			open = append(open, path.String())
		}
		return nil, open, nil
	}
	repository, digest := config.SplitRef(pin)
	name, reference, err := hub.ImageParts(repository, "", digest)
	if err != nil {
		return nil, nil, err
	}
	_, file := stack.ConfigFiles()
	for _, path := range paths {
		sets = append(sets, ImageAt(computed, path, name, reference, file, 0)...)
	}
	return sets, nil, nil
}

// ImageAt puts an image at a path of the values, where one text or a name and a tag are wanted, as what is written in a file.
func ImageAt(computed *values.Computed, path values.Path, name, tag, file string, line int) []values.Set {
	set := func(key, value string) values.Set {
		return values.Set{Kind: values.SetString, Text: path.String() + key + "=" + value, Layer: imageLayer, File: file, Line: line}
	}
	if current, _ := computed.At(path); hub.ImageAsText(current, path) {
		return []values.Set{set("", name+":"+tag)}
	}
	return []values.Set{set(".name", name), set(".tag", tag)}
}

// hubInput is what a hub is made of besides its configuration.
type hubInput struct {
	plain, hidden map[string]any // its values
	secrets       config.HubSecrets
	missing       config.Problems // secrets that a person has yet to enter
	doubts        config.Problems // certificates that end soon, or may lack a part of their chain
}

// inputOf takes the secrets out of a hub's values that it is handed apart from them. given are those that the stack has; what the values have counts more.
func inputOf(h *config.Hub, computed *values.Computed, given config.HubSecrets) *hubInput {
	in := &hubInput{secrets: given}
	in.plain, in.hidden = computed.Split()
	for _, path := range in.secrets.Lift(h, func(path []string) (any, bool) { return computed.At(path) }) {
		drop(in.plain, path)
		drop(in.hidden, path)
	}
	return in
}

// readHubs takes from the hubs' values, and from the stack's secrets, what the hubs are handed apart from values.
func readHubs(ctx context.Context, stack *config.Stack, given map[string]config.HubSecrets, reader *Reader) (map[string]*hubInput, error) {
	out := map[string]*hubInput{}
	secrets := maps.Clone(given)
	all, err := readAll(ctx, stack, reader)
	if err != nil {
		return nil, err
	}
	var open, odd config.Problems
	for i := range stack.Hubs {
		h, computed := &stack.Hubs[i], all[i]
		odd = append(odd, PlaceSecrets(stack.Misshapen(h, func(path []string) (any, bool) { return computed.At(path) }), h, computed)...)
		in := inputOf(h, computed, given[h.Name])
		out[h.Name], secrets[h.Name] = in, in.secrets
		if !stack.Sandbox() {
			open = append(open, letsAnybodyIn(h, computed)...)
		}
	}
	wrong, missing := stack.CheckSecrets(secrets, time.Now())
	for i := range stack.Hubs {
		wrong = PlaceSecrets(wrong, &stack.Hubs[i], all[i])
	}
	wrong, missing = slices.Concat(wrong, odd, open), config.StillMissing(missing, odd)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the secrets of %s:\n%w", stack.Environment, append(wrong, missing...).Sorted())
	}
	doubts := stack.Doubts(secrets, time.Now())
	for name, in := range out {
		of := func(p config.Problem) bool { return !strings.HasPrefix(p.Path, "secrets."+name+".") }
		in.missing = slices.DeleteFunc(slices.Clone(missing), of)
		in.doubts = slices.DeleteFunc(slices.Clone(doubts), of)
	}
	return out, nil
}

// PlaceSecrets has what is said of a hub's secrets name the file and line of those that are among its values. What is said of other hubs stays as it is.
func PlaceSecrets(problems config.Problems, h *config.Hub, computed *values.Computed) config.Problems {
	for i := range problems {
		key, ofHub := strings.CutPrefix(problems[i].Path, "secrets."+h.Name+".")
		if !ofHub {
			continue
		}
		for _, path := range h.SecretPaths(key) {
			n := len(path)
			v, there := computed.At(path)
			for ; n > 1 && !there; n-- {
				v, there = computed.At(path[:n-1])
			}
			if _, around := v.(map[string]any); there && (n == len(path) || !around) { // it, or what is in its way
				origin := computed.OriginOf(path)
				problems[i].File, problems[i].Line = origin.File, origin.Line
			}
		}
	}
	return problems
}

// openAtOnce is how many hubs' files are opened at the same time: each is a question to KMS.
const openAtOnce = 8

// readAll are the values of all hubs, in their order. The error tells of every hub whose files of secrets cannot be opened, or else of the first whose
// values are wrong.
func readAll(ctx context.Context, stack *config.Stack, reader *Reader) ([]*values.Computed, error) {
	if _, err := reader.Files(ctx, stack); err != nil { // said once, not for each hub
		return nil, fmt.Errorf("the secrets of %s:\n%w", stack.Environment, err)
	}
	out, failed := make([]*values.Computed, len(stack.Hubs)), make([]error, len(stack.Hubs))
	var g errgroup.Group
	g.SetLimit(openAtOnce)
	for i := range stack.Hubs {
		g.Go(func() error {
			out[i], failed[i] = reader.Values(ctx, stack, &stack.Hubs[i])
			return nil // the others are looked at all the same
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var unopened []error
	for _, err := range failed {
		var u *UnopenedError
		if errors.As(err, &u) {
			unopened = append(unopened, u.Err)
		}
	}
	if len(unopened) > 0 {
		return nil, fmt.Errorf("the secrets of %s:\n%w", stack.Environment, errors.Join(unopened...))
	}
	for i, err := range failed {
		if err != nil {
			return nil, fmt.Errorf("hub %s: its values:\n%w", stack.Hubs[i].Name, err)
		}
	}
	return out, nil
}

// drop takes the value at a path away.
func drop(m map[string]any, path []string) {
	for _, key := range path[:len(path)-1] {
		next, ok := m[key].(map[string]any)
		if !ok {
			return
		}
		m = next
	}
	delete(m, path[len(path)-1])
}
