package hubploy

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/hubwright/hubwright/internal/secretfile"
	"github.com/hubwright/hubwright/internal/values"
)

// Old are an environment's values as hubploy's script comes to them: its layers merged by Helm, low to high, a file that is missing skipped. open gives the
// plaintext of an encrypted file; what it cannot open is left out, with its name in skipped.
func (s *Source) Old(env string, open func(file string, data []byte) ([]byte, error)) (old map[string]any, skipped []string, err error) {
	old = map[string]any{}
	for _, file := range append([]string{s.Shared, s.Common, s.Values[env]}, s.Secrets[env]...) {
		if file == "" {
			continue
		}
		data, err := s.read(file)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		if secretfile.Encrypted(data) {
			if data, err = open(file, data); err != nil {
				skipped = append(skipped, file)
				continue
			}
		}
		layer, err := loader.LoadValues(bytes.NewReader(data))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		old = loader.MergeMaps(old, layer)
	}
	return old, skipped, nil
}

// Compare says of which leaves two sets of values differ, and how many are the same. Values are not in the result: they may be secret.
func Compare(old, now map[string]any) (differ []string, same int) {
	a, b := map[string]any{}, map[string]any{}
	leaves(old, nil, a)
	leaves(now, nil, b)
	for _, path := range slices.Sorted(maps.Keys(a)) {
		v, ok := b[path]
		switch {
		case !ok:
			differ = append(differ, path+": is gone")
		case !reflect.DeepEqual(v, a[path]):
			differ = append(differ, path+": is another")
		default:
			same++
		}
	}
	for _, path := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[path]; !ok {
			differ = append(differ, path+": is new")
		}
	}
	return differ, same
}

func leaves(v any, at values.Path, out map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			leaves(e, append(slices.Clip(at), key), out)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, e := range v {
			leaves(e, append(slices.Clip(at), strconv.Itoa(i)), out)
		}
		if len(v) > 0 {
			return
		}
	}
	out[at.String()] = v
}
