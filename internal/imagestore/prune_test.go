package imagestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubwright/hubwright/internal/config"
	"github.com/hubwright/hubwright/internal/images"
	"github.com/hubwright/hubwright/internal/oci"
)

// shelf is a registry of one repository.
type shelf struct {
	stored  []oci.Stored
	deleted []string
}

func (s *shelf) Look(context.Context, string) (oci.Stored, error) { panic("nobody looks") }
func (s *shelf) List(_ context.Context, repo string) ([]oci.Stored, error) {
	if repo != "registry.test/lab-staging-user" {
		return nil, &oci.Error{Kind: oci.NotFound}
	}
	return s.stored, nil
}

func (s *shelf) Delete(_ context.Context, repo string, digests ...string) error {
	for _, d := range digests {
		s.deleted = append(s.deleted, repo+"@"+d)
	}
	return nil
}

func tag(n int) string { return fmt.Sprintf("h1-%032x", n) }

func TestSurplus(t *testing.T) {
	s := &shelf{}
	for n := range 8 { // the latest first
		s.stored = append(s.stored, oci.Stored{Digest: fmt.Sprint("d", n), Tags: []string{tag(n)}, Since: time.Date(2026, 3, 20-n, 0, 0, 0, 0, time.UTC)})
	}
	s.stored[4].Tags = []string{tag(4), "release"}
	s.stored[5].Since = time.Time{}
	s.stored[3].Tags = []string{digestTag("sha256:3")} // as a promotion gives
	s.stored[3].Digest = "sha256:3"
	staging, prod := &config.Stack{Environment: "staging"}, &config.Stack{Environment: "prod"}
	staging.Deployment.Name, prod.Deployment.Name = "lab", "lab"
	staging.Images = []config.Image{{Name: "user"}, {Name: "never-made"}}
	store := &Store{Registry: s, Host: "registry.test"}
	for _, test := range []struct {
		name   string
		latest int
		pin    string
		tag    int // that staging is configured with
		want   string
		left   Left
	}{
		{"the last two and the configured one stay", 2, "elsewhere.test/x@d99", 6, "d2 sha256:3 d7", Left{Used: 1, Recent: 2, Foreign: 1, Ageless: 1}},
		{"a pin by digest counts, whose ever", 1, "registry.test/lab-staging-user@d7", 6, "d1 d2 sha256:3", Left{Used: 2, Recent: 1, Foreign: 1, Ageless: 1}},
		{"a pin by tag and digest counts", 0, "registry.test/lab-staging-user:" + tag(7) + "@d0", 6, "d1 d2 sha256:3", Left{Used: 3, Foreign: 1, Ageless: 1}},
		{"what is recent counts by its place, used or not", 3, "elsewhere.test/x@d99", 0, "sha256:3 d6 d7", Left{Used: 1, Recent: 2, Foreign: 1, Ageless: 1}},
		{"enough for all", 50, "elsewhere.test/x@d99", 0, "", Left{Used: 1, Recent: 7}},
	} {
		used := Used{}
		used.Plan(staging, "registry.test", []*images.Image{{Image: config.Image{Name: "user"}, Tag: tag(test.tag)}})
		used.Plan(prod, "registry.test", []*images.Image{{Image: config.Image{Name: "user"}, Pin: test.pin}})
		out, left, err := store.Surplus(t.Context(), staging, used, test.latest)
		var got []string
		for i := range out {
			got = append(got, out[i].Digest)
		}
		if err != nil || strings.Join(got, " ") != test.want || left != test.left {
			t.Errorf("%s: %v, %q, want %q; %+v, want %+v", test.name, err, got, test.want, left, test.left)
		}
	}
	if err := store.Remove(t.Context(), []Surplus{{Repository: "a", Digest: "1"}, {Repository: "b", Digest: "2"}, {Repository: "a", Digest: "3"}}, func(string, int) {}); err != nil || !slices.Equal(s.deleted, []string{"a@1", "a@3", "b@2"}) {
		t.Errorf("%v, %q", err, s.deleted)
	}
}
