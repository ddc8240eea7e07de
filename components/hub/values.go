package hub

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// values are a chart's values on their way to the release: plain data with inputs among the leaves.
type values struct {
	root   map[string]any
	prefix []string // where the JupyterHub chart's values begin
}

// get returns what stands at a path of the JupyterHub chart's values, nil when nothing does.
func (v *values) get(path ...string) any {
	var at any = v.root
	for _, key := range slices.Concat(v.prefix, path) {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[key]
	}
	return at
}

// set puts a value at a path, over what stands there; maps are merged.
func (v *values) set(value any, path ...string) error {
	at := v.root
	path = slices.Concat(v.prefix, path)
	for i, key := range path[:len(path)-1] {
		switch next := at[key].(type) {
		case map[string]any:
			at = next
		case nil:
			made := map[string]any{}
			at[key], at = made, made
		default:
			return fmt.Errorf("values: %s is %s where a mapping belongs", strings.Join(path[:i+1], "."), kindOf(next))
		}
	}
	last := path[len(path)-1]
	top, topIsMap := value.(map[string]any)
	old, oldIsMap := at[last].(map[string]any)
	if topIsMap && oldIsMap {
		at[last] = merge(old, top)
		return nil
	}
	at[last] = value
	return nil
}

// push puts a value at the end of the list at a path, which is made when there is none.
func (v *values) push(value any, path ...string) error {
	switch old := v.get(path...).(type) {
	case nil:
		return v.set([]any{value}, path...)
	case []any:
		return v.set(append(slices.Clone(old), value), path...)
	default:
		return fmt.Errorf("values: %s is %s where a list belongs", strings.Join(slices.Concat(v.prefix, path), "."), kindOf(old))
	}
}

// input is the form the release takes them in. A null cannot be part of it: the SDK leaves nulls out of maps.
func (v *values) input() (pulumi.Map, error) {
	in, err := toInput(v.root, "")
	if err != nil {
		return nil, err
	}
	m, _ := in.(pulumi.Map)
	return m, nil
}

// merge lays top over base, mappings key by key and everything else whole, and changes neither.
func merge(base, top map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for key, value := range top {
		if over, ok := value.(map[string]any); ok {
			under, _ := out[key].(map[string]any)
			out[key] = merge(under, over)
			continue
		}
		out[key] = value
	}
	return out
}

// secretLeaves makes a secret of every leaf, each by itself, so that a preview still shows which one changes.
func secretLeaves(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = secretLeaves(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = secretLeaves(e)
		}
		return out
	case nil:
		return nil
	}
	return pulumi.ToSecret(v)
}

// list is a list of texts in the form of values.
func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// nulls lists the paths of nulls in maps.
func nulls(v any, path string) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if v[key] == nil {
				out = append(out, join(path, key))
				continue
			}
			out = append(out, nulls(v[key], join(path, key))...)
		}
	case []any:
		for i, e := range v {
			out = append(out, nulls(e, join(path, strconv.Itoa(i)))...)
		}
	}
	return out
}

// toInput turns plain data into inputs; path is where in the values it stands.
func toInput(v any, path string) (pulumi.Input, error) {
	switch v := v.(type) {
	case pulumi.Input:
		return v, nil
	case map[string]any:
		m := make(pulumi.Map, len(v))
		for key, e := range v {
			in, err := toInput(e, join(path, key))
			if err != nil {
				return nil, err
			}
			m[key] = in
		}
		return m, nil
	case []any:
		a := make(pulumi.Array, len(v))
		for i, e := range v {
			in, err := toInput(e, join(path, strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			a[i] = in
		}
		return a, nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return pulumi.String(r.String()), nil
	case reflect.Bool:
		return pulumi.Bool(r.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return pulumi.Int(r.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return pulumi.Float64(r.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return pulumi.Float64(r.Float()), nil
	}
	return nil, fmt.Errorf("values: %s is a %T, which is nothing that YAML and Helm share: quote it if it is meant as text", path, v)
}

// kindOf is what people call the value.
func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	}
	return "a single value"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// loadBalanced reports whether the chart's proxy-public Service asks for a load balancer.
func (v *values) loadBalanced() bool {
	kind, ok := v.get("proxy", "service", "type").(string)
	return !ok || kind == "LoadBalancer"
}

// proxyPublic is the name of the Service that users reach:
// https://z2jh.jupyter.org/en/stable/resources/reference.html#fullnameoverride
func (v *values) proxyPublic() string {
	if full, ok := v.get("fullnameOverride").(string); ok && full != "" {
		return full + "-proxy-public"
	}
	return "proxy-public"
}

// baseURL is the path under which the hub answers, with a slash at both ends.
func (v *values) baseURL() string {
	base, _ := v.get("hub", "baseUrl").(string)
	if base = strings.Trim(base, "/"); base == "" {
		return "/"
	}
	return "/" + base + "/"
}

// scheme is how users reach the hub.
func (v *values) scheme(args *Args) string {
	switch args.HTTPS.Type {
	case HTTPSOff:
		return "http"
	case HTTPSFromValues:
		tls, _ := v.get("ingress", "tls").([]any)
		if v.get("proxy", "https", "enabled") != true && len(tls) == 0 {
			return "http"
		}
	}
	return "https"
}

// callbackURL is where an OAuth provider sends users back to; empty without a domain. Providers demand https.
func (v *values) callbackURL(args *Args) string {
	if args.Domain == "" {
		return ""
	}
	return "https://" + args.Domain + v.baseURL() + "hub/oauth_callback"
}

// image puts an image at a path. KubeSpawner's own traits, which profiles override, take a reference as one string.
func (v *values) image(img *Image, path string) error {
	keys := strings.Split(strings.TrimPrefix(path, "jupyterhub."), ".")
	repository, reference := img.parts()
	if i := slices.IndexFunc(keys, isIndex); i >= 0 {
		// A list is replaced as a whole, with the one item in it changed.
		items, ok := v.get(keys[:i]...).([]any)
		n, _ := strconv.Atoi(keys[i])
		if !ok || n >= len(items) {
			return fmt.Errorf("image path %q: the values have no item %d in a list at %s", path, n, strings.Join(keys[:i], "."))
		}
		item, ok := items[n].(map[string]any)
		if !ok || i == len(keys)-1 {
			return fmt.Errorf("image path %q: item %d is not a mapping with an image in it", path, n)
		}
		inner := &values{root: merge(nil, item)}
		if err := inner.image(img, strings.Join(keys[i+1:], ".")); err != nil {
			return err
		}
		items = slices.Clone(items)
		items[n] = inner.root
		return v.set(items, keys[:i]...)
	}
	if ImageAsText(v.get(keys...), keys) {
		return v.set(pulumi.Sprintf("%s:%s", repository, reference), keys...)
	}
	return v.set(map[string]any{"name": repository, "tag": reference}, keys...)
}

func isIndex(key string) bool {
	n, err := strconv.Atoi(key)
	return err == nil && n >= 0
}

// ImageAsText says whether a path of the values takes an image's reference as one text, not as name and tag: where a text is, and in KubeSpawner's own
// traits, which profiles override.
func ImageAsText(current any, path []string) bool {
	_, isText := current.(string)
	return isText || slices.Contains(path, "kubespawner_override")
}

// ImageParts are the two texts that the chart joins with a colon into an image's reference. With a tag they are the repository and
// "<tag>@sha256:…"; without one the digest itself is cut in two, "<repository>@sha256" and its digits.
func ImageParts(repository, tag, digest string) (name, reference string, err error) {
	digits, ok := strings.CutPrefix(digest, "sha256:")
	switch {
	case !ok:
		return "", "", fmt.Errorf("image digest %q does not begin with sha256", digest)
	case tag == "":
		return repository + "@sha256", digits, nil
	}
	return repository, tag + "@" + digest, nil
}

// parts are ImageParts of what is known later.
func (i *Image) parts() (name, reference pulumi.StringOutput) {
	shown := pulumi.String("").ToStringOutput()
	if i.Tag != nil {
		shown = i.Tag.ToStringOutput()
	}
	part := func(which int) pulumi.StringOutput {
		return pulumi.All(i.Repository, shown, i.Digest).ApplyT(func(vs []any) (string, error) {
			name, reference, err := ImageParts(vs[0].(string), vs[1].(string), vs[2].(string))
			return [2]string{name, reference}[which], err
		}).(pulumi.StringOutput)
	}
	return part(0), part(1)
}

// paths are where an image goes.
func (i *Image) paths() []string {
	if len(i.Paths) == 0 {
		return []string{"singleuser.image"}
	}
	return i.Paths
}

// subPath is a user's directory.
func (h *Homes) subPath() string { return cmp.Or(h.SubPath, "{username}") }
