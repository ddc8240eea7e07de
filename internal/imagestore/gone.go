package imagestore

import (
	"context"
	"maps"
	"slices"

	"github.com/hubwright/hubwright/internal/oci"
)

// Gone are the names of images that none of their registries has any more, sorted. places are an image's references by digest; one that has it is enough.
// What could not be asked is in unasked, in words, and makes no image gone. The error is the context's alone.
func (s *Store) Gone(ctx context.Context, places map[string][]string) (gone []string, unasked []error, err error) {
	for _, name := range slices.Sorted(maps.Keys(places)) {
		missing := len(places[name]) > 0
		for _, ref := range places[name] {
			_, err := s.Registry.Look(ctx, ref)
			if err != nil && !oci.Is(err, oci.NotFound) {
				unasked = append(unasked, err)
			}
			if !oci.Is(err, oci.NotFound) {
				missing = false
				break
			}
		}
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if missing {
			gone = append(gone, name)
		}
	}
	return gone, unasked, nil
}
