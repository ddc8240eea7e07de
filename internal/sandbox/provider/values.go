package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hubwright/hubwright/internal/sandbox/world"
)

// sealedKey marks a secret in an object's properties: {"$sealed": "…"}.
const sealedKey = "$sealed"

func unmarshal(s *structpb.Struct, label string) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(s, plugin.MarshalOptions{Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
}

func marshal(m resource.PropertyMap, label string) (*structpb.Struct, error) {
	return plugin.MarshalProperties(m, plugin.MarshalOptions{Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
}

func (k *Kind) unmarshal(s *structpb.Struct, label string) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(s, plugin.MarshalOptions{Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: !k.KeepNulls})
}

func (k *Kind) marshal(m resource.PropertyMap, label string) (*structpb.Struct, error) {
	return plugin.MarshalProperties(m, plugin.MarshalOptions{Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: !k.KeepNulls})
}

// Plain turns properties into plain JSON values: secrets opened, unknown values absent, assets as their paths, resources as their ids.
func Plain(m resource.PropertyMap) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if p, ok := plain(v, nil); ok {
			out[string(k)] = p
		}
	}
	return out
}

// plain converts one value; seal, when given, is applied to secrets in place of opening them.
func plain(v resource.PropertyValue, seal func(any) any) (any, bool) {
	switch {
	case v.IsSecret():
		p, ok := plain(v.SecretValue().Element, nil)
		if ok && seal != nil {
			p = seal(p)
		}
		return p, ok
	case v.IsOutput():
		if !v.OutputValue().Known {
			return nil, false
		}
		if v.OutputValue().Secret && seal != nil {
			p, ok := plain(v.OutputValue().Element, nil)
			return seal(p), ok
		}
		return plain(v.OutputValue().Element, seal)
	case v.IsComputed():
		return nil, false
	case v.IsArray():
		out := make([]any, 0, len(v.ArrayValue()))
		for _, e := range v.ArrayValue() {
			if p, ok := plain(e, seal); ok {
				out = append(out, p)
			}
		}
		return out, true
	case v.IsObject():
		out := map[string]any{}
		for k, e := range v.ObjectValue() {
			if p, ok := plain(e, seal); ok {
				out[string(k)] = p
			}
		}
		return out, true
	case v.IsResourceReference():
		if id, ok := v.ResourceReferenceValue().IDString(); ok {
			return id, true
		}
		return nil, false
	case v.IsAsset():
		return v.AssetValue().Path, true
	case v.IsArchive():
		return v.ArchiveValue().Path, true
	case v.IsNull():
		return nil, true
	}
	return v.V, true // bool, float64, string
}

// Keep turns properties into what the world stores: as Plain does, but with every secret sealed.
func Keep(w *world.World, m resource.PropertyMap) (map[string]any, error) {
	out := map[string]any{}
	var failed error
	seal := func(v any) any {
		s, err := encodeSecret(v)
		if err != nil {
			failed = err
		}
		return map[string]any{sealedKey: w.Seal(s)}
	}
	for k, v := range m {
		if p, ok := plain(v, seal); ok {
			out[string(k)] = p
		}
	}
	return out, failed
}

// Restore turns what the world stores back into properties, secrets marked as such.
func Restore(w *world.World, props map[string]any) (resource.PropertyMap, error) {
	out := resource.PropertyMap{}
	for k, v := range props {
		p, err := restore(w, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[resource.PropertyKey(k)] = p
	}
	return out, nil
}

func restore(w *world.World, v any) (resource.PropertyValue, error) {
	switch v := v.(type) {
	case map[string]any:
		if sealed, ok := v[sealedKey].(string); ok && len(v) == 1 {
			plain, err := openSecret(w, sealed)
			if err != nil {
				return resource.PropertyValue{}, err
			}
			return resource.MakeSecret(resource.NewPropertyValue(plain)), nil
		}
		m, err := Restore(w, v)
		return resource.NewObjectProperty(m), err
	case []any:
		out := make([]resource.PropertyValue, 0, len(v))
		for _, e := range v {
			p, err := restore(w, e)
			if err != nil {
				return resource.PropertyValue{}, err
			}
			out = append(out, p)
		}
		return resource.NewArrayProperty(out), nil
	}
	return resource.NewPropertyValue(v), nil
}
