package stacks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/secretfile"
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

// hubInput is what a hub is made of besides its configuration.
type hubInput struct {
	plain, hidden map[string]any // its values
	secrets       config.HubSecrets
	missing       config.Problems // secrets that a person has yet to enter
	expiring      config.Problems // certificates that end soon
}

// readHubs computes the hubs' values and takes from them, and from the stack's secrets, what the hubs are handed apart from values.
func readHubs(ctx context.Context, stack *config.Stack, given map[string]config.HubSecrets, keys secretfile.Keys) (map[string]*hubInput, error) {
	out := map[string]*hubInput{}
	secrets := maps.Clone(given)
	opened, err := openAll(ctx, stack, keys)
	if err != nil {
		return nil, fmt.Errorf("the secrets of %s:\n%w", stack.Environment, err)
	}
	var open config.Problems
	for i := range stack.Hubs {
		h := &stack.Hubs[i]
		opts := Values(stack, h)
		opts.Layers = append(opts.Layers, opened[i]...)
		computed, err := values.Compute(opts)
		if err != nil {
			return nil, fmt.Errorf("hub %s: its values:\n%w", h.Name, err)
		}
		in := &hubInput{secrets: given[h.Name]}
		in.plain, in.hidden = computed.Split()
		for _, path := range in.secrets.Lift(h, func(path []string) (any, bool) { return computed.At(path) }) {
			drop(in.plain, path)
			drop(in.hidden, path)
		}
		out[h.Name], secrets[h.Name] = in, in.secrets
		open = append(open, letsAnybodyIn(stack, h, computed)...)
	}
	wrong, missing := stack.CheckSecrets(secrets, time.Now())
	wrong = append(wrong, open...)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("the secrets of %s:\n%w", stack.Environment, append(wrong, missing...).Sorted())
	}
	expiring := stack.Expiring(secrets, time.Now())
	for name, in := range out {
		of := func(p config.Problem) bool { return !strings.HasPrefix(p.Path, "secrets."+name+".") }
		in.missing = slices.DeleteFunc(slices.Clone(missing), of)
		in.expiring = slices.DeleteFunc(slices.Clone(expiring), of)
	}
	return out, nil
}

// letsAnybodyIn says that the values of a public hub name no authenticator, or the one that takes any password.
func letsAnybodyIn(stack *config.Stack, h *config.Hub, computed *values.Computed) config.Problems {
	if h.Auth.Type != config.AuthValues || stack.Sandbox() {
		return nil
	}
	path := values.Path{"hub", "config", "JupyterHub", "authenticator_class"}
	if h.Chart.ValuesKey != "" {
		path = append(values.Path{h.Chart.ValuesKey}, path...)
	}
	class, _ := computed.At(path)
	const hint = "name one, such as generic-oauth, or use a type of auth that does"
	switch origin := computed.OriginOf(path); class {
	case nil, "":
		return config.Problems{{File: "hub " + h.Name, Path: path.String(), Message: "is missing, and the chart's own, dummy, lets anybody in with any password", Hint: hint}}
	case "dummy", "dummyauthenticator.DummyAuthenticator", "jupyterhub.auth.DummyAuthenticator":
		return config.Problems{{File: origin.File, Line: origin.Line, Path: path.String(), Message: "is dummy, which lets anybody in with any password", Hint: hint}}
	}
	return nil
}

// openAtOnce is how many hubs' files are opened at the same time: each is a question to KMS.
const openAtOnce = 8

// openAll are the layers of secrets of all hubs, in their order.
func openAll(ctx context.Context, stack *config.Stack, keys secretfile.Keys) ([][]values.Layer, error) {
	out, failed := make([][]values.Layer, len(stack.Hubs)), make([]error, len(stack.Hubs))
	var g errgroup.Group
	g.SetLimit(openAtOnce)
	for i := range stack.Hubs {
		g.Go(func() error {
			out[i], failed[i] = SecretLayers(ctx, stack.Dir, &stack.Hubs[i], keys)
			return nil // the others are looked at all the same
		})
	}
	return out, errors.Join(g.Wait(), errors.Join(failed...))
}

// SecretLayers are a hub's files of secrets, opened, as layers of values. They are in memory only.
func SecretLayers(ctx context.Context, dir string, hub *config.Hub, keys secretfile.Keys) ([]values.Layer, error) {
	var layers []values.Layer
	var problems config.Problems
	for _, file := range hub.SecretFiles {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file.File)))
		if errors.Is(err, fs.ErrNotExist) && file.Optional {
			continue
		}
		if err != nil {
			return nil, err
		}
		opened, err := keys.Open(ctx, file.File, data)
		if errors.Is(err, secretfile.ErrPlaintext) {
			problems = append(problems, config.Problem{
				File: file.File, Message: secretfile.ErrPlaintext.Error(), Hint: "`hubwright secrets init` encrypts it; what it holds is known to whoever could read it until then",
			})
			continue
		}
		if err != nil {
			return nil, err
		}
		plain, err := opened.Plain()
		if err != nil {
			return nil, err
		}
		layers = append(layers, values.Layer{Name: "secrets", File: file.File, Data: plain, Places: data, Secret: true})
	}
	return layers, problems.Err()
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
